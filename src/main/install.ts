/** `nsctl up --install`: the daemon as one static systemd unit. */
import { type Clock, delay } from '../core/clock.ts'
import { NsctlError } from '../core/errors.ts'
import { LEADER_LEASE, openStore } from '../main.ts'
import { holderIsAlive, nodeLease, readLease } from '../store/lease.ts'
import { readClaim } from './claim.ts'
import { daemonUnit, storeOfUnit } from './daemon-unit.ts'
import {
  AGENT_UNIT,
  chooseManager,
  DAEMON_UNIT,
  installedLines,
  installedPlaces,
  ownCommand,
  placeOf,
  removeUnit,
  restartUnit,
  writeUnit,
} from './installed-unit.ts'
import { type Environment, runtimePathsOf } from './paths.ts'
import type { RuntimeChoice, RuntimeName } from './runtimes.ts'

const SERVES_LIMIT_MS = 15_000

export interface InstallOptions {
  readonly env: Environment
  readonly runtime: RuntimeName
  readonly store?: string
  /** What a context adds to the environment for its store: the unit gets it too. */
  readonly variables?: Environment
  /** Further flags of nsctl up. */
  readonly words?: readonly string[]
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** Writes, enables and starts the unit. Returns what it did, a line each. */
export async function installDaemon(options: InstallOptions): Promise<readonly string[]> {
  const instead = 'run nsctl up from whatever starts programs on this machine'
  const { choice, scope } = await chooseManager(options.runtime, instead)
  const place = placeOf(DAEMON_UNIT, scope, options.env)
  const wrote = await writeUnit(place, daemonUnit({ ...options, scope, command: ownCommand() }))
  await restartUnit(place, wrote)
  await untilItServes(options, choice)
  return installedLines(place, wrote, 'nsctl down')
}

/** Started is not yet serving: what is typed next must not find nobody acting on it. */
async function untilItServes(options: InstallOptions, choice: RuntimeChoice): Promise<void> {
  const { clock, signal } = options
  const deadlineMs = clock.monotonic() + SERVES_LIMIT_MS
  while (!(await isServed(options, choice))) {
    if (clock.monotonic() > deadlineMs) {
      throw new NsctlError('Timeout', `${DAEMON_UNIT} was started, and does not serve yet`, {
        value: `${SERVES_LIMIT_MS / 1000} s`,
        next: `see why with journalctl${choice === 'systemd-user' ? ' --user' : ''} -u ${DAEMON_UNIT}`,
      })
    }
    await delay(clock, 50, signal)
  }
}

/** This machine's agent runs, and somebody leads: itself, or a controller elsewhere. */
async function isServed(options: InstallOptions, choice: RuntimeChoice): Promise<boolean> {
  const { env, clock, store: given } = options
  const claim = await readClaim(runtimePathsOf(choice, env).stateDir)
  if (claim === undefined) return false
  // before its first start there is no store
  const store = await openStore({
    env,
    clock,
    readOnly: true,
    emptyIfMissing: true,
    ...(given === undefined ? {} : { store: given }),
  })
  try {
    const leader = await readLease(store, LEADER_LEASE)
    const agent = await readLease(store, nodeLease(claim.node))
    const isLed = leader !== undefined && holderIsAlive(leader.holder) !== false
    return isLed && agent !== undefined && holderIsAlive(agent.holder) === true
  } finally {
    await store.close()
  }
}

/** Stops and removes the installed units that serve the store of these names, where there are any. Returns what it did, a line each. */
export async function uninstallDaemon(
  env: Environment,
  storeUrls: readonly string[],
): Promise<readonly string[]> {
  const done: string[] = []
  for (const unit of [DAEMON_UNIT, AGENT_UNIT])
    for (const place of await installedPlaces(unit, env)) {
      const served = storeOfUnit(place.text)
      if (served === undefined || storeUrls.includes(served)) done.push(await removeUnit(place))
    }
  return done
}

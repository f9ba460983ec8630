/** `nsctl agent --install`: a node's agent as one static systemd unit. The machine joins before the unit is there: no token is ever in it. */
import { delay } from '../core/clock.ts'
import { messageOf, NsctlError } from '../core/errors.ts'
import { isOutage } from '../engine/failures.ts'
import { openStore } from '../main.ts'
import { holderIsAlive, nodeLease, readLease } from '../store/lease.ts'
import { type AgentOptions, type JoinedMachine, joinMachine, ownEnvironment } from './agent.ts'
import { daemonUnit } from './daemon-unit.ts'
import {
  AGENT_UNIT,
  chooseManager,
  DAEMON_UNIT,
  installedLines,
  installedPlaces,
  mainPid,
  ownCommand,
  passingPlaceOf,
  placeOf,
  removeUnit,
  restartUnit,
  type UnitPlace,
  writeUnit,
} from './installed-unit.ts'
import type { Environment } from './paths.ts'

export interface InstallAgentOptions
  extends Pick<AgentOptions, 'env' | 'clock' | 'logger' | 'runtime' | 'node' | 'store' | 'joinToken'> {
  /** Further flags of nsctl agent. */
  readonly words: readonly string[]
  readonly signal: AbortSignal
}

const SERVES_LIMIT_MS = 30_000
const LOOK_EVERY_MS = 100

/** Joins where it has to, then writes, enables and starts the unit; leaves one alone that runs as it should. Returns what it did, a line each. */
export async function installAgent(options: InstallAgentOptions): Promise<readonly string[]> {
  const { env, signal } = options
  const instead = 'run nsctl agent from whatever starts programs on this machine'
  const { scope } = await chooseManager(options.runtime, instead)
  await refuseBesideDaemon(env)
  let hasJoined = false
  const onJoined = () => {
    hasJoined = true
  }
  const joined = await joinMachine({ ...options, onJoined }, signal)
  const place = placeOf(AGENT_UNIT, scope, env)
  const { node } = joined.membership
  const text = daemonUnit({
    ...options,
    ...{ verb: 'agent', scope, command: ownCommand(), store: joined.storeUrl },
    words: ['--node', node, ...options.words],
  })
  const runs = `node ${node}, store ${joined.storeUrl}`
  const installed = (await installedPlaces(AGENT_UNIT, env)).some((one) => one.text === text)
  if (!hasJoined && installed && (await isServed(options, joined, place)))
    return [`${AGENT_UNIT} runs as it should (${runs})`]
  const { wrote, at } = await placeUnit(place, text)
  await restartUnit(at, wrote && at === place)
  await untilItServes(options, joined, at)
  return [
    ...(hasJoined ? [`joined as node ${node}`] : []),
    ...(await installedLines(at, wrote, 'nsctl agent --uninstall')),
    ...(at === place ? [] : [untilBoot(at, text)]),
    `agent of ${runs}`,
  ]
}

/** Where units are read-only, as on NixOS, it runs from where units last until the next boot. */
async function placeUnit(
  place: UnitPlace,
  text: string,
): Promise<{ readonly wrote: boolean; readonly at: UnitPlace }> {
  try {
    return { wrote: await writeUnit(place, text), at: place }
  } catch (error) {
    if (place.scope !== 'system') throw error
    const at = passingPlaceOf(place.unit)
    return { wrote: await writeUnit(at, text), at }
  }
}

function untilBoot({ unit, file }: UnitPlace, text: string): string {
  const start = /^ExecStart=(.*)$/m.exec(text)?.[1] ?? ''
  return `it is there until the next boot: put into the configuration what ${file} says, on NixOS as systemd.services.${unit.replace('.service', '')}, with ExecStart = ${JSON.stringify(start)}`
}

/** Stops and removes the unit; what runs goes on. Returns what it did, a line each. */
export async function uninstallAgent(env: Environment): Promise<readonly string[]> {
  const done: string[] = []
  for (const place of await installedPlaces(AGENT_UNIT, env)) done.push(await removeUnit(place))
  return done
}

/** Two agents on one machine would end each other's programs. */
async function refuseBesideDaemon(env: Environment): Promise<void> {
  const [daemon] = await installedPlaces(DAEMON_UNIT, env)
  if (daemon === undefined) return
  throw new NsctlError('Conflict', `this machine's agent runs in ${DAEMON_UNIT} already (nsctl up)`, {
    value: daemon.file,
    next: 'give that up first: nsctl down',
  })
}

async function untilItServes(
  options: InstallAgentOptions,
  joined: JoinedMachine,
  place: UnitPlace,
): Promise<void> {
  const { clock, signal } = options
  const deadlineMs = clock.monotonic() + SERVES_LIMIT_MS
  let why = 'its node’s lease is not renewed by it'
  for (;;) {
    const isThere = await isServed(options, joined, place).catch((error: unknown) => {
      if (!isOutage(error)) throw error
      why = messageOf(error)
      return false
    })
    if (isThere) return
    if (clock.monotonic() > deadlineMs)
      throw new NsctlError('Timeout', `${AGENT_UNIT} was started, and is not heard of yet: ${why}`, {
        value: `${SERVES_LIMIT_MS / 1000} s`,
        next: `it goes on trying; see journalctl${place.scope === 'user' ? ' --user' : ''} -u ${AGENT_UNIT}`,
      })
    await delay(clock, LOOK_EVERY_MS, signal)
  }
}

/** The unit's own process is what the store hears of the node from. */
async function isServed(
  { env, clock, logger }: InstallAgentOptions,
  { membership, storeUrl }: JoinedMachine,
  place: UnitPlace,
): Promise<boolean> {
  const pid = await mainPid(place)
  if (pid === undefined) return false
  const own = ownEnvironment(env, membership)
  const store = await openStore({
    env: own,
    clock,
    logger,
    store: storeUrl,
    node: membership.node,
    readOnly: true,
  })
  try {
    const holder = (await readLease(store, nodeLease(membership.node)))?.holder
    return holder?.pid === pid && holderIsAlive(holder) === true
  } finally {
    await store.close()
  }
}

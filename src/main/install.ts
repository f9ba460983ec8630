/** `nsctl up --install`: the daemon as one static systemd unit. */
import { spawn } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { homedir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { type Clock, delay } from '../core/clock.ts'
import { messageOf, NsctlError } from '../core/errors.ts'
import { LEADER_LEASE, openStore } from '../main.ts'
import { holderIsAlive, readLease } from '../store/lease.ts'
import { daemonUnit, storeOfUnit } from './daemon-unit.ts'
import { lingerAdvice } from './linger.ts'
import type { Environment } from './paths.ts'
import { chooseRuntime, type RuntimeName } from './runtimes.ts'

const DAEMON_UNIT = 'nsctl.service'

const SERVES_LIMIT_MS = 15_000

export interface InstallOptions {
  readonly env: Environment
  readonly runtime: RuntimeName
  readonly store?: string
  /** What a context adds to the environment for its store: the unit gets it too. */
  readonly variables?: Environment
  readonly clock: Clock
  readonly signal: AbortSignal
}

interface Place {
  readonly scope: 'system' | 'user'
  readonly file: string
}

function placeOf(scope: 'system' | 'user', env: Environment): Place {
  const file =
    scope === 'system'
      ? `/etc/systemd/system/${DAEMON_UNIT}`
      : join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config'), 'systemd/user', DAEMON_UNIT)
  return { scope, file }
}

/** Writes, enables and starts the unit. Returns what it did, a line each. */
export async function installDaemon(options: InstallOptions): Promise<readonly string[]> {
  const choice = await chooseRuntime(options.runtime === 'process' ? 'systemd' : options.runtime)
  if (choice === 'process') {
    throw new NsctlError('Unsupported', 'there is no systemd here to install a unit into', {
      next: 'run nsctl up from whatever starts programs on this machine',
    })
  }
  const place = placeOf(choice === 'systemd-system' ? 'system' : 'user', options.env)
  const command = [process.execPath, ...process.execArgv, ...entryOf()]
  const text = daemonUnit({ ...options, scope: place.scope, command })
  const wrote = await writeUnit(place, text)
  await systemctl(place.scope, ['daemon-reload'])
  if (wrote) await systemctl(place.scope, ['enable', DAEMON_UNIT])
  await systemctl(place.scope, ['restart', DAEMON_UNIT])
  await untilItServes(options, place.scope)
  const advice = place.scope === 'user' ? await lingerAdvice(userInfo().username) : undefined
  return [
    wrote ? `installed ${place.file}` : `${place.file} was there already and stays as it is`,
    `started ${DAEMON_UNIT} (${place.scope} manager)`,
    `see it with systemctl${place.scope === 'user' ? ' --user' : ''} status ${DAEMON_UNIT}; remove it with nsctl down`,
    ...(advice === undefined ? [] : [advice]),
  ]
}

/** Started is not yet serving: what is typed next must not find nobody acting on it. */
async function untilItServes(options: InstallOptions, scope: 'system' | 'user'): Promise<void> {
  const { clock, signal } = options
  const deadlineMs = clock.monotonic() + SERVES_LIMIT_MS
  while (!(await isServed(options))) {
    if (clock.monotonic() > deadlineMs) {
      throw new NsctlError('Timeout', `${DAEMON_UNIT} was started, and does not serve yet`, {
        value: `${SERVES_LIMIT_MS / 1000} s`,
        next: `see why with journalctl${scope === 'user' ? ' --user' : ''} -u ${DAEMON_UNIT}`,
      })
    }
    await delay(clock, 50, signal)
  }
}

async function isServed(options: InstallOptions): Promise<boolean> {
  const { env, clock, store: given } = options
  // before its first start there is no store
  const store = await openStore({
    env,
    clock,
    readOnly: true,
    emptyIfMissing: true,
    ...(given === undefined ? {} : { store: given }),
  })
  try {
    const record = await readLease(store, LEADER_LEASE)
    return record !== undefined && (await holderIsAlive(record.holder)) === true
  } finally {
    await store.close()
  }
}

/** True where it was written; false where a unit of that name stands already in a place that is read-only (NixOS). */
async function writeUnit(place: Place, text: string): Promise<boolean> {
  const present = await readFile(place.file, 'utf8').catch(() => undefined)
  try {
    await mkdir(dirname(place.file), { recursive: true })
    await writeFile(place.file, text)
    return true
  } catch (error) {
    if (present !== undefined) return false
    throw new NsctlError('Failed', `cannot write ${place.file}: ${messageOf(error)}`, {
      next: `on NixOS the unit belongs into the configuration: systemd.services.nsctl, with what this one says:\n${text}`,
      cause: error,
    })
  }
}

/** What this process was started from, so that the unit starts the same. */
function entryOf(): readonly string[] {
  const entry = process.argv[1]
  return entry === undefined ? [] : [entry]
}

/** Stops and removes the installed unit that serves the store of these names, where there is one. Returns what it did, a line each. */
export async function uninstallDaemon(
  env: Environment,
  storeUrls: readonly string[],
): Promise<readonly string[]> {
  const done: string[] = []
  for (const scope of ['system', 'user'] as const) {
    const place = placeOf(scope, env)
    const present = await readFile(place.file, 'utf8').catch(() => undefined)
    if (present === undefined || (scope === 'system' && process.getuid?.() !== 0)) continue
    const served = storeOfUnit(present)
    if (served !== undefined && !storeUrls.includes(served)) continue
    await systemctl(scope, ['stop', DAEMON_UNIT])
    try {
      await systemctl(scope, ['disable', DAEMON_UNIT])
      await rm(place.file)
      await systemctl(scope, ['daemon-reload'])
      done.push(`removed ${place.file}`)
    } catch (error) {
      // on NixOS it is the configuration's
      done.push(`stopped ${DAEMON_UNIT}; ${place.file} cannot be removed (${messageOf(error)})`)
    }
  }
  return done
}

function systemctl(scope: 'system' | 'user', words: readonly string[]): Promise<void> {
  const args = scope === 'user' ? ['--user', ...words] : [...words]
  return new Promise((resolve, reject) => {
    const child = spawn('systemctl', args, { stdio: ['ignore', 'ignore', 'pipe'] })
    let stderr = ''
    child.stderr.on('data', (data) => {
      stderr += data
    })
    child.on('error', (cause) =>
      reject(
        new NsctlError('Failed', `cannot run systemctl: ${cause.message}`, {
          next: 'see that systemctl is in the PATH',
          cause,
        }),
      ),
    )
    child.on('close', (code) => {
      if (code === 0) return resolve()
      reject(
        new NsctlError('Failed', `systemctl ${args.join(' ')} failed: ${stderr.trim()}`, { value: code }),
      )
    })
  })
}

/** A static unit of ours on this machine: written, started, and taken away again. */
import { spawn } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { homedir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { messageOf, NsctlError } from '../core/errors.ts'
import { lingerAdvice } from './linger.ts'
import type { Environment } from './paths.ts'
import { chooseRuntime, type RuntimeChoice, type RuntimeName } from './runtimes.ts'

/** `nsctl up --install`: control plane and agent. */
export const DAEMON_UNIT = 'nsctl.service'
/** `nsctl agent --install`. */
export const AGENT_UNIT = 'nsctl-agent.service'

export type UnitScope = 'system' | 'user'

export interface UnitPlace {
  readonly unit: string
  readonly scope: UnitScope
  readonly file: string
}

export function placeOf(unit: string, scope: UnitScope, env: Environment): UnitPlace {
  const file =
    scope === 'system'
      ? `/etc/systemd/system/${unit}`
      : join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config'), 'systemd/user', unit)
  return { unit, scope, file }
}

/** Of the system manager, until the next boot: also where /etc is read-only. */
export function passingPlaceOf(unit: string): UnitPlace {
  return { unit, scope: 'system', file: `/run/systemd/system/${unit}` }
}

/** Which systemd takes units here. @throws NsctlError Unsupported where there is none; `instead` says what to do then */
export async function chooseManager(
  runtime: RuntimeName,
  instead: string,
): Promise<{ readonly choice: RuntimeChoice; readonly scope: UnitScope }> {
  const choice = await chooseRuntime(runtime === 'process' ? 'systemd' : runtime)
  if (choice === 'process')
    throw new NsctlError('Unsupported', 'there is no systemd here to install a unit into', { next: instead })
  return { choice, scope: choice === 'systemd-system' ? 'system' : 'user' }
}

/** What this process was started from, so that the unit starts the same. */
export function ownCommand(): readonly string[] {
  const entry = process.argv[1]
  return [process.execPath, ...process.execArgv, ...(entry === undefined ? [] : [entry])]
}

/** What stands there now; undefined where nothing does. */
export function readUnit({ file }: UnitPlace): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined)
}

/** True where it was written; false where a unit of that name stands already in a place that is read-only (NixOS). */
export async function writeUnit(place: UnitPlace, text: string): Promise<boolean> {
  const present = await readUnit(place)
  try {
    await mkdir(dirname(place.file), { recursive: true })
    await writeFile(place.file, text)
    return true
  } catch (error) {
    if (present !== undefined) return false
    const name = place.unit.replace(/\.service$/, '')
    throw new NsctlError('Failed', `cannot write ${place.file}: ${messageOf(error)}`, {
      next: `on NixOS the unit belongs into the configuration: systemd.services.${name}, with what this one says:\n${text}`,
      cause: error,
    })
  }
}

/** Has systemd read a unit that was written, and starts it anew. */
export async function restartUnit({ unit, scope }: UnitPlace, wrote: boolean): Promise<void> {
  await systemctl(scope, ['daemon-reload'])
  if (wrote) await systemctl(scope, ['enable', unit])
  await systemctl(scope, ['restart', unit])
}

/** For people, once it runs: what was done, and what to know of it. */
export async function installedLines(
  { unit, scope, file }: UnitPlace,
  wrote: boolean,
  removal: string,
): Promise<readonly string[]> {
  const advice = scope === 'user' ? await lingerAdvice(userInfo().username) : undefined
  return [
    wrote ? `installed ${file}` : `${file} was there already and stays as it is`,
    `started ${unit} (${scope} manager)`,
    `see it with systemctl${scope === 'user' ? ' --user' : ''} status ${unit}; remove it with ${removal}`,
    ...(advice === undefined ? [] : [advice]),
  ]
}

/** Where that unit is installed for whoever runs this, with its text. */
export async function installedPlaces(
  unit: string,
  env: Environment,
): Promise<readonly (UnitPlace & { readonly text: string })[]> {
  const places = [placeOf(unit, 'system', env), passingPlaceOf(unit), placeOf(unit, 'user', env)]
  const found = await Promise.all(
    places.map(async (place) => {
      const text = await readUnit(place)
      const isOurs = place.scope === 'user' || process.getuid?.() === 0
      return text === undefined || !isOurs ? [] : [{ ...place, text }]
    }),
  )
  return found.flat()
}

/** Stops it and takes it away. Returns what was done, for people. */
export async function removeUnit({ unit, scope, file }: UnitPlace): Promise<string> {
  await systemctl(scope, ['stop', unit])
  try {
    await systemctl(scope, ['disable', unit])
    await rm(file)
    await systemctl(scope, ['daemon-reload'])
    return `removed ${file}`
  } catch (error) {
    // on NixOS it is the configuration's
    return `stopped ${unit}; ${file} cannot be removed (${messageOf(error)})`
  }
}

/** The process that systemd started for it; undefined where none runs. */
export async function mainPid({ unit, scope }: UnitPlace): Promise<number | undefined> {
  const text = await systemctl(scope, ['show', '--property=MainPID', '--value', unit])
  const pid = Number(text.trim())
  return Number.isInteger(pid) && pid > 0 ? pid : undefined
}

/** Returns what it printed. */
function systemctl(scope: UnitScope, words: readonly string[]): Promise<string> {
  const args = scope === 'user' ? ['--user', ...words] : [...words]
  return new Promise((resolve, reject) => {
    const child = spawn('systemctl', args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (data) => {
      stdout += data
    })
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
      if (code === 0) return resolve(stdout)
      reject(
        new NsctlError('Failed', `systemctl ${args.join(' ')} failed: ${stderr.trim()}`, { value: code }),
      )
    })
  })
}

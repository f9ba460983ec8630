/** The text of a service's template unit. Pure: golden files show what comes of which spec. */
import type { ProgramLimits, ProgramSpec } from '../runtime.ts'
import {
  cannotCarry,
  hasControlCharacters,
  isPlainEnvironmentValue,
  plainValue,
  quoteBindPath,
  quoteWord,
} from './escape.ts'
import { hardeningLines } from './hardening.ts'
import { type MaterialLayout, materialLines } from './material-lines.ts'
import { SLICE, storageVariable, userName } from './names.ts'

/** How long systemd waits before it starts again what has failed. */
export const RESTART_DELAY_MS = 100

/** A place that the service would not see, shown to it elsewhere. */
export interface Bind {
  readonly from: string
  readonly to: string
}

export interface UnitOptions extends MaterialLayout {
  /** For $STORAGE_<NAME>, and for a service's directories outside systemd's own. */
  readonly storageDir: string
  /** The same relative to /var/lib; undefined where systemd does not make the directories. */
  readonly stateDirectory: string | undefined
  readonly envDir: string
  /** Read-only, from beneath what is hidden; command, workingDir and PATH of the spec are rewritten already. */
  readonly binds: readonly Bind[]
}

/** Variables that differ from instance to instance of one template. */
const INSTANCE_VARIABLE = /^PORT(_|$)/

/** The instance's own variables, and what all instances share. */
export function splitEnvironment(env: Readonly<Record<string, string>>): {
  readonly own: Readonly<Record<string, string>>
  readonly shared: Readonly<Record<string, string>>
} {
  const entries = Object.entries(env)
  return {
    own: Object.fromEntries(entries.filter(([name]) => INSTANCE_VARIABLE.test(name))),
    shared: Object.fromEntries(entries.filter(([name]) => !INSTANCE_VARIABLE.test(name))),
  }
}

/** @throws Invalid for text that no unit can carry, with the value at fault */
export function templateUnit(spec: ProgramSpec, options: UnitOptions): string {
  const { id } = spec
  const { own, shared } = splitEnvironment(spec.env)
  const program = id.program === '' ? '' : ` ${id.program}`
  const after = options.scope === 'system' ? ['After=network.target'] : []
  const lines = [
    '# Written by nsctl; changes here are lost.',
    '[Unit]',
    `Description=nsctl ${id.namespace}/${id.service}-%i${program}`,
    ...after,
    'CollectMode=inactive-or-failed',
    'StartLimitIntervalSec=60',
    'StartLimitBurst=3',
    '',
    '[Service]',
    'Type=exec',
    `Slice=${SLICE}`,
    // a user's journal knows lines of children that have ended by nothing else
    ...(options.scope === 'user' ? ['SyslogIdentifier=%n'] : []),
    ...commandLines(spec, shared),
    ...(Object.keys(own).length > 0 ? [`EnvironmentFile=${plainValue(options.envDir)}/%n`] : []),
    ...storageLines(spec, options),
    ...options.binds.map(({ from, to }) => `BindReadOnlyPaths=${quoteBindPath(from)}:${quoteBindPath(to)}`),
    ...materialLines(spec, options),
    ...(spec.restart === 'never'
      ? ['Restart=no']
      : ['Restart=on-failure', `RestartSec=${RESTART_DELAY_MS}ms`]),
    'KillMode=control-group',
    `KillSignal=${spec.stop.signal}`,
    `TimeoutStopSec=${Math.max(1, Math.round(spec.stop.graceMs))}ms`,
    ...limitLines(spec.limits),
    ...hardeningLines({
      scope: options.scope,
      network: spec.network,
      relax: spec.relax,
      user: userName(id),
    }),
    '',
  ]
  return lines.join('\n')
}

function commandLines(spec: ProgramSpec, shared: Readonly<Record<string, string>>): readonly string[] {
  const workingDir = spec.workingDir
  if (hasControlCharacters(workingDir) || /\\$|^\s|\s$/.test(workingDir))
    throw cannotCarry('working directory', workingDir)
  for (const text of [...spec.command, ...Object.values(shared)]) {
    if (text.includes('\0')) throw cannotCarry('text with a zero byte', text)
  }
  const assignments = Object.entries(shared)
  const plain = assignments.filter(([, value]) => isPlainEnvironmentValue(value))
  const special = assignments.filter(([, value]) => !isPlainEnvironmentValue(value))
  return [
    `WorkingDirectory=${plainValue(workingDir)}`,
    ...plain.map(([name, value]) => `Environment=${quoteWord(`${name}=${value}`)}`),
    // the colon keeps systemd from replacing $VARIABLES
    `ExecStart=:${executable(spec.command, special).map(quoteWord).join(' ')}`,
  ]
}

/** What systemd's own syntax cannot carry goes by way of a program that can. */
function executable(
  command: ProgramSpec['command'],
  environment: readonly (readonly [string, string])[],
): readonly string[] {
  const [program] = command
  if (environment.length > 0)
    return ['/usr/bin/env', ...environment.map(([name, value]) => `${name}=${value}`), ...command]
  if (hasControlCharacters(program) || /["'\\]/.test(program))
    return ['/bin/sh', '-c', 'exec "$@"', 'sh', ...command]
  return command
}

function storageLines(spec: ProgramSpec, options: UnitOptions): readonly string[] {
  const { namespace, service } = spec.id
  return spec.storage.flatMap(({ name, path }) => {
    const place = `${namespace}/${service}/${name}`
    const variable = storageVariable(name)
    if (options.stateDirectory === undefined) {
      const quoted = quoteWord(`${variable}=${options.storageDir}/${place}/`)
      return [`Environment=${quoted.slice(0, -1)}%i"`]
    }
    const directory = `${options.stateDirectory}/${place}/%i`
    return [
      `StateDirectory=${directory}`,
      'StateDirectoryMode=0700',
      `BindPaths=%S/${directory}:${quoteBindPath(path)}`,
      `Environment=${quoteWord(`${variable}=${path}`)}`,
    ]
  })
}

function limitLines(limits: ProgramLimits): readonly string[] {
  const { cpuWeightMillis, cpuQuotaMillis, memoryMaxBytes, tasksMax } = limits
  const weight =
    cpuWeightMillis === undefined
      ? undefined
      : Math.min(10_000, Math.max(1, Math.round(cpuWeightMillis / 10)))
  return [
    ...(weight === undefined ? [] : [`CPUWeight=${weight}`]),
    ...(cpuQuotaMillis === undefined ? [] : [`CPUQuota=${Math.max(1, cpuQuotaMillis / 10)}%`]),
    ...(memoryMaxBytes === undefined ? [] : [`MemoryMax=${memoryMaxBytes}`, 'MemorySwapMax=0']),
    ...(tasksMax === undefined ? [] : [`TasksMax=${tasksMax}`]),
  ]
}

/** The text of a service's template unit. Pure: golden files show what comes of which spec. */
import { FENCING_TOKEN } from '../../resources/fencing.ts'
import type { ProgramSpec } from '../runtime.ts'
import {
  cannotCarry,
  hasControlCharacters,
  isPlainEnvironmentValue,
  plainValue,
  quoteBindPath,
  quoteWord,
} from './escape.ts'
import { groupLines, sliceOf } from './group.ts'
import { hardeningLines } from './hardening.ts'
import { limitLines } from './limits.ts'
import { type MaterialLayout, materialLines } from './material-lines.ts'
import { storageVariable, UNIQUE_STEM, userName } from './names.ts'
import { type ContainerLayout, containerLines } from './nspawn/lines.ts'
import type { ContainerRoot } from './nspawn/root.ts'

/** How long systemd waits before it starts again what has failed. */
export const RESTART_DELAY_MS = 100

/** A place that the service would not see, shown to it elsewhere. */
export interface Bind {
  readonly from: string
  readonly to: string
}

export interface UnitOptions extends MaterialLayout, ContainerLayout {
  /** Says, in seconds since boot, until when what is fenced may be started. */
  readonly fenceFile: string
  /** The same relative to /var/lib; undefined where systemd does not make the directories. */
  readonly stateDirectory: string | undefined
  /** Of a program in a container. */
  readonly root?: ContainerRoot
  /** Read-only, from beneath what is hidden; command, workingDir and PATH of the spec are rewritten already. */
  readonly binds: readonly Bind[]
}

/** Variables that differ from instance to instance of one template. */
const INSTANCE_VARIABLE = new RegExp(`^(PORT(_|$)|${FENCING_TOKEN}$)`)

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

/** Whether what a template's unit runs ends with the node's lease. */
export function isFencedUnit(text: string): boolean {
  return text.includes(`\nSlice=${UNIQUE_STEM}`)
}

/** @throws Invalid for text that no unit can carry, with the value at fault */
export function templateUnit(spec: ProgramSpec, options: UnitOptions): string {
  const { id } = spec
  const program = id.program === '' ? '' : ` ${id.program}`
  const after = options.scope === 'system' ? ['After=network.target'] : []
  const lines = [
    '# Written by nsctl; changes here are lost.',
    '[Unit]',
    `Description=nsctl ${id.namespace}/${id.service}-%i${program}`,
    ...after,
    ...groupLines(id),
    'CollectMode=inactive-or-failed',
    'StartLimitIntervalSec=60',
    'StartLimitBurst=3',
    '',
    '[Service]',
    ...(spec.fenced ? [fenceCondition(options.fenceFile)] : []),
    ...(options.root === undefined
      ? processLines(spec, options)
      : containedLines(spec, options.root, options)),
    ...(spec.restart === 'never'
      ? ['Restart=no']
      : ['Restart=on-failure', `RestartSec=${RESTART_DELAY_MS}ms`]),
    // a container's keeper hands the signal to the program, and what is left of it goes with the container
    `KillMode=${options.root === undefined ? 'control-group' : 'mixed'}`,
    `KillSignal=${spec.stop.signal}`,
    `TimeoutStopSec=${Math.max(1, Math.round(spec.stop.graceMs))}ms`,
    ...limitLines(spec.limits),
    ...(options.root === undefined ? protectionLines(spec, options) : []),
    '',
  ]
  return lines.join('\n')
}

function processLines(spec: ProgramSpec, options: UnitOptions): readonly string[] {
  const { own, shared } = splitEnvironment(spec.env)
  return [
    'Type=exec',
    `Slice=${sliceOf(spec.id, spec.fenced)}`,
    // a user's journal knows lines of children that have ended by nothing else
    ...(options.scope === 'user' ? ['SyslogIdentifier=%n'] : []),
    ...commandLines(spec, shared),
    ...(Object.keys(own).length > 0 ? [`EnvironmentFile=${plainValue(options.envDir)}/%n`] : []),
    ...storageLines(spec, options),
    ...options.binds.map(({ from, to }) => `BindReadOnlyPaths=${quoteBindPath(from)}:${quoteBindPath(to)}`),
    ...materialLines(spec, options),
  ]
}

function containedLines(spec: ProgramSpec, root: ContainerRoot, options: UnitOptions): readonly string[] {
  const { shared } = splitEnvironment(spec.env)
  return [`Slice=${sliceOf(spec.id, spec.fenced)}`, ...containerLines(spec, shared, root, options)]
}

function protectionLines(spec: ProgramSpec, { scope }: UnitOptions): readonly string[] {
  const { network, relax, id } = spec
  return hardeningLines({ scope, network, relax, user: userName(id) })
}

/** By whomever it is started, systemd's own restarts included. */
function fenceCondition(file: string): string {
  const script =
    'read -r until gone <"$$1" && read -r now rest </proc/uptime && [ "$${now%%.*}" -lt "$$until" ]'
  // quoteWord doubles percent signs
  return `ExecCondition=+/bin/sh -c ${quoteWord(script.replace('%%', '%'))} sh ${quoteWord(file)}`
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

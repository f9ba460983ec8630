/** The text of nsctl's own units, and what such a text says. Pure. */
import { resolve } from 'node:path'
import { absoluteStoreUrl, type Environment, pathsOf, storeUrlOf } from './paths.ts'

export interface DaemonUnitOptions {
  /** What is started: `up` where left out. */
  readonly verb?: 'up' | 'agent'
  readonly scope: 'system' | 'user'
  readonly env: Environment
  /** What starts nsctl: absolute paths, since the unit starts in the root directory. */
  readonly command: readonly string[]
  readonly runtime: string
  /** --store, where it was given. */
  readonly store?: string
  /** Further flags of the verb. */
  readonly words?: readonly string[]
  /** Variables that its store is opened with, from a context. Whoever may read the unit may read them. */
  readonly variables?: Environment
}

/** A dump would hold the Secrets that were opened. Plain processes would inherit this, and may want theirs. */
const NO_CORE_DUMPS = 'LimitCORE=0\nCoredumpFilter=0x0\n'

const DESCRIPTIONS = {
  up: 'nsctl: control plane and agent of this machine',
  agent: 'nsctl: agent of this machine',
} as const

/** The unit that serves the same store as the command that installs it. KillMode=process: ending the daemon ends no workload. */
export function daemonUnit(options: DaemonUnitOptions): string {
  const { scope, env, runtime, verb = 'up' } = options
  const store = isStoreGiven(options) ? ['--store', absoluteStoreUrl(storeUrlOf(env, options.store))] : []
  const command = [...options.command, verb, '--runtime', runtime, ...store, ...(options.words ?? [])]
  const environment = {
    NSCTL_HOME: resolve(pathsOf(env).stateDir),
    ...(env.PATH ? { PATH: env.PATH } : {}),
    ...options.variables,
  }
  return `[Unit]
Description=${DESCRIPTIONS[verb]}
Documentation=https://github.com/nsctl/nsctl
After=network.target

[Service]
Type=simple
ExecStart=${command.map((word) => quote(word.replaceAll('$', () => '$$'))).join(' ')}
${Object.entries(environment)
  .flatMap(([name, value]) => (value === undefined ? [] : `Environment=${quote(`${name}=${value}`)}`))
  .join('\n')}
Restart=always
RestartSec=1
KillMode=process
SyslogIdentifier=${verb === 'up' ? 'nsctl' : 'nsctl-agent'}
TimeoutStopSec=20
${runtime === 'process' ? '' : NO_CORE_DUMPS}${scope === 'system' ? 'OOMScoreAdjust=-500\n' : ''}
[Install]
WantedBy=${scope === 'system' ? 'multi-user.target' : 'default.target'}
`
}

/** The store that a unit serves; undefined where its text, which may be another's, does not say. */
export function storeOfUnit(text: string): string | undefined {
  const start = /^ExecStart=(.*)$/m.exec(text)?.[1] ?? ''
  const [, quoted, plain] = / --store (?:"((?:\\.|[^"\\])*)"|(\S+))/.exec(start) ?? []
  const store = quoted === undefined ? plain : unquote(quoted).replaceAll('$$', () => '$')
  if (store !== undefined) return store
  const [, quotedHome, plainHome] =
    /^Environment=(?:"NSCTL_HOME=((?:\\.|[^"\\])*)"|NSCTL_HOME=(\S+))$/m.exec(text) ?? []
  const home = quotedHome === undefined ? plainHome : unquote(quotedHome)
  return home === undefined ? undefined : absoluteStoreUrl(storeUrlOf({ NSCTL_HOME: home }))
}

function isStoreGiven({ env, store }: DaemonUnitOptions): boolean {
  return store !== undefined || Boolean(env.NSCTL_STORE)
}

/** As systemd reads a word: in double quotes, with its escapes and specifiers doubled. */
function quote(word: string): string {
  if (/^[\w@:,./=+-]+$/.test(word)) return word
  const escaped = word.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
  return `"${escaped.replaceAll('%', '%%')}"`
}

function unquote(text: string): string {
  return text
    .replaceAll('%%', '%')
    .replaceAll(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character))
}

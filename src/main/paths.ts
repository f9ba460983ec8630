/** Where nsctl keeps things on this machine. Pure: from the environment to paths. */
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { parseStoreUrl } from '../store/url.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export interface Paths {
  /** What must outlive a reboot: the store, workloads' data, kept specs. */
  readonly stateDir: string
  /** The embedded store. */
  readonly storeFile: string
  /** What a daemon says that was started in the background: by `npm start`. */
  readonly logFile: string
}

/**
 * `$NSCTL_HOME`, else `$XDG_STATE_HOME/nsctl`, else `~/.local/state/nsctl`. A relative $XDG_STATE_HOME is ignored, as its
 * specification says.
 */
export function pathsOf(env: Environment): Paths {
  const stateDir = env.NSCTL_HOME || join(stateHome(env), 'nsctl')
  return { stateDir, storeFile: join(stateDir, 'store.db'), logFile: join(stateDir, 'up.log') }
}

function stateHome(env: Environment): string {
  const given = env.XDG_STATE_HOME
  if (given?.startsWith('/')) return given
  return join(env.HOME || homedir(), '.local', 'state')
}

/**
 * Where contexts are kept: `$NSCTL_CONFIG`, else `$XDG_CONFIG_HOME/nsctl/config`, else `~/.config/nsctl/config`. A relative
 * $XDG_CONFIG_HOME is ignored.
 */
export function configFileOf(env: Environment): string {
  if (env.NSCTL_CONFIG) return resolve(env.NSCTL_CONFIG)
  const given = env.XDG_CONFIG_HOME
  const folder = given?.startsWith('/') ? given : join(env.HOME || homedir(), '.config')
  return join(folder, 'nsctl', 'config')
}

/** The control plane's age identity. */
export function controlPlaneIdentityOf(env: Environment): string {
  return join(pathsOf(env).stateDir, 'identity')
}

/** The operator's age identity: `$NSCTL_IDENTITY`, else beside the file of contexts. */
export function identityFileOf(env: Environment): string {
  if (env.NSCTL_IDENTITY) return resolve(env.NSCTL_IDENTITY)
  const beside = join(dirname(configFileOf(env)), 'identity')
  // whoever keeps all in one folder: the two are different people
  return beside === controlPlaneIdentityOf(env) ? `${beside}-operator` : beside
}

/** Whom this user has accepted to seal to, by store: beside the file of contexts. */
export function knownRecipientsOf(env: Environment): string {
  return join(dirname(configFileOf(env)), 'known-recipients')
}

/** The same store, wherever its URL is read: a relative path counts from `directory`. Throws as parseStoreUrl does. */
export function absoluteStoreUrl(text: string, directory?: string): string {
  const store = parseStoreUrl(text, directory)
  return store.engine === 'sqlite' ? `sqlite:${store.path}` : text
}

/** The store of a command: --store, $NSCTL_STORE, else the embedded one. */
export function storeUrlOf(env: Environment, given?: string): string {
  return given ?? (env.NSCTL_STORE || `sqlite:${pathsOf(env).storeFile}`)
}

export interface RuntimePaths {
  /** What a runtime keeps over reboots: kept specs, storage. */
  readonly stateDir: string
  /** What may go with a reboot: units, sockets. */
  readonly runDir: string
}

/**
 * Where a runtime keeps its things: under systemd's system manager the machine's own places, since its units are the
 * machine's; else under the user's state.
 */
export function runtimePathsOf(
  runtime: 'process' | 'systemd-system' | 'systemd-user',
  env: Environment,
): RuntimePaths {
  if (runtime === 'systemd-system') return { stateDir: '/var/lib/nsctl', runDir: '/run/nsctl' }
  const stateDir = join(pathsOf(env).stateDir, runtime)
  const runDir = env.XDG_RUNTIME_DIR ? join(env.XDG_RUNTIME_DIR, 'nsctl') : join(stateDir, 'run')
  return { stateDir, runDir }
}

/** Where nsctl keeps things on this machine. Pure: from the environment to paths. */
import { homedir } from 'node:os'
import { join } from 'node:path'

export type Environment = Readonly<Record<string, string | undefined>>

export interface Paths {
  /** What must outlive a reboot: the store, workloads' data, kept specs. */
  readonly stateDir: string
  /** The embedded store. */
  readonly storeFile: string
}

/**
 * `$NSCTL_HOME`, else `$XDG_STATE_HOME/nsctl`, else `~/.local/state/nsctl`. A relative $XDG_STATE_HOME is ignored, as its
 * specification says.
 */
export function pathsOf(env: Environment): Paths {
  const stateDir = env.NSCTL_HOME || join(stateHome(env), 'nsctl')
  return { stateDir, storeFile: join(stateDir, 'store.db') }
}

function stateHome(env: Environment): string {
  const given = env.XDG_STATE_HOME
  if (given?.startsWith('/')) return given
  return join(env.HOME || homedir(), '.local', 'state')
}

/** The store of a command: --store, $NSCTL_STORE, else the embedded one. */
export function storeUrlOf(env: Environment, given?: string): string {
  return given ?? (env.NSCTL_STORE || `sqlite:${pathsOf(env).storeFile}`)
}

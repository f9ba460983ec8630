/** The file of contexts, as every command reads it: with as little of Node as can be, since it costs at each start. */
import { readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { messageOf, NsctlError } from '../../core/errors.ts'
import { type Config, EMPTY_CONFIG, hasSecret } from './config.ts'
import { quickConfig } from './quick.ts'

export interface ConfigFile {
  readonly config: Config
  /** What its owner should know of it, one line; undefined where all is well. */
  readonly warning?: string
}

/** Undefined where there is no file. Invalid, with line and column, for one that is damaged; Unreachable where it cannot be read. */
export async function readConfigFile(path: string): Promise<ConfigFile | undefined> {
  const found = readBytes(path)
  if (found === undefined) return undefined
  const config = await configOf(found.bytes, path)
  const mode = found.mode & 0o777
  if ((mode & 0o077) === 0 || !hasSecret(config)) return { config }
  const shown = shownPath(path)
  return {
    config,
    warning: `warning: ${shown} holds a secret and others may open it (mode ${mode.toString(8).padStart(4, '0')}): chmod 600 ${shown}`,
  }
}

async function configOf(bytes: Buffer, path: string): Promise<Config> {
  if (bytes.length === 0) return EMPTY_CONFIG
  const quick = quickConfig(bytes.toString('latin1'))
  if (quick !== undefined) return quick
  const { parseConfig } = await import('./document.ts')
  return parseConfig(bytes, shownPath(path))
}

function readBytes(path: string): { readonly bytes: Buffer; readonly mode: number } | undefined {
  try {
    const stat = statSync(path, { throwIfNoEntry: false })
    return stat && { bytes: readFileSync(path), mode: stat.mode }
  } catch (cause) {
    throw new NsctlError('Unreachable', `${shownPath(path)} cannot be read: ${messageOf(cause)}`, {
      value: path,
      next: 'correct its permissions, or name another file in $NSCTL_CONFIG',
      cause,
    })
  }
}

/** `~/.config/nsctl/config` */
export function shownPath(path: string): string {
  const home = homedir()
  return path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path
}

/** The file of contexts: read as a whole, replaced as a whole. */
import { readFileSync, statSync } from 'node:fs'
import { type FileHandle, mkdir, open, realpath, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname } from 'node:path'
import { type Clock, delay } from '../../core/clock.ts'
import { messageOf, NsctlError } from '../../core/errors.ts'
import { type Config, documentOf, EMPTY_CONFIG, hasSecret } from './config.ts'
import { quickConfig } from './quick.ts'

export interface ConfigFile {
  readonly config: Config
  /** What its owner should know of it, one line; undefined where all is well. */
  readonly warning?: string
}

const LOCK_LIMIT_MS = 5_000
const LOCK_LOOK_MS = 20

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

export interface ConfigChange {
  readonly path: string
  readonly clock: Clock
  readonly signal: AbortSignal
}

/**
 * Replaces what the file says by what `edit` makes of it, made where it is missing, and returns that. Readers see the old or the
 * new file, and changes made at the same time happen one after the other: the new file, until it is the file, is the lock. Errors: as
 * readConfigFile; Conflict where another keeps it for longer than 5 s; Unreachable where it cannot be written.
 */
export async function changeConfigFile(
  change: ConfigChange,
  edit: (config: Config) => Config,
): Promise<Config> {
  // a link, as into a folder of dotfiles, stays one
  const path = await realpath(change.path).catch(() => change.path)
  refuseDevice(path)
  const next = `${path}.lock`
  const lock = await writing(path, () => takeLock(next, change))
  try {
    const config = edit((await readConfigFile(path))?.config ?? EMPTY_CONFIG)
    const { toYaml } = await import('../../resources/manifest.ts')
    const text = await toYaml(documentOf(config))
    await writing(path, async () => {
      await lock.writeFile(text)
      await lock.sync()
      await rename(next, path)
    })
    return config
  } catch (error) {
    await rm(next, { force: true })
    throw error
  } finally {
    await lock.close()
  }
}

/** `$NSCTL_CONFIG=/dev/null` is a way to have no contexts, and root could put a file in its place. */
function refuseDevice(path: string): void {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined || stat.isFile()) return
  throw new NsctlError('Unreachable', `${shownPath(path)} is no file that can be written`, {
    value: path,
    next: 'name a file in $NSCTL_CONFIG, or unset it',
  })
}

/** Only its owner may look into it. */
async function takeLock(lock: string, { clock, signal, path }: ConfigChange): Promise<FileHandle> {
  const { refuseHopelessFolder } = await import('../state-dir.ts')
  refuseHopelessFolder(dirname(lock))
  await mkdir(dirname(lock), { recursive: true, mode: 0o700 })
  const deadlineMs = clock.monotonic() + LOCK_LIMIT_MS
  for (;;) {
    try {
      return await open(lock, 'wx', 0o600)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      if (clock.monotonic() > deadlineMs)
        throw new NsctlError('Conflict', `another nsctl is changing ${shownPath(path)}`, {
          value: path,
          next: `try again; if none is, remove what it left: rm ${shownPath(lock)}`,
        })
      await delay(clock, LOCK_LOOK_MS, signal)
    }
  }
}

async function writing<T>(path: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (cause) {
    if (cause instanceof NsctlError || (cause as NodeJS.ErrnoException).code === undefined) throw cause
    throw new NsctlError('Unreachable', `${shownPath(path)} cannot be written: ${messageOf(cause)}`, {
      value: path,
      next: 'correct its permissions, or name another file in $NSCTL_CONFIG; what NixOS or home-manager writes is changed there',
      cause,
    })
  }
}

/** `~/.config/nsctl/config` */
export function shownPath(path: string): string {
  const home = homedir()
  return path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path
}

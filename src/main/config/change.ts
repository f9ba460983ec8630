/** Changing the file of contexts: replaced as a whole, by one at a time. */
import { statSync } from 'node:fs'
import { type FileHandle, mkdir, open, realpath, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Clock, delay } from '../../core/clock.ts'
import { messageOf, NsctlError } from '../../core/errors.ts'
import { toYaml } from '../../resources/manifest.ts'
import { refuseHopelessFolder } from '../state-dir.ts'
import { type Config, documentOf, EMPTY_CONFIG } from './config.ts'
import { readConfigFile, shownPath } from './read.ts'

const LOCK_LIMIT_MS = 5_000
const LOCK_LOOK_MS = 20

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

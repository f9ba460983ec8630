/** Folders that nsctl keeps things in, before anything is put there. */
import { existsSync, mkdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { messageOf, NsctlError } from '../core/errors.ts'

/**
 * Throws Unreachable where no folder can ever be made at `path`, as beneath /proc: its parent is there, and making one says that it
 * is not, upon which Node's recursive mkdir begins again for ever. Of a folder that can be made this makes the first missing
 * part; what else is wrong is said by whoever makes the rest.
 */
export function refuseHopelessFolder(path: string): void {
  let missing = resolve(path)
  if (existsSync(missing)) return
  for (let parent = dirname(missing); !existsSync(parent); parent = dirname(missing)) missing = parent
  try {
    mkdirSync(missing, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return
    throw new NsctlError('Unreachable', `the folder ${path} cannot be made: ${messageOf(error)}`, {
      value: path,
      next: 'choose another place, where files can be made ($NSCTL_HOME, $NSCTL_STORE or --store)',
      cause: error,
    })
  }
}

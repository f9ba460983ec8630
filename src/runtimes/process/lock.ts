/**
 * One owner at a time: an exclusive transaction on a database of its own, held for as long as the owner lives. The locks
 * are the kernel's and end with the process, however it ends; children do not inherit them.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { messageOf, NsctlError } from '../../core/errors.ts'

/** SQLITE_BUSY */
const BUSY = 5

export interface OwnerLock {
  release(): void
}

/** Takes the lock or throws Conflict, which names the owner's pid. `path` is never to be read with fs: closing it would drop the locks. */
export function takeOwnerLock(path: string): OwnerLock {
  const database = openLock(path)
  try {
    // nothing is ever written: a journal would only need room, and there may be none
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if ((error as { errcode?: number }).errcode !== BUSY) throw error
    const owner = ownerOf(path)
    throw new NsctlError('Conflict', `the process runtime is owned by another process (pid ${owner})`, {
      value: path,
      next: 'stop that one first, or give this one a state directory of its own',
      cause: error,
    })
  }
  noteOwner(path)
  return {
    release() {
      database.exec('ROLLBACK')
      database.close()
    },
  }
}

function openLock(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path, { timeout: 0 })
  } catch (error) {
    throw new NsctlError('Unreachable', `the lock ${path} cannot be used: ${messageOf(error)}`, {
      value: path,
      next: `check that you may read and write ${dirname(path)}, or choose another place with NSCTL_HOME`,
      cause: error,
    })
  }
}

/** For the message alone: a full disk must keep nobody from taking over what runs. */
function noteOwner(path: string): void {
  try {
    writeFileSync(`${path}.owner`, `${process.pid}\n`, { mode: 0o600 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  }
}

function ownerOf(path: string): string {
  try {
    return readFileSync(`${path}.owner`, 'utf8').trim() || 'unknown'
  } catch {
    return 'unknown'
  }
}

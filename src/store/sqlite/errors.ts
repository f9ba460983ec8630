/** What SQLite and the file system report, as the store's errors. */
import { readFileSync, statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { isNsctlError, messageOf, NsctlError } from '../../core/errors.ts'

/** SQLite's primary result codes (https://www.sqlite.org/rescode.html). */
const RESULT = {
  perm: 3,
  busy: 5,
  locked: 6,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  tooBig: 18,
  notADatabase: 26,
} as const

/** SQLite's primary result code; undefined for what SQLite did not throw. */
function resultOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined
}

/** Another connection holds the lock: worth trying again. */
export function isBusy(error: unknown): boolean {
  const result = resultOf(error)
  return result === RESULT.busy || result === RESULT.locked
}

/** The NsctlError for anything thrown while working on the store at `path`. What is none of the store's stays as it is. */
export function translate(error: unknown, path: string): unknown {
  if (isNsctlError(error)) return error
  switch (resultOf(error)) {
    case undefined:
      return fileError(error, path)
    case RESULT.busy:
    case RESULT.locked:
      return locked(path, error)
    case RESULT.full:
      return full(path, error)
    case RESULT.corrupt:
    case RESULT.notADatabase:
      return corrupt(path, messageOf(error), error)
    case RESULT.tooBig:
      return new NsctlError('TooLarge', 'a value is too large for the store', { cause: error })
    case RESULT.ioError:
    case RESULT.cannotOpen:
      // a full disk also shows as a log or an index file that cannot be made or grown
      return hasNoSpace(path) ? full(path, error) : unreachable(path, error)
    case RESULT.readOnly:
    case RESULT.perm:
      return unreachable(path, error)
  }
  return error
}

function fileError(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return error
  return error.code === 'ENOSPC' || error.code === 'EDQUOT' ? full(path, error) : unreachable(path, error)
}

export function locked(path: string, cause?: unknown): NsctlError {
  const pid = lockHolder(path)
  const who = pid === undefined ? 'another process' : `process ${pid}`
  return new NsctlError('StoreLocked', `the store ${path} is locked by ${who}`, {
    value: path,
    next:
      pid === undefined ? 'try again when it has finished' : `try again, or see what it does: ps -fp ${pid}`,
    cause,
  })
}

export function full(path: string, cause?: unknown): NsctlError {
  return new NsctlError('StoreFull', `the disk of the store ${path} is full; nothing was written`, {
    value: path,
    next: `free some space on it (df -h ${dirname(path)}); nsctl goes on by itself, and deleting works meanwhile`,
    cause,
  })
}

/** @param what what is wrong with it, as SQLite or a check of ours says */
export function corrupt(path: string, what: string, cause?: unknown): NsctlError {
  return new NsctlError('StoreCorrupt', `the store ${path} is damaged: ${what}`, {
    value: path,
    next: `restore it from a backup, or move it away (with ${path}-wal) to start with an empty one; it was not changed`,
    cause,
  })
}

export function unreachable(path: string, cause?: unknown): NsctlError {
  return new NsctlError('Unreachable', `the store ${path} cannot be used: ${messageOf(cause)}`, {
    value: path,
    next: `check that you may read and write ${dirname(path)}, or choose another with NSCTL_STORE`,
    cause,
  })
}

function hasNoSpace(path: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(path))
    return bavail * bsize < 64 * 1024
  } catch {
    return false
  }
}

/** The pid that holds a write lock on the store, as far as the kernel tells (Linux, and the same pid namespace). */
function lockHolder(path: string): number | undefined {
  try {
    const inodes = [path, `${path}-shm`].flatMap((file) => {
      const found = statSync(file, { throwIfNoEntry: false })
      return found === undefined ? [] : [String(found.ino)]
    })
    // 1: POSIX  ADVISORY  WRITE 4242 08:01:131 120 120
    for (const line of readFileSync('/proc/locks', 'utf8').split('\n')) {
      const [, , , mode, pid, file] = line.trim().split(/\s+/)
      const inode = file?.split(':')[2]
      if (mode !== 'WRITE' || inode === undefined || !inodes.includes(inode)) continue
      const holder = Number(pid)
      if (holder > 0 && holder !== process.pid) return holder
    }
  } catch {
    // not Linux, or /proc is hidden: the message does without
  }
  return undefined
}

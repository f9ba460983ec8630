/** The store's file: made whole or not at all, opened only where it is one of ours, checked after an unclean end. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { bootId } from '../holder.ts'
import type { FirstEntry } from '../store.ts'
import { corrupt } from './errors.ts'
import { ensureFormat, type OlderFormat } from './format.ts'
import { Rows, SCHEMA } from './rows.ts'

type Sqlite = typeof import('node:sqlite')

const PAGE_BYTES = 16_384
/** The log is copied into the file beyond this, so that it stays small where the disk may get full. */
const CHECKPOINT_BYTES = 2 * 1024 * 1024
/** How long SQLite itself waits for a lock: it blocks the event loop, so the waiting is done outside. */
const SQLITE_WAIT_MS = 5
const LEFTOVER_MS = 60_000
/** Of a store that was just made: see SCHEMA. */
const FIRST_REVISION = 1
const WRITER_PRAGMAS = `
  PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = ${CHECKPOINT_BYTES / PAGE_BYTES};
  PRAGMA journal_size_limit = ${2 * CHECKPOINT_BYTES}; PRAGMA cache_size = -8000;`

/** Makes a store of `first` at `path` unless something is there. Two processes at once make one. */
export function createFile(sqlite: Sqlite, path: string, first: readonly FirstEntry[]): void {
  const directory = dirname(path)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  removeLeftovers(path)
  const unfinished = `${path}.new-${process.pid}-${process.hrtime.bigint().toString(36)}`
  try {
    writeFileSync(unfinished, '', { mode: 0o600, flag: 'wx' })
    const db = new sqlite.DatabaseSync(unfinished)
    try {
      // no journal and no sync of its own: it is synced once, when it is whole and before anybody can see it
      db.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF;`)
      db.exec(`BEGIN; ${SCHEMA}`)
      const rows = new Rows(db, unfinished)
      for (const { key, value } of first) rows.write(key, { value, revision: FIRST_REVISION })
      db.exec('COMMIT; PRAGMA journal_mode = WAL;')
    } finally {
      db.close()
    }
    sync(unfinished)
    linkOrRename(unfinished, path)
    sync(directory)
  } finally {
    for (const suffix of ['', '-wal', '-shm']) rmSync(unfinished + suffix, { force: true })
  }
}

/** Under its final name it must appear whole, and never in place of another. */
function linkOrRename(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'EEXIST') return
    // some file systems have no hard links; the race that this leaves is between two first starts
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP') throw error
    if (!existsSync(to)) renameSync(from, to)
  }
}

/** What a killed first start left behind. */
function removeLeftovers(path: string): void {
  const directory = dirname(path)
  for (const name of readdirSync(directory)) {
    if (!name.startsWith(`${basename(path)}.new-`)) continue
    const file = join(directory, name)
    const found = statSync(file, { throwIfNoEntry: false })
    if (found !== undefined && Date.now() - found.mtimeMs > LEFTOVER_MS) rmSync(file, { force: true })
  }
}

function sync(path: string): void {
  const handle = openSync(path, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

export interface OpenedFile {
  readonly db: DatabaseSync
  /** That it has now. */
  readonly format: number
}

/**
 * Opens the store at `path`, which must be there. Reads one page; whatever SQLite throws goes through. Throws
 * StoreCorrupt for what is no store of ours, StoreFormat for another version's, and changes neither.
 */
export function openFile(sqlite: Sqlite, path: string, readOnly: boolean, older: OlderFormat): OpenedFile {
  // not by reading it: closing a file drops the locks that this process has on it through another connection
  if (statSync(path).size === 0) throw corrupt(path, 'the file is empty')
  const boot = readOnly ? undefined : bootMark()
  const sameBoot = boot === undefined || markOf(path) === boot
  // kill -9 leaves whole pages behind; a machine that went down may not have
  if (!sameBoot && wasLeftOpen(path)) assertSound(sqlite, path)
  const db = new sqlite.DatabaseSync(path, { readOnly, timeout: SQLITE_WAIT_MS })
  try {
    if (!readOnly) db.exec(WRITER_PRAGMAS)
    const format = ensureFormat(db, path, older)
    if (!sameBoot) mark(path, boot)
    return { db, format }
  } catch (error) {
    db.close()
    throw error
  }
}

/** The last to close a store leaves no log behind. */
function wasLeftOpen(path: string): boolean {
  const log = statSync(`${path}-wal`, { throwIfNoEntry: false })
  return log !== undefined && log.size > 0
}

/** Read-only, because closing it otherwise would copy the log into a damaged file. */
function assertSound(sqlite: Sqlite, path: string): void {
  const db = new sqlite.DatabaseSync(path, { readOnly: true, timeout: SQLITE_WAIT_MS })
  try {
    const [finding] = db.prepare('PRAGMA quick_check(1)').all()
    const text = String(finding?.quick_check)
    if (text !== 'ok') throw corrupt(path, text.replace(/^\*\*\* in database main \*\*\*\s*/, ''))
  } finally {
    db.close()
  }
}

function markOf(path: string): string {
  try {
    return readFileSync(`${path}-boot`, 'utf8')
  } catch {
    return ''
  }
}

function mark(path: string, boot: string): void {
  try {
    writeFileSync(`${path}-boot`, boot, { mode: 0o600 })
  } catch {
    // on a full disk it stays as it was: the next opening looks again
  }
}

/** Which run of the machine this is. Off Linux nothing says so, and every start after an unclean end is checked. */
function bootMark(): string {
  return bootId() || `process ${process.pid}`
}

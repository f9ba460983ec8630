/** The history's file: a cache of what was, so a damaged one is set aside and another begun. */
import { existsSync, renameSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'

type Sqlite = typeof import('node:sqlite')

/** In `user_version`. A newer one's file is set aside as a damaged one is. */
const FORMAT = 2
const PAGE_BYTES = 4_096
const CHECKPOINT_BYTES = 1024 * 1024
/** How long SQLite waits for a lock: it blocks the event loop, and what is not written now is written a second later. */
const SQLITE_WAIT_MS = 5
/** Space left for others on the disk, the lesser of both: what the history is about is worth more than the history. */
const DISK_RESERVE = { bytes: 64 * 1024 * 1024, part: 0.05 }

/** Kinds as numbers: part of the key. */
export const KINDS = { decision: 0, sample: 1, latest: 2 } as const

const OBJECTS =
  'CREATE TABLE object (id INTEGER PRIMARY KEY, name TEXT NOT NULL, uid TEXT NOT NULL, UNIQUE (name, uid));'
const SCHEMA = `
  ${OBJECTS}
  CREATE TABLE entry (object INTEGER NOT NULL, kind INTEGER NOT NULL, at INTEGER NOT NULL, content TEXT NOT NULL,
    PRIMARY KEY (object, kind, at)) WITHOUT ROWID;
  PRAGMA user_version = ${FORMAT};`
/** Format 1 knew objects by name alone: what it has is nobody's in particular. */
const FROM_1 = `
  ALTER TABLE object RENAME TO object_1;
  ${OBJECTS}
  INSERT INTO object (id, name, uid) SELECT id, name, '' FROM object_1;
  DROP TABLE object_1;
  PRAGMA user_version = ${FORMAT};`
const STEPS: readonly string[] = [SCHEMA, FROM_1]

/** SQLite's primary result codes (https://www.sqlite.org/rescode.html). */
const RESULT = { busy: 5, locked: 6, corrupt: 11, full: 13, notADatabase: 26 } as const

function resultOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined
}

export function isBusy(error: unknown): boolean {
  const result = resultOf(error)
  return result === RESULT.busy || result === RESULT.locked
}

export function isFull(error: unknown): boolean {
  return resultOf(error) === RESULT.full
}

/** The file is no history, or no whole one. */
export class DamagedHistory extends Error {}

export function isDamage(error: unknown): boolean {
  const result = resultOf(error)
  return error instanceof DamagedHistory || result === RESULT.corrupt || result === RESULT.notADatabase
}

/** Opens the file for writing, and makes it where it is not there. Throws what SQLite throws, and DamagedHistory. */
export function openForWriting(sqlite: Sqlite, path: string, maxBytes: number): DatabaseSync {
  // SQLite makes an empty file its own, with these rights; what it makes beside gets the same
  if (!existsSync(path)) writeFileSync(path, '', { mode: 0o600, flag: 'a' })
  const db = new sqlite.DatabaseSync(path, { timeout: SQLITE_WAIT_MS })
  try {
    db.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
      PRAGMA wal_autocheckpoint = ${CHECKPOINT_BYTES / PAGE_BYTES}; PRAGMA journal_size_limit = ${2 * CHECKPOINT_BYTES};
      PRAGMA cache_size = -4000; PRAGMA max_page_count = ${Math.ceil(maxBytes / PAGE_BYTES)};`)
    if (numberOf(db, 'PRAGMA user_version') < FORMAT) bringUp(db)
    checkFormat(db)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** Makes its tables, or those of an older format this one's. Two processes may come at once: the second finds it done. */
function bringUp(db: DatabaseSync): void {
  db.exec('BEGIN IMMEDIATE')
  try {
    const step = STEPS[numberOf(db, 'PRAGMA user_version')]
    if (step !== undefined) db.exec(step)
    db.exec('COMMIT')
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
}

/** Opens the file for reading beside whoever writes it. */
export function openForReading(sqlite: Sqlite, path: string): DatabaseSync {
  const db = new sqlite.DatabaseSync(path, { readOnly: true, timeout: 1_000 })
  try {
    checkFormat(db)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function checkFormat(db: DatabaseSync): void {
  const format = numberOf(db, 'PRAGMA user_version')
  if (format !== FORMAT) throw new DamagedHistory(`it has format ${format}, and not ${FORMAT}`)
  db.prepare('SELECT count(*) FROM object').get()
}

/** Puts the file out of the way, in the place of one that was there before. The new name. */
export function setAside(path: string): string {
  const aside = `${path}.damaged`
  for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true })
  renameSync(path, aside)
  return aside
}

/** The first number of what a statement says. */
export function numberOf(db: DatabaseSync, statement: string): number {
  const [value] = Object.values(db.prepare(statement).get() ?? {})
  return typeof value === 'number' ? value : 0
}

/** Bytes of the file that hold something. */
export function usedBytes(db: DatabaseSync): number {
  return (numberOf(db, 'PRAGMA page_count') - numberOf(db, 'PRAGMA freelist_count')) * PAGE_BYTES
}

/** Which file a path is at present; undefined where there is none. */
export function identityOf(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false })
  return found === undefined ? undefined : `${found.dev}:${found.ino}`
}

/** The most bytes that a history takes: 512 MiB, and of a small disk a quarter. */
const MAX = { bytes: 512 * 1024 * 1024, part: 0.25 }

/** How large the history in that folder, which must be there, may get. */
export function roomFor(folder: string): number {
  try {
    const { blocks, bsize } = statfsSync(folder)
    return Math.min(MAX.bytes, blocks * bsize * MAX.part)
  } catch {
    return MAX.bytes
  }
}

/** Whether the disk is so full that what is left is for others. */
export function isDiskTight(path: string): boolean {
  try {
    const { bavail, blocks, bsize } = statfsSync(dirname(path))
    return bavail * bsize < Math.min(DISK_RESERVE.bytes, blocks * bsize * DISK_RESERVE.part)
  } catch {
    return false
  }
}

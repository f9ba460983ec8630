/** The tables of a store file and the statements over them. Everything here is synchronous and inside nobody's transaction. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { type LoggedChange, MAX_KEY_BYTES, type Stored } from '../commit.ts'
import { type KeyRange, rangesOf } from '../keys.ts'
import type { Entry } from '../store.ts'
import { Checksums } from './checksum.ts'
import { corrupt } from './errors.ts'

/** "nsct" in SQLite's header, so that another program's database is not taken for a store. */
export const APPLICATION_ID = 0x6e736374
/** Moves when a store that was written before could no longer be read. */
export const FORMAT_VERSION = 3

/**
 * Entries are clustered by key: a list reads neighbouring pages and nothing else. Pages of 16 KiB hold documents of up to
 * 4 KB without overflow. The log has one row per revision, without gaps.
 */
export const SCHEMA = `
  CREATE TABLE entries (
    key TEXT NOT NULL PRIMARY KEY, revision INTEGER NOT NULL, checksum INTEGER NOT NULL, value TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE log (revision INTEGER PRIMARY KEY, changes TEXT NOT NULL);
  INSERT INTO log VALUES (1, '[[],[]]');
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT_VERSION};
`

const SQL = {
  get: 'SELECT key, revision, checksum, value FROM entries WHERE key = ?',
  many: 'SELECT key, revision, checksum, value FROM entries WHERE key IN (SELECT value FROM json_each(?))',
  range: 'SELECT key, revision, checksum, value FROM entries WHERE key >= ? AND key < ?',
  isMoreThan: 'SELECT 1 FROM entries WHERE key >= ? AND key < ? LIMIT 1 OFFSET ?',
  rangeToEnd: 'SELECT key, revision, checksum, value FROM entries WHERE key >= ?',
  keys: 'SELECT key FROM entries WHERE key >= ? AND key < ?',
  keysToEnd: 'SELECT key FROM entries WHERE key >= ?',
  count: 'SELECT count(*) FROM entries',
  put: `INSERT INTO entries (key, revision, checksum, value) VALUES (?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET revision = excluded.revision, checksum = excluded.checksum, value = excluded.value`,
  delete: 'DELETE FROM entries WHERE key = ?',
  newest: 'SELECT max(revision) FROM log',
  oldest: 'SELECT min(revision) FROM log',
  logPage: 'SELECT revision, changes FROM log WHERE revision > ? ORDER BY revision LIMIT ?',
  log: 'INSERT INTO log (revision, changes) VALUES (?, ?)',
  trim: 'DELETE FROM log WHERE revision <= ?',
  dataVersion: 'PRAGMA data_version',
  bytes: 'SELECT page_count * page_size FROM pragma_page_count, pragma_page_size',
} as const

/** From here on one statement for all is faster than one for each. */
const MANY = 8
/** Below this, looking through what is asked for beats a set of it. */
const FEW = 4

/** After all keys that there may be: longer than the longest of them. */
const END = '\u{10ffff}'.repeat(MAX_KEY_BYTES / 4 + 1)
const WHOLE_STORE: KeyRange = { from: '', to: undefined }

type EntryRow = readonly [key: string, revision: number, checksum: number, value: string]

/** All reading and writing of rows. Statements are prepared when they are first used: a short command needs few. */
export class Rows {
  readonly #db: DatabaseSync
  readonly #path: string
  readonly #checksums = new Checksums()
  readonly #prepared = new Map<keyof typeof SQL, StatementSync>()

  constructor(db: DatabaseSync, path: string) {
    this.#db = db
    this.#path = path
  }

  get(key: string): Entry | undefined {
    const row = this.#statement('get').get(key)
    return row === undefined ? undefined : this.#entry(row)
  }

  /**
   * The entries of those keys that are there. Many are asked for in one statement, because calls cost more than the search. A
   * folder that holds hardly more than is asked of it is read from end to end, which costs less again, and so is a store.
   */
  getMany(keys: readonly string[]): ReadonlyMap<string, Entry> {
    const found = new Map<string, Entry>()
    const keep = (entry: Entry | undefined) => entry && found.set(entry.key, entry)
    if (keys.length < MANY) for (const key of keys) keep(this.get(key))
    else for (const entry of this.#among(WHOLE_STORE, keys) ?? this.#byFolder(keys)) keep(entry)
    return found
  }

  #byFolder(keys: readonly string[]): readonly Entry[] {
    const scattered: string[] = []
    const entries: Entry[] = []
    for (const [folder, wanted] of byFolder(keys)) {
      const [range] = rangesOf([folder])
      const found = range === undefined || wanted.length < MANY ? undefined : this.#among(range, wanted)
      if (found === undefined) scattered.push(...wanted)
      else entries.push(...found)
    }
    if (scattered.length === 0) return entries
    return [
      ...entries,
      ...this.#statement('many')
        .all(JSON.stringify(scattered))
        .map((row) => this.#entry(row)),
    ]
  }

  /** Those of `keys` that are there; undefined where the range holds more than those, so that it is not to be read whole. */
  #among({ from, to = END }: KeyRange, keys: readonly string[]): readonly Entry[] | undefined {
    if (this.#statement('isMoreThan').get(from, to, keys.length) !== undefined) return undefined
    const rows = this.#statement('range').all(from, to)
    // a store that was just made has next to nothing, and is asked for all that is going to be written into it
    const wanted = rows.length < FEW ? undefined : new Set(keys)
    const isWanted = ([key]: EntryRow) => (wanted === undefined ? keys.includes(key) : wanted.has(key))
    return rows.filter((row) => isWanted(row as unknown as EntryRow)).map((row) => this.#entry(row))
  }

  list({ from, to }: KeyRange): readonly Entry[] {
    const rows =
      to === undefined ? this.#statement('rangeToEnd').all(from) : this.#statement('range').all(from, to)
    return rows.map((row) => this.#entry(row))
  }

  keys({ from, to }: KeyRange): readonly string[] {
    const rows =
      to === undefined ? this.#statement('keysToEnd').all(from) : this.#statement('keys').all(from, to)
    return rows.map((row) => (row as unknown as readonly [string])[0])
  }

  count(): number {
    return this.#number('count')
  }

  bytes(): number {
    return this.#number('bytes')
  }

  /** Moves whenever another connection has committed, and not by our own commits. Costs 2 µs. */
  dataVersion(): number {
    return this.#number('dataVersion')
  }

  /** The store's revision. */
  revision(): number {
    return this.#number('newest')
  }

  write(key: string, state: Stored | undefined): void {
    if (state === undefined) this.#statement('delete').run(key)
    else {
      const { revision, value } = state
      this.#statement('put').run(key, revision, this.#checksums.of(key, revision, value), value)
    }
  }

  appendLog({ revision, puts, deletes }: LoggedChange): void {
    this.#statement('log').run(revision, JSON.stringify([puts, deletes]))
  }

  /** At most `limit` log rows after `revision`, oldest first. */
  log(revision: number, limit: number): readonly LoggedChange[] {
    return this.#statement('logPage')
      .all(revision, limit)
      .map((row) => {
        const [at, changes] = row as unknown as readonly [number, string]
        return { revision: at, ...this.#parseChanges(at, changes) }
      })
  }

  /** Forgets log rows up to `revision`, at most `limit` of them, oldest first. */
  trimLog(revision: number, limit: number): void {
    const end = Math.min(revision, this.#number('oldest') + limit - 1)
    this.#statement('trim').run(end)
  }

  #parseChanges(revision: number, text: string): Pick<LoggedChange, 'puts' | 'deletes'> {
    try {
      const [puts, deletes] = JSON.parse(text) as readonly [readonly string[], readonly string[]]
      return { puts, deletes }
    } catch (cause) {
      throw corrupt(this.#path, `the log of revision ${revision} cannot be read`, cause)
    }
  }

  #entry(row: unknown): Entry {
    const [key, revision, sum, value] = row as EntryRow
    if (this.#checksums.of(key, revision, value) !== sum) {
      throw corrupt(this.#path, `the entry ${JSON.stringify(key)} does not match its checksum`)
    }
    return { key, value, revision }
  }

  #number(name: keyof typeof SQL): number {
    const [value] = this.#statement(name).get() as unknown as readonly [number | null]
    if (value === null) throw corrupt(this.#path, 'its log of changes is empty')
    return value
  }

  #statement(name: keyof typeof SQL): StatementSync {
    let statement = this.#prepared.get(name)
    if (statement === undefined) {
      statement = this.#db.prepare(SQL[name])
      statement.setReturnArrays(true)
      this.#prepared.set(name, statement)
    }
    return statement
  }
}

/** Keys by what stands before their last step. */
function byFolder(keys: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const folders = new Map<string, string[]>()
  for (const key of keys) {
    const folder = key.slice(0, key.lastIndexOf('/') + 1)
    const known = folders.get(folder)
    if (known === undefined) folders.set(folder, [key])
    else known.push(key)
  }
  return folders
}

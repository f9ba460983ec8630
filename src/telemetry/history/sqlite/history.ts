/** History in a file of its own, on the machine whose controller writes it. Others on the machine may read it meanwhile. */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../../../core/clock.ts'
import { messageOf } from '../../../core/errors.ts'
import type { Logger } from '../../../core/logger.ts'
import type { HistoryEntry, HistoryQuery, HistoryStore } from '../history.ts'
import { retentionAt } from '../retention.ts'
import {
  identityOf,
  isDamage,
  isDiskTight,
  isFull,
  openForWriting,
  roomFor,
  setAside,
  usedBytes,
} from './file.ts'
import { listRows, Rows } from './rows.ts'

type Sqlite = typeof import('node:sqlite')

const FLUSH_AFTER_MS = 1_000
/** Written at once beyond this. */
const BATCH = 500
/** Kept in memory while nothing can be written; then the oldest samples go, and the oldest of all. */
const MAX_WAITING = 20_000
const PRUNE_EVERY_MS = 2_000
/** Each object is looked at about so often. */
const PRUNE_ROUND_MS = 10 * 60_000
const LEAST_PRUNED = 5
/** At once while the file is too large: more would hold up what waits for the event loop. */
const HURRIED_PRUNED = 100
const MAX_DRIFT_MS = 60_000
/** After a jump of the wall clock nothing is forgotten for so long: it may jump back. */
const DISTRUST_MS = 10 * 60_000
const SAID_EVERY_MS = 60_000
/** The file may grow beyond `maxBytes` by this part until pruning has caught up. */
const SLACK = 1.25
const LEAST_PART = 1 / 1024

export interface SqliteHistoryOptions {
  readonly path: string
  readonly clock: Clock
  readonly logger: Logger
  /** The file is kept about this small: 512 MiB, and a quarter of a small disk, where left out. */
  readonly maxBytes?: number
}

/** Opens the file, or makes it. Never rejects: where it cannot be written, that is said in the log and tried again. */
export async function openSqliteHistory(options: SqliteHistoryOptions): Promise<HistoryStore> {
  return new SqliteHistory(await import('node:sqlite'), options)
}

interface OpenFile {
  readonly db: DatabaseSync
  readonly rows: Rows
  /** Which file it is. */
  readonly file: string | undefined
  readonly maxBytes: number
}

class SqliteHistory implements HistoryStore {
  readonly #sqlite: Sqlite
  readonly #options: SqliteHistoryOptions
  #open: OpenFile | undefined
  #waiting: HistoryEntry[] = []
  #cancelFlush: (() => void) | undefined
  #cancelPrune: () => void = () => {}
  #closed = false
  #lost = 0
  #saidMs = Number.NEGATIVE_INFINITY
  /** The last object that was pruned. */
  #pruned = 0
  /** Of the ages of `retentionAt`: less while the file is too large. */
  #part = 1
  #driftMs: number
  /** Monotonic. */
  #trustedFromMs = 0

  constructor(sqlite: Sqlite, options: SqliteHistoryOptions) {
    this.#sqlite = sqlite
    this.#options = options
    this.#driftMs = options.clock.now() - options.clock.monotonic()
    this.#try(() => this.#rows())
    this.#schedulePrune()
  }

  append(entry: HistoryEntry): void {
    // one that can never be written would keep all that come with it from being written
    if (this.#closed || !Number.isFinite(entry.atMs)) return
    this.#waiting.push(entry)
    if (this.#waiting.length > MAX_WAITING) this.#drop()
    if (this.#waiting.length >= BATCH && this.#lost === 0) this.#flush()
    else this.#cancelFlush ??= this.#options.clock.schedule(FLUSH_AFTER_MS, () => this.#flush())
  }

  async list(query: HistoryQuery): Promise<readonly HistoryEntry[]> {
    if (this.#waiting.length > 0) this.#flush()
    let found: readonly HistoryEntry[] = []
    this.#try(() => {
      this.#rows()
      if (this.#open !== undefined) found = listRows(this.#open.db, query)
    })
    return found
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#flush()
    this.#closed = true
    this.#cancelFlush?.()
    this.#cancelPrune()
    this.#open?.db.close()
    this.#open = undefined
  }

  #flush(): void {
    this.#cancelFlush?.()
    this.#cancelFlush = undefined
    if (this.#waiting.length === 0) return
    const entries = this.#waiting
    const written = this.#try(() => {
      if (isDiskTight(this.#options.path)) throw new Error('the disk is almost full')
      this.#rows().write(entries)
    })
    if (written) this.#waiting = []
    else if (!this.#closed)
      this.#cancelFlush = this.#options.clock.schedule(FLUSH_AFTER_MS, () => this.#flush())
  }

  #drop(): void {
    const at = Math.max(
      0,
      this.#waiting.findIndex(({ kind }) => kind === 'sample'),
    )
    this.#waiting.splice(at, 1)
    this.#lost++
  }

  /** Where the file was taken away meanwhile, another is begun: nobody would find what is written to the old one. */
  #rows(): Rows {
    const { path } = this.#options
    if (this.#open !== undefined && this.#open.file === identityOf(path)) return this.#open.rows
    this.#open?.db.close()
    this.#open = undefined
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const maxBytes = this.#options.maxBytes ?? roomFor(dirname(path))
    const db = openForWriting(this.#sqlite, path, maxBytes * SLACK)
    this.#open = { db, rows: new Rows(db), file: identityOf(path), maxBytes }
    return this.#open.rows
  }

  /** True where `work` went well. A damaged file is set aside, and `work` done again on a new one. */
  #try(work: () => void): boolean {
    try {
      work()
      if (this.#lost > 0) this.#sayLost('written again')
      return true
    } catch (error) {
      return this.#recover(error, work)
    }
  }

  #recover(error: unknown, work: () => void): boolean {
    const { logger, path } = this.#options
    if (!isDamage(error)) {
      if (isFull(error)) this.#part = Math.max(LEAST_PART, this.#part / 2)
      this.#say(error)
      return false
    }
    try {
      this.#open?.db.close()
      this.#open = undefined
      const aside = setAside(path)
      logger.log('warn', `the history is damaged and a new one is begun: ${messageOf(error)}`, {
        path,
        aside,
      })
      work()
      return true
    } catch (again) {
      this.#say(again)
      return false
    }
  }

  /** Once a minute. */
  #say(error: unknown): void {
    const { clock, logger, path } = this.#options
    if (clock.monotonic() - this.#saidMs < SAID_EVERY_MS) return
    this.#saidMs = clock.monotonic()
    const [waiting, lost] = [this.#waiting.length, this.#lost]
    logger.log('warn', `the history cannot be written: ${messageOf(error)}`, { path, waiting, lost })
  }

  #sayLost(what: string): void {
    const { logger, path } = this.#options
    logger.log('warn', `the history is ${what}; some of it was lost meanwhile`, { path, lost: this.#lost })
    this.#lost = 0
  }

  #schedulePrune(): void {
    this.#cancelPrune = this.#options.clock.schedule(PRUNE_EVERY_MS, () => {
      if (this.#closed) return
      this.#prune()
      this.#schedulePrune()
    })
  }

  /** A few objects at a time. Not after the wall clock has jumped: what it calls old may be new. */
  #prune(): void {
    const { clock } = this.#options
    const driftMs = clock.now() - clock.monotonic()
    if (Math.abs(driftMs - this.#driftMs) > MAX_DRIFT_MS)
      this.#trustedFromMs = clock.monotonic() + DISTRUST_MS
    this.#driftMs = driftMs
    if (clock.monotonic() < this.#trustedFromMs) return
    this.#try(() => {
      const rows = this.#rows()
      const { db, maxBytes } = this.#open as OpenFile
      const isLarge = usedBytes(db) > maxBytes
      const share = Math.ceil((rows.countObjects() * PRUNE_EVERY_MS) / PRUNE_ROUND_MS)
      const count = Math.max(isLarge ? HURRIED_PRUNED : LEAST_PRUNED, share)
      const ids = rows.objectsAfter(this.#pruned, count)
      rows.prune(ids, retentionAt(clock.now(), this.#part))
      this.#pruned = ids.at(-1) ?? 0
      if (ids.length === count) return
      this.#pruned = 0
      this.#judgeSize(usedBytes(db), maxBytes)
    })
  }

  /** After each round: what is still too large with all that was kept keeps less. */
  #judgeSize(used: number, maxBytes: number): void {
    if (used > maxBytes) this.#part = Math.max(LEAST_PART, this.#part / 2)
    else if (used < maxBytes / 4) this.#part = Math.min(1, this.#part * 2)
  }
}

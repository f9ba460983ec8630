/**
 * The embedded store: one SQLite file in WAL mode, shared by several processes. What `commit` acknowledged has been
 * synced to the disk.
 */
import { existsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../../core/clock.ts'
import { isNsctlError, NsctlError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { type CommitPlan, validateTransactions } from '../commit.ts'
import { Bell, follow } from '../feed.ts'
import { matcherOf, rangesOf } from '../keys.ts'
import type {
  CommitResult,
  EngineFormat,
  Entry,
  FirstEntry,
  Listing,
  Store,
  StoreStats,
  Transaction,
  WatchBatch,
} from '../store.ts'
import { applyTransactions } from './applying.ts'
import { changesAfter } from './changes.ts'
import { isBusy, translate, unreachable } from './errors.ts'
import { createFile, type OpenedFile, openFile } from './file.ts'
import type { OlderFormat } from './format.ts'
import { untilUnlocked } from './locking.ts'
import { CommitQueue } from './queue.ts'
import { Reserve } from './reserve.ts'
import { FORMAT_VERSION, Rows } from './rows.ts'
import { Watchers } from './watchers.ts'

export interface SqliteStoreOptions {
  /** Made where it is not there, with its folder, unless `readOnly`. */
  readonly path: string
  readonly clock: Clock
  readonly logger: Logger
  /** How long to wait for another process that holds the lock, before StoreLocked. */
  readonly busyTimeoutMs?: number
  /** For a short look: opens faster, leaves nothing behind, and refuses to write. */
  readonly readOnly?: boolean
  /** How many revisions back a watch can start. One that is further behind lists again, which is no slower by then. */
  readonly historyRevisions?: number
  /** What a store that is made new begins with. */
  readonly first?: readonly FirstEntry[]
  /** What to do with a file of an earlier format; one that is only read is read as it is, if that is not said. */
  readonly older?: OlderFormat
}

const BUSY_TIMEOUT_MS = 5_000
const HISTORY_REVISIONS = 20_000

/** Opens the store. Throws Unreachable, StoreLocked, StoreFull, StoreCorrupt and StoreFormat. */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const sqlite = await import('node:sqlite')
  const path = resolve(options.path)
  const limitMs = options.busyTimeoutMs ?? BUSY_TIMEOUT_MS
  const readOnly = options.readOnly ?? false
  try {
    if (!existsSync(path)) {
      if (readOnly) throw missing(path)
      createFile(sqlite, path, options.first ?? [])
    }
    const older = options.older ?? (readOnly ? 'read' : 'refuse')
    const open = () => openFile(sqlite, path, readOnly, older)
    const file = await untilUnlocked(options.clock, limitMs, () => withReserve(path, options.clock, open))
    return new SqliteStore(file, path, options)
  } catch (error) {
    throw translate(error, path)
  }
}

/** Opening needs a little room: on a full disk that of the reserve, so that deleting is possible. */
function withReserve<T>(path: string, clock: Clock, open: () => T): T {
  try {
    return open()
  } catch (error) {
    if (isBusy(error) || !isNsctlError(translate(error, path), 'StoreFull')) throw error
    if (!new Reserve(path, clock).giveUp()) throw error
    return open()
  }
}

function missing(path: string): NsctlError {
  return new NsctlError('Unreachable', `there is no store at ${path}`, {
    value: path,
    next: 'start nsctl (nsctl up) or apply something, or name another store with NSCTL_STORE',
  })
}

class SqliteStore implements Store {
  readonly url: string
  readonly format: EngineFormat
  readonly #db: DatabaseSync
  readonly #rows: Rows
  readonly #path: string
  readonly #inode: number
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #busyTimeoutMs: number
  readonly #historyRevisions: number
  readonly #readOnly: boolean
  readonly #reserve: Reserve
  readonly #queue = new CommitQueue((transactions) => this.#writeGroup(transactions))
  readonly #bell = new Bell()
  readonly #watchers: Watchers
  readonly #closed = new AbortController()
  #closing: Promise<void> | undefined

  constructor({ db, format }: OpenedFile, path: string, options: SqliteStoreOptions) {
    this.url = `sqlite:${path}`
    this.format = { found: format, present: FORMAT_VERSION }
    this.#db = db
    this.#rows = new Rows(db, path)
    this.#path = path
    this.#inode = statSync(path).ino
    this.#clock = options.clock
    this.#logger = options.logger.with({ store: this.url })
    this.#busyTimeoutMs = options.busyTimeoutMs ?? BUSY_TIMEOUT_MS
    this.#historyRevisions = options.historyRevisions ?? HISTORY_REVISIONS
    this.#readOnly = options.readOnly ?? false
    this.#reserve = new Reserve(path, options.clock)
    // the first commit needs it: until then it is made beside everything else
    if (!this.#readOnly) this.#reserve.isKept()
    this.#watchers = new Watchers({
      path,
      clock: options.clock,
      logger: this.#logger,
      bell: this.#bell,
      dataVersion: () => this.#rows.dataVersion(),
    })
  }

  get(key: string): Promise<Entry | undefined> {
    return this.#read(() => this.#rows.get(key))
  }

  getMany(keys: readonly string[]): Promise<readonly Entry[]> {
    return this.#read(() => {
      const found = this.#rows.getMany(keys)
      if (found.size === 0) return []
      return keys.map((key) => found.get(key)).filter((entry) => entry !== undefined)
    })
  }

  list(prefixes: readonly string[]): Promise<Listing> {
    const ranges = rangesOf(prefixes)
    return this.#read(() =>
      this.#within('BEGIN', () => ({
        entries: ranges.flatMap((range) => this.#rows.list(range)),
        revision: this.#rows.revision(),
      })),
    )
  }

  listKeys(prefix: string): Promise<readonly string[]> {
    return this.#read(() => rangesOf([prefix]).flatMap((range) => this.#rows.keys(range)))
  }

  async commit(transactions: readonly Transaction[]): Promise<readonly CommitResult[]> {
    this.#assertOpen()
    if (this.#readOnly) throw new NsctlError('Bug', `the store ${this.url} was opened for reading only`)
    validateTransactions(transactions)
    return this.#queue.add(transactions)
  }

  async *watch(prefixes: readonly string[], from: number, signal: AbortSignal): AsyncGenerator<WatchBatch> {
    const ended = AbortSignal.any([signal, this.#closed.signal])
    if (ended.aborted) return
    const matches = matcherOf(prefixes)
    await this.#watchers.enter()
    try {
      const read = (cursor: number) => this.#read(() => changesAfter(this.#rows, cursor, matches))
      yield* follow({ bell: this.#bell, read }, from, ended)
    } catch (error) {
      if (!ended.aborted) throw error
    } finally {
      await this.#watchers.leave()
    }
  }

  stats(): Promise<StoreStats> {
    return this.#read(() => ({
      url: this.url,
      revision: this.#rows.revision(),
      keys: this.#rows.count(),
      bytes: this.#rows.bytes(),
    }))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const drained = this.#queue.drain()
    this.#closed.abort()
    await drained
    await this.#watchers.close()
    await this.#reserve.settled()
    this.#db.close()
  }

  #assertOpen(): void {
    if (this.#closed.signal.aborted) throw new NsctlError('Unreachable', `the store ${this.url} is closed`)
  }

  async #read<T>(read: () => T): Promise<T> {
    this.#assertOpen()
    try {
      return await untilUnlocked(this.#clock, this.#busyTimeoutMs, () => {
        this.#assertOpen()
        return read()
      })
    } catch (error) {
      throw translate(error, this.#path)
    }
  }

  /** Runs `work` in a transaction, and leaves none open whatever happens. */
  #within<T>(begin: 'BEGIN' | 'BEGIN IMMEDIATE', work: () => T): T {
    this.#db.exec(begin)
    try {
      const result = work()
      this.#db.exec('COMMIT')
      return result
    } catch (error) {
      // a full disk has rolled it back already
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      throw error
    }
  }

  async #writeGroup(transactions: readonly Transaction[]): Promise<readonly CommitResult[]> {
    await this.#watchers.connect()
    try {
      const plan = await untilUnlocked(this.#clock, this.#busyTimeoutMs, () => this.#apply(transactions))
      if (plan.log.length > 0) {
        this.#bell.ring()
        this.#watchers.poke()
      }
      return plan.results
    } catch (error) {
      throw translate(error, this.#path)
    }
  }

  /** Writes it; on a full disk once more in the room of the reserve, where that did not make the store larger. */
  #apply(transactions: readonly Transaction[]): CommitPlan {
    this.#assertSameFile()
    try {
      return this.#applyOnce(transactions)
    } catch (error) {
      if (isBusy(error) || !isNsctlError(translate(error, this.#path), 'StoreFull')) throw error
      if (!this.#reserve.giveUp()) throw error
      this.#logger.log('error', 'the disk is full: only what frees space is accepted until there is more')
      this.#db.exec('PRAGMA wal_checkpoint(PASSIVE)')
      return this.#applyOnce(transactions)
    }
  }

  #applyOnce(transactions: readonly Transaction[]): CommitPlan {
    return this.#within('BEGIN IMMEDIATE', () =>
      applyTransactions(transactions, {
        rows: this.#rows,
        reserve: this.#reserve,
        path: this.#path,
        historyRevisions: this.#historyRevisions,
      }),
    )
  }

  /** Going on in a file that somebody removed or replaced would keep what nobody else can see. */
  #assertSameFile(): void {
    if (statSync(this.#path, { throwIfNoEntry: false })?.ino === this.#inode) return
    throw unreachable(this.#path, new Error('its file was removed or replaced while it was open'))
  }
}

/** A store in this process's memory: for tests, and for trying things without a trace. Nothing survives `close`. */
import { NsctlError } from '../../core/errors.ts'
import { type LoggedChange, planCommit, type Stored, validateTransactions } from '../commit.ts'
import { Bell, type FeedPage, follow } from '../feed.ts'
import { compareKeys, matcherOf, rangesOf } from '../keys.ts'
import type {
  Change,
  CommitResult,
  Entry,
  FirstEntry,
  Listing,
  Store,
  StoreStats,
  Transaction,
  WatchBatch,
} from '../store.ts'

export interface MemoryStoreOptions {
  /** How many revisions back a watch can start. */
  readonly historyRevisions?: number
  /** For telling several apart. */
  readonly name?: string
  /** What it begins with. */
  readonly first?: readonly FirstEntry[]
}

const PAGE_CHANGES = 500

/** An empty store of its own. */
export function createMemoryStore(options: MemoryStoreOptions = {}): Store {
  return new MemoryStore(options)
}

class MemoryStore implements Store {
  readonly url: string
  readonly #historyRevisions: number
  readonly #states = new Map<string, Stored>()
  /** All keys, in the port's order. */
  readonly #keys: string[] = []
  /** Of revisions #oldest, #oldest + 1, … */
  #log: LoggedChange[] = [{ revision: 1, puts: [], deletes: [] }]
  #revision = 1
  readonly #bell = new Bell()
  readonly #closed = new AbortController()

  constructor({ name = '', historyRevisions = 50_000, first = [] }: MemoryStoreOptions) {
    this.url = `memory:${name}`
    this.#historyRevisions = historyRevisions
    for (const { key, value } of first) this.#write(key, { value, revision: this.#revision })
  }

  async get(key: string): Promise<Entry | undefined> {
    this.#assertOpen()
    return this.#entry(key)
  }

  async getMany(keys: readonly string[]): Promise<readonly Entry[]> {
    this.#assertOpen()
    return keys.map((key) => this.#entry(key)).filter((entry) => entry !== undefined)
  }

  async list(prefixes: readonly string[]): Promise<Listing> {
    this.#assertOpen()
    const entries = this.#keysUnder(prefixes).map((key) => this.#entry(key)!)
    return { entries, revision: this.#revision }
  }

  async listKeys(prefix: string): Promise<readonly string[]> {
    this.#assertOpen()
    return this.#keysUnder([prefix])
  }

  async commit(transactions: readonly Transaction[]): Promise<readonly CommitResult[]> {
    this.#assertOpen()
    validateTransactions(transactions)
    const plan = planCommit(transactions, this.#revision, (key) => this.#states.get(key))
    for (const [key, state] of plan.writes) this.#write(key, state)
    if (plan.log.length > 0) {
      this.#revision = plan.revision
      this.#log.push(...plan.log)
      // in pages, so that trimming costs nothing on most commits
      if (this.#log.length > this.#historyRevisions * 1.1)
        this.#log = this.#log.slice(-this.#historyRevisions)
      this.#bell.ring()
    }
    return plan.results
  }

  watch(prefixes: readonly string[], from: number, signal: AbortSignal): AsyncIterable<WatchBatch> {
    const matches = matcherOf(prefixes)
    const feed = { bell: this.#bell, read: (cursor: number) => this.#changesAfter(cursor, matches) }
    return follow(feed, from, AbortSignal.any([signal, this.#closed.signal]))
  }

  async stats(): Promise<StoreStats> {
    let bytes = 0
    for (const [key, { value }] of this.#states) bytes += key.length + value.length
    return { url: this.url, revision: this.#revision, keys: this.#keys.length, bytes }
  }

  async close(): Promise<void> {
    this.#closed.abort()
  }

  #assertOpen(): void {
    if (this.#closed.signal.aborted) throw new NsctlError('Unreachable', `the store ${this.url} is closed`)
  }

  #entry(key: string): Entry | undefined {
    const state = this.#states.get(key)
    return state && { key, value: state.value, revision: state.revision }
  }

  #keysUnder(prefixes: readonly string[]): string[] {
    return rangesOf(prefixes).flatMap(({ from, to }) =>
      this.#keys.slice(this.#position(from), to === undefined ? undefined : this.#position(to)),
    )
  }

  #write(key: string, state: Stored | undefined): void {
    const known = this.#states.has(key)
    if (state === undefined) {
      if (known) this.#keys.splice(this.#position(key), 1)
      this.#states.delete(key)
      return
    }
    if (!known) this.#keys.splice(this.#position(key), 0, key)
    this.#states.set(key, state)
  }

  /** Where `key` stands, or would stand, in #keys. */
  #position(key: string): number {
    let low = 0
    let high = this.#keys.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareKeys(this.#keys[middle]!, key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #changesAfter(cursor: number, matches: (key: string) => boolean): FeedPage {
    const oldest = this.#log[0]!.revision
    // trimmed since, or a revision that has not been yet
    if (cursor < oldest - 1 || cursor > this.#revision) {
      return { batch: { kind: 'relist', revision: this.#revision }, cursor: this.#revision, more: false }
    }
    const changes: Change[] = []
    let reached = cursor
    for (let i = cursor + 1 - oldest; i < this.#log.length && changes.length < PAGE_CHANGES; i++) {
      const { revision, puts, deletes } = this.#log[i]!
      reached = revision
      for (const key of puts) {
        const state = matches(key) ? this.#states.get(key) : undefined
        // what has changed again since comes again later in the log
        if (state?.revision === revision) changes.push({ kind: 'put', key, value: state.value, revision })
      }
      for (const key of deletes) {
        if (matches(key) && !this.#states.has(key)) changes.push({ kind: 'delete', key, revision })
      }
    }
    const more = reached < this.#revision
    if (changes.length === 0) return { cursor: reached, more }
    return { batch: { kind: 'changes', changes, revision: reached }, cursor: reached, more }
  }
}

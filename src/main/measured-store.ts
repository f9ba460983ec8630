/** A store whose answers are timed, and what came of it as metrics: what rest_client_request_duration_seconds is to Kubernetes. */
import type { Clock } from '../core/clock.ts'
import { isNsctlError } from '../core/errors.ts'
import type {
  CommitResult,
  EngineFormat,
  Entry,
  Listing,
  Store,
  StoreStats,
  Transaction,
  WatchBatch,
} from '../store/store.ts'
import type { Exposition, Families } from '../telemetry/families.ts'
import { HistogramTally } from '../telemetry/histogram.ts'

type Operation = 'get' | 'getMany' | 'list' | 'listKeys' | 'commit' | 'stats'

const BUCKETS_SECONDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
]

export class StoreTally implements Exposition {
  readonly #durations = new Map<Operation, HistogramTally>()
  /** `operation code` → how often. */
  readonly #results = new Map<string, number>()

  answered(operation: Operation, code: string, tookMs: number): void {
    const known = this.#durations.get(operation)
    const tally = known ?? new HistogramTally(BUCKETS_SECONDS)
    if (known === undefined) this.#durations.set(operation, tally)
    tally.observeMs(tookMs)
    const key = `${operation} ${code}`
    this.#results.set(key, (this.#results.get(key) ?? 0) + 1)
  }

  define(families: Families): void {
    families.histogram('nsctl_store_request_duration_seconds', 'How long the store took to answer', () =>
      Array.from(this.#durations, ([operation, tally]) => ({ labels: { operation }, tally })),
    )
    families.counter('nsctl_store_requests_total', 'Requests to the store by how they ended', () =>
      Array.from(this.#results, ([key, value]) => {
        const [operation = '', code = ''] = key.split(' ')
        return { labels: { operation, code }, value }
      }),
    )
  }
}

/** `store`, with every request told to `tally`. */
export function measuredStore(store: Store, tally: StoreTally, clock: Clock): Store {
  return new MeasuredStore(store, tally, clock)
}

class MeasuredStore implements Store {
  readonly url: string
  readonly maxOperations?: number
  readonly maxTransactionBytes?: number
  readonly format?: EngineFormat
  readonly recall?: (key: string) => Entry | undefined
  readonly #store: Store
  readonly #tally: StoreTally
  readonly #clock: Clock

  constructor(store: Store, tally: StoreTally, clock: Clock) {
    this.url = store.url
    if (store.maxOperations !== undefined) this.maxOperations = store.maxOperations
    if (store.maxTransactionBytes !== undefined) this.maxTransactionBytes = store.maxTransactionBytes
    if (store.format !== undefined) this.format = store.format
    if (store.recall !== undefined) this.recall = store.recall.bind(store)
    this.#store = store
    this.#tally = tally
    this.#clock = clock
  }

  get(key: string): Promise<Entry | undefined> {
    return this.#timed('get', () => this.#store.get(key))
  }

  getMany(keys: readonly string[]): Promise<readonly Entry[]> {
    return this.#timed('getMany', () => this.#store.getMany(keys))
  }

  list(prefixes: readonly string[]): Promise<Listing> {
    return this.#timed('list', () => this.#store.list(prefixes))
  }

  listKeys(prefix: string): Promise<readonly string[]> {
    return this.#timed('listKeys', () => this.#store.listKeys(prefix))
  }

  commit(transactions: readonly Transaction[]): Promise<readonly CommitResult[]> {
    return this.#timed('commit', () => this.#store.commit(transactions))
  }

  watch(...args: Parameters<Store['watch']>): AsyncIterable<WatchBatch> {
    return this.#store.watch(...args)
  }

  stats(): Promise<StoreStats> {
    return this.#timed('stats', () => this.#store.stats())
  }

  close(): Promise<void> {
    return this.#store.close()
  }

  /** Some engines have done the work when the call returns. */
  async #timed<T>(operation: Operation, ask: () => Promise<T>): Promise<T> {
    const startedMs = this.#clock.monotonic()
    let code = 'OK'
    try {
      return await ask()
    } catch (error) {
      code = isNsctlError(error) ? error.code : 'Unknown'
      throw error
    } finally {
      this.#tally.answered(operation, code, this.#clock.monotonic() - startedMs)
    }
  }
}

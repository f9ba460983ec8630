/**
 * A store that is written to only while it is whole and of a layout that this process may write. Each transaction checks that the
 * entry which says so is still the one that was read: whoever upgrades or fills the store moves it first, and from then on
 * nobody writes who has not looked again.
 */
import { type LayoutVersion, refuseUnwritable } from './layout.ts'
import { LAYOUT_KEY } from './snapshot.ts'
import type {
  CommitResult,
  EngineFormat,
  Entry,
  Listing,
  Operation,
  Store,
  StoreStats,
  Transaction,
  WatchBatch,
} from './store.ts'

/**
 * Guards `store` for a process that knows the layout `own`.
 *
 * @throws NsctlError StoreFormat and Conflict, as `refuseUnwritable` does; so does `commit`, once that has become true
 */
export async function guardStore(store: Store, own: LayoutVersion): Promise<Store> {
  const { revision } = await refuseUnwritable(store, own)
  return new GuardedStore(store, own, revision)
}

/** What a check takes of a transaction's bytes. */
const CHECK_BYTES = LAYOUT_KEY.length

class GuardedStore implements Store {
  readonly url: string
  readonly maxOperations?: number
  readonly maxTransactionBytes?: number
  readonly format?: EngineFormat
  readonly recall?: (key: string) => Entry | undefined
  readonly #store: Store
  readonly #own: LayoutVersion
  #check: Operation

  constructor(store: Store, own: LayoutVersion, revision: number) {
    this.url = store.url
    if (store.maxOperations !== undefined) this.maxOperations = store.maxOperations - 1
    if (store.maxTransactionBytes !== undefined)
      this.maxTransactionBytes = store.maxTransactionBytes - CHECK_BYTES
    if (store.format !== undefined) this.format = store.format
    if (store.recall !== undefined) this.recall = store.recall.bind(store)
    this.#store = store
    this.#own = own
    this.#check = checkOf(revision)
  }

  get(key: string): Promise<Entry | undefined> {
    return this.#store.get(key)
  }

  getMany(keys: readonly string[]): Promise<readonly Entry[]> {
    return this.#store.getMany(keys)
  }

  list(prefixes: readonly string[]): Promise<Listing> {
    return this.#store.list(prefixes)
  }

  listKeys(prefix: string): Promise<readonly string[]> {
    return this.#store.listKeys(prefix)
  }

  watch(...args: Parameters<Store['watch']>): AsyncIterable<WatchBatch> {
    return this.#store.watch(...args)
  }

  stats(): Promise<StoreStats> {
    return this.#store.stats()
  }

  close(): Promise<void> {
    return this.#store.close()
  }

  async commit(transactions: readonly Transaction[]): Promise<readonly CommitResult[]> {
    const check = this.#check
    const results = await this.#store.commit(transactions.map((operations) => [check, ...operations]))
    const at = results.findIndex((result) => result.kind === 'conflict' && result.key === LAYOUT_KEY)
    if (at === -1) return results
    // it moved meanwhile: all after this one met the same, so that those are still in order
    const { revision } = await refuseUnwritable(this.#store, this.#own)
    this.#check = checkOf(revision)
    return [...results.slice(0, at), ...(await this.commit(transactions.slice(at)))]
  }
}

function checkOf(revision: number): Operation {
  return { kind: 'check', key: LAYOUT_KEY, expect: revision }
}

/**
 * A store as long as a lease is held. What would be refused anyway is not asked any more: a store that is cut off takes many seconds to say
 * so, a reconcile asks more than once, and a leader that was deposed would be busy for a minute with what nobody wants.
 */
import type { CommitResult, EngineFormat, Entry, Listing, Store, StoreStats, Transaction } from './store.ts'

/**
 * `store`, of which every call rejects with the reason of `lost` once that has aborted: those under way as well, of which is not known then
 * whether they did something. Watches have signals of their own, and go through.
 */
export function storeOfTerm(store: Store, lost: AbortSignal): Store {
  return new TermStore(store, lost)
}

class TermStore implements Store {
  readonly url: string
  readonly maxOperations?: number
  readonly maxTransactionBytes?: number
  readonly format?: EngineFormat
  readonly recall?: (key: string) => Entry | undefined
  readonly #store: Store
  readonly #lost: AbortSignal
  readonly #underWay = new Set<(reason: unknown) => void>()

  constructor(store: Store, lost: AbortSignal) {
    this.url = store.url
    if (store.maxOperations !== undefined) this.maxOperations = store.maxOperations
    if (store.maxTransactionBytes !== undefined) this.maxTransactionBytes = store.maxTransactionBytes
    if (store.format !== undefined) this.format = store.format
    if (store.recall !== undefined) this.recall = store.recall.bind(store)
    this.#store = store
    this.#lost = lost
    const end = () => {
      for (const reject of this.#underWay) reject(lost.reason)
    }
    lost.addEventListener('abort', end, { once: true })
  }

  get(key: string): Promise<Entry | undefined> {
    return this.#whileHeld(() => this.#store.get(key))
  }

  getMany(keys: readonly string[]): Promise<readonly Entry[]> {
    return this.#whileHeld(() => this.#store.getMany(keys))
  }

  list(prefixes: readonly string[]): Promise<Listing> {
    return this.#whileHeld(() => this.#store.list(prefixes))
  }

  listKeys(prefix: string): Promise<readonly string[]> {
    return this.#whileHeld(() => this.#store.listKeys(prefix))
  }

  commit(transactions: readonly Transaction[]): Promise<readonly CommitResult[]> {
    return this.#whileHeld(() => this.#store.commit(transactions))
  }

  stats(): Promise<StoreStats> {
    return this.#whileHeld(() => this.#store.stats())
  }

  watch(...words: Parameters<Store['watch']>): ReturnType<Store['watch']> {
    return this.#store.watch(...words)
  }

  close(): Promise<void> {
    return this.#store.close()
  }

  #whileHeld<T>(ask: () => Promise<T>): Promise<T> {
    if (this.#lost.aborted) return Promise.reject(this.#lost.reason)
    return new Promise((resolve, reject) => {
      this.#underWay.add(reject)
      ask()
        .then(resolve, reject)
        .finally(() => this.#underWay.delete(reject))
    })
  }
}

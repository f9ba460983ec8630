/** Statuses of instances as they are written, for benchmarks that run beside a daemon. */
import { hostname } from 'node:os'
import type { Store } from '../src/store/store.ts'

/** What benchmarks read of an Instance's status. */
export interface Status {
  readonly phase: string
  readonly ready: boolean
  readonly restarts: number
  readonly pid?: number
  readonly lastFailure?: object
}

const LIMIT_MS = 60_000

/**
 * The statuses as they are written, by the store's own watch: one that is read once when it changes. To read all hundred of them with
 * every commit took 90 ms of CPU from a round of nsctl, and nothing from one of systemctl.
 */
export class Statuses {
  readonly #store: Store
  readonly #known = new Map<string, Status>()
  readonly #stop = new AbortController()
  #told: (atMs: number) => void = () => {}

  constructor(store: Store) {
    this.#store = store
  }

  get all(): readonly Status[] {
    return [...this.#known.values()]
  }

  /** Those of one Service. */
  of(service: string): readonly Status[] {
    return Array.from(this.#known).flatMap(([key, status]) =>
      key.includes(`/default/${service}-`) ? [status] : [],
    )
  }

  /** Follows the store until `close`. */
  async follow(): Promise<void> {
    const prefixes = [`node/${hostname().toLowerCase()}/status/instances/default/`]
    for (let isOpen = true; isOpen; isOpen = !this.#stop.signal.aborted) {
      const { entries, revision } = await this.#store.list(prefixes)
      this.#known.clear()
      for (const { key, value } of entries) this.#known.set(key, JSON.parse(value))
      this.#told(performance.now())
      for await (const batch of this.#store.watch(prefixes, revision, this.#stop.signal)) {
        if (batch.kind === 'relist') break
        const atMs = performance.now()
        for (const change of batch.changes)
          if (change.kind === 'put') this.#known.set(change.key, JSON.parse(change.value))
          else this.#known.delete(change.key)
        this.#told(atMs)
      }
    }
  }

  close(): void {
    this.#stop.abort()
  }

  /** Resolves to the time at which it was seen that what is written satisfies `holds`. */
  until(what: string, holds: (all: readonly Status[]) => boolean): Promise<number> {
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => reject(new Error(`${what}: not after ${LIMIT_MS} ms`)), LIMIT_MS)
      this.#told = (atMs) => {
        if (!holds(this.all)) return
        this.#told = () => {}
        clearTimeout(limit)
        resolve(atMs)
      }
      this.#told(performance.now())
    })
  }
}

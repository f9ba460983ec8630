/**
 * Reads of keys, gathered as commits are: what is asked for in the same turn, or while a read is on its way, goes in one
 * transaction as far as it fits. Each that asks has its keys as of one moment, which is after it asked.
 */
import type { Clock } from '../../core/clock.ts'
import type { KvEntry } from './client.ts'
import { isTransient } from './errors.ts'
import { MAX_KV_OPERATIONS } from './reading.ts'

type Found = ReadonlyMap<string, KvEntry>

export interface ReadsOptions {
  readonly clock: Clock
  /** At most MAX_KV_OPERATIONS keys, each once, as of one moment. */
  readonly read: (keys: readonly string[]) => Promise<Found>
}

interface Ask {
  readonly keys: readonly string[]
  readonly resolve: (found: Found) => void
  readonly reject: (error: unknown) => void
}

/** One that takes longer is not waited for: the server that it was sent to may be away. */
const PATIENCE_MS = 50

export class Reads {
  readonly #options: ReadsOptions
  #waiting: Ask[] = []
  /** Reads on their way that are waited for. */
  #awaited = 0
  #isDue = false

  constructor(options: ReadsOptions) {
    this.#options = options
  }

  /** What is there of some keys, no more than fit in a transaction; other keys may be among it. */
  read(keys: readonly string[]): Promise<Found> {
    if (keys.length === 0) return Promise.resolve(new Map())
    return new Promise((resolve, reject) => {
      this.#waiting.push({ keys, resolve, reject })
      this.#sendSoon()
    })
  }

  #sendSoon(): void {
    if (this.#isDue || this.#awaited > 0 || this.#waiting.length === 0) return
    this.#isDue = true
    setImmediate(() => {
      this.#isDue = false
      for (const asks of this.#takeAll()) void this.#send(asks)
    })
  }

  /** All that wait, as they go together. */
  #takeAll(): readonly (readonly Ask[])[] {
    const taken: Ask[][] = []
    let keys = new Set<string>()
    for (const ask of this.#waiting) {
      const together = new Set([...keys, ...ask.keys])
      const last = taken.at(-1)
      if (last !== undefined && together.size <= MAX_KV_OPERATIONS) {
        last.push(ask)
        keys = together
      } else {
        taken.push([ask])
        keys = new Set(ask.keys)
      }
    }
    this.#waiting = []
    return taken
  }

  async #send(asks: readonly Ask[]): Promise<void> {
    this.#awaited++
    let isAwaited = true
    const done = () => {
      if (!isAwaited) return
      isAwaited = false
      this.#awaited--
      this.#sendSoon()
    }
    const forget = this.#options.clock.schedule(PATIENCE_MS, done)
    try {
      const found = await this.#options.read([...new Set(asks.flatMap(({ keys }) => keys))])
      for (const { resolve } of asks) resolve(found)
    } catch (error) {
      // one of them may ask for what may not be read
      if (asks.length > 1 && !isTransient(error)) for (const ask of asks) void this.#send([ask])
      else for (const { reject } of asks) reject(error)
    } finally {
      forget()
      done()
    }
  }
}

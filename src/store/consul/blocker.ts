/** A blocking read that goes on as long as somebody listens: the one wait that all watches of a process share. */
import { type Clock, delay } from '../../core/clock.ts'
import { Bell } from '../feed.ts'
import type { KvClient, KvEntry } from './client.ts'
import { isTransient, mayHeal } from './errors.ts'

const RETRY_FIRST_MS = 50
const RETRY_LAST_MS = 2_000
/** News after so long stands by itself; what comes sooner is part of a stream. */
const QUIET_MS = 200
const PAUSE_FIRST_MS = 5

export interface BlockerOptions {
  readonly client: KvClient
  readonly clock: Clock
  readonly key: string
  readonly recurse: boolean
  /** How long it goes on without an answer before it says that the store is away. */
  readonly giveUpMs: number
  /** In a stream of news each of which wakes it, waits before it asks again: the longer the stream, the longer, up to this. Not at all where left out. */
  readonly gatherMs?: number
}

export class Blocker {
  readonly bell = new Bell()
  readonly #options: BlockerOptions
  #listeners = 0
  #stop: AbortController | undefined
  #entries: readonly KvEntry[] | undefined
  #failure: unknown

  constructor(options: BlockerOptions) {
    this.#options = options
  }

  /** What was read last; undefined before the first answer. Throws while the store is away for long. */
  latest(): readonly KvEntry[] | undefined {
    if (this.#failure !== undefined) throw this.#failure
    return this.#entries
  }

  enter(): void {
    if (++this.#listeners > 1) return
    this.#stop = new AbortController()
    this.#entries = undefined
    this.#failure = undefined
    void this.#run(this.#stop.signal)
  }

  leave(): void {
    if (--this.#listeners === 0) this.#stop?.abort()
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { client, clock, key, recurse, giveUpMs, gatherMs } = this.#options
    let index = 0
    let waitMs = RETRY_FIRST_MS
    let hasAnswered = false
    let failingSinceMs: number | undefined
    let pauseMs = 0
    while (!signal.aborted) {
      try {
        const askedMs = clock.monotonic()
        const read = await client.block({ key, recurse, index, signal })
        if (signal.aborted) return
        const isNews = read.index !== index || this.#entries === undefined
        // an index that goes back is another history: read it from its beginning (Consul's documentation asks for it)
        index = read.index < index ? 0 : read.index
        waitMs = RETRY_FIRST_MS
        hasAnswered = true
        failingSinceMs = undefined
        this.#failure = undefined
        this.#entries = read.entries
        if (isNews) this.bell.ring()
        if (gatherMs === undefined) continue
        const isStream = clock.monotonic() - askedMs < Math.max(QUIET_MS, gatherMs)
        pauseMs = isStream ? Math.min(Math.max(pauseMs * 2, PAUSE_FIRST_MS), gatherMs) : 0
        if (pauseMs > 0) await delay(clock, pauseMs, signal).catch(() => {})
      } catch (error) {
        if (signal.aborted) return
        failingSinceMs ??= clock.monotonic()
        // what was there a moment ago may come back, what never was there is a wrong address
        const isAway = !hasAnswered && !isTransient(error)
        const isLong = clock.monotonic() - failingSinceMs > giveUpMs
        if (!mayHeal(error) || isAway || isLong) {
          this.#failure = error
          this.bell.ring()
        }
        await delay(clock, waitMs, signal).catch(() => {})
        waitMs = Math.min(waitMs * 2, RETRY_LAST_MS)
      }
    }
  }
}

/**
 * The queue between events and a reconciler, after client-go's workqueue: it holds keys, not events.
 *
 * - Deduplicating: a key that waits already is not added again.
 * - Serial per key: a key added while it is processed waits until `done`, and is then handed out again.
 * - Nothing is lost: after every `add` the key is handed out at least once more, until `shutDown`.
 */
import type { Clock } from '../core/clock.ts'
import { type BackoffOptions, backoffMs, DEFAULT_BACKOFF, type RateLimit, TokenBucket } from './backoff.ts'
import { type Delayed, DelayHeap } from './delays.ts'
import { noMetrics, type QueueMetrics, type QueueProbe } from './metrics.ts'
import { Pass } from './pass.ts'

/** A key in processing: what `take` hands out and `done` takes back. */
export interface Work<Key> {
  readonly key: Key
  /** The key as text: what tells keys apart. */
  readonly text: string
  /** Failures in a row, before this one. */
  readonly failures: number
}

export interface WorkQueueOptions<Key> {
  readonly clock: Clock
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number
  readonly keyText: (key: Key) => string
  /** Called, perhaps more than once, when there may be something to take. Must not call back into the queue at once. */
  readonly onReady?: () => void
  readonly backoff?: BackoffOptions
  /** Over all keys: how often `addRateLimited` lets one through. None by default. */
  readonly rateLimit?: RateLimit
  readonly metrics?: (probe: QueueProbe) => QueueMetrics
}

type State = 'idle' | 'waiting' | 'processing' | 'processing, added again'

interface Item<Key> extends Work<Key>, Delayed {
  failures: number
  state: State
  /** When it was added or, in processing, taken. Monotonic. */
  sinceMs: number
}

export class WorkQueue<Key> {
  readonly #options: WorkQueueOptions<Key>
  readonly #clock: Clock
  readonly #backoff: BackoffOptions
  readonly #bucket: TokenBucket | undefined
  readonly #metrics: QueueMetrics
  /** Every key that waits, is processed, is delayed or has failed. */
  readonly #items = new Map<string, Item<Key>>()
  readonly #delays = new DelayHeap<Item<Key>>()
  readonly #processing = new Set<Item<Key>>()
  #waiting: Item<Key>[] = []
  /** How much of `#waiting` has been taken. */
  #taken = 0
  #timer: { readonly atMs: number; readonly cancel: () => void } | undefined
  #pass: Pass<Item<Key>> | undefined
  #closed: { readonly drained: Promise<void>; readonly resolve: () => void } | undefined

  constructor(options: WorkQueueOptions<Key>) {
    this.#options = options
    this.#clock = options.clock
    this.#backoff = options.backoff ?? DEFAULT_BACKOFF
    this.#bucket = options.rateLimit && new TokenBucket(options.rateLimit, options.clock.monotonic())
    const probe: QueueProbe = { depth: () => this.depth, runningMs: () => this.#runningMs() }
    this.#metrics = options.metrics?.(probe) ?? noMetrics.queue('', probe)
  }

  /** Keys that wait to be taken; what is delayed or in processing is not counted. */
  get depth(): number {
    return this.#waiting.length - this.#taken
  }

  /** Keys that are remembered for any reason. */
  get size(): number {
    return this.#items.size
  }

  /** Has `key` processed, or processed again where it is in processing. */
  add(key: Key): void {
    if (this.#closed === undefined) this.#enqueue(this.#item(key))
  }

  /** Adds `key` once `delayMs` have passed. Of several such wishes for one key the earliest holds. */
  addAfter(key: Key, delayMs: number): void {
    if (this.#closed !== undefined) return
    if (delayMs > 0) {
      this.#delays.put(this.#item(key), this.#clock.monotonic() + delayMs)
      this.#armTimer()
    } else this.add(key)
  }

  /** Counts a failure of `key` and adds it after its backoff (and its turn in the rate limit). Returns that delay, milliseconds. */
  addRateLimited(key: Key): number {
    if (this.#closed !== undefined) return 0
    const item = this.#item(key)
    item.failures++
    const ownMs = backoffMs(item.failures, this.#backoff, this.#options.random)
    const delayMs = Math.max(ownMs, this.#bucket?.reserve(this.#clock.monotonic()) ?? 0)
    this.#metrics.retried()
    this.addAfter(key, delayMs)
    return delayMs
  }

  /** Forgets the failures of `key`: the next one starts its backoff anew. Does not take it out of the queue. */
  forget(key: Key): void {
    const item = this.#items.get(this.#options.keyText(key))
    if (item === undefined) return
    item.failures = 0
    this.#dropIfIdle(item)
  }

  /** The key that has waited longest, now in processing until `done`; undefined where none waits. */
  take(): Work<Key> | undefined {
    if (this.#closed !== undefined) return undefined
    const item = this.#waiting[this.#taken]
    if (item === undefined) return undefined
    this.#taken++
    this.#compact()
    const nowMs = this.#clock.monotonic()
    this.#metrics.taken(nowMs - item.sinceMs)
    item.state = 'processing'
    item.sinceMs = nowMs
    this.#processing.add(item)
    return item
  }

  /**
   * Withdraws what `addAfter` and `addRateLimited` had in store for a key in processing: for who decides anew, now, when it
   * shall be looked at again.
   */
  supersedeDelay(work: Work<Key>): void {
    this.#delays.remove(work as Item<Key>)
  }

  /** Ends the processing of what `take` gave. If it was added meanwhile it waits again from now. */
  done(work: Work<Key>): void {
    const item = work as Item<Key>
    if (!this.#processing.delete(item)) return
    this.#metrics.done(this.#clock.monotonic() - item.sinceMs)
    const again = item.state === 'processing, added again'
    item.state = 'idle'
    if (this.#closed !== undefined) {
      if (this.#processing.size === 0) this.#closed.resolve()
      return
    }
    this.#pass?.processed(item)
    if (again) this.#wait(item)
    else this.#dropIfIdle(item)
  }

  /** Resolves once all that waits now has been processed; never, where the queue is shut down before. Ask once. */
  pass(): Promise<void> {
    this.#pass = new Pass(this.#waiting.slice(this.#taken))
    return this.#pass.ended
  }

  /** Takes no more keys and hands none out; what waits is dropped. Resolves when nothing is in processing any more. */
  shutDown(): Promise<void> {
    if (this.#closed === undefined) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#closed = { drained: promise, resolve }
      this.#timer?.cancel()
      this.#timer = undefined
      this.#delays.clear()
      this.#waiting = []
      this.#taken = 0
      this.#items.clear()
      if (this.#processing.size === 0) resolve()
    }
    return this.#closed.drained
  }

  #item(key: Key): Item<Key> {
    const text = this.#options.keyText(key)
    const known = this.#items.get(text)
    if (known !== undefined) return known
    const item: Item<Key> = { key, text, failures: 0, state: 'idle', sinceMs: 0, dueAtMs: 0, place: -1 }
    this.#items.set(text, item)
    return item
  }

  #enqueue(item: Item<Key>): void {
    if (item.state === 'idle') {
      this.#metrics.added()
      this.#wait(item)
    } else if (item.state === 'processing') {
      this.#metrics.added()
      item.state = 'processing, added again'
    }
  }

  #wait(item: Item<Key>): void {
    item.state = 'waiting'
    item.sinceMs = this.#clock.monotonic()
    this.#waiting.push(item)
    this.#options.onReady?.()
  }

  #dropIfIdle(item: Item<Key>): void {
    if (item.state === 'idle' && item.failures === 0 && item.place < 0) this.#items.delete(item.text)
  }

  /** Cuts off what was taken: at once where nothing is left, else when it is most of the array, so that a take stays O(1). */
  #compact(): void {
    if (this.#taken === this.#waiting.length) this.#waiting = []
    else if (this.#taken >= 1024 && this.#taken * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#taken)
    } else return
    this.#taken = 0
  }

  /** One timer for all delays, set to the earliest. */
  #armTimer(): void {
    const first = this.#delays.first()
    if (first === undefined || (this.#timer !== undefined && this.#timer.atMs <= first.dueAtMs)) return
    this.#timer?.cancel()
    const cancel = this.#clock.schedule(first.dueAtMs - this.#clock.monotonic(), () => this.#releaseDue())
    this.#timer = { atMs: first.dueAtMs, cancel }
  }

  #releaseDue(): void {
    this.#timer = undefined
    const nowMs = this.#clock.monotonic()
    for (let item = this.#delays.first(); item !== undefined && item.dueAtMs <= nowMs; ) {
      this.#delays.remove(item)
      this.#enqueue(item)
      item = this.#delays.first()
    }
    this.#armTimer()
  }

  #runningMs(): readonly number[] {
    const nowMs = this.#clock.monotonic()
    return Array.from(this.#processing, (item) => nowMs - item.sinceMs)
  }
}

/**
 * Objects that are looked at over and over, each in its own interval: one heap of what falls due and one timer, whatever their number, and
 * only so many looks under way at once. Never two at once for one object.
 */
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import { type Delayed, DelayHeap } from './delays.ts'
import { FailureLog, isFenced } from './failures.ts'
import type { Runnable } from './manager.ts'
import { Turn } from './turn.ts'

/** One object at work. */
export interface Looker {
  /** From one look to the next, before jitter. */
  readonly intervalMs: number
  /** False where looking would lead to nothing. */
  readonly polls: boolean
  /** Looks, and decides. Rejects with what kept it from being written. */
  poll(): Promise<void>
  /** Decides on what is known. Rejects likewise. */
  decide(): Promise<void>
  /**
   * Milliseconds to the next look.
   *
   * @param polls looks so far
   * @param lateMs how late the last look began
   */
  pollInMs(polls: number, lateMs: number): number
  /** Milliseconds until it is to be decided without a look; infinite where it is not. */
  decideInMs(): number
  /** Ends everything; what is being written is waited for. */
  close(): Promise<void>
}

/** What a change asks for. */
export type Wish = 'look' | 'decide' | 'nothing'

export interface LooksOptions {
  /** Of the objects, for the log. */
  readonly kind: string
  readonly clock: Clock
  readonly logger: Logger
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** True once all that was there at the start has been taken in: what comes later is looked at at once. */
  readonly caughtUp: () => boolean
  /** How many objects there are, for spreading them at the start. */
  readonly count: () => number
  readonly concurrency?: number
  /** Told how late each look began, and how long it took, milliseconds. */
  readonly onPolled?: (lateMs: number, tookMs: number) => void
}

const CONCURRENCY = 256
/** Looks that fall due within so long are begun together. */
const TICK_MS = 5
/** What could not be written is tried again after so long, doubled each time up to the interval of polls. */
const RETRY_MS = 1_000

interface Entry<L> extends Delayed {
  readonly looker: L
  readonly ref: string
  /** When it is looked at next, monotonic; infinite where it is not. */
  pollAtMs: number
  /** When it is decided anew without looking. */
  decideAtMs: number
  busy: boolean
  /** It was asked for a look while one was under way. */
  again: boolean
  polls: number
  failures: number
  gone: boolean
}

export class Looks<L extends Looker> {
  readonly #options: LooksOptions
  readonly #failures: FailureLog
  readonly #entries = new Map<string, Entry<L>>()
  readonly #due = new DelayHeap<Entry<L>>()
  readonly #turn: Turn
  readonly #ended = Promise.withResolvers<never>()
  readonly #running = new Set<Promise<void>>()
  #timer: { readonly atMs: number; readonly cancel: () => void } | undefined
  #isRunning = false
  #inFlight = 0

  constructor(options: LooksOptions) {
    this.#options = options
    this.#failures = new FailureLog(options.logger)
    this.#turn = new Turn(options.clock, () => this.#begin())
    // nobody may be waiting for it yet
    this.#ended.promise.catch(() => undefined)
  }

  get(ref: string): L | undefined {
    return this.#entries.get(ref)?.looker
  }

  add(ref: string, looker: L): L {
    this.#entries.set(ref, {
      looker,
      ref,
      pollAtMs: Number.POSITIVE_INFINITY,
      decideAtMs: Number.POSITIVE_INFINITY,
      busy: false,
      again: false,
      polls: 0,
      failures: 0,
      gone: false,
      dueAtMs: 0,
      place: -1,
    })
    return looker
  }

  /** Ends its work. Resolves once nothing of it is under way. */
  async remove(ref: string): Promise<void> {
    const entry = this.#entries.get(ref)
    if (entry === undefined) return
    this.#entries.delete(ref)
    entry.gone = true
    this.#due.remove(entry)
    await entry.looker.close()
  }

  /** Does what a change asked for. Rejects with what kept it from being written. */
  async carryOut(ref: string, wish: Wish): Promise<void> {
    const entry = this.#entries.get(ref)
    if (entry === undefined) return
    if (wish === 'look') this.#look(entry)
    if (wish === 'decide') await entry.looker.decide()
    if (wish === 'decide' || !entry.looker.polls) this.#plan(entry)
  }

  /** What an event has led to could not be written. */
  failed(ref: string, error: unknown): void {
    const entry = this.#entries.get(ref)
    if (entry !== undefined) this.#failed(entry, error)
    else if (isFenced(error)) this.#ended.reject(error)
  }

  /** Looks at what falls due, for as long as the process leads. */
  runnable(name: string): Runnable {
    return { name, run: (signal) => this.#run(signal) }
  }

  async #run(signal: AbortSignal): Promise<void> {
    const stopped = new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
    this.#isRunning = true
    this.#arm()
    try {
      await Promise.race([stopped, this.#ended.promise])
    } finally {
      this.#isRunning = false
      this.#timer?.cancel()
      await Promise.all([...this.#entries.keys()].map((ref) => this.remove(ref)))
      await Promise.allSettled(this.#running)
    }
  }

  /** At once; at the start of a process they are spread, so that ten thousand do not ask all at the same time. */
  #look(entry: Entry<L>): void {
    if (entry.busy) {
      entry.again = true
      return
    }
    const { clock, caughtUp, random, count } = this.#options
    const isFirst = entry.polls === 0 && !caughtUp()
    const spreadMs = isFirst ? Math.min(entry.looker.intervalMs, count() * 3) : 0
    entry.pollAtMs = clock.monotonic() + random() * spreadMs
    this.#put(entry)
  }

  /** When it is next to be looked at, and to be decided without a look. */
  #plan(entry: Entry<L>, lateMs = 0): void {
    if (entry.gone) return
    const nowMs = this.#options.clock.monotonic()
    const { looker, polls } = entry
    const pollMs = looker.polls ? looker.pollInMs(polls, lateMs) : Number.POSITIVE_INFINITY
    // a plan that stands is not put off by what happens in between
    const stands = entry.pollAtMs < Number.POSITIVE_INFINITY && entry.looker.polls
    entry.pollAtMs = stands ? Math.min(entry.pollAtMs, nowMs + pollMs) : nowMs + pollMs
    entry.decideAtMs = nowMs + looker.decideInMs()
    this.#put(entry)
  }

  #put(entry: Entry<L>): void {
    if (entry.busy || entry.gone) return
    this.#due.remove(entry)
    const dueAtMs = Math.min(entry.pollAtMs, entry.decideAtMs)
    if (dueAtMs === Number.POSITIVE_INFINITY) return
    this.#due.put(entry, dueAtMs)
    this.#arm()
  }

  #arm(): void {
    const first = this.#due.first()
    if (!this.#isRunning || first === undefined || this.#isFull()) return
    if (this.#timer !== undefined && this.#timer.atMs <= first.dueAtMs) return
    this.#timer?.cancel()
    const { clock } = this.#options
    const delayMs = first.dueAtMs - clock.monotonic()
    const cancel = clock.schedule(delayMs > 0 ? Math.max(delayMs, TICK_MS) : 0, () => {
      this.#timer = undefined
      this.#begin()
    })
    this.#timer = { atMs: first.dueAtMs, cancel }
  }

  #isFull(): boolean {
    return this.#inFlight >= (this.#options.concurrency ?? CONCURRENCY)
  }

  #begin(): void {
    if (!this.#isRunning) return
    const nowMs = this.#options.clock.monotonic()
    for (let entry = this.#due.first(); entry !== undefined && entry.dueAtMs <= nowMs; ) {
      if (this.#isFull() || this.#turn.isOver()) return
      this.#due.remove(entry)
      const done: Promise<void> = this.#work(entry, nowMs).finally(() => {
        this.#running.delete(done)
        this.#inFlight--
        this.#begin()
      })
      this.#inFlight++
      this.#running.add(done)
      entry = this.#due.first()
    }
    this.#arm()
  }

  async #work(entry: Entry<L>, nowMs: number): Promise<void> {
    const { clock, onPolled } = this.#options
    const polls = entry.pollAtMs <= nowMs && entry.looker.polls
    const lateMs = polls ? nowMs - entry.pollAtMs : 0
    entry.busy = true
    entry.decideAtMs = Number.POSITIVE_INFINITY
    if (polls) {
      entry.pollAtMs = Number.POSITIVE_INFINITY
      entry.polls++
    }
    try {
      if (polls) await entry.looker.poll()
      else await entry.looker.decide()
      if (entry.failures > 0) this.#failures.success()
      entry.failures = 0
      entry.busy = false
      if (polls) onPolled?.(lateMs, clock.monotonic() - nowMs)
      this.#plan(entry, lateMs)
    } catch (error) {
      entry.busy = false
      this.#failed(entry, error)
    }
    if (!entry.again || entry.gone) return
    entry.again = false
    this.#look(entry)
  }

  /** Writing failed: somebody else leads, or the store is away. Everything is looked at again then. */
  #failed(entry: Entry<L>, error: unknown): void {
    if (isFenced(error)) this.#ended.reject(error)
    if (isFenced(error) || entry.gone) return
    entry.failures++
    const intervalMs = entry.looker.intervalMs
    const retryInMs = Math.min(RETRY_MS * 2 ** (entry.failures - 1), Math.max(intervalMs, RETRY_MS))
    this.#failures.failure(error, {
      key: `${this.#options.kind}/${entry.ref}`,
      failures: entry.failures,
      retryInMs,
    })
    entry.pollAtMs = this.#options.clock.monotonic() + retryInMs * (0.5 + this.#options.random())
    this.#put(entry)
  }
}

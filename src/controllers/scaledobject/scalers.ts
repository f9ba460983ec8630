/**
 * All ScaledObjects of a process, each looked at in its own interval: one heap of what falls due and one timer, whatever their number,
 * and only so many looks under way at once.
 */
import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import { type Delayed, DelayHeap } from '../../engine/delays.ts'
import { FailureLog, isFenced } from '../../engine/failures.ts'
import type { Runnable } from '../../engine/manager.ts'
import { Turn } from '../../engine/turn.ts'
import type { ScaledObject } from '../../resources/generated/types.ts'
import { decideInMs, type Pace, pollInMs } from './pace.ts'
import type { Problem } from './problem.ts'
import { Scaler, type ScalerOptions, type Wish } from './scaler.ts'

export interface ScalersOptions extends Omit<ScalerOptions, 'onFailure'> {
  readonly clock: Clock
  readonly logger: Logger
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** True once all that was there at the start has been taken in: what comes later is looked at at once. */
  readonly caughtUp: () => boolean
  /** How many ScaledObjects there are, for spreading them at the start. */
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

interface Entry extends Delayed {
  readonly scaler: Scaler
  readonly ref: string
  /** When its triggers are looked at next, monotonic; infinite where they are not. */
  pollAtMs: number
  /** When it is decided anew without looking: what a schedule says changes then. */
  decideAtMs: number
  busy: boolean
  /** It was asked for a look while one was under way. */
  again: boolean
  polls: number
  failures: number
  gone: boolean
}

export class Scalers {
  readonly #options: ScalersOptions
  readonly #failures: FailureLog
  readonly #entries = new Map<string, Entry>()
  readonly #due = new DelayHeap<Entry>()
  readonly #turn: Turn
  readonly #ended = Promise.withResolvers<never>()
  readonly #running = new Set<Promise<void>>()
  #timer: { readonly atMs: number; readonly cancel: () => void } | undefined
  #isRunning = false
  #inFlight = 0

  constructor(options: ScalersOptions) {
    this.#options = options
    this.#failures = new FailureLog(options.logger)
    this.#turn = new Turn(options.clock, () => this.#begin())
    // nobody may be waiting for it yet
    this.#ended.promise.catch(() => undefined)
  }

  /** Takes in an object, and carries out what its change asks for. Rejects with what kept it from being written. */
  async update(object: ScaledObject, problem: Problem | undefined, credentials: boolean): Promise<void> {
    const ref = keyOf(object)
    const known = this.#entries.get(ref)
    const isSame = known?.scaler.object.metadata.uid === object.metadata.uid
    if (known !== undefined && !isSame) await this.remove(ref)
    const entry = this.#entries.get(ref) ?? this.#add(ref, object)
    const wish = await entry.scaler.update(object, problem, credentials)
    if (entry.gone) return
    if (wish === 'look') this.#look(entry)
    if (wish === 'decide') await entry.scaler.decide()
    if (wish === 'decide' || !entry.scaler.polls) this.#plan(entry)
  }

  /** Ends its work. Resolves once nothing of it is under way. */
  async remove(ref: string): Promise<void> {
    const entry = this.#entries.get(ref)
    if (entry === undefined) return
    this.#entries.delete(ref)
    entry.gone = true
    this.#due.remove(entry)
    await entry.scaler.close()
  }

  /** The scaler of `namespace/name`, for what is to be shown of it. */
  get(ref: string): Scaler | undefined {
    return this.#entries.get(ref)?.scaler
  }

  /** Looks at what falls due, for as long as the process leads. */
  runnable(): Runnable {
    return { name: 'scaledobjects', run: (signal) => this.#run(signal) }
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

  #add(ref: string, object: ScaledObject): Entry {
    const entry: Entry = {
      scaler: new Scaler(object, {
        ...this.#options,
        onFailure: (error) => this.#failed(entry, error),
      }),
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
    }
    this.#entries.set(ref, entry)
    return entry
  }

  /** At once; at the start of a process they are spread, so that ten thousand do not ask all at the same time. */
  #look(entry: Entry): void {
    if (entry.busy) {
      entry.again = true
      return
    }
    const { clock, caughtUp, random, count } = this.#options
    const isFirst = entry.polls === 0 && !caughtUp()
    const spreadMs = isFirst ? Math.min(entry.scaler.object.spec.pollingInterval * 1000, count() * 3) : 0
    entry.pollAtMs = clock.monotonic() + random() * spreadMs
    this.#put(entry)
  }

  /** When it is next to be looked at, and to be decided without a look. */
  #plan(entry: Entry, lateMs = 0): void {
    if (entry.gone) return
    const nowMs = this.#options.clock.monotonic()
    const pace: Pace = {
      scaler: entry.scaler,
      polls: entry.polls,
      lateMs,
      random: this.#options.random,
      time: this.#options.times.now(),
    }
    const pollMs = entry.scaler.polls ? pollInMs(pace) : Number.POSITIVE_INFINITY
    // a plan that stands is not put off by what happens in between
    const stands = entry.pollAtMs < Number.POSITIVE_INFINITY && entry.scaler.polls
    entry.pollAtMs = stands ? Math.min(entry.pollAtMs, nowMs + pollMs) : nowMs + pollMs
    entry.decideAtMs = nowMs + decideInMs(pace)
    this.#put(entry)
  }

  #put(entry: Entry): void {
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

  async #work(entry: Entry, nowMs: number): Promise<void> {
    const { clock, onPolled } = this.#options
    const polls = entry.pollAtMs <= nowMs && entry.scaler.polls
    const lateMs = polls ? nowMs - entry.pollAtMs : 0
    entry.busy = true
    entry.decideAtMs = Number.POSITIVE_INFINITY
    if (polls) {
      entry.pollAtMs = Number.POSITIVE_INFINITY
      entry.polls++
    }
    try {
      if (polls) await entry.scaler.poll()
      else await entry.scaler.decide()
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
  #failed(entry: Entry, error: unknown): void {
    if (isFenced(error)) this.#ended.reject(error)
    if (isFenced(error) || entry.gone) return
    entry.failures++
    const intervalMs = entry.scaler.object.spec.pollingInterval * 1000
    const retryInMs = Math.min(RETRY_MS * 2 ** (entry.failures - 1), Math.max(intervalMs, RETRY_MS))
    this.#failures.failure(error, { key: `ScaledObject/${entry.ref}`, failures: entry.failures, retryInMs })
    entry.pollAtMs = this.#options.clock.monotonic() + retryInMs * (0.5 + this.#options.random())
    this.#put(entry)
  }
}

/** `default/web` */
export function keyOf({ metadata: { namespace, name } }: Pick<ScaledObject, 'metadata'>): string {
  return `${namespace}/${name}`
}

export type { Wish }

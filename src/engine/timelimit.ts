/** The time limit of reconciles: one timer for all that run, not one each. */
import type { Clock } from '../core/clock.ts'
import { NsctlError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Work } from './workqueue.ts'

/** A reconcile that runs. */
export interface Running<Key> {
  readonly work: Work<Key>
  /** Monotonic. */
  readonly startedAtMs: number
  readonly signal: AbortSignal
  /** It went on for GRACE_MS after its signal had aborted, and was reported. */
  readonly ignored: boolean
}

export interface TimeLimitsOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly timeoutMs: number
  /** Told once of each reconcile that goes on after its signal has aborted. */
  readonly onIgnored: () => void
}

interface Entry<Key> extends Running<Key> {
  readonly abort: AbortController
  /** When something is next to be done about it, monotonic. */
  dueAtMs: number
  ignored: boolean
}

/** How long a reconcile may take to heed its signal, at most. */
const GRACE_MS = 5_000

export class TimeLimits<Key> {
  readonly #options: TimeLimitsOptions
  readonly #running = new Set<Entry<Key>>()
  #cancel: (() => void) | undefined

  constructor(options: TimeLimitsOptions) {
    this.#options = options
  }

  begin(work: Work<Key>): Running<Key> {
    const startedAtMs = this.#options.clock.monotonic()
    const abort = new AbortController()
    const dueAtMs = startedAtMs + this.#options.timeoutMs
    const entry = { work, startedAtMs, abort, signal: abort.signal, dueAtMs, ignored: false }
    this.#running.add(entry)
    // a timer that is set already fires no later than this is due, and then sets itself anew
    this.#cancel ??= this.#options.clock.schedule(this.#options.timeoutMs, () => this.#check())
    return entry
  }

  end(running: Running<Key>): void {
    this.#running.delete(running as Entry<Key>)
  }

  /** Aborts everything that runs. */
  abortAll(reason: unknown): void {
    for (const entry of this.#running) entry.abort.abort(reason)
  }

  /** The keys in processing, as text. */
  running(): readonly string[] {
    return Array.from(this.#running, (entry) => entry.work.text)
  }

  close(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #check(): void {
    this.#cancel = undefined
    const nowMs = this.#options.clock.monotonic()
    let nextMs = Number.POSITIVE_INFINITY
    for (const entry of this.#running) {
      if (entry.dueAtMs <= nowMs) this.#overdue(entry, nowMs)
      nextMs = Math.min(nextMs, entry.dueAtMs)
    }
    if (nextMs === Number.POSITIVE_INFINITY) return
    this.#cancel = this.#options.clock.schedule(nextMs - nowMs, () => this.#check())
  }

  #overdue(entry: Entry<Key>, nowMs: number): void {
    const { logger, timeoutMs, onIgnored } = this.#options
    const key = entry.work.text
    if (!entry.signal.aborted) {
      entry.dueAtMs = nowMs + Math.min(GRACE_MS, timeoutMs)
      entry.abort.abort(
        new NsctlError('Timeout', `reconcile of ${key} took longer than ${timeoutMs} ms`, {
          value: timeoutMs,
        }),
      )
      return
    }
    entry.dueAtMs = Number.POSITIVE_INFINITY
    entry.ignored = true
    const ranMs = Math.round(nowMs - entry.startedAtMs)
    logger.log('error', `reconcile ignores that it was aborted; ${key} stays locked until it ends`, {
      key,
      ranMs,
    })
    onIgnored()
  }
}

/** Durations by the monotonic clock, per key, for as long as this process runs. */
import type { Clock } from '../../core/clock.ts'
import type { Stopwatch } from './target.ts'

export class MonotonicStopwatch implements Stopwatch {
  readonly #clock: Clock
  readonly #startedMs = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  sinceFirstAsked(key: string): number {
    const nowMs = this.#clock.monotonic()
    const startedMs = this.#startedMs.get(key)
    if (startedMs === undefined) {
      this.#startedMs.set(key, nowMs)
      return 0
    }
    return nowMs - startedMs
  }

  forget(key: string): void {
    this.#startedMs.delete(key)
  }

  /** Drops what belongs to nothing any more. */
  retain(isKept: (key: string) => boolean): void {
    for (const key of this.#startedMs.keys()) if (!isKept(key)) this.#startedMs.delete(key)
  }
}

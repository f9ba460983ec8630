/** Timers that end together. */
import type { Clock } from '../../core/clock.ts'

/** Timers of one owner, who forgets them all at once. */
export class Timers {
  readonly #clock: Clock
  readonly #cancels = new Set<() => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Calls `run` once after `delayMs`, unless it is cancelled first by the returned function or with all others. */
  after(delayMs: number, run: () => void): () => void {
    const cancelTimer = this.#clock.schedule(delayMs, () => {
      this.#cancels.delete(cancel)
      run()
    })
    const cancel = () => {
      this.#cancels.delete(cancel)
      cancelTimer()
    }
    this.#cancels.add(cancel)
    return cancel
  }

  cancelAll(): void {
    for (const cancel of [...this.#cancels]) cancel()
  }
}

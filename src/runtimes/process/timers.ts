/** Timers that end together. */
import type { Clock } from '../../core/clock.ts'

/** Timers of one owner, at most one of each name, who forgets them all at once. */
export class Timers<Name extends string> {
  readonly #clock: Clock
  readonly #cancels = new Map<Name, () => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Calls `run` once after `delayMs`, in place of what was set under that name, unless it is cancelled first. */
  set(name: Name, delayMs: number, run: () => void): void {
    this.cancel(name)
    const cancel = this.#clock.schedule(delayMs, () => {
      this.#cancels.delete(name)
      run()
    })
    this.#cancels.set(name, cancel)
  }

  isSet(name: Name): boolean {
    return this.#cancels.has(name)
  }

  cancel(name: Name): void {
    this.#cancels.get(name)?.()
    this.#cancels.delete(name)
  }

  cancelAll(): void {
    for (const cancel of this.#cancels.values()) cancel()
    this.#cancels.clear()
  }
}

/** Who tries tokens too often waits. A token's secret cannot be guessed: this keeps those who try from taking the listener's time. */
import type { Clock } from '../../core/clock.ts'

const WINDOW_MS = 60_000
const MAX_FAILURES = 10
/** Of all addresses together: whoever has many has no more. */
const MAX_FAILURES_OF_ALL = 200

export class Attempts {
  readonly #clock: Pick<Clock, 'monotonic'>
  #sinceMs = Number.NEGATIVE_INFINITY
  #failures = new Map<string, number>()
  #all = 0

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
  }

  mayTry(address: string): boolean {
    this.#turn()
    return (this.#failures.get(address) ?? 0) < MAX_FAILURES && this.#all < MAX_FAILURES_OF_ALL
  }

  failed(address: string): void {
    this.#turn()
    this.#all++
    this.#failures.set(address, (this.#failures.get(address) ?? 0) + 1)
  }

  #turn(): void {
    const nowMs = this.#clock.monotonic()
    if (nowMs - this.#sinceMs < WINDOW_MS) return
    this.#sinceMs = nowMs
    this.#failures = new Map()
    this.#all = 0
  }
}

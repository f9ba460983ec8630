/**
 * Reconciles that find nothing to do end in the same turn of the event loop that they began in; ten thousand of them must
 * not keep timers, sockets and signals waiting.
 */
import type { Clock } from '../core/clock.ts'

/** How long one controller may go on before it lets others have the event loop. */
const TURN_MS = 5

export class Turn {
  readonly #clock: Clock
  readonly #goOn: () => void
  #startedAtMs: number | undefined
  #wanted = false

  /** @param goOn called in the next turn, if `isOver` said that this one is over */
  constructor(clock: Clock, goOn: () => void) {
    this.#clock = clock
    this.#goOn = goOn
  }

  /** True where the present turn has been used up; `goOn` will be called in the next. */
  isOver(): boolean {
    if (this.#startedAtMs === undefined) {
      this.#startedAtMs = this.#clock.monotonic()
      setImmediate(() => this.#next())
      return false
    }
    if (this.#wanted) return true
    this.#wanted = this.#clock.monotonic() - this.#startedAtMs >= TURN_MS
    return this.#wanted
  }

  #next(): void {
    this.#startedAtMs = undefined
    if (!this.#wanted) return
    this.#wanted = false
    this.#goOn()
  }
}

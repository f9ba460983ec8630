/**
 * When statuses are written. In a burst of starts they are gathered: every commit takes from the machine what the starts
 * need, and wakes all who watch. Otherwise, and as soon as the burst is over, each is written at once.
 */
import type { Clock } from '../../core/clock.ts'
import type { ProgramState } from '../../runtimes/runtime.ts'

/** So many programs starting at once are a burst. */
const BURST = 8
/** How long a status may wait for others. */
const GATHER_MS = 100

export class Pace {
  readonly #clock: Clock
  readonly #starting = new Set<string>()
  #waiting: (() => void)[] = []
  #cancel: () => void = () => {}

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Notes what the runtime says of the program `key`; undefined where it knows nothing of it. */
  note(key: string, state: ProgramState | undefined): void {
    if (state === 'starting') this.#starting.add(key)
    else if (this.#starting.delete(key) && this.#starting.size < BURST) this.#release()
  }

  /** Resolves when a status may be written: at once, or after a tenth of a second at most. */
  turn(): Promise<void> {
    if (this.#starting.size < BURST) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      if (this.#waiting.length === 1) this.#cancel = this.#clock.schedule(GATHER_MS, () => this.#release())
    })
  }

  #release(): void {
    this.#cancel()
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}

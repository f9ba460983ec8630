/** Writes down what one client does, at the moment that it does it. */
import type { Clock } from '../../../src/core/clock.ts'
import { isNsctlError } from '../../../src/core/errors.ts'
import type { Call, Event, Outcome } from './operations.ts'

/** What a store may answer when it cannot tell whether something happened. Anything else is a bug, and thrown. */
const IN_DOUBT = ['Unreachable', 'StoreLocked', 'StoreFull'] as const

export class Recorder {
  readonly #clock: Clock
  readonly #sink: (event: Event) => void
  #next = 0

  /** @param sink is called in the same turn, before the operation goes on */
  constructor(clock: Clock, sink: (event: Event) => void) {
    this.#clock = clock
    this.#sink = sink
  }

  begin(call: Call): number {
    const id = this.#next++
    this.#sink(['begin', id, call, this.#clock.monotonic()])
    return id
  }

  end(id: number, outcome: Outcome): void {
    this.#sink(['end', id, outcome, this.#clock.monotonic()])
  }

  /** Records `calls`, which one request answers, in the order of the outcomes. Undefined where the store failed. */
  async during<T>(
    calls: readonly Call[],
    work: () => Promise<T>,
    outcomesOf: (answer: T) => readonly Outcome[],
  ): Promise<T | undefined> {
    const ids = calls.map((call) => this.begin(call))
    let answer: T
    try {
      answer = await work()
    } catch (error) {
      if (!IN_DOUBT.some((code) => isNsctlError(error, code))) throw error
      for (const id of ids) this.end(id, { kind: 'unknown' })
      return undefined
    }
    for (const [i, outcome] of outcomesOf(answer).entries()) this.end(ids[i]!, outcome)
    return answer
  }
}

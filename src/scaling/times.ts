/** The two clocks of scaling, and the way from the one to the other. */
import type { Clock } from '../core/clock.ts'
import type { ScalingTime } from './decision.ts'

export class ScalingTimes {
  readonly #clock: Clock
  readonly #steady: () => number

  /** @param steady the process's steady timeline: near the wall clock's at its start, and moved by no jump of that */
  constructor(clock: Clock, steady: () => number) {
    this.#clock = clock
    this.#steady = steady
  }

  now(): ScalingTime {
    return { steadyMs: this.steadyMs(), wallMs: this.#clock.now() }
  }

  steadyMs(): number {
    return this.#steady()
  }

  /** Where something lies that happened at a time of the wall clock. Nothing lies ahead: two machines' clocks are never the same. */
  steadyOfWall(wallMs: number): number {
    return this.steadyMs() - Math.max(0, this.#clock.now() - wallMs)
  }

  /** Undefined for what is no time. */
  steadyOf(time: string | undefined): number | undefined {
    const wallMs = time === undefined ? Number.NaN : Date.parse(time)
    return Number.isNaN(wallMs) ? undefined : this.steadyOfWall(wallMs)
  }

  /** Milliseconds of the wall clock, of a time of the steady timeline. */
  wallOfSteady(steadyMs: number): number {
    return this.#clock.now() - (this.steadyMs() - steadyMs)
  }

  /** RFC 3339, by the wall clock. */
  text(): string {
    return new Date(this.#clock.now()).toISOString()
  }
}

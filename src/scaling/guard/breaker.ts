/** Leaves a source alone that fails again and again, longer each time, and lets one look through to find out whether it is well. */

export interface BreakerSettings {
  /** So many failures in a row open it. */
  readonly tripAfter: number
  readonly firstPauseMs: number
  readonly longestPauseMs: number
}

export class Breaker {
  readonly #settings: BreakerSettings
  readonly #random: () => number
  #failures = 0
  #openUntilMs: number | undefined

  constructor(settings: BreakerSettings, random: () => number) {
    this.#settings = settings
    this.#random = random
  }

  /** Undefined while it is closed. */
  get openUntilMs(): number | undefined {
    return this.#openUntilMs
  }

  /** True where a look may be made now. */
  allows(nowMs: number): boolean {
    return this.#openUntilMs === undefined || nowMs >= this.#openUntilMs
  }

  succeeded(): void {
    this.#failures = 0
    this.#openUntilMs = undefined
  }

  failed(nowMs: number): void {
    this.#failures++
    const { tripAfter, firstPauseMs, longestPauseMs } = this.#settings
    const beyond = this.#failures - tripAfter
    if (beyond < 0) return
    const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(beyond, 30))
    // a thousand that failed together must not come back together
    this.#openUntilMs = nowMs + pauseMs * (0.8 + 0.2 * this.#random())
  }
}

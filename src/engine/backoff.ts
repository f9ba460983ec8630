/** Exponential backoff with full jitter, one formula for queues and for informers. */

export interface BackoffOptions {
  /** The ceiling of the first wait, milliseconds. */
  readonly baseMs: number
  /** No wait is longer, milliseconds. */
  readonly maxMs: number
}

/** client-go's: 5 ms, doubled with each failure, up to 1000 s. */
export const DEFAULT_BACKOFF: BackoffOptions = { baseMs: 5, maxMs: 1_000_000 }

/**
 * How long to wait after `failures` failures in a row (1 is the first): uniformly between 0 and base · 2^(failures−1),
 * so that what failed together does not come back together ("full jitter", M. Brooker, Exponential Backoff And Jitter).
 */
export function backoffMs(failures: number, options: BackoffOptions, random: () => number): number {
  return random() * Math.min(options.maxMs, options.baseMs * 2 ** Math.max(0, failures - 1))
}

export interface RateLimit {
  /** Tokens that come back per second. */
  readonly perSecond: number
  /** Tokens that can be saved up. */
  readonly burst: number
}

/** A token bucket that hands out waiting times instead of refusing. */
export class TokenBucket {
  readonly #limit: RateLimit
  #tokens: number
  #filledAtMs: number

  constructor(limit: RateLimit, nowMs: number) {
    this.#limit = limit
    this.#tokens = limit.burst
    this.#filledAtMs = nowMs
  }

  /** Takes a token, on credit if need be. Milliseconds from `nowMs` (monotonic) until it may be used. */
  reserve(nowMs: number): number {
    const { perSecond, burst } = this.#limit
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#filledAtMs) * perSecond) / 1000)
    this.#filledAtMs = nowMs
    this.#tokens -= 1
    return this.#tokens >= 0 ? 0 : (-this.#tokens * 1000) / perSecond
  }
}

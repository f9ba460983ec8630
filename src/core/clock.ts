/** Time as a port, so that tests own it. */

export interface Clock {
  /** Wall clock, milliseconds since the epoch. May jump either way: for showing and recording, never for durations. */
  now(): number
  /** Milliseconds that only grow, from an arbitrary origin. For durations, deadlines and backoff. */
  monotonic(): number
  /** Calls `run` once after `delayMs` of monotonic time. Does not keep the process alive. Returns a cancel function. */
  schedule(delayMs: number, run: () => void): () => void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic() {
    // not performance.now(): that loads a module which nothing else in a short command needs
    const [seconds, nanoseconds] = process.hrtime()
    return seconds * 1e3 + nanoseconds / 1e6
  },
  schedule(delayMs, run) {
    const timer = setTimeout(run, Math.min(Math.max(delayMs, 0), 2 ** 31 - 1))
    timer.unref()
    return () => clearTimeout(timer)
  },
}

/** Resolves after `delayMs`, or rejects with the signal's reason as soon as it aborts. */
export function delay(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const cancel = clock.schedule(delayMs, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    const onAbort = () => {
      cancel()
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** A clock for tests: stands still until `advance`, and its wall clock can jump alone. */
export class ManualClock implements Clock {
  #wallMs: number
  #monotonicMs = 0
  #timers: { atMs: number; run: () => void }[] = []

  constructor(wallMs = Date.parse('2026-01-01T00:00:00Z')) {
    this.#wallMs = wallMs
  }

  now(): number {
    return this.#wallMs
  }

  monotonic(): number {
    return this.#monotonicMs
  }

  schedule(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.#monotonicMs + delayMs, run }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** Moves both clocks on and runs what falls due, in order of time. */
  advance(byMs: number): void {
    const untilMs = this.#monotonicMs + byMs
    for (;;) {
      const due = this.#timers.filter((timer) => timer.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0]
      if (due === undefined) break
      this.#timers = this.#timers.filter((timer) => timer !== due)
      const stepMs = Math.max(0, due.atMs - this.#monotonicMs)
      this.#monotonicMs += stepMs
      this.#wallMs += stepMs
      due.run()
    }
    const restMs = untilMs - this.#monotonicMs
    this.#monotonicMs += restMs
    this.#wallMs += restMs
  }

  /** Moves the wall clock alone, as an administrator or NTP would. */
  jumpWall(byMs: number): void {
    this.#wallMs += byMs
  }
}

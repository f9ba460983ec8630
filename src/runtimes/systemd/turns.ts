/**
 * Turns at being set up. Hardened units get namespaces and mounts of their own, under locks that the whole machine shares: a
 * hundred at once spend a tenth to a fifth more CPU than a few at a time do.
 */
import type { Clock } from '../../core/clock.ts'

/** One to run while another waits, for the kernel or for us to hear that it has begun. Fewer left cores idle, more cost more CPU. */
const UNITS_PER_CORE = 2
/** One that takes longer hangs, or the machine is slow; either way it must not keep others from starting. */
const TURN_LIMIT_MS = 1_000

/** How many units are set up at a time on a machine of so many cores. */
export function turnsFor(cores: number): number {
  return cores * UNITS_PER_CORE
}

/** Whether systemd makes namespaces for a unit with this text. */
export function makesNamespaces(unit: string): boolean {
  return /^(?:DynamicUser|Private[A-Za-z]+|Protect[A-Za-z]+|Bind[A-Za-z]*Paths|Delegate)=/m.test(unit)
}

interface Waiting {
  readonly key: string
  readonly begin: () => void
}

export class Turns {
  readonly #clock: Clock
  readonly #atATime: number
  /** What has a turn, and how to cancel the end of its time. */
  readonly #running = new Map<string, () => void>()
  readonly #waiting = new Set<Waiting>()

  constructor(clock: Clock, atATime: number) {
    this.#clock = clock
    this.#atATime = atATime
  }

  /** Resolves when it is the turn of `key`, in the order of asking; it lasts until `end`. Rejects with the signal's reason. */
  take(key: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const onAbort = () => {
        this.#waiting.delete(waiting)
        reject(signal.reason)
      }
      const begin = () => {
        signal.removeEventListener('abort', onAbort)
        this.#begin(key)
        resolve()
      }
      const waiting = { key, begin }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.add(waiting)
      this.#next()
    })
  }

  /** Nothing happens where `key` has no turn. */
  end(key: string): void {
    this.#running.get(key)?.()
    if (this.#running.delete(key)) this.#next()
  }

  #begin(key: string): void {
    this.#running.get(key)?.()
    this.#running.set(
      key,
      this.#clock.schedule(TURN_LIMIT_MS, () => this.end(key)),
    )
  }

  #next(): void {
    for (const waiting of this.#waiting) {
      if (this.#running.size >= this.#atATime) return
      this.#waiting.delete(waiting)
      waiting.begin()
    }
  }
}

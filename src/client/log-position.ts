/** How far lines of a program were read, so that reading can go on after an interruption without losing or doubling one. Pure. */

interface Line {
  readonly atMs?: number
  readonly stream: 'stdout' | 'stderr' | 'manager'
}

export interface LogFrom {
  readonly tail?: number
  readonly sinceMs?: number
}

type Source = 'program' | 'manager'

/** Many lines may have the same time: those are counted, the manager's apart, since a tail leaves them out. */
export class LogPosition {
  readonly #first: LogFrom
  #atMs: number | undefined
  #count: Readonly<Record<Source, number>> = { program: 0, manager: 0 }
  /** Of the lines at that time, so many were read before. */
  #known: Readonly<Record<Source, number>> = { program: 0, manager: 0 }
  #isResuming = false
  /** Of the line before, in this reading. */
  #beforeMs: number | undefined

  constructor({ tail, sinceMs }: LogFrom) {
    this.#first = { ...(tail === undefined ? {} : { tail }), ...(sinceMs === undefined ? {} : { sinceMs }) }
  }

  /** From where to read now. What comes then is to be shown to `isNew`. */
  from(): LogFrom {
    if (this.#atMs === undefined) return this.#first
    this.#isResuming = true
    this.#beforeMs = undefined
    this.#known = this.#count
    // where the times of a store are finer than milliseconds, a line may be just before its own
    return { sinceMs: this.#atMs - 1 }
  }

  /** False for what was read before. Lines without a time belong to the one before them. */
  isNew({ atMs = this.#beforeMs, stream }: Line): boolean {
    this.#beforeMs = atMs
    const source = stream === 'manager' ? 'manager' : 'program'
    if (this.#isResuming && atMs !== undefined && this.#atMs !== undefined) {
      if (atMs < this.#atMs) return false
      if (atMs === this.#atMs && this.#known[source] > 0) {
        this.#known = { ...this.#known, [source]: this.#known[source] - 1 }
        return false
      }
    }
    if (atMs !== this.#atMs) {
      this.#atMs = atMs
      this.#count = { program: 0, manager: 0 }
      this.#isResuming = false
    }
    this.#count = { ...this.#count, [source]: this.#count[source] + 1 }
    return true
  }
}

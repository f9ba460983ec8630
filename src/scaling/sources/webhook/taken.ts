/** What was taken already, for as long as it could be sent again: an event that is repeated on its way, by a sender or by somebody else, is one. */

/** What a path takes in the longest time, at a hundred a second. Only who can sign gets anything in here. */
const MOST = 100_000

/** Times are a clock's that only grows. */
export class Taken {
  readonly #keepMs: number
  /** Until when, by delivery; in the order in which they end, because all are kept as long. */
  readonly #untilMs = new Map<string, number>()

  constructor(keepMs: number) {
    this.#keepMs = keepMs
  }

  has(delivery: string, nowMs: number): boolean {
    this.#forget(nowMs)
    return this.#untilMs.has(delivery)
  }

  /** Returns false where there is no room: whoever is not remembered could come again. */
  add(delivery: string, nowMs: number): boolean {
    this.#forget(nowMs)
    if (this.#untilMs.size >= MOST) return false
    this.#untilMs.set(delivery, nowMs + this.#keepMs)
    return true
  }

  #forget(nowMs: number): void {
    for (const [delivery, untilMs] of this.#untilMs) {
      if (untilMs > nowMs) return
      this.#untilMs.delete(delivery)
    }
  }
}

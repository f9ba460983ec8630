/** One pass over the keys that wait at a moment: over once each of them has been looked at. */

/** A key that fails so often in a row is in trouble of its own: nothing else waits for it. */
const ATTEMPTS = 5

export class Pass<Item extends { readonly failures: number }> {
  readonly #left: Set<Item>
  readonly #ended = Promise.withResolvers<void>()

  constructor(items: Iterable<Item>) {
    this.#left = new Set(items)
    this.#endIfOver()
  }

  /** Resolves when each has been processed with success, or in vain for long enough. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  /** The item was processed; its `failures` say how it went. */
  processed(item: Item): void {
    if (item.failures > 0 && item.failures < ATTEMPTS) return
    if (this.#left.delete(item)) this.#endIfOver()
  }

  #endIfOver(): void {
    if (this.#left.size === 0) this.#ended.resolve()
  }
}

/** Several sources as one stream: values as they come, and no more of them ahead of the reader than it can hold. */

/** So many may wait for the reader before their sources have to. */
const MOST_WAITING = 256

/** Hands on a value; resolves once the source may go on. */
export type Put<T> = (value: T) => Promise<void>

export class Confluence<T> {
  #waiting: T[] = []
  #open = 0
  #failure: { readonly error: unknown } | undefined
  #room = Promise.withResolvers<void>()
  #wake = () => {}

  /** Adds a source, also while others are read already. Where the reader stops, a `put` may never resolve. */
  add(source: (put: Put<T>) => Promise<void>): void {
    this.#open++
    void source((value) => this.#put(value))
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
      .finally(() => {
        this.#open--
        this.#wake()
      })
  }

  /** Ends with the last source, or with the first that fails, after what came before. For one reader. */
  async *values(): AsyncGenerator<T> {
    for (;;) {
      const failure = this.#failure
      const batch = this.#waiting
      this.#waiting = []
      this.#room.resolve()
      this.#room = Promise.withResolvers()
      yield* batch
      if (failure !== undefined) throw failure.error
      if (this.#waiting.length > 0 || this.#failure !== undefined) continue
      if (this.#open === 0) return
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  async #put(value: T): Promise<void> {
    this.#waiting.push(value)
    this.#wake()
    if (this.#waiting.length >= MOST_WAITING) await this.#room.promise
  }
}

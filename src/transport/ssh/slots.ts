/** How many sessions one connection has at once. Who comes later waits, in turn. */

export class Slots {
  #limit: number
  #taken = 0
  readonly #waiting: (() => void)[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  get taken(): number {
    return this.#taken
  }

  /** Resolves to what gives the slot back. @throws the signal's reason */
  async take(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    if (this.#taken < this.#limit && this.#waiting.length === 0) this.#taken++
    else await this.#turn(signal)
    let isTaken = true
    return () => {
      if (!isTaken) return
      isTaken = false
      this.#taken--
      this.#handOut()
    }
  }

  /** The server has shown that it allows no more. */
  lower(limit: number): void {
    this.#limit = Math.max(1, Math.min(limit, this.#limit))
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = () => {
        signal.removeEventListener('abort', onAbort)
        this.#taken++
        resolve()
      }
      const onAbort = () => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1)
        reject(signal.reason)
      }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.push(go)
    })
  }

  #handOut(): void {
    if (this.#taken < this.#limit) this.#waiting.shift()?.()
  }
}

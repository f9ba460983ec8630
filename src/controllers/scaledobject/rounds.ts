/** Work that is done one time after another, never twice at once, however many ask for it. */
export class Rounds {
  readonly #round: () => Promise<void>
  #underWay: Promise<void> | undefined
  #again = false
  #ended = false

  constructor(round: () => Promise<void>) {
    this.#round = round
  }

  /** Does a round. Where one is under way another follows it, and all who have asked meanwhile wait for that. Rejects as a round does. */
  ask(): Promise<void> {
    this.#again = true
    this.#underWay ??= this.#goRound()
    return this.#underWay
  }

  /** None begins any more. Resolves when the one that is under way has ended, however it does. */
  async end(): Promise<void> {
    this.#ended = true
    await this.#underWay?.catch(() => undefined)
  }

  async #goRound(): Promise<void> {
    try {
      while (this.#again && !this.#ended) {
        this.#again = false
        await this.#round()
      }
    } finally {
      // in the same moment as the loop ends: who asks in between would wait for somebody else to ask
      this.#underWay = undefined
    }
  }
}

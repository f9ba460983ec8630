/** Texts that were seen lately, and since which revision they are there. */
import type { Stored } from './commit.ts'

const MAX_ENTRIES = 2_000
const MAX_CHARACTERS = 4 * 1024 * 1024

/** A text, and whether its key is known not to have been there before. */
export interface Recalled extends Stored {
  readonly isNew?: boolean
}

/** The oldest goes first. May be behind the store: what it says of a revision of a key holds, that it is the latest does not. */
export class Recall {
  readonly #entries = new Map<string, Recalled>()
  #characters = 0

  get(key: string): Recalled | undefined {
    return this.#entries.get(key)
  }

  /** Takes no notice of what is older than what it has. */
  set(key: string, value: string, revision: number, isNew = false): void {
    if ((this.get(key)?.revision ?? 0) > revision) return
    this.#remove(key)
    this.#entries.set(key, isNew ? { value, revision, isNew } : { value, revision })
    this.#characters += value.length
    for (const [oldest] of this.#entries) {
      if (this.#entries.size <= MAX_ENTRIES && this.#characters <= MAX_CHARACTERS) break
      this.#remove(oldest)
    }
  }

  /** @param revision at which it went; takes no notice of one that is older than what it has */
  delete(key: string, revision: number): void {
    if ((this.get(key)?.revision ?? 0) <= revision) this.#remove(key)
  }

  #remove(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#characters -= entry.value.length
    this.#entries.delete(key)
  }
}

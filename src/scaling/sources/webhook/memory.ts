/** What was said to a webhook, for as long as it counts. Pure but for what it remembers; times are a clock's that only grows. */
import { NsctlError } from '../../../core/errors.ts'

export interface Said {
  readonly value: number
  /** Where an event says so itself; above the threshold otherwise. */
  readonly active?: boolean
}

export interface Memory {
  say(said: Said, nowMs: number): void
  /** Throws Invalid where it is not known. */
  recall(nowMs: number): Said
}

/** What was said last. */
export class Gauge implements Memory {
  readonly #ttlMs: number | undefined
  #last: { readonly said: Said; readonly atMs: number } | undefined

  constructor(ttlMs: number | undefined) {
    this.#ttlMs = ttlMs
  }

  say(said: Said, atMs: number): void {
    this.#last = { said, atMs }
  }

  recall(nowMs: number): Said {
    if (this.#last === undefined) throw unknown('nothing was said to the webhook yet')
    if (this.#ttlMs !== undefined && nowMs - this.#last.atMs >= this.#ttlMs)
      throw unknown(`nothing was said to the webhook for ${this.#ttlMs / 1000} s`)
    return this.#last.said
  }
}

/** So many sums stand for however many events: what is remembered of a flood is as little as of a trickle. */
const PARTS = 60

/** The sum of what was said within a time. */
export class Count implements Memory {
  readonly #ttlMs: number
  readonly #activation: number
  readonly #sinceMs: number
  #sums: { value: number; readonly fromMs: number; lastMs: number }[] = []

  /** @param sinceMs since when it listens: what was said before is not known */
  constructor(ttlMs: number, activation: number, sinceMs: number) {
    this.#ttlMs = ttlMs
    this.#activation = activation
    this.#sinceMs = sinceMs
  }

  say({ value }: Said, nowMs: number): void {
    const newest = this.#sums.at(-1)
    if (newest !== undefined && nowMs - newest.fromMs < this.#ttlMs / PARTS) {
      newest.value += value
      newest.lastMs = nowMs
    } else this.#sums.push({ value, fromMs: nowMs, lastMs: nowMs })
    this.#forget(nowMs)
  }

  recall(nowMs: number): Said {
    this.#forget(nowMs)
    const value = this.#sums.reduce((sum, one) => sum + one.value, 0)
    // what came before it listened may still count, so a little is no more than a lower bound
    if (value <= this.#activation && nowMs - this.#sinceMs < this.#ttlMs)
      throw unknown(`the webhook has not been listened to for ${this.#ttlMs / 1000} s yet`)
    return { value }
  }

  #forget(nowMs: number): void {
    this.#sums = this.#sums.filter(({ lastMs }) => nowMs - lastMs < this.#ttlMs)
  }
}

function unknown(message: string): NsctlError {
  return new NsctlError('Invalid', message, { next: 'look whether the sender reaches it' })
}

/** Group commit: what is asked for in the same turn of the event loop, or while a group is written, is written together. */
import type { CommitResult, Transaction } from '../store.ts'

/** Bounds one group, so that other processes get their turn and this one's event loop breathes. */
const GROUP_OPERATIONS = 4_000
const GROUP_CHARACTERS = 4 * 1024 * 1024

/** One call of `commit`. */
class Call {
  readonly transactions: readonly Transaction[]
  readonly results: CommitResult[] = []
  readonly resolve: (results: readonly CommitResult[]) => void
  readonly reject: (error: unknown) => void
  /** How many of its transactions are in a group already. */
  taken = 0
  failed = false

  constructor(
    transactions: readonly Transaction[],
    resolve: (results: readonly CommitResult[]) => void,
    reject: (error: unknown) => void,
  ) {
    this.transactions = transactions
    this.resolve = resolve
    this.reject = reject
  }
}

interface Slice {
  readonly call: Call
  readonly transactions: readonly Transaction[]
}

/** Writes transactions durably, all in one; their results in order. */
export type WriteGroup = (transactions: readonly Transaction[]) => Promise<readonly CommitResult[]>

/** Calls are answered in the order of `add`; one that fails does not fail those that were written with it. */
export class CommitQueue {
  readonly #write: WriteGroup
  readonly #calls: Call[] = []
  #running: Promise<void> | undefined

  constructor(write: WriteGroup) {
    this.#write = write
  }

  add(transactions: readonly Transaction[]): Promise<readonly CommitResult[]> {
    return new Promise((resolve, reject) => {
      this.#calls.push(new Call(transactions, resolve, reject))
      this.#running ??= this.#run()
    })
  }

  /** Resolves when all that was added is done. */
  async drain(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async #run(): Promise<void> {
    do {
      // those who ask in this turn, and those whom the last group woke, are in the next
      await new Promise((resolve) => setImmediate(resolve))
      await this.#writeSlices(this.#nextGroup())
    } while (this.#calls.length > 0)
    this.#running = undefined
  }

  async #writeSlices(slices: readonly Slice[]): Promise<void> {
    try {
      const results = await this.#write(slices.flatMap((slice) => slice.transactions))
      let at = 0
      for (const { call, transactions } of slices) {
        call.results.push(...results.slice(at, at + transactions.length))
        at += transactions.length
        if (call.taken === call.transactions.length && call.results.length === call.taken)
          call.resolve(call.results)
      }
    } catch (error) {
      // what fails together need not fail alone: a disk that is too full for one call has room for another
      if (slices.length > 1) for (const slice of slices) await this.#writeSlices([slice])
      else this.#fail(slices[0]!.call, error)
    }
  }

  #fail(call: Call, error: unknown): void {
    call.failed = true
    call.reject(error)
    const waiting = this.#calls.indexOf(call)
    if (waiting >= 0) this.#calls.splice(waiting, 1)
  }

  /** Takes from the front until a bound is reached; at least one transaction. Only the last call may be cut. */
  #nextGroup(): readonly Slice[] {
    const slices: Slice[] = []
    let operations = 0
    let characters = 0
    const isFull = () => operations >= GROUP_OPERATIONS || characters >= GROUP_CHARACTERS
    while (this.#calls.length > 0 && !isFull()) {
      const call = this.#calls[0]!
      const begin = call.taken
      while (call.taken < call.transactions.length && !isFull()) {
        const transaction = call.transactions[call.taken++]!
        operations += transaction.length
        for (const one of transaction) characters += one.kind === 'put' ? one.value.length : 0
      }
      slices.push({ call, transactions: call.transactions.slice(begin, call.taken) })
      if (call.taken === call.transactions.length) this.#calls.shift()
    }
    return slices
  }
}

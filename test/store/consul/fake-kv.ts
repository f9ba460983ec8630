/**
 * Consul's KV transactions in memory, for tests of what happens between a request and its answer: a request or an answer
 * may be lost, and a request may arrive long after its sender has given up on it.
 */
import type { KvClient, KvEntry, KvOperation, TransactionOutcome } from '../../../src/store/consul/client.ts'
import { ConsulError } from '../../../src/store/consul/errors.ts'

export type Fault = 'none' | 'request lost' | 'answer lost' | 'late' | 'refused'

export interface FakeKvOptions {
  /** What happens to the next transaction that writes. */
  readonly fault: () => Fault
  /** Lets a late request arrive. */
  readonly later: (arrive: () => void) => void
}

export class FakeKv implements KvClient {
  readonly entries = new Map<string, Omit<KvEntry, 'key'>>()
  readonly #options: FakeKvOptions
  #index = 10

  constructor(options: FakeKvOptions) {
    this.#options = options
  }

  async transact(operations: readonly KvOperation[]): Promise<TransactionOutcome> {
    await new Promise((resolve) => setImmediate(resolve))
    const isWrite = operations.some(({ Verb }) => !/^(get|check)/.test(Verb))
    const fault = isWrite ? this.#options.fault() : 'none'
    if (fault === 'refused') return { kind: 'refused', operations: [0] }
    if (fault === 'late') this.#options.later(() => this.#apply(operations))
    if (fault === 'late' || fault === 'request lost') throw new ConsulError('unknown', 'Unreachable', fault)
    const outcome = this.#apply(operations)
    if (fault === 'answer lost') throw new ConsulError('unknown', 'Unreachable', fault)
    return outcome
  }

  async keys(prefix: string): Promise<readonly string[]> {
    return [...this.entries.keys()].filter((key) => key.startsWith(prefix))
  }

  block(): Promise<never> {
    return new Promise(() => {})
  }

  close(): void {}

  #apply(operations: readonly KvOperation[]): TransactionOutcome {
    const before = new Map(this.entries)
    const index = this.#index + 1
    const results: KvEntry[] = []
    const refused = operations.flatMap((operation, place) =>
      this.#run(operation, index, results) ? [] : [place],
    )
    if (refused.length === 0) {
      this.#index = index
      return { kind: 'done', entries: results }
    }
    this.entries.clear()
    for (const [key, entry] of before) this.entries.set(key, entry)
    return { kind: 'refused', operations: refused }
  }

  /** False where it fails the transaction. */
  #run({ Verb, Key, Value = '', Index }: KvOperation, index: number, results: KvEntry[]): boolean {
    const entry = this.entries.get(Key)
    switch (Verb) {
      case 'get':
        if (entry !== undefined) results.push({ key: Key, ...entry })
        return entry !== undefined
      case 'get-tree':
        for (const [key, found] of this.entries) if (key.startsWith(Key)) results.push({ key, ...found })
        return true
      case 'check-index':
        if (entry !== undefined) results.push({ key: Key, value: '', index: entry.index })
        return entry?.index === Index
      case 'check-not-exists':
        return entry === undefined
      case 'delete':
        this.entries.delete(Key)
        return true
      case 'delete-tree':
        for (const key of this.entries.keys()) if (key.startsWith(Key)) this.entries.delete(key)
        return true
      case 'cas':
        if ((entry?.index ?? 0) !== Index) return false
    }
    const value = Buffer.from(Value, 'base64').toString()
    // an identical set keeps the old index
    const written = entry?.value === value ? entry : { value, index, isNew: entry === undefined }
    this.entries.set(Key, written)
    results.push({ key: Key, value: '', index: written.index })
    return true
  }
}

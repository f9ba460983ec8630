/** What a transaction of the port is in Consul's operations, decided on values alone. */

import type { Stored } from '../commit.ts'
import type { CommitResult, Transaction } from '../store.ts'
import type { KvOperation } from './client.ts'
import type { Layout } from './layout.ts'
import type { Changed } from './records.ts'

export type Planned =
  | Extract<CommitResult, { kind: 'conflict' }>
  /** Nothing to write. */
  | { readonly kind: 'unchanged' }
  | Writing

export interface Writing {
  readonly kind: 'write'
  /** Happen only if all is still as it was when this was planned. */
  readonly operations: readonly KvOperation[]
  readonly changed: Changed
}

/** What is known of keys: `undefined` where they are not there. Complete for the transaction that it is asked about. */
export type States = ReadonlyMap<string, Stored | undefined>

/** From a fresh snapshot of all its keys. */
export function planTransaction(transaction: Transaction, states: States, layout: Layout): Planned {
  for (const { key, expect } of transaction) {
    const actual = states.get(key)?.revision ?? 0
    if (expect !== undefined && expect !== actual) return { kind: 'conflict', key, actual }
  }
  const writing = new Writer(layout)
  for (const operation of transaction) {
    const { key, kind } = operation
    const state = states.get(key)
    if (kind === 'check') writing.guard(key, operation.expect)
    else if (kind === 'put' && state?.value !== operation.value)
      writing.put(key, operation.value, state?.revision ?? 0)
    else if (kind === 'delete' && state !== undefined) writing.delete(key, operation.expect)
    else writing.guard(key, state?.revision ?? 0)
  }
  return writing.result()
}

/**
 * Without reading, on the caller's word that all is as it expects: Consul checks it. Undefined where only what is stored
 * tells whether something is to be written. `recall`: the text of a revision of a key, where it is still known.
 */
export function planUnread(
  transaction: Transaction,
  recall: (key: string) => Stored | undefined,
  layout: Layout,
): Writing | undefined {
  const writing = new Writer(layout)
  for (const operation of transaction) {
    const { key, kind, expect } = operation
    if (expect === undefined) return undefined
    const known = recall(key)
    // what we know contradicts it: most likely a conflict, which only reading can name
    if (known !== undefined && known.revision !== expect) return undefined
    if (kind === 'check') writing.guard(key, expect)
    else if (kind === 'delete') expect === 0 ? writing.guard(key, 0) : writing.delete(key, expect)
    else if (expect === 0 || (known !== undefined && known.value !== operation.value))
      writing.put(key, operation.value, expect)
    else return undefined
  }
  const result = writing.result()
  return result.kind === 'write' ? result : undefined
}

class Writer {
  readonly #layout: Layout
  /** Go first: what a transaction writes would be another revision than the one that is checked. */
  readonly #guards: KvOperation[] = []
  readonly #writes: KvOperation[] = []
  readonly #put: string[] = []
  readonly #delete: string[] = []

  constructor(layout: Layout) {
    this.#layout = layout
  }

  guard(key: string, revision: number): void {
    this.#guards.push(guardOf(this.#layout.dataKey(key), revision))
  }

  put(key: string, value: string, revision: number): void {
    this.#put.push(key)
    const Value = Buffer.from(value).toString('base64')
    this.#writes.push({ Verb: 'cas', Key: this.#layout.dataKey(key), Value, Index: revision })
  }

  delete(key: string, expect: number | undefined): void {
    this.#delete.push(key)
    // Consul's delete-cas lets a key pass that is gone
    if (expect !== undefined) this.guard(key, expect)
    this.#writes.push({ Verb: 'delete', Key: this.#layout.dataKey(key) })
  }

  result(): Planned {
    if (this.#writes.length === 0) return { kind: 'unchanged' }
    const changed = { put: this.#put, delete: this.#delete }
    return { kind: 'write', operations: [...this.#guards, ...this.#writes], changed }
  }
}

/** Fails the transaction unless the key is as of `revision`, or is not there where that is 0. */
export function guardOf(Key: string, revision: number): KvOperation {
  return revision === 0 ? { Verb: 'check-not-exists', Key } : { Verb: 'check-index', Key, Index: revision }
}

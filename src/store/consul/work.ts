/** What waits to be committed, and how much of it goes together. */
import type { CommitResult, Transaction } from '../store.ts'
import { nodeOfKey } from './layout.ts'
import type { Writing } from './plan.ts'
import { MAX_BODY_BYTES, MAX_WRITE_OPERATIONS, type Size } from './sizes.ts'

/** One transaction of one call. */
export interface Work {
  readonly transaction: Transaction
  readonly size: Size
  readonly call: Call
  readonly place: number
  /** When it was asked for, monotonic. */
  readonly sinceMs: number
  /** Its word on revisions did not hold: look before trying again. */
  doubtful: boolean
  /** What it is where its word holds, once that was worked out. */
  unread?: Writing | undefined
}

/** One call of the port, answered when all its transactions are. */
export interface Call {
  readonly results: CommitResult[]
  open: number
  failed: boolean
  readonly resolve: (results: readonly CommitResult[]) => void
  readonly reject: (error: unknown) => void
}

/**
 * From the front, as many as fit in one KV transaction and do not depend on each other; at least one, and no more than
 * `atMost`.
 */
export function nextBatch(waiting: readonly Work[], atMost = Number.POSITIVE_INFINITY): readonly Work[] {
  const batch: Work[] = []
  const written = new Set<string>()
  const nodes = new Set<string>()
  let operations = 0
  let bytes = 0
  for (const work of waiting) {
    const { transaction, size } = work
    if (batch.length === atMost || transaction.some(({ key }) => written.has(key))) break
    for (const { key, kind } of transaction) {
      const node = kind === 'check' ? undefined : nodeOfKey(key)
      if (node !== undefined) nodes.add(node)
    }
    operations += size.operations
    bytes += size.bytes
    const scopes = nodes.size === 0 ? 0 : nodes.size + 1
    if (batch.length > 0 && (operations + scopes > MAX_WRITE_OPERATIONS || bytes > MAX_BODY_BYTES)) break
    batch.push(work)
    for (const { key, kind } of transaction) if (kind !== 'check') written.add(key)
  }
  return batch
}

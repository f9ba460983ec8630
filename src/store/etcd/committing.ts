/** One transaction of the port as one of etcd's, and what came of it. Pure. */
import type { CommitResult, Transaction } from '../store.ts'
import type { Keyspace } from './keyspace.ts'
import type { Compare, Request, TxnRequest, TxnResponse } from './messages.ts'

/**
 * The most operations that a transaction may have. etcd's own limit (--max-txn-ops, 128) holds for the comparisons and for each
 * branch; a put in a transaction of its own, which is how a no-op is told, needs one more below that.
 */
export const MAX_OPERATIONS = 127

/**
 * Expectations are comparisons of all of it. A put of what is already there moves etcd's revision, so each put that may be one
 * happens in a transaction within: unless the value is the same. Where an expectation fails, all that are expected are read,
 * so that the first that failed can be named.
 */
export function requestOf(transaction: Transaction, keyspace: Keyspace): TxnRequest {
  const compare: Compare[] = []
  const success: Request[] = []
  const failure: Request[] = []
  for (const operation of transaction) {
    const key = keyspace.keyOf(operation.key)
    if (operation.expect !== undefined) {
      // etcd's modification revision of what is not there is 0
      compare.push({ key, modRevision: operation.expect })
      failure.push({ kind: 'range', range: { key, keysOnly: true } })
    }
    if (operation.kind === 'delete') success.push({ kind: 'delete', key })
    if (operation.kind === 'put') {
      const put: Request = { kind: 'put', key, value: Buffer.from(operation.value) }
      success.push(operation.expect === 0 ? put : unlessSame(put))
    }
  }
  return { compare, success, failure }
}

function unlessSame(put: Extract<Request, { readonly kind: 'put' }>): Request {
  const compare = [{ key: put.key, value: put.value }]
  return { kind: 'txn', txn: { compare, success: [], failure: [put] } }
}

export function resultOf(transaction: Transaction, response: TxnResponse): CommitResult {
  if (response.succeeded) return { kind: 'committed', revision: response.revision }
  const expecting = transaction.filter((operation) => operation.expect !== undefined)
  for (const [index, { key, expect }] of expecting.entries()) {
    const actual = response.ranges[index]?.keyValues[0]?.modRevision ?? 0
    if (actual !== expect) return { kind: 'conflict', key, actual }
  }
  throw new Error('etcd refused a transaction whose expectations all hold')
}

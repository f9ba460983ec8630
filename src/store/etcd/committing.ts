/** One transaction of the port as one of etcd's, and what came of it. Pure. */
import type { CommitResult, Transaction } from '../store.ts'
import type { Keyspace } from './keyspace.ts'
import type { Compare, KeyValue, RangeRequest, Request, TxnRequest, TxnResponse } from './messages.ts'

/** The most operations that a transaction may have: etcd's own limit (--max-txn-ops), for comparisons as for what follows. */
export const MAX_OPERATIONS = 128

/** The most bytes of keys and values. etcd takes requests of 1.5 MiB (--max-request-bytes); keys stand in one up to three times. */
export const MAX_TRANSACTION_BYTES = 1024 * 1024

/** Values that are compared are sent twice. */
const MAX_COMPARED_BYTES = 128 * 1024

/** What was read of the keys that `keysToKnow` names; undefined where nothing was there. */
export type Known = ReadonlyMap<string, Pick<KeyValue, 'value' | 'modRevision'> | undefined>

/**
 * A put of what is there already moves etcd's revision, and must not. So it happens only where
 * - its key is expected not to be there, or
 * - its key has the revision that is expected, and another value, or
 * - nothing is expected and nothing is there, or
 * - it is `known` what is there, and that has not moved since.
 * Where any of this does not hold nothing happens, and all is read that tells what to do: see `outcomeOf`.
 */
export function requestOf(transaction: Transaction, keyspace: Keyspace, known?: Known): TxnRequest {
  const compare: Compare[] = []
  const success: Request[] = []
  for (const operation of transaction) {
    const key = keyspace.keyOf(operation.key)
    // etcd's modification revision of what is not there is 0
    if (operation.expect !== undefined) compare.push({ key, modRevision: operation.expect })
    if (operation.kind === 'delete') success.push({ kind: 'delete', key })
    if (operation.kind !== 'put') continue
    const value = Buffer.from(operation.value)
    const there = known?.get(operation.key)
    if (operation.expect === undefined) compare.push({ key, modRevision: there?.modRevision ?? 0 })
    else if (operation.expect !== 0 && known === undefined) compare.push({ key, valueIsNot: value })
    if (there === undefined || !there.value.equals(value)) success.push({ kind: 'put', key, value })
  }
  const failure = transaction
    .filter((one) => one.expect !== undefined || isUncertain(one))
    .map((one): Request => ({ kind: 'range', range: rangeToTell(one, keyspace) }))
  return { compare, success, failure }
}

/** It may turn out to be no write. */
function isUncertain(operation: Transaction[number]): boolean {
  return operation.kind === 'put' && operation.expect !== 0
}

function rangeToTell(operation: Transaction[number], keyspace: Keyspace): RangeRequest {
  return { key: keyspace.keyOf(operation.key), keysOnly: !isUncertain(operation) }
}

/** The keys to read before a transaction that etcd cannot compare in one go, being too large or too many. */
export function keysToKnow(transaction: Transaction): readonly string[] {
  const uncertain = transaction.filter(isUncertain)
  const bytes = uncertain.reduce(
    (sum, one) => sum + (one.kind === 'put' ? Buffer.byteLength(one.value) : 0),
    0,
  )
  const compares = transaction.filter((one) => one.expect !== undefined).length + uncertain.length
  return bytes > MAX_COMPARED_BYTES || compares > MAX_OPERATIONS ? uncertain.map(({ key }) => key) : []
}

/** `known`: no expectation failed, so with what is known now it can be tried again. */
export type Outcome = CommitResult | { readonly kind: 'known'; readonly known: Known }

export function outcomeOf(transaction: Transaction, response: TxnResponse): Outcome {
  if (response.succeeded) return { kind: 'committed', revision: response.revision }
  const asked = transaction.filter((one) => one.expect !== undefined || isUncertain(one))
  const found = asked.map((_, index) => response.ranges[index]?.keyValues[0])
  for (const [index, { key, expect }] of asked.entries()) {
    const actual = found[index]?.modRevision ?? 0
    if (expect !== undefined && actual !== expect) return { kind: 'conflict', key, actual }
  }
  const known = asked.map(({ key }, index) => [key, found[index]] as const)
  return { kind: 'known', known: new Map(known.filter((_, index) => isUncertain(asked[index]!))) }
}

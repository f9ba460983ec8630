/** What Consul's limits leave for a transaction of the port. Pure. */
import { MAX_KEY_BYTES } from '../commit.ts'
import type { Transaction } from '../store.ts'
import type { KvOperation } from './client.ts'
import type { Layout } from './layout.ts'
import { MAX_KV_OPERATIONS } from './reading.ts'

/** `txn_max_req_len` as Consul sets it where its configuration does not: of the request as JSON, values in base64. */
export const MAX_BODY_BYTES = 512 * 1024

/** A commit writes its entry in the log and the shard's head. */
const FEED_OPERATIONS = 2
/** And what its scopes need at least: one, new and guarded, or all dropped and that noted. */
const SCOPE_OPERATIONS = 2
export const MAX_WRITE_OPERATIONS = MAX_KV_OPERATIONS - FEED_OPERATIONS
/** The most operations of the port that always fit, as long as none is a delete with a precondition, which counts twice. */
export const MAX_OPERATIONS = MAX_WRITE_OPERATIONS - SCOPE_OPERATIONS
/**
 * Keys and values of this many bytes together always fit, up to keys of 200 bytes each: a third more in base64, and what
 * goes around them.
 */
export const MAX_TRANSACTION_BYTES = 368 * 1024

/** `{"KV":{"Verb":"check-not-exists","Key":,"Value":"","Index":9007199254740991}},` */
const OPERATION_BYTES = 80
/** Head, log and the least that scopes need, without the keys in them. */
const FEED_BYTES = 1_024
/** A key in the log, and once more where its delete is guarded. */
const LOG_FACTOR = 4 / 3

/** How long an operation is in a request, at most. */
export function operationBytes({ Key, Value = '' }: KvOperation): number {
  return OPERATION_BYTES + jsonBytes(Key) + Value.length
}

/** How long the log's and a small scope's operations of a commit are that changes these keys, at most. */
export function feedBytes(keys: Iterable<string>, layout: Layout): number {
  let bytes = FEED_BYTES + 4 * layout.prefix.length
  for (const key of keys) bytes += Math.ceil((jsonBytes(key) + 1) * LOG_FACTOR)
  return bytes
}

/** How many of Consul's operations a transaction of the port is, at most. */
export function countOperations(transaction: Transaction): number {
  let count = 0
  for (const { kind, expect } of transaction) count += kind === 'delete' && expect !== undefined ? 2 : 1
  return count
}

/** How long a commit of the transaction alone is as a request, at most: what does not fit is TooLarge. */
export function transactionBytes(transaction: Transaction, layout: Layout): number {
  let bytes = 0
  const written: string[] = []
  for (const operation of transaction) {
    const twice = operation.kind === 'delete' && operation.expect !== undefined ? 2 : 1
    bytes += (OPERATION_BYTES + jsonBytes(layout.dataKey(operation.key))) * twice
    if (operation.kind === 'put') bytes += base64Length(Buffer.byteLength(operation.value))
    if (operation.kind !== 'check') written.push(operation.key)
  }
  return bytes + feedBytes(written, layout) + scopeKeyBytes(layout)
}

/** The key of a scope, in the request. */
function scopeKeyBytes(layout: Layout): number {
  return layout.scopes.length + MAX_KEY_BYTES * 3
}

function base64Length(bytes: number): number {
  return Math.ceil(bytes / 3) * 4
}

function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text))
}

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
/** What JSON writes as it stands. */
const PLAIN = /^[ !#-[\]-~]*$/
/** The log is text in base64. */
const LOG_FACTOR = 4 / 3

/** How long an operation is in a request, at most. */
export function operationBytes({ Key, Value = '' }: KvOperation): number {
  return OPERATION_BYTES + jsonBytes(Key) + Value.length
}

/** What a transaction of the port takes of Consul's, at most. */
export interface Size {
  readonly operations: number
  /** Of a request that commits it alone: what does not fit is TooLarge. */
  readonly bytes: number
}

export function sizeOf(transaction: Transaction, layout: Layout): Size {
  let operations = 0
  let bytes = FEED_BYTES + 4 * layout.prefix.length + scopeKeyBytes(layout)
  for (const operation of transaction) {
    const { kind, key, expect } = operation
    // a delete that expects a revision is a check and a delete
    const count = kind === 'delete' && expect !== undefined ? 2 : 1
    const keyBytes = jsonBytes(key)
    operations += count
    bytes += (OPERATION_BYTES + layout.data.length + keyBytes) * count
    if (kind === 'put') bytes += base64Length(Buffer.byteLength(operation.value))
    // in the log
    if (kind !== 'check') bytes += Math.ceil((keyBytes + 1) * LOG_FACTOR)
  }
  return { operations, bytes }
}

/** The key of a scope, in the request. */
function scopeKeyBytes(layout: Layout): number {
  return layout.scopes.length + MAX_KEY_BYTES * 3
}

function base64Length(bytes: number): number {
  return Math.ceil(bytes / 3) * 4
}

function jsonBytes(text: string): number {
  if (PLAIN.test(text)) return text.length + 2
  return Buffer.byteLength(JSON.stringify(text))
}

/**
 * The messages of etcd's v3 API that the store uses, with the field numbers of its rpc.proto, kv.proto and auth.proto.
 * Keys and values are bytes here; what is not needed is neither written nor read.
 */
import { Fields, Message } from './wire.ts'

export const METHODS = {
  range: '/etcdserverpb.KV/Range',
  txn: '/etcdserverpb.KV/Txn',
  watch: '/etcdserverpb.Watch/Watch',
  authenticate: '/etcdserverpb.Auth/Authenticate',
} as const

export type Method = (typeof METHODS)[keyof typeof METHODS]

/** From `key` to `end` (excluded); without `end` that key alone. */
export interface ByteRange {
  readonly key: Buffer
  readonly end?: Buffer
}

export interface RangeRequest extends ByteRange {
  readonly limit?: number
  /** A snapshot of that revision. */
  readonly revision?: number
  readonly keysOnly?: boolean
  readonly countOnly?: boolean
}

export type Compare =
  | { readonly key: Buffer; readonly modRevision: number }
  | { readonly key: Buffer; readonly value: Buffer }

export type Request =
  | { readonly kind: 'range'; readonly range: RangeRequest }
  | { readonly kind: 'put'; readonly key: Buffer; readonly value: Buffer }
  | { readonly kind: 'delete'; readonly key: Buffer }
  | { readonly kind: 'txn'; readonly txn: TxnRequest }

/** Where all comparisons hold `success` happens, else `failure`; as one revision. */
export interface TxnRequest {
  readonly compare: readonly Compare[]
  readonly success: readonly Request[]
  readonly failure: readonly Request[]
}

export interface KeyValue {
  readonly key: Buffer
  readonly value: Buffer
  readonly modRevision: number
}

export interface RangeResponse {
  readonly revision: number
  readonly keyValues: readonly KeyValue[]
  readonly more: boolean
  /** Of all keys in the range, beyond the limit as well. */
  readonly count: number
}

export interface TxnResponse {
  readonly revision: number
  readonly succeeded: boolean
  /** One per request; of those that are no range, undefined. */
  readonly ranges: readonly (RangeResponse | undefined)[]
}

export interface WatchEvent {
  readonly kind: 'put' | 'delete'
  readonly keyValue: KeyValue
}

export interface WatchResponse {
  readonly revision: number
  /** Tells clusters apart: a store that was made anew begins its revisions anew. */
  readonly cluster: string
  readonly created: boolean
  readonly canceled: boolean
  readonly cancelReason: string
  /** Not 0 where the watch's revision is no longer there. */
  readonly compactRevision: number
  /** More of the same revision follows. */
  readonly fragment: boolean
  readonly events: readonly WatchEvent[]
}

export function encodeRange(request: RangeRequest): Buffer {
  return rangeMessage(request).encode()
}

export function encodeTxn(request: TxnRequest): Buffer {
  return txnMessage(request).encode()
}

export function encodeAuthenticate(name: string, password: string): Buffer {
  return new Message().text(1, name).text(2, password).encode()
}

/** Events of `range` from `startRevision` on, also word of progress where there are none, large ones in parts. */
export function encodeWatch(range: ByteRange, startRevision: number): Buffer {
  const create = new Message().bytes(1, range.key)
  if (range.end !== undefined) create.bytes(2, range.end)
  create.int(3, startRevision).flag(4, true).flag(8, true)
  return new Message().message(1, create).encode()
}

function rangeMessage({ key, end, limit, revision, keysOnly, countOnly }: RangeRequest): Message {
  const message = new Message().bytes(1, key)
  if (end !== undefined) message.bytes(2, end)
  return message
    .int(3, limit ?? 0)
    .int(4, revision ?? 0)
    .flag(8, keysOnly ?? false)
    .flag(9, countOnly ?? false)
}

function txnMessage({ compare, success, failure }: TxnRequest): Message {
  const message = new Message()
  for (const one of compare) message.message(1, compareMessage(one))
  for (const one of success) message.message(2, requestMessage(one))
  for (const one of failure) message.message(3, requestMessage(one))
  return message
}

const TARGET_MOD = 2
const TARGET_VALUE = 3

/** All are for equality, which is the default. */
function compareMessage(compare: Compare): Message {
  if ('value' in compare)
    return new Message().int(2, TARGET_VALUE).bytes(3, compare.key).presentBytes(7, compare.value)
  return new Message().int(2, TARGET_MOD).bytes(3, compare.key).presentInt(6, compare.modRevision)
}

function requestMessage(request: Request): Message {
  switch (request.kind) {
    case 'range':
      return new Message().message(1, rangeMessage(request.range))
    case 'put':
      return new Message().message(2, new Message().bytes(1, request.key).bytes(2, request.value))
    case 'delete':
      return new Message().message(3, new Message().bytes(1, request.key))
    case 'txn':
      return new Message().message(4, txnMessage(request.txn))
  }
}

export function decodeRange(bytes: Buffer): RangeResponse {
  const fields = new Fields(bytes)
  const keyValues: KeyValue[] = []
  let [revision, more, count] = [0, false, 0]
  while (fields.next()) {
    if (fields.field === 1) revision = decodeHeader(fields.bytes()).revision
    else if (fields.field === 2) keyValues.push(decodeKeyValue(fields.bytes()))
    else if (fields.field === 3) more = fields.flag()
    else if (fields.field === 4) count = fields.int()
  }
  return { revision, keyValues, more, count }
}

export function decodeTxn(bytes: Buffer): TxnResponse {
  const fields = new Fields(bytes)
  const ranges: (RangeResponse | undefined)[] = []
  let [revision, succeeded] = [0, false]
  while (fields.next()) {
    if (fields.field === 1) revision = decodeHeader(fields.bytes()).revision
    else if (fields.field === 2) succeeded = fields.flag()
    else if (fields.field === 3) ranges.push(decodeRangeOfResponse(fields.bytes()))
  }
  return { revision, succeeded, ranges }
}

function decodeRangeOfResponse(bytes: Buffer): RangeResponse | undefined {
  const fields = new Fields(bytes)
  let range: RangeResponse | undefined
  while (fields.next()) if (fields.field === 1) range = decodeRange(fields.bytes())
  return range
}

/** The token that goes with later requests. */
export function decodeAuthenticate(bytes: Buffer): string {
  const fields = new Fields(bytes)
  let token = ''
  while (fields.next()) if (fields.field === 2) token = fields.text()
  return token
}

export function decodeWatch(bytes: Buffer): WatchResponse {
  const fields = new Fields(bytes)
  const events: WatchEvent[] = []
  let header = { revision: 0, cluster: '' }
  let [created, canceled, fragment] = [false, false, false]
  let compactRevision = 0
  let cancelReason = ''
  while (fields.next()) {
    if (fields.field === 1) header = decodeHeader(fields.bytes())
    else if (fields.field === 3) created = fields.flag()
    else if (fields.field === 4) canceled = fields.flag()
    else if (fields.field === 5) compactRevision = fields.int()
    else if (fields.field === 6) cancelReason = fields.text()
    else if (fields.field === 7) fragment = fields.flag()
    else if (fields.field === 11) events.push(decodeEvent(fields.bytes()))
  }
  return { ...header, created, canceled, cancelReason, compactRevision, fragment, events }
}

function decodeEvent(bytes: Buffer): WatchEvent {
  const fields = new Fields(bytes)
  let kind: WatchEvent['kind'] = 'put'
  let keyValue: KeyValue = NOTHING
  while (fields.next()) {
    if (fields.field === 1) kind = fields.int() === 1 ? 'delete' : 'put'
    else if (fields.field === 2) keyValue = decodeKeyValue(fields.bytes())
  }
  return { kind, keyValue }
}

const EMPTY = Buffer.alloc(0)
const NOTHING: KeyValue = { key: EMPTY, value: EMPTY, modRevision: 0 }

function decodeKeyValue(bytes: Buffer): KeyValue {
  const fields = new Fields(bytes)
  let { key, value, modRevision } = NOTHING
  while (fields.next()) {
    if (fields.field === 1) key = fields.bytes()
    else if (fields.field === 3) modRevision = fields.int()
    else if (fields.field === 5) value = fields.bytes()
  }
  return { key, value, modRevision }
}

function decodeHeader(bytes: Buffer): { readonly revision: number; readonly cluster: string } {
  const fields = new Fields(bytes)
  let [revision, cluster] = [0, '']
  while (fields.next()) {
    // a random 64-bit number, which only has to be told from others
    if (fields.field === 1) cluster = String(fields.int())
    else if (fields.field === 3) revision = fields.int()
  }
  return { revision, cluster }
}

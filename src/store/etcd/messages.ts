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
  /** What this member knows, without asking the others. */
  readonly serializable?: boolean
}

export type Compare =
  | { readonly key: Buffer; readonly modRevision: number }
  /** Something must be there. */
  | { readonly key: Buffer; readonly valueIsNot: Buffer }

export type Request =
  | { readonly kind: 'range'; readonly range: RangeRequest }
  | { readonly kind: 'put'; readonly key: Buffer; readonly value: Buffer }
  | { readonly kind: 'delete'; readonly key: Buffer }

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

/** What every answer begins with. */
export interface Header {
  readonly revision: number
  /** Of Raft: moves with each election. */
  readonly term: number
  /** Tells clusters apart: a store that was made anew begins its revisions anew. */
  readonly cluster: string
}

export interface RangeResponse extends Header {
  readonly keyValues: readonly KeyValue[]
  readonly more: boolean
  /** Of all keys in the range, beyond the limit as well. */
  readonly count: number
}

export interface TxnResponse extends Header {
  readonly succeeded: boolean
  /** One per request; of those that are no range, undefined. */
  readonly ranges: readonly (RangeResponse | undefined)[]
}

export interface WatchEvent {
  readonly kind: 'put' | 'delete'
  readonly keyValue: KeyValue
}

export interface WatchResponse extends Header {
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

function rangeMessage(request: RangeRequest): Message {
  const { key, end, limit, revision, serializable, keysOnly, countOnly } = request
  const message = new Message().bytes(1, key)
  if (end !== undefined) message.bytes(2, end)
  return message
    .int(3, limit ?? 0)
    .int(4, revision ?? 0)
    .flag(7, serializable ?? false)
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

const NOT_EQUAL = 3
const TARGET_MOD = 2
const TARGET_VALUE = 3

/** Equality is the default. */
function compareMessage(compare: Compare): Message {
  if ('modRevision' in compare)
    return new Message().int(2, TARGET_MOD).bytes(3, compare.key).presentInt(6, compare.modRevision)
  const message = new Message().int(1, NOT_EQUAL).int(2, TARGET_VALUE)
  return message.bytes(3, compare.key).presentBytes(7, compare.valueIsNot)
}

function requestMessage(request: Request): Message {
  switch (request.kind) {
    case 'range':
      return new Message().message(1, rangeMessage(request.range))
    case 'put':
      return new Message().message(2, new Message().bytes(1, request.key).bytes(2, request.value))
    case 'delete':
      return new Message().message(3, new Message().bytes(1, request.key))
  }
}

export function decodeRange(bytes: Buffer): RangeResponse {
  const fields = new Fields(bytes)
  const keyValues: KeyValue[] = []
  let header = NO_HEADER
  let [more, count] = [false, 0]
  while (fields.next()) {
    if (fields.field === 1) header = decodeHeader(fields.bytes())
    else if (fields.field === 2) keyValues.push(decodeKeyValue(fields.bytes()))
    else if (fields.field === 3) more = fields.flag()
    else if (fields.field === 4) count = fields.int()
  }
  return { ...header, keyValues, more, count }
}

export function decodeTxn(bytes: Buffer): TxnResponse {
  const fields = new Fields(bytes)
  const ranges: (RangeResponse | undefined)[] = []
  let header = NO_HEADER
  let succeeded = false
  while (fields.next()) {
    if (fields.field === 1) header = decodeHeader(fields.bytes())
    else if (fields.field === 2) succeeded = fields.flag()
    else if (fields.field === 3) ranges.push(decodeRangeOfResponse(fields.bytes()))
  }
  return { ...header, succeeded, ranges }
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
  let header = NO_HEADER
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

/** What any answer's header says of it. */
export function termOf(answer: Buffer): number {
  const fields = new Fields(answer)
  while (fields.next()) if (fields.field === 1) return decodeHeader(fields.bytes()).term
  return 0
}

const NO_HEADER: Header = { revision: 0, term: 0, cluster: '' }

function decodeHeader(bytes: Buffer): Header {
  const fields = new Fields(bytes)
  let { revision, term, cluster } = NO_HEADER
  while (fields.next()) {
    // a random 64-bit number, which only has to be told from others
    if (fields.field === 1) cluster = String(fields.int())
    else if (fields.field === 3) revision = fields.int()
    else if (fields.field === 4) term = fields.int()
  }
  return { revision, term, cluster }
}

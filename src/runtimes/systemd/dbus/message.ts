/** D-Bus messages: the header, and the cutting of a byte stream into messages (specification, "Message Protocol"). */
import { NsctlError } from '../../../core/errors.ts'
import { DbusReader } from './reader.ts'
import { parseSignature } from './signature.ts'
import { type DbusValue, DbusWriter, type Variant } from './writer.ts'

export const METHOD_CALL = 1
export const METHOD_RETURN = 2
export const ERROR = 3
export const SIGNAL = 4

const LITTLE_ENDIAN = 0x6c
const FIXED_HEADER_BYTES = 16
const MAX_MESSAGE_BYTES = 2 ** 27
const FIELD = {
  path: 1,
  interface: 2,
  member: 3,
  errorName: 4,
  replySerial: 5,
  destination: 6,
  sender: 7,
  signature: 8,
}
const HEADER_FIELDS = parseSignature('a(yv)')[0]!

export interface MethodCall {
  readonly serial: number
  readonly destination?: string
  readonly path: string
  readonly interface: string
  readonly member: string
  readonly signature?: string
  readonly body?: readonly DbusValue[]
  /** No answer is wanted. */
  readonly noReply?: boolean
}

export interface IncomingMessage {
  readonly type: number
  readonly serial: number
  readonly replySerial?: number
  readonly path?: string
  readonly interface?: string
  readonly member?: string
  readonly errorName?: string
  readonly sender?: string
  readonly signature: string
  /** A reader at the start of the body. */
  body(): DbusReader
}

export function encodeCall(call: MethodCall): Buffer {
  const body = new DbusWriter()
  if (call.signature !== undefined) body.writeAll(call.signature, call.body ?? [])
  const fields: [number, Variant][] = [
    [FIELD.path, { signature: 'o', value: call.path }],
    [FIELD.interface, { signature: 's', value: call.interface }],
    [FIELD.member, { signature: 's', value: call.member }],
  ]
  if (call.destination !== undefined)
    fields.push([FIELD.destination, { signature: 's', value: call.destination }])
  if (call.signature !== undefined) fields.push([FIELD.signature, { signature: 'g', value: call.signature }])
  return encode(METHOD_CALL, call.noReply === true ? 1 : 0, call.serial, fields, body.bytes())
}

function encode(
  type: number,
  flags: number,
  serial: number,
  fields: readonly [number, Variant][],
  body: Buffer,
): Buffer {
  const header = new DbusWriter()
  header.writeAll('yyyyuu', [LITTLE_ENDIAN, type, flags, 1, body.length, serial])
  header.write(HEADER_FIELDS, fields)
  header.align(8)
  return Buffer.concat([header.bytes(), body])
}

/** Cuts what arrives into messages; keeps the torn rest for the next chunk. */
export class MessageSplitter {
  #pending: Buffer[] = []
  #pendingBytes = 0
  #neededBytes = FIXED_HEADER_BYTES

  /** @throws Invalid where the stream is no D-Bus; the connection is then of no use any more */
  push(chunk: Buffer, emit: (message: IncomingMessage) => void): void {
    this.#pending.push(chunk)
    this.#pendingBytes += chunk.length
    if (this.#pendingBytes < this.#neededBytes) return
    let bytes = this.#pending.length === 1 ? chunk : Buffer.concat(this.#pending, this.#pendingBytes)
    this.#neededBytes = FIXED_HEADER_BYTES
    while (bytes.length >= FIXED_HEADER_BYTES) {
      const total = messageBytes(bytes)
      if (bytes.length < total) {
        this.#neededBytes = total
        break
      }
      emit(decode(bytes.subarray(0, total)))
      bytes = bytes.subarray(total)
    }
    this.#pending = [bytes]
    this.#pendingBytes = bytes.length
  }
}

function messageBytes(bytes: Buffer): number {
  if (bytes[0] !== LITTLE_ENDIAN)
    throw new NsctlError('Invalid', `not a little-endian D-Bus message: it starts with ${bytes[0]}`)
  const fieldBytes = bytes.readUInt32LE(12)
  const total = Math.ceil((FIXED_HEADER_BYTES + fieldBytes) / 8) * 8 + bytes.readUInt32LE(4)
  if (total > MAX_MESSAGE_BYTES)
    throw new NsctlError('Invalid', `a D-Bus message of ${total} bytes is too long`)
  return total
}

/** Reads the header of one whole message. Hundreds arrive for a hundred starts, so nothing is built that nobody reads. */
export function decode(bytes: Buffer): IncomingMessage {
  const texts: (string | undefined)[] = []
  let replySerial: number | undefined
  const reader = new DbusReader(bytes)
  reader.seek(FIXED_HEADER_BYTES)
  const end = FIXED_HEADER_BYTES + bytes.readUInt32LE(12)
  while (reader.position < end) {
    reader.align(8)
    const code = reader.readByte()
    const type = reader.readSignature()
    if (type === 'u') replySerial = reader.readUint32()
    else if (type === 's' || type === 'o') texts[code] = reader.readText()
    else if (type === 'g') texts[code] = reader.readSignature()
    else for (const other of parseSignature(type)) reader.skip(other)
  }
  const body = bytes.subarray(bytes.length - bytes.readUInt32LE(4))
  return {
    type: bytes[1]!,
    serial: bytes.readUInt32LE(8),
    replySerial,
    path: texts[FIELD.path],
    interface: texts[FIELD.interface],
    member: texts[FIELD.member],
    errorName: texts[FIELD.errorName],
    sender: texts[FIELD.sender],
    signature: texts[FIELD.signature] ?? '',
    body: () => new DbusReader(body),
  }
}

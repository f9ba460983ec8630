/** As much of protobuf's encoding as etcd's messages need: varints, bytes and messages in messages. */

const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5

/** A message under construction. Fields at their default (0, false, empty) are left out, as proto3 says. */
export class Message {
  readonly #chunks: Uint8Array[] = []
  #size = 0

  int(field: number, value: number): this {
    return value === 0 ? this : this.presentInt(field, value)
  }

  /** Also where it is 0: a member of a oneof is told by being there. */
  presentInt(field: number, value: number): this {
    this.#push(varints(field * 8 + VARINT, value))
    return this
  }

  flag(field: number, value: boolean): this {
    return this.int(field, value ? 1 : 0)
  }

  bytes(field: number, value: Uint8Array): this {
    return value.length === 0 ? this : this.presentBytes(field, value)
  }

  /** Also where it is empty. */
  presentBytes(field: number, value: Uint8Array): this {
    this.#push(varints(field * 8 + BYTES, value.length))
    this.#push(value)
    return this
  }

  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value))
  }

  message(field: number, value: Message): this {
    this.#push(varints(field * 8 + BYTES, value.#size))
    // not spread: a transaction may have thousands of chunks
    for (const chunk of value.#chunks) this.#push(chunk)
    return this
  }

  encode(): Buffer {
    return Buffer.concat(this.#chunks, this.#size)
  }

  #push(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#size += chunk.length
  }
}

function varints(...values: readonly number[]): Uint8Array {
  const out: number[] = []
  for (let value of values) {
    while (value >= 0x80) {
      out.push((value % 0x80) + 0x80)
      value = Math.floor(value / 0x80)
    }
    out.push(value)
  }
  return Uint8Array.from(out)
}

/** Reads a message field by field; what is not asked for is skipped. Throws RangeError where the bytes end too soon. */
export class Fields {
  readonly #bytes: Buffer
  #at = 0
  /** The number of the field that `next` went to. */
  field = 0
  #type = VARINT
  #read = true

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  next(): boolean {
    if (!this.#read) this.#skip()
    if (this.#at >= this.#bytes.length) return false
    const tag = this.#varint()
    this.field = Math.floor(tag / 8)
    this.#type = tag % 8
    this.#read = false
    return true
  }

  /** An int64 that is not negative. Revisions stay far below 2^53, beyond which the last digits are lost. */
  int(): number {
    this.#read = true
    return this.#varint()
  }

  flag(): boolean {
    return this.int() !== 0
  }

  /** A view of the message's own memory. */
  bytes(): Buffer {
    this.#read = true
    const length = this.#varint()
    const end = this.#at + length
    if (end > this.#bytes.length) throw new RangeError('a message of etcd ends too soon')
    const bytes = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return bytes
  }

  text(): string {
    return this.bytes().toString()
  }

  #varint(): number {
    let value = 0
    let factor = 1
    for (;;) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) throw new RangeError('a message of etcd ends too soon')
      value += (byte % 0x80) * factor
      if (byte < 0x80) return value
      factor *= 0x80
    }
  }

  #skip(): void {
    if (this.#type === VARINT) this.#varint()
    else if (this.#type === BYTES) this.bytes()
    else if (this.#type === FIXED64) this.#at += 8
    else if (this.#type === FIXED32) this.#at += 4
    else throw new RangeError(`a message of etcd has a field of wire type ${this.#type}`)
    this.#read = true
  }
}

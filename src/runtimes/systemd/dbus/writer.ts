/** Marshals values into D-Bus's wire format, little-endian (specification, "Marshaling"). */
import { NsctlError } from '../../../core/errors.ts'
import { alignmentOf, type DbusType, parseSignature } from './signature.ts'

/** A value with its type, where the signature says `v`. */
export interface Variant {
  readonly signature: string
  readonly value: DbusValue
}

/** Numbers for y n q i u d h, bigint for x t, strings for s o g, arrays for a and structs, a Map for a{..}. */
export type DbusValue = number | bigint | boolean | string | readonly DbusValue[] | DbusMap | Variant
export type DbusMap = ReadonlyMap<DbusValue, DbusValue>

const MAX_ARRAY_BYTES = 2 ** 26

export class DbusWriter {
  #buffer = Buffer.alloc(512)
  #at = 0

  /** What was written so far. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#at)
  }

  /** Fills with zeros up to a multiple of `alignment`, counted from the first byte written. */
  align(alignment: number): void {
    const to = Math.ceil(this.#at / alignment) * alignment
    this.#reserve(to - this.#at)
    this.#buffer.fill(0, this.#at, to)
    this.#at = to
  }

  writeAll(signature: string, values: readonly DbusValue[]): void {
    const types = parseSignature(signature)
    if (types.length !== values.length)
      throw new NsctlError(
        'Bug',
        `D-Bus signature ${signature} takes ${types.length} values, got ${values.length}`,
      )
    types.forEach((type, index) => {
      this.write(type, values[index]!)
    })
  }

  /** @throws Bug where `value` does not fit `type`, before anything of it is sent */
  write(type: DbusType, value: DbusValue): void {
    this.align(alignmentOf(type))
    switch (type.code) {
      case 'y':
        this.#number(1, () => this.#buffer.writeUInt8(value as number, this.#at))
        return
      case 'b':
        this.#number(4, () => this.#buffer.writeUInt32LE(value === true ? 1 : 0, this.#at))
        return
      case 'n':
        this.#number(2, () => this.#buffer.writeInt16LE(value as number, this.#at))
        return
      case 'q':
        this.#number(2, () => this.#buffer.writeUInt16LE(value as number, this.#at))
        return
      case 'i':
        this.#number(4, () => this.#buffer.writeInt32LE(value as number, this.#at))
        return
      case 'u':
      case 'h':
        this.#number(4, () => this.#buffer.writeUInt32LE(value as number, this.#at))
        return
      case 'x':
        this.#number(8, () => this.#buffer.writeBigInt64LE(value as bigint, this.#at))
        return
      case 't':
        this.#number(8, () => this.#buffer.writeBigUInt64LE(value as bigint, this.#at))
        return
      case 'd':
        this.#number(8, () => this.#buffer.writeDoubleLE(value as number, this.#at))
        return
      case 's':
      case 'o':
        this.#text(value as string, 4)
        return
      case 'g':
        this.#text(value as string, 1)
        return
      case 'v': {
        const variant = value as Variant
        this.#text(variant.signature, 1)
        this.writeAll(variant.signature, [variant.value])
        return
      }
      case '(':
      case '{':
        type.inner.forEach((field, index) => {
          this.write(field, (value as readonly DbusValue[])[index]!)
        })
        return
      default:
        this.#array(type.inner[0]!, value as readonly DbusValue[] | DbusMap)
        return
    }
  }

  #array(element: DbusType, values: readonly DbusValue[] | DbusMap): void {
    this.#reserve(4)
    const lengthAt = this.#at
    this.#at += 4
    this.align(alignmentOf(element))
    const from = this.#at
    for (const value of values) this.write(element, value)
    const length = this.#at - from
    if (length > MAX_ARRAY_BYTES) throw new NsctlError('Bug', `a D-Bus array of ${length} bytes is too long`)
    this.#buffer.writeUInt32LE(length, lengthAt)
  }

  #number(bytes: number, put: () => void): void {
    this.#reserve(bytes)
    put()
    this.#at += bytes
  }

  /** Length (in one or four bytes), UTF-8, and a zero byte. */
  #text(text: string, lengthBytes: 1 | 4): void {
    if (typeof text !== 'string' || text.includes('\0'))
      throw new NsctlError('Bug', `not a D-Bus string: ${JSON.stringify(text)}`)
    const bytes = Buffer.byteLength(text)
    this.#reserve(lengthBytes + bytes + 1)
    if (lengthBytes === 1) this.#buffer.writeUInt8(bytes, this.#at)
    else this.#buffer.writeUInt32LE(bytes, this.#at)
    this.#at += lengthBytes
    this.#at += this.#buffer.write(text, this.#at)
    this.#buffer[this.#at++] = 0
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return
    const grown = Buffer.alloc(Math.max(this.#buffer.length * 2, this.#at + bytes))
    this.#buffer.copy(grown, 0, 0, this.#at)
    this.#buffer = grown
  }
}

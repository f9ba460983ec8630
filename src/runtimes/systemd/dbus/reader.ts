/** Unmarshals D-Bus's wire format. Bodies are read where somebody wants them; what nobody wants is skipped, not built. */
import { NsctlError } from '../../../core/errors.ts'
import { alignmentOf, type DbusType, parseSignature } from './signature.ts'
import type { DbusValue } from './writer.ts'

export class DbusReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** Bytes read so far. */
  get position(): number {
    return this.#at
  }

  seek(position: number): void {
    this.#at = position
  }

  align(alignment: number): void {
    this.#at = (this.#at + alignment - 1) & -alignment
  }

  readByte(): number {
    return this.#bytes.readUInt8(this.#advance(1))
  }

  readUint32(): number {
    this.align(4)
    return this.#bytes.readUInt32LE(this.#advance(4))
  }

  readText(): string {
    return this.#text(this.readUint32())
  }

  readSignature(): string {
    return this.#text(this.readByte())
  }

  readAll(signature: string): DbusValue[] {
    return parseSignature(signature).map((type) => this.read(type))
  }

  /** A variant is given as its bare value; use `readVariant` where its type matters. @throws Invalid on a torn message */
  read(type: DbusType): DbusValue {
    this.align(alignmentOf(type))
    switch (type.code) {
      case 'y':
        return this.#bytes.readUInt8(this.#advance(1))
      case 'b':
        return this.#bytes.readUInt32LE(this.#advance(4)) !== 0
      case 'n':
        return this.#bytes.readInt16LE(this.#advance(2))
      case 'q':
        return this.#bytes.readUInt16LE(this.#advance(2))
      case 'i':
        return this.#bytes.readInt32LE(this.#advance(4))
      case 'u':
      case 'h':
        return this.#bytes.readUInt32LE(this.#advance(4))
      case 'x':
        return this.#bytes.readBigInt64LE(this.#advance(8))
      case 't':
        return this.#bytes.readBigUInt64LE(this.#advance(8))
      case 'd':
        return this.#bytes.readDoubleLE(this.#advance(8))
      case 's':
      case 'o':
        return this.readText()
      case 'g':
        return this.readSignature()
      case 'v':
        return this.read(this.#variantType())
      case '(':
      case '{':
        return type.inner.map((field) => this.read(field))
      default:
        return this.#array(type.inner[0]!)
    }
  }

  /**
   * Reads an `a{sv}` and builds only the members that `wanted` names. Signals of a unit carry dozens of properties of
   * which a reader wants five.
   */
  readMembers(wanted: ReadonlySet<string>): ReadonlyMap<string, DbusValue> {
    this.align(4)
    const length = this.#bytes.readUInt32LE(this.#advance(4))
    this.align(8)
    const end = this.#at + length
    const members = new Map<string, DbusValue>()
    while (this.#at < end) {
      this.align(8)
      const name = this.readText()
      const type = this.#variantType()
      if (wanted.has(name)) members.set(name, this.read(type))
      else this.skip(type)
    }
    return members
  }

  skip(type: DbusType): void {
    this.align(alignmentOf(type))
    switch (type.code) {
      case 's':
      case 'o':
        this.#advance(this.#bytes.readUInt32LE(this.#advance(4)) + 1)
        return
      case 'g':
        this.#advance(this.#bytes.readUInt8(this.#advance(1)) + 1)
        return
      case 'v':
        this.skip(this.#variantType())
        return
      case '(':
      case '{':
        for (const field of type.inner) this.skip(field)
        return
      case 'a': {
        const length = this.#bytes.readUInt32LE(this.#advance(4))
        this.align(alignmentOf(type.inner[0]!))
        this.#advance(length)
        return
      }
      default:
        this.#advance(alignmentOf(type))
    }
  }

  #array(element: DbusType): DbusValue {
    const length = this.#bytes.readUInt32LE(this.#advance(4))
    this.align(alignmentOf(element))
    const end = this.#at + length
    if (end > this.#bytes.length) throw torn()
    const values: DbusValue[] = []
    while (this.#at < end) values.push(this.read(element))
    return element.code === '{' ? new Map(values as [DbusValue, DbusValue][]) : values
  }

  #variantType(): DbusType {
    const [type, ...rest] = parseSignature(this.readSignature())
    if (type === undefined || rest.length > 0) throw torn()
    return type
  }

  #text(length: number): string {
    const from = this.#advance(length + 1)
    return this.#bytes.toString('utf8', from, from + length)
  }

  /** The place before the next `bytes`, which are then behind. */
  #advance(bytes: number): number {
    const from = this.#at
    this.#at += bytes
    if (this.#at > this.#bytes.length) throw torn()
    return from
  }
}

function torn(): NsctlError {
  return new NsctlError('Invalid', 'a D-Bus message ends too early or is malformed')
}

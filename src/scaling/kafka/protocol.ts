/**
 * Kafka's protocol (https://kafka.apache.org/protocol), as much as a group's lag takes. Of each request a version that brokers from 1.0 to 4.x speak.
 * Pure.
 */

export const API = {
  listOffsets: 2,
  metadata: 3,
  offsetFetch: 9,
  findCoordinator: 10,
  saslHandshake: 17,
  apiVersions: 18,
  saslAuthenticate: 36,
} as const

export interface Answer {
  readonly correlation: number
  readonly body: KafkaReader
}

export const NO_PROTOCOL = 'its answer is not in the protocol of kafka'
const MAX_BYTES = 2 ** 20
const MAX_ITEMS = 2 ** 16
const HEADER_BYTES = 4

/** The first answer in `bytes`; undefined where it is not all there yet. Throws for what cannot be one. */
export function readAnswer(bytes: Buffer): { readonly frame: Answer; readonly end: number } | undefined {
  if (bytes.length < HEADER_BYTES) return undefined
  const size = bytes.readInt32BE(0)
  if (size < HEADER_BYTES || size > MAX_BYTES) throw new Error(NO_PROTOCOL)
  const end = HEADER_BYTES + size
  if (bytes.length < end) return undefined
  const body = new KafkaReader(bytes.subarray(2 * HEADER_BYTES, end))
  return { frame: { correlation: bytes.readInt32BE(HEADER_BYTES), body }, end }
}

export function writeRequest(api: number, version: number, correlation: number, body: Buffer): Buffer {
  const rest = Buffer.concat([int16(api), int16(version), int32(correlation), text('nsctl'), body])
  return Buffer.concat([int32(rest.length), rest])
}

export function int8(value: number): Buffer {
  const bytes = Buffer.alloc(1)
  bytes.writeInt8(value)
  return bytes
}

export function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

export function int64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(value))
  return bytes
}

export function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([int16(bytes.length), bytes])
}

export function blob(value: Uint8Array): Buffer {
  return Buffer.concat([int32(value.length), value])
}

export function list<T>(items: readonly T[], write: (item: T) => Buffer): Buffer {
  return Buffer.concat([int32(items.length), ...items.map(write)])
}

export const NULL_LIST: Buffer = int32(-1)

/** Reads what an answer holds in its order. Throws where it ends too soon. */
export class KafkaReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  int8(): number {
    return this.#take(1).readInt8()
  }

  int16(): number {
    return this.#take(2).readInt16BE()
  }

  int32(): number {
    return this.#take(4).readInt32BE()
  }

  /** Offsets are far below 2^53. */
  int64(): number {
    return Number(this.#take(8).readBigInt64BE())
  }

  text(): string {
    return this.nullableText() ?? ''
  }

  nullableText(): string | undefined {
    const length = this.int16()
    return length < 0 ? undefined : this.#take(length).toString()
  }

  blob(): Buffer {
    const length = this.int32()
    return length < 0 ? Buffer.alloc(0) : this.#take(length)
  }

  list<T>(read: () => T): readonly T[] {
    const length = this.int32()
    if (length > MAX_ITEMS) throw new Error(NO_PROTOCOL)
    return Array.from({ length: Math.max(0, length) }, read)
  }

  #take(length: number): Buffer {
    const end = this.#at + length
    if (length < 0 || end > this.#bytes.length) throw new Error(NO_PROTOCOL)
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }
}

/** AMQP 0-9-1 (https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf), as much as asking for a queue's length takes. Pure. */

/** One method that a server sends. */
export interface Method {
  readonly channel: number
  /** `10.10`: class and method. */
  readonly id: string
  readonly args: ArgumentReader
}

export const PROTOCOL_HEADER = Buffer.from('AMQP\x00\x00\x09\x01', 'latin1')

/** Methods by the names of the specification. */
export const METHODS = {
  start: '10.10',
  startOk: '10.11',
  secure: '10.20',
  tune: '10.30',
  tuneOk: '10.31',
  open: '10.40',
  openOk: '10.41',
  close: '10.50',
  closeOk: '10.51',
  channelOpen: '20.10',
  channelOpenOk: '20.11',
  channelClose: '20.40',
  channelCloseOk: '20.41',
  declare: '50.10',
  declareOk: '50.11',
} as const

const METHOD_FRAME = 1
const FRAME_END = 0xce
/** Before tuning nothing is longer; after it nothing that we ask for. */
const MAX_FRAME_BYTES = 2 ** 17

export const NO_PROTOCOL = 'its answer is not in the protocol of AMQP 0-9-1'

/** The first frame in `bytes`; undefined where it is not all there yet. Throws for what is none, and for what is no method. */
export function readFrame(bytes: Buffer): { readonly frame: Method; readonly end: number } | undefined {
  if (bytes.length > 0 && bytes[0] !== METHOD_FRAME) throw new Error(NO_PROTOCOL)
  if (bytes.length < 7) return undefined
  const size = bytes.readUInt32BE(3)
  if (size < 4 || size > MAX_FRAME_BYTES) throw new Error(NO_PROTOCOL)
  const end = 7 + size + 1
  if (bytes.length < end) return undefined
  if (bytes[end - 1] !== FRAME_END) throw new Error(NO_PROTOCOL)
  const id = `${bytes.readUInt16BE(7)}.${bytes.readUInt16BE(9)}`
  return {
    frame: { channel: bytes.readUInt16BE(1), id, args: new ArgumentReader(bytes.subarray(11, end - 1)) },
    end,
  }
}

/** A frame that asks or tells. */
export function writeMethod(channel: number, id: string, ...args: readonly Buffer[]): Buffer {
  const [group = 0, method = 0] = id.split('.').map(Number)
  const payload = Buffer.concat([uint16(group), uint16(method), ...args])
  return Buffer.concat([
    uint8(METHOD_FRAME),
    uint16(channel),
    uint32(payload.length),
    payload,
    uint8(FRAME_END),
  ])
}

export function uint8(value: number): Buffer {
  return Buffer.from([value])
}

export function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** At most 255 bytes. */
export function shortText(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([uint8(bytes.length), bytes])
}

export function longText(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([uint32(bytes.length), bytes])
}

export type TableValue = string | boolean | { readonly [name: string]: TableValue }

export function table(values: { readonly [name: string]: TableValue }): Buffer {
  const fields = Object.entries(values).map(([name, value]) =>
    Buffer.concat([shortText(name), tableValue(value)]),
  )
  const all = Buffer.concat(fields)
  return Buffer.concat([uint32(all.length), all])
}

function tableValue(value: TableValue): Buffer {
  if (typeof value === 'string') return Buffer.concat([Buffer.from('S'), longText(value)])
  if (typeof value === 'boolean') return Buffer.concat([Buffer.from('t'), uint8(value ? 1 : 0)])
  return Buffer.concat([Buffer.from('F'), table(value)])
}

/** Reads a method's arguments in their order. Throws where they end too soon. */
export class ArgumentReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  uint8(): number {
    return this.#take(1).readUInt8()
  }

  uint16(): number {
    return this.#take(2).readUInt16BE()
  }

  uint32(): number {
    return this.#take(4).readUInt32BE()
  }

  shortText(): string {
    return this.#take(this.uint8()).toString()
  }

  longText(): string {
    return this.#take(this.uint32()).toString()
  }

  skipTable(): void {
    this.#take(this.uint32())
  }

  #take(length: number): Buffer {
    const end = this.#at + length
    if (end > this.#bytes.length) throw new Error(NO_PROTOCOL)
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }
}

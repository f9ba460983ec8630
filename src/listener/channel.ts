/**
 * Several streams, each with two directions, over one connection. Each end always reads the connection and holds at most a window of each
 * stream: a slow reader holds up his stream and nothing else, signs of life come through, and an end that gives none is known to be gone.
 *
 * A frame is a type, the number of a stream, the length of what follows (four bytes, big-endian), and that.
 */
import type { Duplex } from 'node:stream'
import type { Clock } from '../core/clock.ts'
import { messageOf, NsctlError } from '../core/errors.ts'
import { ChannelStream } from './channel-stream.ts'

/** By which a connection becomes one. */
export const CHANNEL_PATH = '/v1/channel'
export const CHANNEL_PROTOCOL = 'nsctl-channel/1'

const FRAME = {
  data: 1,
  end: 2,
  /** How many bytes more may be sent. */
  credit: 3,
  /** JSON, of no stream. */
  message: 4,
  alive: 5,
} as const
type FrameType = (typeof FRAME)[keyof typeof FRAME]

const HEADER_BYTES = 6
const MAX_FRAME_BYTES = 64 * 1024
const ALIVE_EVERY_MS = 3_000
/** Two signs of life may be late. */
const SILENT_MS = 10_000

export interface ChannelOptions {
  readonly clock: Clock
  readonly streams: number
  readonly onMessage: (message: unknown) => void
}

export class Channel {
  readonly streams: readonly ChannelStream[]
  readonly #socket: Duplex
  readonly #options: ChannelOptions
  readonly #ended = new AbortController()
  #rest: Buffer = Buffer.alloc(0)
  #heardMs: number
  #cancelAlive: () => void = () => {}

  /** @param head what was read of the connection already */
  constructor(socket: Duplex, head: Buffer, options: ChannelOptions) {
    this.#socket = socket
    this.#options = options
    this.streams = Array.from({ length: options.streams }, (_, number) => {
      return new ChannelStream({
        send: (bytes) => this.#send(FRAME.data, number, bytes),
        end: () => this.#send(FRAME.end, number),
        grant: (bytes) => this.#send(FRAME.credit, number, uint32(bytes)),
        giveUp: (error) => this.destroy(error),
        maxBytes: MAX_FRAME_BYTES,
      })
    })
    this.#heardMs = options.clock.monotonic()
    socket.on('data', (bytes: Buffer) => this.#read(bytes))
    socket.on('end', () => this.destroy(lost('it was closed at the other end')))
    socket.on('error', (error) => this.destroy(lost(messageOf(error))))
    socket.on('close', () => this.destroy(lost('it was closed at the other end')))
    this.#stayAlive()
    if (head.length > 0) this.#read(head)
  }

  /** Aborts once this has ended, with why: Unreachable where this end did not ask for it. */
  get ended(): AbortSignal {
    return this.#ended.signal
  }

  send(message: object): void {
    this.#send(FRAME.message, 0, Buffer.from(JSON.stringify(message)))
  }

  /** What was written goes out first. Streams that have not ended by then are broken off at the other end. */
  close(): void {
    if (this.ended.aborted) return
    this.#end(lost('it was closed at this end'))
    this.#socket.end()
    // who does not close his side is not waited for
    this.#options.clock.schedule(ALIVE_EVERY_MS, () => this.#socket.destroy())
  }

  /** What was received whole can still be read; all else is broken off with `reason`. */
  destroy(reason: Error): void {
    this.#socket.destroy()
    this.#end(reason)
  }

  #end(reason: Error): void {
    if (this.ended.aborted) return
    this.#cancelAlive()
    this.#rest = Buffer.alloc(0)
    this.#ended.abort(reason)
    for (const stream of this.streams) stream.cutOff(reason)
  }

  #stayAlive(): void {
    const { clock } = this.#options
    this.#cancelAlive = clock.schedule(ALIVE_EVERY_MS, () => {
      const silentMs = clock.monotonic() - this.#heardMs
      if (silentMs >= SILENT_MS) return this.destroy(lost(`nothing was heard for ${SILENT_MS / 1000} s`))
      this.#send(FRAME.alive, 0)
      this.#stayAlive()
    })
  }

  #send(type: FrameType, stream: number, payload: Uint8Array = new Uint8Array()): void {
    if (this.ended.aborted || this.#socket.destroyed) return
    const header = Buffer.allocUnsafe(HEADER_BYTES)
    header.writeUInt8(type, 0)
    header.writeUInt8(stream, 1)
    header.writeUInt32BE(payload.length, 2)
    this.#socket.write(header)
    if (payload.length > 0) this.#socket.write(payload)
  }

  #read(bytes: Buffer): void {
    // nobody reads what comes after the end: it is not kept until the other end closes his side
    if (this.ended.aborted) return
    this.#heardMs = this.#options.clock.monotonic()
    let rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    while (rest.length >= HEADER_BYTES && !this.ended.aborted) {
      const length = rest.readUInt32BE(2)
      if (length > MAX_FRAME_BYTES) {
        this.destroy(garbled())
        return
      }
      if (rest.length < HEADER_BYTES + length) break
      this.#take(rest[0] as FrameType, rest[1] ?? 0, rest.subarray(HEADER_BYTES, HEADER_BYTES + length))
      rest = rest.subarray(HEADER_BYTES + length)
    }
    if (!this.ended.aborted) this.#rest = rest
  }

  #take(type: FrameType, number: number, payload: Buffer): void {
    if (type === FRAME.message) this.#tell(payload)
    else if (type !== FRAME.alive && !this.#passOn(type, number, payload)) this.destroy(garbled())
  }

  /** False where that may not come. */
  #passOn(type: FrameType, number: number, payload: Buffer): boolean {
    const stream = this.streams[number]
    if (stream === undefined) return false
    if (type === FRAME.data) return stream.receive(payload)
    if (type === FRAME.end) return stream.receiveEnd()
    return type === FRAME.credit && payload.length === 4 && stream.receiveCredit(payload.readUInt32BE(0))
  }

  #tell(payload: Buffer): void {
    let message: unknown
    try {
      message = JSON.parse(payload.toString())
    } catch {
      this.destroy(garbled())
      return
    }
    this.#options.onMessage(message)
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32BE(value, 0)
  return bytes
}

function garbled(): NsctlError {
  return new NsctlError('Failed', 'the other end does not keep to the protocol')
}

function lost(why: string): NsctlError {
  return new NsctlError('Unreachable', `the connection is lost: ${why}`)
}

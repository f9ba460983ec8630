/**
 * One connection to a server over TCP or TLS, one question at a time. Whatever comes unasked ends it, as does what is no answer in the protocol, or is
 * longer than 1 MiB: a server may say anything, and must not take the process along.
 */
import { connect as connectPlain, isIP, type Socket } from 'node:net'
import { connect as connectSecure } from 'node:tls'
import type { Address } from './addresses.ts'
import type { TlsOptions } from './tls.ts'

export interface WireOptions<Frame> {
  readonly address: Address
  /** Undefined for none. */
  readonly tls: TlsOptions | undefined
  /** The first frame in `bytes`, and where it ends; undefined where it is not all there yet. Throws for what is none. */
  decode(bytes: Buffer): { readonly frame: Frame; readonly end: number } | undefined
}

export const MAX_ANSWER_BYTES = 2 ** 20
export const TOO_LONG = 'its answer is longer than 1 MiB'

interface Question<Frame> {
  resolve(frame: Frame): void
  reject(error: Error): void
}

export class Wire<Frame> {
  readonly address: Address
  readonly #options: WireOptions<Frame>
  readonly #socket: Socket
  #received: Buffer = Buffer.alloc(0)
  #question: Question<Frame> | undefined
  #ended: Error | undefined

  private constructor(options: WireOptions<Frame>, socket: Socket) {
    this.address = options.address
    this.#options = options
    this.#socket = socket
    socket.on('data', (data: Buffer) => this.#onData(data))
    socket.on('error', (error) => this.#end(error))
    socket.on('close', () => this.#end(new Error('the connection was closed')))
  }

  /** Connected, and greeted by `greet`. Ended where that fails, or the signal aborts before. */
  static async open<Frame>(
    options: WireOptions<Frame>,
    greet: (wire: Wire<Frame>) => Promise<void>,
    signal: AbortSignal,
  ): Promise<Wire<Frame>> {
    signal.throwIfAborted()
    const { tls, address } = options
    const { host, port } = address
    const socket =
      tls === undefined
        ? connectPlain({ host, port, noDelay: true })
        : connectSecure({ host, port, ...(isIP(host) ? {} : { servername: host }), ...tls })
    const wire = new Wire<Frame>(options, socket)
    const onAbort = () => wire.end()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await wire.#connected(tls === undefined ? 'connect' : 'secureConnect')
      await greet(wire)
      return wire
    } catch (error) {
      wire.end()
      throw error
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  get isOpen(): boolean {
    return this.#ended === undefined
  }

  /** The next frame after these bytes are sent. Rejects once the connection is no more. */
  ask(bytes: Uint8Array | string): Promise<Frame> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended)
      if (this.#question !== undefined) return reject(new Error('two questions at once'))
      this.#question = { resolve, reject }
      this.#socket.write(bytes)
    })
  }

  /** What is not answered. */
  tell(bytes: Uint8Array | string): void {
    if (this.#ended === undefined) this.#socket.write(bytes)
  }

  /** At once. What is asked is rejected. */
  end(): void {
    this.#end(new Error('the connection was closed'))
  }

  #connected(event: 'connect' | 'secureConnect'): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended)
      this.#question = { resolve: () => undefined, reject }
      this.#socket.once(event, () => {
        this.#question = undefined
        resolve()
      })
    })
  }

  #onData(data: Buffer): void {
    const question = this.#question
    if (question === undefined) {
      this.#end(new Error('it speaks unasked'))
      return
    }
    this.#received = this.#received.length === 0 ? data : Buffer.concat([this.#received, data])
    try {
      const decoded = this.#options.decode(this.#received)
      if (decoded === undefined) {
        if (this.#received.length > MAX_ANSWER_BYTES) throw new Error(TOO_LONG)
        return
      }
      if (decoded.end < this.#received.length) throw new Error('it answers more than was asked')
      this.#received = Buffer.alloc(0)
      this.#question = undefined
      question.resolve(decoded.frame)
    } catch (error) {
      this.#end(error as Error)
    }
  }

  #end(error: Error): void {
    if (this.#ended !== undefined) return
    this.#ended = error
    const question = this.#question
    this.#question = undefined
    this.#received = Buffer.alloc(0)
    this.#socket.destroy()
    question?.reject(error)
  }
}

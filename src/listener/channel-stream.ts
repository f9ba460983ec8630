/** One stream of a channel: no more of it is on its way than its reader can hold. */
import { Duplex } from 'node:stream'

/** Of one direction, sent and not yet read. */
export const WINDOW_BYTES = 512 * 1024

export interface StreamOptions {
  readonly send: (bytes: Buffer) => void
  readonly end: () => void
  /** Lets the other end send so many bytes more. */
  readonly grant: (bytes: number) => void
  /** It was destroyed before both directions had ended. */
  readonly giveUp: (error: Error) => void
  readonly maxBytes: number
}

export class ChannelStream extends Duplex {
  readonly #options: StreamOptions
  readonly #queue: Buffer[] = []
  #queuedBytes = 0
  /** Read, and not yet granted anew. */
  #readBytes = 0
  #isReceived = false
  #isWanted = false
  #isCut = false
  #credit = WINDOW_BYTES
  #waiting: { readonly bytes: Buffer; readonly done: (error?: Error) => void } | undefined

  constructor(options: StreamOptions) {
    super({ allowHalfOpen: true })
    this.#options = options
    // who reads hears of it by reading; who does not must not end the process
    this.on('error', () => {})
  }

  /** False where the other end sends more than it may. */
  receive(bytes: Buffer): boolean {
    this.#queuedBytes += bytes.length
    if (this.#isReceived || this.#queuedBytes + this.#readBytes > WINDOW_BYTES) return false
    this.#queue.push(bytes)
    this.#feed()
    return true
  }

  receiveEnd(): boolean {
    if (this.#isReceived) return false
    this.#isReceived = true
    this.#feed()
    return true
  }

  receiveCredit(bytes: number): boolean {
    this.#credit += bytes
    const { bytes: rest, done } = this.#waiting ?? {}
    this.#waiting = undefined
    if (rest !== undefined && done !== undefined) this.#put(rest, done)
    return true
  }

  /** The channel has ended. What has come whole can still be read, and nobody is told that nothing goes out any more. */
  cutOff(reason: Error): void {
    this.#isCut = true
    this.#waiting?.done()
    this.#waiting = undefined
    if (!this.#isReceived) this.destroy(reason)
  }

  override _read(): void {
    this.#isWanted = true
    this.#feed()
  }

  override _write(bytes: Buffer, _: BufferEncoding, done: (error?: Error) => void): void {
    this.#put(bytes, done)
  }

  override _final(done: () => void): void {
    this.#options.end()
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const isOver = this.readableEnded && this.writableFinished
    if (!isOver && !this.#isCut) this.#options.giveUp(error ?? new Error('it was given up'))
    done(error)
  }

  #put(bytes: Buffer, done: (error?: Error) => void): void {
    let rest = bytes
    while (rest.length > 0 && this.#credit > 0 && !this.#isCut) {
      const part = rest.subarray(0, Math.min(this.#credit, this.#options.maxBytes))
      this.#credit -= part.length
      this.#options.send(part)
      rest = rest.subarray(part.length)
    }
    if (rest.length === 0 || this.#isCut) done()
    else this.#waiting = { bytes: rest, done }
  }

  #feed(): void {
    while (this.#isWanted) {
      const bytes = this.#queue.shift()
      if (bytes === undefined) {
        if (this.#isReceived) {
          this.#isWanted = false
          this.push(null)
        }
        return
      }
      this.#queuedBytes -= bytes.length
      this.#readBytes += bytes.length
      this.#isWanted = this.push(bytes)
      if (this.#readBytes >= WINDOW_BYTES / 4) {
        this.#options.grant(this.#readBytes)
        this.#readBytes = 0
      }
    }
  }
}

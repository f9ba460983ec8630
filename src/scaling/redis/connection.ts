/** One connection to a server of Redis, one question at a time: whatever comes unasked ends it. */
import { connect as connectPlain, isIP, type Socket } from 'node:net'
import { connect as connectSecure } from 'node:tls'
import type { Address } from '../addresses.ts'
import type { TlsOptions } from '../tls.ts'
import { encodeCommand, MAX_REPLY_BYTES, RedisRefusal, type Reply, readReply } from './resp.ts'

export interface Login {
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** 0 where left out. */
  readonly database?: number
  /** Undefined for none. */
  readonly tls: TlsOptions | undefined
}

interface Question {
  resolve(reply: Reply): void
  reject(error: Error): void
}

export class RedisConnection {
  readonly address: Address
  readonly #socket: Socket
  #received: Buffer = Buffer.alloc(0)
  #question: Question | undefined
  #ended: Error | undefined

  private constructor(address: Address, socket: Socket) {
    this.address = address
    this.#socket = socket
    socket.on('data', (data: Buffer) => this.#onData(data))
    socket.on('error', (error) => this.#end(error))
    socket.on('close', () => this.#end(new Error('the connection was closed')))
  }

  /** Connected and logged in. Ended where the signal aborts before. */
  static async open(address: Address, login: Login, signal: AbortSignal): Promise<RedisConnection> {
    signal.throwIfAborted()
    const { tls, username, password, database = 0 } = login
    const { host, port } = address
    const socket =
      tls === undefined
        ? connectPlain({ host, port, noDelay: true })
        : connectSecure({ host, port, ...(isIP(host) ? {} : { servername: host }), ...tls })
    const connection = new RedisConnection(address, socket)
    const onAbort = () => connection.end()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await connection.#connected(tls === undefined ? 'connect' : 'secureConnect')
      if (password !== undefined)
        await connection.ask('AUTH', ...(username === undefined ? [] : [username]), password)
      if (database !== 0) await connection.ask('SELECT', String(database))
      return connection
    } catch (error) {
      connection.end()
      throw error
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  get isOpen(): boolean {
    return this.#ended === undefined
  }

  /** Rejects with a RedisRefusal, which leaves the connection as it is; with anything else once the connection is no more. */
  ask(...words: readonly string[]): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended)
      if (this.#question !== undefined) return reject(new Error('two questions at once'))
      this.#question = {
        resolve: (reply) => (reply instanceof RedisRefusal ? reject(reply) : resolve(reply)),
        reject,
      }
      this.#socket.write(encodeCommand(words))
    })
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
      const read = readReply(this.#received)
      if (read === undefined) {
        if (this.#received.length > MAX_REPLY_BYTES) throw new Error('its answer is longer than 1 MiB')
        return
      }
      if (read.end < this.#received.length) throw new Error('it answers more than was asked')
      this.#received = Buffer.alloc(0)
      this.#question = undefined
      question.resolve(read.reply)
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

/** A connection to a server of Redis, logged in. */
import type { Address } from '../addresses.ts'
import type { TlsOptions } from '../tls.ts'
import { Wire } from '../wire.ts'
import { encodeCommand, RedisRefusal, type Reply, readReply } from './resp.ts'

export interface Login {
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** 0 where left out. */
  readonly database?: number
  /** Undefined for none. */
  readonly tls: TlsOptions | undefined
}

export class RedisConnection {
  readonly #wire: Wire<Reply>

  private constructor(wire: Wire<Reply>) {
    this.#wire = wire
  }

  /** Ended where the signal aborts before. */
  static async open(address: Address, login: Login, signal: AbortSignal): Promise<RedisConnection> {
    const { tls, username, password, database = 0 } = login
    const greet = async (wire: Wire<Reply>) => {
      const user = username === undefined ? [] : [username]
      if (password !== undefined) await askOver(wire, ['AUTH', ...user, password])
      if (database !== 0) await askOver(wire, ['SELECT', String(database)])
    }
    return new RedisConnection(await Wire.open({ address, tls, decode: readReply }, greet, signal))
  }

  get address(): Address {
    return this.#wire.address
  }

  get isOpen(): boolean {
    return this.#wire.isOpen
  }

  /** Rejects with a RedisRefusal, which leaves the connection as it is; with anything else once the connection is no more. */
  ask(...command: readonly string[]): Promise<Reply> {
    return askOver(this.#wire, command)
  }

  /** At once. What is asked is rejected. */
  end(): void {
    this.#wire.end()
  }
}

async function askOver(wire: Wire<Reply>, command: readonly string[]): Promise<Reply> {
  const reply = await wire.ask(encodeCommand(command))
  if (reply instanceof RedisRefusal) throw reply
  return reply
}

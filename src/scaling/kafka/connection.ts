/** A connection to one broker, logged in. */
import type { Address } from '../addresses.ts'
import type { TlsOptions } from '../tls.ts'
import { Wire } from '../wire.ts'
import {
  type Answer,
  API,
  blob,
  type KafkaReader,
  NO_PROTOCOL,
  readAnswer,
  text,
  writeRequest,
} from './protocol.ts'
import { KafkaRefusal } from './refusal.ts'
import { type ScramHash, scramLogin } from './scram.ts'

export interface KafkaLogin {
  /** Undefined for none. */
  readonly tls: TlsOptions | undefined
  readonly sasl:
    | {
        readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
        readonly username: string
        readonly password: string
      }
    | undefined
}

export class KafkaConnection {
  readonly #wire: Wire<Answer>
  #versions: ReadonlyMap<number, readonly [number, number]> = new Map()
  #correlation = 0

  private constructor(wire: Wire<Answer>) {
    this.#wire = wire
  }

  /** Ended where the signal aborts before. Rejects with a KafkaRefusal where the broker does not let us in. */
  static async open(address: Address, login: KafkaLogin, signal: AbortSignal): Promise<KafkaConnection> {
    let connection: KafkaConnection | undefined
    const greet = async (wire: Wire<Answer>) => {
      connection = new KafkaConnection(wire)
      await connection.#greet(login)
    }
    await Wire.open({ address, tls: login.tls, decode: readAnswer }, greet, signal)
    return connection as unknown as KafkaConnection
  }

  get isOpen(): boolean {
    return this.#wire.isOpen
  }

  /** The newest that both sides speak of those from `oldest` to `newest`. */
  versionOf(api: number, oldest: number, newest: number): number {
    const [from, to] = this.#versions.get(api) ?? [0, -1]
    const version = Math.min(to, newest)
    if (version < Math.max(from, oldest)) throw new Error(`it speaks no version of request ${api} that we do`)
    return version
  }

  async ask(api: number, version: number, body: Buffer): Promise<KafkaReader> {
    const correlation = ++this.#correlation
    const answer = await this.#wire.ask(writeRequest(api, version, correlation, body))
    if (answer.correlation !== correlation) {
      this.end()
      throw new Error(NO_PROTOCOL)
    }
    return answer.body
  }

  end(): void {
    this.#wire.end()
  }

  async #greet({ sasl }: KafkaLogin): Promise<void> {
    const body = await this.ask(API.apiVersions, 0, Buffer.alloc(0))
    const status = body.int16()
    if (status !== 0) throw new KafkaRefusal(status, 'the versions')
    this.#versions = new Map(body.list(() => [body.int16(), [body.int16(), body.int16()]] as const))
    if (sasl !== undefined) await this.#login(sasl)
  }

  async #login({ mechanism, username, password }: NonNullable<KafkaLogin['sasl']>): Promise<void> {
    const handshake = await this.ask(
      API.saslHandshake,
      this.versionOf(API.saslHandshake, 1, 1),
      text(mechanism),
    )
    const status = handshake.int16()
    if (status !== 0) throw new KafkaRefusal(status, `the login ${mechanism}`)
    const send = async (message: string) => {
      const version = this.versionOf(API.saslAuthenticate, 0, 0)
      const answer = await this.ask(API.saslAuthenticate, version, blob(Buffer.from(message)))
      const refused = answer.int16()
      answer.nullableText()
      if (refused !== 0) throw new KafkaRefusal(refused, 'the login')
      return answer.blob().toString()
    }
    if (mechanism === 'PLAIN') await send(`\0${username}\0${password}`)
    else await scramLogin({ hash: HASHES[mechanism], username, password }, send)
  }
}

const HASHES: Readonly<Record<'SCRAM-SHA-256' | 'SCRAM-SHA-512', ScramHash>> = {
  'SCRAM-SHA-256': 'sha256',
  'SCRAM-SHA-512': 'sha512',
}

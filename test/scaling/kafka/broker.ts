/** One broker of Kafka's protocol for what librdkafka's mock does not do: logins, and all offsets of a group. */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { createServer, type Socket } from 'node:net'
import {
  API,
  blob,
  int8,
  int16,
  int32,
  int64,
  KafkaReader,
  list,
  text,
} from '../../../src/scaling/kafka/protocol.ts'

export interface BrokerOptions {
  /** The one login that lets somebody in. */
  readonly login?: { readonly username: string; readonly password: string }
  readonly mechanisms?: readonly string[]
  /** By group: topic, and the offset of its partition 0. */
  readonly committed?: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** Refuses every topic with this. */
  readonly topicError?: number
  /** Speaks these versions of each request only. */
  readonly versions?: readonly [number, number]
}

/** Where the next message of every topic goes. */
export const END = 50

export interface Broker {
  readonly port: number
  close(): void
}

export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    const session = new BrokerSession(options, (server.address() as { port: number }).port)
    let received = Buffer.alloc(0)
    socket.on('error', () => socket.destroy())
    socket.on('data', (data: Buffer) => {
      received = Buffer.concat([received, data])
      while (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
        const request = received.subarray(4, 4 + received.readInt32BE(0))
        received = received.subarray(4 + request.length)
        const answer = Buffer.concat([request.subarray(4, 8), session.answer(request)])
        socket.write(Buffer.concat([int32(answer.length), answer]))
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as { port: number }).port,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

class BrokerSession {
  readonly #options: BrokerOptions
  readonly #port: number
  #mechanism = ''
  #isIn: boolean
  #scram = ''

  constructor(options: BrokerOptions, port: number) {
    this.#options = options
    this.#port = port
    this.#isIn = options.login === undefined
  }

  answer(request: Buffer): Buffer {
    const api = request.readInt16BE(0)
    const version = request.readInt16BE(2)
    const body = new KafkaReader(request.subarray(8))
    body.text()
    if (api === API.apiVersions) return this.#versions()
    if (api === API.saslHandshake) return this.#handshake(body.text())
    if (api === API.saslAuthenticate) return this.#authenticate(body.blob().toString())
    if (!this.#isIn) throw new Error('asked before the login')
    if (api === API.findCoordinator) return this.#coordinator(version)
    if (api === API.metadata) return this.#metadata(body, version)
    return api === API.offsetFetch ? this.#offsets(body.text()) : this.#ends(body)
  }

  #versions(): Buffer {
    const [from, to] = this.#options.versions ?? [0, 99]
    const one = (api: number) => Buffer.concat([int16(api), int16(from), int16(to)])
    return Buffer.concat([int16(0), list(Object.values(API), one)])
  }

  #handshake(mechanism: string): Buffer {
    const { mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] } = this.#options
    this.#mechanism = mechanism
    return Buffer.concat([int16(mechanisms.includes(mechanism) ? 0 : 33), list(mechanisms, text)])
  }

  #authenticate(message: string): Buffer {
    const said = this.#mechanism === 'PLAIN' ? this.#plain(message) : this.#scramStep(message)
    if (said === undefined)
      return Buffer.concat([int16(58), text('wrong, planted by the broker'), blob(Buffer.alloc(0))])
    return Buffer.concat([int16(0), int16(-1), blob(Buffer.from(said))])
  }

  #plain(message: string): string | undefined {
    const { username = '', password = '' } = this.#options.login ?? {}
    this.#isIn = message === `\0${username}\0${password}`
    return this.#isIn ? '' : undefined
  }

  /** The server's side of RFC 5802. */
  #scramStep(message: string): string | undefined {
    const { username = '', password = '' } = this.#options.login ?? {}
    const hash = this.#mechanism.endsWith('512') ? 'sha512' : 'sha256'
    if (message.startsWith('n,,')) {
      const first = message.slice(3)
      this.#scram = `${first},r=${/r=(.*)/.exec(first)?.[1]}server,s=${Buffer.from('salt').toString('base64')},i=64`
      return first.startsWith(`n=${username},`) ? this.#scram.slice(first.length + 1) : undefined
    }
    const salted = pbkdf2Sync(password, 'salt', 64, hash === 'sha512' ? 64 : 32, hash)
    const sign = (key: Uint8Array, what: string) => createHmac(hash, key).update(what).digest()
    const all = `${this.#scram},${message.replace(/,p=.*/, '')}`
    const clientKey = sign(salted, 'Client Key')
    const signature = sign(createHash(hash).update(clientKey).digest(), all)
    const proof = Buffer.from(clientKey.map((byte, i) => byte ^ (signature[i] as number))).toString('base64')
    this.#isIn = message.endsWith(`,p=${proof}`)
    return this.#isIn ? `v=${sign(sign(salted, 'Server Key'), all).toString('base64')}` : undefined
  }

  #coordinator(version: number): Buffer {
    const head = version >= 1 ? [int32(0), int16(0), int16(-1)] : [int16(0)]
    return Buffer.concat([...head, int32(7), text('127.0.0.1'), int32(this.#port)])
  }

  #metadata(body: KafkaReader, version: number): Buffer {
    const names = body.list(() => body.text())
    const { topicError = 0 } = this.#options
    const nodes = (count: number) =>
      list(
        Array.from({ length: count }, () => 7),
        int32,
      )
    const partition = () => Buffer.concat([int16(0), int32(0), int32(7), nodes(1), nodes(1)])
    const topic = (name: string) =>
      Buffer.concat([int16(topicError), text(name), int8(0), list(topicError === 0 ? [0] : [], partition)])
    const broker = () => Buffer.concat([int32(7), text('127.0.0.1'), int32(this.#port), int16(-1)])
    return Buffer.concat([
      ...(version >= 3 ? [int32(0)] : []),
      list([7], broker),
      ...(version >= 2 ? [int16(-1)] : []),
      ...[int32(7), list(names, topic)],
    ])
  }

  #offsets(group: string): Buffer {
    const of = this.#options.committed?.[group] ?? {}
    const partition = (offset: number) => Buffer.concat([int32(0), int64(offset), int16(-1), int16(0)])
    const topics = list(Object.entries(of), ([name, offset]) =>
      Buffer.concat([text(name), list([offset], partition)]),
    )
    return Buffer.concat([topics, int16(0)])
  }

  #ends(body: KafkaReader): Buffer {
    body.int32()
    const asked = body.list(() => {
      const name = body.text()
      return [name, body.list(() => [body.int32(), body.int64()] as const)] as const
    })
    const partition = ([id]: readonly [number, number]) =>
      Buffer.concat([int32(id), int16(0), int64(-1), int64(END)])
    return list(asked, ([name, partitions]) => Buffer.concat([text(name), list(partitions, partition)]))
  }
}

/** A connection to a broker of AMQP 0-9-1 that asks how long queues are. */
import type { Address } from '../addresses.ts'
import type { TlsOptions } from '../tls.ts'
import { Wire } from '../wire.ts'
import {
  type ArgumentReader,
  longText,
  METHODS,
  type Method,
  NO_PROTOCOL,
  PROTOCOL_HEADER,
  readFrame,
  shortText,
  table,
  uint8,
  uint16,
  uint32,
  writeMethod,
} from './frames.ts'

export interface AmqpSettings {
  readonly address: Address
  readonly tls: TlsOptions | undefined
  readonly vhost: string
  /** Undefined: the certificate says who we are. */
  readonly login: { readonly username: string; readonly password: string } | undefined
  /** How the broker shows us to its administrators. */
  readonly connectionName: string
}

/** What the broker answers in place of what was asked for: 404 for no such queue, 403 for not permitted, 530 for no such vhost. */
export class AmqpRefusal extends Error {
  override name = 'AmqpRefusal'
  readonly status: number
  /** Only the question failed, and not the connection. */
  readonly isOfChannel: boolean

  constructor(args: ArgumentReader, isOfChannel: boolean) {
    const status = args.uint16()
    super(args.shortText())
    this.status = status
    this.isOfChannel = isOfChannel
  }
}

const CHANNEL = 1
const FRAME_BYTES = 2 ** 17
/** Passive: the queue is to be there, and stays as it is. */
const PASSIVE = 1

export class AmqpConnection {
  readonly #wire: Wire<Method>
  #hasChannel = false

  private constructor(wire: Wire<Method>) {
    this.#wire = wire
  }

  /** Ended where the signal aborts before. Rejects with an AmqpRefusal where the broker does not let us in. */
  static async open(settings: AmqpSettings, signal: AbortSignal): Promise<AmqpConnection> {
    const { address, tls } = settings
    const wire = await Wire.open(
      { address, tls, decode: readFrame },
      (fresh) => greet(fresh, settings),
      signal,
    )
    return new AmqpConnection(wire)
  }

  get isOpen(): boolean {
    return this.#wire.isOpen
  }

  /** Messages that wait to be delivered. Rejects with an AmqpRefusal; the connection lives on where it is of the channel. */
  async messagesIn(queue: string): Promise<number> {
    if (!this.#hasChannel) {
      await exchange(
        this.#wire,
        writeMethod(CHANNEL, METHODS.channelOpen, shortText('')),
        METHODS.channelOpenOk,
      )
      this.#hasChannel = true
    }
    const question = writeMethod(
      CHANNEL,
      METHODS.declare,
      ...[uint16(0), shortText(queue), uint8(PASSIVE), table({})],
    )
    try {
      const { args } = await exchange(this.#wire, question, METHODS.declareOk)
      args.shortText()
      return args.uint32()
    } catch (error) {
      if (error instanceof AmqpRefusal && error.isOfChannel) {
        this.#hasChannel = false
        this.#wire.tell(writeMethod(CHANNEL, METHODS.channelCloseOk))
      }
      throw error
    }
  }

  end(): void {
    this.#wire.tell(writeMethod(0, METHODS.close, uint16(200), shortText('done'), uint16(0), uint16(0)))
    this.#wire.end()
  }
}

async function greet(wire: Wire<Method>, settings: AmqpSettings): Promise<void> {
  const { login, vhost, connectionName } = settings
  const { args } = await exchange(wire, PROTOCOL_HEADER, METHODS.start)
  args.uint16()
  args.skipTable()
  const mechanism = login === undefined ? 'EXTERNAL' : 'PLAIN'
  const offered = args.longText().split(' ')
  if (!offered.includes(mechanism)) throw new Error(`it does not offer the login ${mechanism}`)
  const about = {
    product: 'nsctl',
    connection_name: connectionName,
    capabilities: { authentication_failure_close: true },
  }
  const response = login === undefined ? '' : `\0${login.username}\0${login.password}`
  const tune = await exchange(
    wire,
    writeMethod(
      0,
      METHODS.startOk,
      table(about),
      shortText(mechanism),
      longText(response),
      shortText('en_US'),
    ),
    METHODS.tune,
  )
  const [channels, frameBytes] = [tune.args.uint16(), tune.args.uint32()]
  // no heartbeats: whoever measures has a limit of his own, and nobody is to speak between measures
  const agreed = [
    uint16(channels),
    uint32(frameBytes === 0 ? FRAME_BYTES : Math.min(frameBytes, FRAME_BYTES)),
    uint16(0),
  ]
  wire.tell(writeMethod(0, METHODS.tuneOk, ...agreed))
  await exchange(
    wire,
    writeMethod(0, METHODS.open, shortText(vhost), shortText(''), uint8(0)),
    METHODS.openOk,
  )
}

/** The method that is expected; a refusal or what is no sense is thrown. */
async function exchange(wire: Wire<Method>, question: Buffer, expected: string): Promise<Method> {
  const answer = await wire.ask(question)
  if (answer.id === expected) return answer
  if (answer.id === METHODS.close) throw new AmqpRefusal(answer.args, false)
  if (answer.id === METHODS.channelClose) throw new AmqpRefusal(answer.args, true)
  throw new Error(NO_PROTOCOL)
}

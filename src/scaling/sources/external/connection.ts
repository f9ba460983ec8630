/** A connection to an external scaler: made when first needed, and anew after a call that was not answered. */
import type { ServiceError } from '@grpc/grpc-js'
import { NsctlError } from '../../../core/errors.ts'
import { withoutSecrets } from '../../http/failures.ts'
import {
  DESCRIPTOR,
  READING,
  type ScalerClient,
  type ServerStream,
  type Unary,
  type UnaryCalls,
} from './protocol.ts'

export interface ScalerAddress {
  /** `host:port` */
  readonly address: string
  /** Undefined without TLS. All PEM. */
  readonly tls:
    | {
        readonly ca: string | undefined
        readonly cert: string | undefined
        readonly key: string | undefined
        readonly unsafeSsl: boolean
      }
    | undefined
}

const MAX_ANSWER_BYTES = 2 ** 20
/** A scaler that is back is found within this; gRPC's own would be two minutes. */
const MAX_RECONNECT_MS = 2_000

const OPTIONS = {
  'grpc.max_receive_message_length': MAX_ANSWER_BYTES,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': MAX_RECONNECT_MS,
  'grpc.enable_http_proxy': 0,
}

const STATUS = {
  cancelled: 1,
  deadline: 4,
  denied: 7,
  exhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
}

export class ScalerConnection {
  readonly #address: ScalerAddress
  readonly name: string
  readonly #closed = new AbortController()
  #client: Promise<ScalerClient> | undefined

  constructor(address: ScalerAddress) {
    this.#address = address
    this.name = `the scaler at ${address.address}`
  }

  /** Rejects with Unreachable, Denied or Invalid. */
  async call<M extends keyof Unary>(
    method: M,
    request: Unary[M]['request'],
    signal: AbortSignal,
  ): Promise<Unary[M]['response']> {
    const client = await this.#open(signal)
    return new Promise((resolve, reject) => {
      const invoke: UnaryCalls[M] = client[method]
      const call = invoke.call(client, request, (error, response) => {
        for (const one of [signal, this.#closed.signal]) one.removeEventListener('abort', onAbort)
        if (error === null) resolve(response)
        else if (signal.aborted || this.#closed.signal.aborted) {
          // it may hang for ever, and a connection that is frozen looks like any other
          this.#drop()
          reject(this.#ended())
        } else reject(this.#failure(method, error))
      })
      const onAbort = () => call.cancel()
      for (const one of [signal, this.#closed.signal]) one.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** Until the scaler ends it; resolves true where anything was heard, and rejects with what it fails with. */
  async stream<T>(
    begin: (client: ScalerClient) => ServerStream<T>,
    take: (message: T) => void,
    signal: AbortSignal,
  ): Promise<boolean> {
    const client = await this.#open(signal)
    let heard = false
    return new Promise((resolve, reject) => {
      const stream = begin(client)
      const onAbort = () => stream.cancel()
      const done = () => {
        for (const one of [signal, this.#closed.signal]) one.removeEventListener('abort', onAbort)
      }
      stream.on('data', (message) => {
        heard = true
        take(message)
      })
      stream.on('end', () => {
        done()
        resolve(heard)
      })
      stream.on('error', (error) => {
        done()
        if (signal.aborted || this.#closed.signal.aborted || heard) resolve(heard)
        else reject(this.#failure('the stream', error))
      })
      for (const one of [signal, this.#closed.signal]) one.addEventListener('abort', onAbort, { once: true })
    })
  }

  close(): void {
    this.#closed.abort()
    this.#drop()
  }

  async #open(signal: AbortSignal): Promise<ScalerClient> {
    if (signal.aborted || this.#closed.signal.aborted) throw this.#ended()
    this.#client ??= connect(this.#address)
    try {
      return await this.#client
    } catch (error) {
      this.#client = undefined
      throw error
    }
  }

  #drop(): void {
    const client = this.#client
    this.#client = undefined
    client?.then(
      (one) => one.close(),
      () => undefined,
    )
  }

  #ended(): NsctlError {
    const why = this.#closed.signal.aborted ? 'is not asked any more' : 'did not answer in time'
    return new NsctlError('Unreachable', `${this.name} ${why}`, { next: 'check that it is well' })
  }

  #failure(method: string, { code, details }: ServiceError): NsctlError {
    const said = withoutSecrets(details, [this.#address.tls?.key ?? ''])
    const message = `${this.name} fails at ${method}${said === '' ? '' : `: ${said}`}`
    if (code === STATUS.denied || code === STATUS.unauthenticated)
      return new NsctlError('Denied', message, { next: 'check what the TriggerAuthentication gives' })
    if (code === STATUS.unimplemented)
      return new NsctlError('Unsupported', message, {
        next: 'check that it is a scaler, and has this method',
      })
    const isAway = [STATUS.unavailable, STATUS.deadline, STATUS.cancelled, STATUS.internal].includes(code)
    return isAway
      ? new NsctlError('Unreachable', message, { next: 'check scalerAddress, and that it runs there' })
      : new NsctlError('Invalid', message, { next: 'look at the log of the scaler' })
  }
}

async function connect({ address, tls }: ScalerAddress): Promise<ScalerClient> {
  const [{ credentials, loadPackageDefinition }, { fromJSON }] = await Promise.all([
    import('@grpc/grpc-js'),
    import('@grpc/proto-loader'),
  ])
  const definition = loadPackageDefinition(fromJSON(DESCRIPTOR as Parameters<typeof fromJSON>[0], READING))
  const Client = (definition.externalscaler as unknown as ScalerPackage).ExternalScaler
  return new Client(address, tls === undefined ? credentials.createInsecure() : secure(tls), OPTIONS)

  function secure({ ca, cert, key, unsafeSsl }: NonNullable<ScalerAddress['tls']>): object {
    const bytes = (text: string | undefined) => (text === undefined ? null : Buffer.from(text))
    try {
      return credentials.createSsl(bytes(ca), bytes(key), bytes(cert), { rejectUnauthorized: !unsafeSsl })
    } catch {
      throw new NsctlError('Invalid', 'caCert, tlsClientCert and tlsClientKey are no certificates and key', {
        value: 'tlsClientCert',
        next: 'give them as PEM',
      })
    }
  }
}

interface ScalerPackage {
  readonly ExternalScaler: new (address: string, credentials: object, options: object) => ScalerClient
}

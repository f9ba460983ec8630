/** One HTTP/2 connection to one member, and finding out that it is dead though nobody has closed it. */
import http2, { type ClientHttp2Session } from 'node:http2'
import { createConnection, isIP, type Socket } from 'node:net'
import tls from 'node:tls'
import { type Clock, delay } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import { type CallOptions, RpcError, STATUS, stream, unary } from './rpc.ts'

export interface TlsMaterial {
  /** Trusted instead of the system's authorities. PEM. */
  readonly ca?: Buffer
  /** Who we are. PEM. */
  readonly certificate?: Buffer
  readonly key?: Buffer
}

export interface ConnectOptions {
  /** `host:port`, an IPv6 address in brackets. */
  readonly endpoint: string
  /** Absent: plain text. */
  readonly tls?: TlsMaterial
  /** A call that a member answers by itself. */
  readonly pulse: Pick<CallOptions, 'method' | 'body'>
  readonly clock: Clock
}

const CONNECT_LIMIT_MS = 2_000
/** What a stream may send before it is read: listings come in one go, and a watch that is not read stops there. */
const STREAM_WINDOW_BYTES = 1024 * 1024
const CONNECTION_WINDOW_BYTES = 8 * 1024 * 1024

/** How often to listen. */
const LOOK_MS = 500
/** A silence that is worth a question while somebody watches. */
const QUIET_MS = 2_500
const PULSE_LIMIT_MS = 1_500

export class Connection {
  readonly endpoint: string
  /** Raft's, as its member told it last. */
  term: number | undefined
  readonly #session: ClientHttp2Session
  readonly #pulse: ConnectOptions['pulse']
  readonly #clock: Clock
  readonly #closed = new AbortController()
  #streams = 0
  #retired = false
  /** Why it broke. */
  #failure: unknown

  constructor(session: ClientHttp2Session, { endpoint, pulse, clock }: ConnectOptions) {
    this.endpoint = endpoint
    this.#pulse = pulse
    this.#session = session
    this.#clock = clock
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES)
    session.on('error', (error) => {
      this.#failure ??= error
    })
    session.on('goaway', () => this.retire())
    session.once('close', () => this.#closed.abort())
    void this.#feelPulse()
  }

  /** False once new calls belong elsewhere. */
  get usable(): boolean {
    return !this.#retired && !this.#session.closed && !this.#session.destroyed
  }

  onClose(run: () => void): void {
    this.#session.once('close', run)
  }

  async unary(options: CallOptions & { readonly timeoutMs: number }): Promise<Buffer> {
    try {
      return await unary(this.#session, { ...options, clock: this.#clock })
    } catch (error) {
      throw this.#explain(error)
    }
  }

  async *stream(options: CallOptions): AsyncGenerator<Buffer> {
    this.#streams++
    try {
      yield* stream(this.#session, options)
    } catch (error) {
      throw this.#explain(error)
    } finally {
      this.#streams--
    }
  }

  /** Takes no more calls; what is under way goes on. */
  retire(): void {
    this.#retired = true
    if (!this.#session.closed) this.#session.close()
  }

  /** Breaks off everything. */
  destroy(reason?: Error): void {
    this.#retired = true
    this.#failure ??= reason
    if (!this.#session.destroyed) this.#session.destroy(reason)
  }

  /** A stream says only that it was cut; the connection knows why. */
  #explain(error: unknown): unknown {
    if (!(error instanceof RpcError) || error.status !== STATUS.unavailable || this.#failure === undefined)
      return error
    return new RpcError(error.status, messageOf(this.#failure), {
      unseen: error.unseen,
      cause: this.#failure,
    })
  }

  /**
   * A watch may have nothing to say for hours. Calls see to themselves: see client.ts. It is a call that is made, since etcd
   * hangs up on who pings more often than every 5 s (its --grpc-keepalive-min-time).
   */
  async #feelPulse(): Promise<void> {
    const { signal } = this.#closed
    let [heardBytes, heardAtMs] = [0, this.#clock.monotonic()]
    while (!signal.aborted) {
      await delay(this.#clock, LOOK_MS, signal).catch(() => {})
      if (signal.aborted) return
      const nowMs = this.#clock.monotonic()
      const bytes = this.#session.socket?.bytesRead ?? heardBytes
      if (bytes !== heardBytes || this.#streams === 0) {
        heardBytes = bytes
        heardAtMs = nowMs
        continue
      }
      if (nowMs - heardAtMs >= QUIET_MS && !(await this.#answers()))
        this.destroy(new Error('it does not answer'))
    }
  }

  /** Whatever it says: that it wants to know who asks is an answer, too. */
  async #answers(): Promise<boolean> {
    try {
      await this.unary({ ...this.#pulse, timeoutMs: PULSE_LIMIT_MS })
      return true
    } catch (error) {
      return !(error instanceof RpcError) || error.status !== STATUS.deadlineExceeded
    }
  }
}

/** Resolves once the other side has spoken HTTP/2. Rejects with what went wrong, as Node says it. */
export function connect(options: ConnectOptions): Promise<Connection> {
  const { promise, resolve, reject } = Promise.withResolvers<Connection>()
  const socket = openSocket(options)
  const session = http2.connect(`http://${options.endpoint}`, {
    createConnection: () => socket,
    settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES },
  })
  const fail = (error: Error) => {
    cancel()
    reject(error)
    session.destroy()
    // the session leaves a socket alone that is still connecting, and that may be so for two minutes
    socket.destroy()
  }
  const cancel = options.clock.schedule(CONNECT_LIMIT_MS, () =>
    fail(new Error(`no connection within ${CONNECT_LIMIT_MS} ms`)),
  )
  // a certificate that the other side refuses is told to the socket alone
  socket.once('error', fail)
  session.once('error', fail)
  session.once('close', () => fail(new Error('it hung up at once')))
  session.once('remoteSettings', () => {
    cancel()
    session.off('error', fail)
    resolve(new Connection(session, options))
  })
  return promise
}

function openSocket({ endpoint, tls: material }: ConnectOptions): Socket {
  const { hostname, port } = new URL(`tcp://${endpoint}`)
  const host = hostname.replace(/^\[|\]$/g, '')
  const address = { host, port: Number(port), noDelay: true }
  if (material === undefined) return createConnection(address)
  const { ca, certificate, key } = material
  return tls.connect({
    ...address,
    ALPNProtocols: ['h2'],
    ...(isIP(host) === 0 && { servername: host }),
    ...(ca && { ca }),
    ...(certificate && { cert: certificate }),
    ...(key && { key }),
  })
}

/**
 * One connection to a D-Bus peer: authentication, calls and signals. It ends when the socket ends; connecting again is the
 * owner's business, who knows what it must find out anew.
 *
 * systemd's private socket has a trap: PID 1 hangs when BEGIN and the first call arrive in one read. So everything up to
 * BEGIN goes out in one write, and the first call only after the server's OK.
 */
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { NsctlError } from '../../../core/errors.ts'
import type { Endpoint, RemoteWay } from './address.ts'
import { ERROR, encodeCall, type IncomingMessage, METHOD_RETURN, MessageSplitter, SIGNAL } from './message.ts'
import type { DbusReader } from './reader.ts'
import type { DbusValue } from './writer.ts'

/** A bus refuses a client with more than 128 calls under way; half of that leaves room for others of our name. */
const BUS_PENDING_CALLS = 64
/** PID 1 answers a call at once or is busy reloading, which takes seconds on a machine with thousands of units. */
const CALL_LIMIT_MS = 90_000
const CONNECT_LIMIT_MS = 5_000

export interface CallTarget {
  readonly destination: string
  readonly path: string
  readonly interface: string
}

export interface DbusConnection {
  /**
   * Calls a method and gives its answer's body. Calls made in a row travel together. `onAnswer` is called with it as it
   * arrives, before any signal that the peer sent after it: the promise comes later.
   * @throws NsctlError Unreachable where the connection ended first (whether the call had an effect is not known), Failed
   * with the error's D-Bus name as `value` where the peer refused
   */
  call(
    target: CallTarget,
    member: string,
    signature?: string,
    body?: readonly DbusValue[],
    onAnswer?: (body: DbusReader) => void,
  ): Promise<DbusReader>
  close(): void
}

export interface ConnectionEvents {
  signal(message: IncomingMessage): void
  /** Called once, with a reason unless it was `close`. */
  closed(reason: Error | undefined): void
}

/** Connects and authenticates as this process's user. @throws NsctlError Unreachable */
export async function openConnection(
  endpoint: Endpoint,
  events: ConnectionEvents,
  signal: AbortSignal,
): Promise<DbusConnection> {
  signal.throwIfAborted()
  const socket = await authenticate(endpoint, signal)
  const connection = new SocketConnection(socket, endpoint, events)
  if (endpoint.bus) {
    const bus = {
      destination: 'org.freedesktop.DBus',
      path: '/org/freedesktop/DBus',
      interface: 'org.freedesktop.DBus',
    }
    await connection.call(bus, 'Hello')
  }
  return connection
}

async function openRemote({ socketPath }: Endpoint, remote: RemoteWay, signal: AbortSignal): Promise<Duplex> {
  try {
    return await remote.open(AbortSignal.any([signal, AbortSignal.timeout(CONNECT_LIMIT_MS)]))
  } catch (error) {
    if (signal.aborted) throw error
    throw notThere(socketPath, error)
  }
}

function notThere(socketPath: string, cause: unknown): NsctlError {
  return new NsctlError('Unreachable', `systemd does not answer on ${socketPath}`, {
    value: socketPath,
    cause,
    next: 'check that systemd runs: systemctl is-system-running',
  })
}

async function authenticate(endpoint: Endpoint, signal: AbortSignal): Promise<Duplex> {
  const { socketPath, remote } = endpoint
  // nothing is awaited on this machine: a socket that cannot be opened says so in the same tick
  const socket =
    remote === undefined ? connect({ path: socketPath }) : await openRemote(endpoint, remote, signal)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const timer = setTimeout(() => reject(new Error('no answer')), CONNECT_LIMIT_MS)
  const onAbort = () => reject(signal.reason)
  const onClose = () => reject(new Error('closed during authentication'))
  let answer = ''
  const onData = (chunk: Buffer) => {
    answer += chunk.toString('latin1')
    const end = answer.indexOf('\r\n')
    if (end < 0) return
    if (!answer.startsWith('OK ')) return reject(new Error(`authentication refused: ${answer.slice(0, end)}`))
    socket.pause()
    if (answer.length > end + 2) socket.unshift(Buffer.from(answer.slice(end + 2), 'latin1'))
    resolve()
  }
  socket.on('data', onData).once('error', reject).once('close', onClose)
  signal.addEventListener('abort', onAbort, { once: true })
  const uid = Buffer.from(String(endpoint.remote?.uid ?? process.getuid?.() ?? 0)).toString('hex')
  socket.write(`\0AUTH EXTERNAL ${uid}\r\nBEGIN\r\n`)
  try {
    await promise
    socket.off('data', onData).off('error', reject).off('close', onClose)
    return socket
  } catch (error) {
    socket.destroy()
    if (signal.aborted) throw error
    throw notThere(endpoint.socketPath, error)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}

interface PendingCall {
  readonly member: string
  readonly resolve: (body: DbusReader) => void
  readonly reject: (error: Error) => void
  readonly timer: NodeJS.Timeout
  readonly onAnswer: ((body: DbusReader) => void) | undefined
}

class SocketConnection implements DbusConnection {
  readonly #socket: Duplex
  readonly #events: ConnectionEvents
  readonly #maxPending: number
  readonly #splitter = new MessageSplitter()
  readonly #pending = new Map<number, PendingCall>()
  readonly #waiting: (() => void)[] = []
  #serial = 0
  #failure: Error | undefined
  #ended = false
  #corked = false

  constructor(socket: Duplex, endpoint: Endpoint, events: ConnectionEvents) {
    this.#socket = socket
    this.#events = events
    this.#maxPending = endpoint.bus ? BUS_PENDING_CALLS : Number.POSITIVE_INFINITY
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', (error) => {
      this.#failure = error
    })
    socket.on('close', () => this.#end(this.#failure ?? new Error('the peer closed the connection')))
    socket.resume()
  }

  call(
    target: CallTarget,
    member: string,
    signature?: string,
    body?: readonly DbusValue[],
    onAnswer?: (body: DbusReader) => void,
  ): Promise<DbusReader> {
    return new Promise((resolve, reject) => {
      const send = () => {
        if (this.#ended) return reject(lost(member, this.#failure))
        const serial = ++this.#serial
        const timer = setTimeout(() => {
          this.#fail(new Error(`no answer to ${member} within ${CALL_LIMIT_MS} ms`))
        }, CALL_LIMIT_MS)
        timer.unref()
        this.#pending.set(serial, { member, resolve, reject, timer, onAnswer })
        this.#cork()
        this.#socket.write(encodeCall({ serial, ...target, member, signature, body }))
      }
      if (this.#ended || this.#pending.size < this.#maxPending) send()
      else this.#waiting.push(send)
    })
  }

  close(): void {
    this.#end(undefined)
    this.#socket.end(() => this.#socket.destroy())
  }

  /** Not every stream tells its listeners what it was destroyed for. */
  #fail(error: Error): void {
    this.#failure = error
    this.#socket.destroy(error)
  }

  /** Calls of one tick leave in one write. */
  #cork(): void {
    if (this.#corked) return
    this.#corked = true
    this.#socket.cork()
    process.nextTick(() => {
      this.#corked = false
      this.#socket.uncork()
    })
  }

  #receive(chunk: Buffer): void {
    try {
      this.#splitter.push(chunk, (message) => this.#dispatch(message))
    } catch (error) {
      this.#fail(error as Error)
    }
  }

  #dispatch(message: IncomingMessage): void {
    if (message.type === SIGNAL) this.#events.signal(message)
    if (message.type !== METHOD_RETURN && message.type !== ERROR) return
    const call = this.#pending.get(message.replySerial ?? 0)
    if (call === undefined) return
    this.#pending.delete(message.replySerial ?? 0)
    clearTimeout(call.timer)
    this.#waiting.shift()?.()
    if (message.type === ERROR) call.reject(refusal(call.member, message))
    else {
      const body = message.body()
      call.onAnswer?.(body)
      call.resolve(body)
    }
  }

  #end(reason: Error | undefined): void {
    if (this.#ended) return
    this.#ended = true
    for (const call of this.#pending.values()) {
      clearTimeout(call.timer)
      call.reject(lost(call.member, reason))
    }
    this.#pending.clear()
    for (const refuse of this.#waiting.splice(0)) refuse()
    this.#events.closed(reason)
  }
}

function refusal(member: string, message: IncomingMessage): NsctlError {
  const text = message.signature.startsWith('s') ? String(message.body().readAll('s')[0]) : ''
  return new NsctlError('Failed', `systemd refused ${member}: ${text || message.errorName}`, {
    value: message.errorName,
  })
}

function lost(member: string, cause: Error | undefined): NsctlError {
  return new NsctlError('Unreachable', `the connection to systemd ended before ${member} was answered`, {
    cause,
  })
}

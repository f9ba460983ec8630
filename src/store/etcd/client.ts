/** Calls of etcd's v3 API that find a member which answers, and say who they come from. */
import { type Clock, delay } from '../../core/clock.ts'
import type { AuthMethod } from './auth-messages.ts'
import type { Connection, TlsMaterial } from './connection.ts'
import { ConnectError, Connections } from './connections.ts'
import {
  type ByteRange,
  decodeAuthenticate,
  decodeRange,
  decodeTxn,
  decodeWatch,
  encodeAuthenticate,
  encodeRange,
  encodeTxn,
  encodeWatch,
  METHODS,
  type Method,
  type RangeRequest,
  type RangeResponse,
  type TxnRequest,
  type TxnResponse,
  termOf,
  type WatchResponse,
} from './messages.ts'
import { RpcError, STATUS } from './rpc.ts'

type AnyMethod = Method | AuthMethod

export interface Credentials {
  readonly user: string
  readonly password: string
}

export interface EtcdClientOptions {
  readonly endpoints: readonly string[]
  readonly tls?: TlsMaterial
  readonly credentials?: Credentials
  /** One that we may read, whatever is there. */
  readonly readableKey: Buffer
  readonly clock: Clock
  readonly random: () => number
}

/** How long one member may take for an answer. */
const ANSWER_LIMIT_MS = 5_000
/** How long a call that can be made again is made again: longer than a cluster takes to find a new leader. */
const PATIENCE_MS = 10_000
const PAUSE_MS = 100
/** When an answer is late: etcd writes within milliseconds. */
const LATE_MS = 1_000
/** What a member knows by itself it says at once. */
const PROBE_LIMIT_MS = 1_500

export class EtcdClient {
  readonly #options: EtcdClientOptions
  readonly #connections: Connections
  /** What a member knows by itself. */
  readonly #probe: { readonly method: Method; readonly body: Buffer }
  #token: Promise<string | undefined> | undefined
  /** Raft's, of whichever member has told it last. */
  #lastTerm: number | undefined

  constructor(options: EtcdClientOptions) {
    this.#options = options
    const body = encodeRange({ key: options.readableKey, countOnly: true, serializable: true })
    this.#probe = { method: METHODS.range, body }
    this.#connections = new Connections({ ...options, pulse: this.#probe })
  }

  async range(request: RangeRequest): Promise<RangeResponse> {
    return decodeRange(await this.#call(METHODS.range, encodeRange(request), 'again'))
  }

  /** A transaction that writes nothing. */
  async read(request: TxnRequest): Promise<TxnResponse> {
    return decodeTxn(await this.#call(METHODS.txn, encodeTxn(request), 'again'))
  }

  /** Where this rejects with RpcError `unavailable` or `deadlineExceeded`, it may have happened. */
  async write(request: TxnRequest): Promise<TxnResponse> {
    return decodeTxn(await this.#call(METHODS.txn, encodeTxn(request), 'once'))
  }

  /** A call of another service. Made once: where it is not known whether it was carried out it may be made again by hand. */
  change(method: AnyMethod, body: Buffer): Promise<Buffer> {
    return this.#call(method, body, 'once')
  }

  /** One watch on one member, until it breaks or `signal` aborts. */
  async *watch(range: ByteRange, startRevision: number, signal: AbortSignal): AsyncGenerator<WatchResponse> {
    const connection = await this.#connections.current()
    const token = await this.#tokenFor(connection)
    const body = encodeWatch(range, startRevision)
    try {
      const answers = connection.stream({ method: METHODS.watch, body, signal, ...(token && { token }) })
      for await (const answer of answers) {
        this.#lastTerm = connection.term = termOf(answer)
        yield decodeWatch(answer)
      }
    } catch (error) {
      if (isStaleToken(error)) this.renewToken()
      else this.#connections.leave(connection)
      throw error
    }
  }

  /** The next call identifies itself anew. */
  renewToken(): void {
    this.#token = undefined
  }

  close(): void {
    this.#connections.close()
  }

  async #call(method: AnyMethod, body: Buffer, repeat: 'again' | 'once'): Promise<Buffer> {
    const { clock } = this.#options
    const endMs = clock.monotonic() + PATIENCE_MS
    let renewed = false
    for (;;) {
      const connection = await this.#connections.current()
      try {
        return await this.#askGuarded(connection, method, body)
      } catch (error) {
        if (isStaleToken(error) && !renewed) {
          renewed = true
          this.renewToken()
          continue
        }
        if (!isPassing(error)) throw error
        this.#connections.leave(connection)
        if (repeat === 'once' && !isUnseen(error)) throw error
        if (clock.monotonic() + PAUSE_MS > endMs) throw error
        await delay(clock, PAUSE_MS)
      }
    }
  }

  /**
   * An answer that is late may never come: what was passed on to a leader that died is lost, and a member may stand still. So the
   * member is asked for something that it knows by itself, and the answer is given up where it has no leader, knows of an election
   * since, or says nothing.
   */
  async #askGuarded(connection: Connection, method: AnyMethod, body: Buffer): Promise<Buffer> {
    const { clock } = this.#options
    const token = await this.#tokenFor(connection)
    // as it was when the call was made: other answers tell of elections too, and a new connection has told of none
    const before = connection.term ?? this.#lastTerm
    const given = new AbortController()
    let done = false
    const look = async () => {
      const trouble = await this.#troubleOf(connection, token, before)
      if (done) return
      if (trouble !== undefined) given.abort(new RpcError(STATUS.unavailable, trouble))
      else cancel = clock.schedule(LATE_MS, look)
    }
    let cancel = clock.schedule(LATE_MS, look)
    try {
      const options = { method, body, timeoutMs: ANSWER_LIMIT_MS, ...(token && { token }) }
      const answer = await connection.unary({ ...options, signal: given.signal })
      this.#lastTerm = connection.term = termOf(answer)
      return answer
    } finally {
      done = true
      cancel()
    }
  }

  /** Why no answer of this member is to be expected; undefined where it may still come. */
  async #troubleOf(
    connection: Connection,
    token: string | undefined,
    before: number | undefined,
  ): Promise<string | undefined> {
    // other calls have seen to that
    if (!connection.usable) return 'its member has failed others meanwhile'
    try {
      const options = { ...this.#probe, timeoutMs: PROBE_LIMIT_MS, ...(token && { token }) }
      connection.term = termOf(await connection.unary(options))
      return before !== undefined && connection.term > before
        ? 'etcd has chosen another leader meanwhile'
        : undefined
    } catch (error) {
      if (isLeaderless(error)) return 'etcd has no leader'
      if (!(error instanceof RpcError) || error.status !== STATUS.deadlineExceeded) return undefined
      connection.destroy(new Error('it does not answer'))
      return 'it does not answer'
    }
  }

  /** Undefined where nobody need say who they are. */
  #tokenFor(connection: Connection): Promise<string | undefined> {
    const { credentials } = this.#options
    if (credentials === undefined) return Promise.resolve(undefined)
    this.#token ??= authenticate(connection, credentials).catch((error: unknown) => {
      this.#token = undefined
      throw error
    })
    return this.#token
  }
}

async function authenticate(
  connection: Connection,
  { user, password }: Credentials,
): Promise<string | undefined> {
  const body = encodeAuthenticate(user, password)
  try {
    const answer = await connection.unary({ method: METHODS.authenticate, body, timeoutMs: ANSWER_LIMIT_MS })
    return decodeAuthenticate(answer)
  } catch (error) {
    // a cluster that has no users lets everybody in
    if (error instanceof RpcError && /authentication is not enabled/.test(error.message)) return undefined
    throw asUnseen(error)
  }
}

/** What came before the call itself cannot have done what the call does. */
function asUnseen(error: unknown): unknown {
  if (!(error instanceof RpcError)) return error
  return new RpcError(error.status, error.message, { unseen: true, cause: error })
}

/** The token has expired, the cluster was restarted, or its users have changed. */
export function isStaleToken(error: unknown): boolean {
  return error instanceof RpcError && isStaleTokenText(error.message)
}

export function isStaleTokenText(text: string): boolean {
  return /invalid auth token|revision of auth store is old/.test(text)
}

/** The next member, or the same a moment later, may well do it. */
export function isPassing(error: unknown): boolean {
  if (error instanceof ConnectError) return true
  if (!(error instanceof RpcError)) return false
  return (
    error.status === STATUS.unavailable ||
    error.status === STATUS.deadlineExceeded ||
    /proposal dropped|too many requests|not supported for learner|watch canceled/.test(error.message)
  )
}

/** Certain to have changed nothing. */
function isUnseen(error: unknown): boolean {
  if (!(error instanceof RpcError)) return false
  const { unseen, message } = error
  return unseen || isLeaderless(error) || /proposal dropped|too many requests|for learner/.test(message)
}

/** A member without a leader refuses a call before it does anything. */
function isLeaderless(error: unknown): boolean {
  return error instanceof RpcError && error.message === 'etcdserver: no leader'
}

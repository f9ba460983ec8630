/**
 * gRPC as etcd speaks it, over one HTTP/2 connection of Node's own: a request is a POST whose body holds messages, each
 * after five bytes that tell its length; the answer's status stands in its trailers.
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2'
import type { Clock } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import type { AuthMethod } from './auth-messages.ts'
import type { Method } from './messages.ts'

/** gRPC's status codes, those that are told apart here. */
export const STATUS = {
  ok: 0,
  canceled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  outOfRange: 11,
  unimplemented: 12,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const

/** A call that failed: etcd said no, or the connection broke. */
export class RpcError extends Error {
  readonly status: number
  /** The server never saw it: it can be made again, whatever it is. */
  readonly unseen: boolean

  constructor(
    status: number,
    message: string,
    options: { readonly unseen?: boolean; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause })
    this.name = 'RpcError'
    this.status = status
    this.unseen = options.unseen ?? false
  }
}

export interface CallOptions {
  readonly method: Method | AuthMethod
  readonly body: Buffer
  /** What Authenticate gave. */
  readonly token?: string
  readonly signal?: AbortSignal
}

export interface UnaryOptions extends CallOptions {
  readonly clock: Clock
  readonly timeoutMs: number
}

const PREFIX_BYTES = 5

/** One request, one answer. Rejects with RpcError, and with the signal's reason. */
export async function unary(session: ClientHttp2Session, options: UnaryOptions): Promise<Buffer> {
  const { clock, timeoutMs, signal } = options
  signal?.throwIfAborted()
  const stream = open(session, options, { 'grpc-timeout': `${Math.ceil(timeoutMs)}m` })
  let late = false
  const cancel = () => stream.close(constants.NGHTTP2_CANCEL)
  const stopClock = clock.schedule(timeoutMs, () => {
    late = true
    cancel()
  })
  signal?.addEventListener('abort', cancel, { once: true })
  try {
    stream.end(frame(options.body))
    let answer: Buffer | undefined
    for await (const message of messages(stream)) answer = message
    if (answer === undefined) throw new RpcError(STATUS.unavailable, 'the connection ended without an answer')
    return answer
  } catch (error) {
    signal?.throwIfAborted()
    if (late)
      throw new RpcError(STATUS.deadlineExceeded, `no answer within ${timeoutMs} ms`, { cause: error })
    throw error
  } finally {
    stopClock()
    signal?.removeEventListener('abort', cancel)
  }
}

/** One request, answers without end. Ends without an error when the signal aborts or the reader stops; else throws RpcError. */
export async function* stream(session: ClientHttp2Session, options: CallOptions): AsyncGenerator<Buffer> {
  const { signal } = options
  if (signal?.aborted) return
  const opened = open(session, options)
  const cancel = () => opened.close(constants.NGHTTP2_CANCEL)
  signal?.addEventListener('abort', cancel, { once: true })
  try {
    // not ended: a watch lasts as long as its request stays open
    opened.write(frame(options.body))
    yield* messages(opened)
    if (!signal?.aborted) throw new RpcError(STATUS.unavailable, 'the connection ended')
  } catch (error) {
    if (!signal?.aborted) throw error
  } finally {
    signal?.removeEventListener('abort', cancel)
    cancel()
  }
}

function open(
  session: ClientHttp2Session,
  { method, token }: CallOptions,
  more: Readonly<Record<string, string>> = {},
): ClientHttp2Stream {
  try {
    const opened = session.request({
      ':method': 'POST',
      ':path': method,
      'content-type': 'application/grpc',
      te: 'trailers',
      // a member that has lost its leader says so, and does not let the call hang
      hasleader: 'true',
      ...(token === undefined ? {} : { token }),
      ...more,
    })
    // told to whoever reads it; where nobody does any more, nobody need know
    opened.on('error', () => {})
    return opened
  } catch (cause) {
    throw new RpcError(STATUS.unavailable, messageOf(cause), { unseen: true, cause })
  }
}

function frame(body: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(PREFIX_BYTES + body.length)
  framed[0] = 0
  framed.writeUInt32BE(body.length, 1)
  body.copy(framed, PREFIX_BYTES)
  return framed
}

/** The messages of an answer as they come, as fast as they are read. Throws what its status says, unless that is ok. */
async function* messages(opened: ClientHttp2Stream): AsyncGenerator<Buffer> {
  let [headers, trailers]: (IncomingHttpHeaders | undefined)[] = []
  opened.on('response', (received) => {
    headers = received
  })
  opened.on('trailers', (received) => {
    trailers = received
  })
  try {
    yield* unframe(opened)
  } catch (error) {
    // a status that has come says more than that the stream was reset
    throw statusError(headers, trailers) ?? broken(opened, error)
  }
  const failed = statusError(headers, trailers)
  if (failed !== undefined) throw failed
}

async function* unframe(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer[] = []
  let size = 0
  let wanted = PREFIX_BYTES
  for await (const chunk of chunks) {
    held.push(chunk)
    size += chunk.length
    if (size < wanted) continue
    // joined only when a message is whole: a large one comes in hundreds of chunks
    let joined = held.length === 1 ? chunk : Buffer.concat(held, size)
    for (;;) {
      wanted = joined.length < PREFIX_BYTES ? PREFIX_BYTES : PREFIX_BYTES + joined.readUInt32BE(1)
      if (joined.length < wanted) break
      if (joined[0] !== 0) throw new RpcError(STATUS.unimplemented, 'the answer is compressed')
      yield joined.subarray(PREFIX_BYTES, wanted)
      joined = joined.subarray(wanted)
    }
    held = joined.length === 0 ? [] : [joined]
    size = joined.length
  }
}

function statusError(headers?: IncomingHttpHeaders, trailers?: IncomingHttpHeaders): RpcError | undefined {
  const found = trailers?.['grpc-status'] !== undefined ? trailers : headers
  if (found === undefined) return undefined
  const status = found['grpc-status']
  if (status === undefined) {
    const http = headers?.[':status']
    if (http === undefined || Number(http) === 200) return undefined
    return new RpcError(STATUS.unimplemented, `it answers with HTTP status ${http}`)
  }
  if (Number(status) === STATUS.ok) return undefined
  return new RpcError(Number(status), decode(String(found['grpc-message'] ?? `gRPC status ${status}`)))
}

/** Messages are percent-encoded; one that is not stays as it is. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function broken(opened: ClientHttp2Stream, cause: unknown): RpcError {
  if (cause instanceof RpcError) return cause
  const unseen = opened.rstCode === constants.NGHTTP2_REFUSED_STREAM
  return new RpcError(STATUS.unavailable, messageOf(cause), { unseen, cause })
}

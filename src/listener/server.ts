/**
 * The agent's listener: HTTPS under the node's certificate, for callers who show one of the control plane's authority. Whoever shows none,
 * or a node's, is told so and gets nothing else. docs/decisions/0073-what-an-agent-answers.md
 */
import { constants } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { TLSSocket } from 'node:tls'
import type { Caller } from '../core/caller.ts'
import type { Clock } from '../core/clock.ts'
import { isNsctlError, messageOf, NsctlError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { answerOver } from './answering.ts'
import { toldOf } from './answers.ts'
import { CHANNEL_PATH, CHANNEL_PROTOCOL } from './channel.ts'
import { Connections } from './connections.ts'
import type { NodeServices } from './services.ts'

/** What a node shows, and whom it believes. PEM. */
export interface ServingIdentity {
  readonly certificate: string
  readonly key: string
  readonly authority: string
}

export interface ListenerOptions {
  readonly host: string
  /** 0 takes any that is free. */
  readonly port: number
  readonly identity: ServingIdentity
  /** Who the holder of a certificate of that authority is; undefined for who may not call. */
  readonly callerOf: (subject: Readonly<Record<string, unknown>>) => Caller | undefined
  readonly services: NodeServices
  readonly clock: Clock
  readonly logger: Logger
  /** Who does not say within this what he wants is cut off: five seconds, where left out. */
  readonly headersLimitMs?: number
}

export interface NodeListener {
  readonly port: number
  /** From the next connection on; those that are there go on. */
  renew(identity: ServingIdentity): void
  /** Ends all that is under way. */
  close(): Promise<void>
}

const HEADERS_LIMIT_MS = 5_000
/** Who is slow is looked for this often. */
const CHECKED_EVERY_MS = 1_000
const MAX_HEADER_BYTES = 16 * 1024
/** Who takes nothing of an answer for so long is cut off; a stream has its own signs of life. */
const STALLED_AFTER_MS = 30_000
/** Whoever scrapes comes again every half minute, and need not shake hands each time. */
const KEEP_ALIVE_MS = 75_000

/** Listens. @throws NsctlError Failed where the address cannot be had */
export async function listenForCallers(options: ListenerOptions): Promise<NodeListener> {
  const { headersLimitMs = HEADERS_LIMIT_MS } = options
  const server = createServer({
    ...secureContext(options.identity),
    requestCert: true,
    // said in words by `admit`
    rejectUnauthorized: false,
    handshakeTimeout: headersLimitMs,
    connectionsCheckingInterval: Math.min(headersLimitMs, CHECKED_EVERY_MS),
    maxHeaderSize: MAX_HEADER_BYTES,
  })
  server.headersTimeout = headersLimitMs
  server.requestTimeout = headersLimitMs
  server.timeout = STALLED_AFTER_MS
  server.keepAliveTimeout = KEEP_ALIVE_MS
  const connections = new Connections(server)
  server.on('request', (request, response) => {
    void answer(options, connections, request, response)
  })
  server.on('upgrade', (request, socket, head) => upgrade(options, connections, request, socket, head))
  // a handshake that breaks is nobody's trouble but the caller's
  server.on('tlsClientError', () => {})
  await listening(server, options)
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    renew: (identity) => server.setSecureContext(secureContext(identity)),
    async close() {
      connections.end()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function secureContext({ certificate, key, authority }: ServingIdentity) {
  return {
    cert: certificate,
    key,
    ca: [authority],
    minVersion: 'TLSv1.2' as const,
    // each connection shows its certificate anew: one that has expired opens none
    secureOptions: constants.SSL_OP_NO_TICKET,
  }
}

function listening(server: Server, { host, port }: ListenerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new NsctlError('Failed', `cannot listen on ${host}:${port}: ${messageOf(cause)}`, {
          value: `${host}:${port}`,
          next: 'choose another address: --listen ADDRESS:PORT',
          cause,
        }),
      ),
    )
    server.listen({ host, port }, resolve)
  })
}

/** @throws NsctlError Denied for who may not call */
function admit({ callerOf }: ListenerOptions, socket: TLSSocket): Caller {
  if (!socket.authorized) throw refused(String(socket.authorizationError))
  const caller = callerOf({ ...socket.getPeerCertificate().subject })
  if (caller !== undefined) return caller
  throw new NsctlError('Denied', 'a node’s certificate opens no other node')
}

const NEXT =
  'get one where the control plane’s identity is: nsctl node access create > FILE, and name it with NSCTL_NODE_ACCESS'

function refused(reason: string): NsctlError {
  if (reason.includes('EXPIRED'))
    return new NsctlError('Denied', 'the certificate has expired', { next: NEXT })
  if (reason.includes('NOT_YET_VALID'))
    return new NsctlError('Denied', 'the certificate is not valid yet', {
      next: 'compare the two machines’ clocks',
    })
  return new NsctlError('Denied', 'that is no certificate of this control plane', { next: NEXT })
}

async function answer(
  options: ListenerOptions,
  connections: Connections,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  try {
    const caller = admit(options, request.socket as TLSSocket)
    connections.admit(request.socket, caller)
    if (request.method !== 'GET') throw new NsctlError('NotFound', 'nothing is there')
    const { pathname, searchParams } = new URL(request.url ?? '/', 'https://node')
    await route(options, caller, pathname, searchParams, response)
  } catch (error) {
    if (gone.signal.aborted) return
    fail(options, response, error)
  }
}

function upgrade(
  options: ListenerOptions,
  connections: Connections,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  try {
    const caller = admit(options, socket as TLSSocket)
    connections.admit(socket as TLSSocket, caller)
    if (request.url !== CHANNEL_PATH || request.headers.upgrade !== CHANNEL_PROTOCOL)
      throw new NsctlError('NotFound', 'nothing is there')
      // a channel has its own signs of life
    ;(socket as TLSSocket).setTimeout(0)
    ;(socket as TLSSocket).setNoDelay(true)
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${CHANNEL_PROTOCOL}\r\n\r\n`,
    )
    answerOver(socket, head, { ...options, caller })
  } catch (error) {
    const { status, told } = toldOf(error)
    const body = JSON.stringify(told)
    const length = Buffer.byteLength(body)
    const head = `HTTP/1.1 ${status} Refused\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\nconnection: close\r\n\r\n`
    socket.end(head + body)
  }
}

async function route(
  { services }: ListenerOptions,
  caller: Caller,
  path: string,
  query: URLSearchParams,
  response: ServerResponse,
): Promise<void> {
  if (path !== '/v1/metrics') throw new NsctlError('NotFound', 'nothing is there')
  const { type, pieces } = await services.metrics(caller, query.getAll('name[]'))
  response.writeHead(200, { 'content-type': type })
  await pipeline(pieces, response)
}

function fail({ logger }: ListenerOptions, response: ServerResponse, error: unknown): void {
  const { status, told } = toldOf(error)
  if (!isNsctlError(error)) logger.log('error', `cannot answer a caller: ${messageOf(error)}`, { error })
  // half an answer must not look like a whole one
  if (response.headersSent) return void response.destroy()
  const isRefused = status === 403
  response.writeHead(status, {
    'content-type': 'application/json',
    ...(isRefused ? { connection: 'close' } : {}),
  })
  response.end(JSON.stringify(told))
}

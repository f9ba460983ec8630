/**
 * Where machines join: HTTPS under a certificate of the nodes' authority. `GET /v1/authority` shows that authority's certificate, which a
 * token names by its fingerprint; `POST /v1/join` redeems a token; `POST /v1/renew` gives a node that shows its certificate the next one.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { type Clock, delay } from '../../core/clock.ts'
import { type ErrorCode, isNsctlError, messageOf, NsctlError } from '../../core/errors.ts'
import { isObject } from '../../core/json.ts'
import type { Logger } from '../../core/logger.ts'
import { CERTIFICATE_MS, nodeOfSubject } from '../../join/authority.ts'
import { readJoinRequest } from '../../join/token.ts'
import { Attempts } from './attempts.ts'
import { type RedeemOptions, redeem, renew } from './redeem.ts'

export interface ListenerOptions extends RedeemOptions {
  readonly host: string
  /** 0 takes any that is free. */
  readonly port: number
  /** By which it is reached: the certificate is for them. */
  readonly names: readonly string[]
  readonly clock: Clock
  readonly logger: Logger
}

const MAX_BODY_BYTES = 32 * 1024
const REQUEST_LIMIT_MS = 10_000
const MAX_CONNECTIONS = 128

export interface JoinListener {
  readonly port: number
  /** Keeps its own certificate fresh, until `signal` aborts; then nobody is answered any more. */
  run(signal: AbortSignal): Promise<void>
}

/** Listens. @throws NsctlError Failed where the address cannot be had */
export async function listenForJoins(options: ListenerOptions): Promise<JoinListener> {
  const { host, port, clock } = options
  const attempts = new Attempts(clock)
  const server = createServer({ ...secureContext(options), requestCert: true, rejectUnauthorized: false })
  server.on('request', (request, response) => void answer({ ...options, attempts }, request, response))
  server.requestTimeout = REQUEST_LIMIT_MS
  server.headersTimeout = REQUEST_LIMIT_MS
  server.maxConnections = MAX_CONNECTIONS
  // a handshake that breaks is nobody's trouble but the caller's
  server.on('tlsClientError', () => {})
  await listening(server, host, port)
  const address = server.address()
  return {
    port: isObject(address) ? Number(address.port) : port,
    async run(signal) {
      while (!signal.aborted) {
        await delay(clock, CERTIFICATE_MS / 2, signal).catch(() => undefined)
        server.setSecureContext(secureContext(options))
      }
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function secureContext({ authority, names, clock }: ListenerOptions) {
  const { certificate, key } = authority.issueListener(names, clock.now())
  return { cert: certificate, key, ca: [authority.certificate], minVersion: 'TLSv1.2' as const }
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new NsctlError('Failed', `cannot listen for nodes on ${host}:${port}: ${messageOf(cause)}`, {
          value: `${host}:${port}`,
          next: 'choose another address: --join-listen ADDRESS:PORT',
          cause,
        }),
      ),
    )
    server.listen({ host, port }, resolve)
  })
}

interface Serving extends ListenerOptions {
  readonly attempts: Attempts
}

async function answer(serving: Serving, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const said = await route(serving, request)
    send(response, 200, said)
  } catch (error) {
    const known = isNsctlError(error) ? error : undefined
    const status = known === undefined ? 500 : (STATUS[known.code] ?? 500)
    if (status >= 500) serving.logger.log('warn', `a machine could not join: ${messageOf(error)}`, { error })
    // what went wrong within is not told to whoever may listen
    const message = status >= 500 ? 'the control plane cannot do that now' : messageOf(error)
    send(response, status, {
      error: message,
      code: known?.code,
      next: status >= 500 ? undefined : known?.next,
    })
  }
}

const STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  Invalid: 400,
  Failed: 403,
  NotFound: 404,
  Conflict: 409,
  TooLarge: 413,
  Unreachable: 503,
}

async function route(serving: Serving, request: IncomingMessage): Promise<unknown> {
  switch (`${request.method} ${request.url}`) {
    case 'GET /v1/authority':
      return { certificate: serving.authority.certificate }
    case 'POST /v1/join':
      return join(serving, request)
    case 'POST /v1/renew':
      return renewFor(serving, request)
  }
  throw new NsctlError('NotFound', 'nothing is there')
}

async function join(serving: Serving, request: IncomingMessage): Promise<unknown> {
  const { attempts, logger } = serving
  const from = request.socket.remoteAddress ?? ''
  if (!attempts.mayTry(from)) throw new NsctlError('Failed', 'too many tokens were tried: wait a minute')
  const wanted = readJoinRequest(await bodyOf(request))
  if (wanted === undefined) throw new NsctlError('Invalid', 'this is no request of an nsctl agent')
  try {
    return await redeem(serving, wanted)
  } catch (error) {
    if (isNsctlError(error, 'Failed')) {
      attempts.failed(from)
      logger.log('warn', `a machine was refused: ${messageOf(error)}`, { from, node: wanted.node })
    }
    throw error
  }
}

async function renewFor(serving: Serving, request: IncomingMessage): Promise<unknown> {
  const socket = request.socket as TLSSocket
  const issue = socket.authorized ? nodeOfSubject(socket.getPeerCertificate().subject ?? {}) : undefined
  if (issue === undefined)
    throw new NsctlError('Failed', 'only a node with a certificate that is good renews it')
  const body = await bodyOf(request)
  const publicKey = isObject(body) ? String(body.publicKey) : ''
  return { certificate: await renew(serving, issue, publicKey) }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length
    if (bytes > MAX_BODY_BYTES) throw new NsctlError('TooLarge', 'the request is too long')
    chunks.push(chunk as Buffer)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString())
  } catch {
    return undefined
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
  response.end(JSON.stringify(body))
}

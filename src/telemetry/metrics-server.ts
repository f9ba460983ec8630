/** GET /metrics (with `?name[]=…` for some of them) and /healthz on a port of this machine. Costs nothing while nobody asks. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Transform } from 'node:stream'
import { messageOf, NsctlError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { loadHttp } from '../transport/http.ts'
import type { Exposition } from './families.ts'
import { Scrapes } from './scrapes.ts'

export interface MetricsServerOptions {
  /** What is shown; as scrapes where others show it, too. */
  readonly expositions: readonly Exposition[] | Scrapes
  /** 127.0.0.1 if left out: nothing here is for other machines. */
  readonly host?: string
  /** 0 takes any that is free; see `onListening`. */
  readonly port: number
  /** What is wrong with this process, one line each; nothing if it is well. */
  readonly problems?: () => readonly string[]
  readonly logger: Logger
  readonly onListening?: (port: number) => void
  /** Who takes nothing of an answer for so long is cut off: ten seconds, which is as long as Prometheus waits for one, where left out. */
  readonly stalledAfterMs?: number
}

interface Answer {
  readonly status: number
  readonly type: string
  /** Whole, or in pieces that are made as they are taken. */
  readonly body: string | AsyncIterable<string>
}

const STALLED_AFTER_MS = 10_000
/** Each may hold a piece of an answer. */
const MAX_CONNECTIONS = 64

/** It runs beside the controllers: see `Runnable` of engine/manager.ts. */
export interface MetricsServer {
  readonly name: string
  run(signal: AbortSignal): Promise<void>
}

/**
 * Serves until its signal aborts. node:http is loaded when it runs, prom-client with the first scrape. Rejects with code Failed where
 * the port cannot be had.
 */
export function metricsServer(options: MetricsServerOptions): MetricsServer {
  return { name: 'metrics server', run: (signal) => serve(options, signal) }
}

async function serve(options: MetricsServerOptions, signal: AbortSignal): Promise<void> {
  const http = loadHttp()
  const { expositions } = options
  const scrapes = expositions instanceof Scrapes ? expositions : new Scrapes(expositions, options.logger)
  const server = http.createServer((request, response) => {
    void answer(request, options, scrapes)
      .then((one) => send(request, response, one))
      .catch((error) => {
        if (isGone(error)) return
        options.logger.log('error', `cannot answer ${request.url}: ${messageOf(error)}`, { error })
        // half an answer must not look like a whole one
        if (response.headersSent) response.destroy()
        else sendWhole(request, response, { status: 500, type: 'text/plain', body: 'internal error\n' })
      })
  })
  server.timeout = options.stalledAfterMs ?? STALLED_AFTER_MS
  server.maxConnections = MAX_CONNECTIONS
  if (signal.aborted) return
  await listen(server, options)
  server.on('error', (error) =>
    options.logger.log('warn', `trouble with serving metrics: ${messageOf(error)}`, { error }),
  )
  await new Promise<void>((resolve) => {
    const close = () => {
      server.close(() => resolve())
      server.closeAllConnections()
    }
    if (signal.aborted) close()
    signal.addEventListener('abort', close, { once: true })
  })
}

function listen(server: Server, options: MetricsServerOptions): Promise<void> {
  const { host = '127.0.0.1', port, logger, onListening } = options
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const details = { value: port, next: 'choose another port, or 0 for any that is free', cause }
      reject(
        new NsctlError('Failed', `cannot serve metrics on ${host}:${port}: ${messageOf(cause)}`, details),
      )
    })
    server.listen(port, host, () => {
      const address = server.address()
      const actual = typeof address === 'object' && address !== null ? address.port : port
      logger.log('info', `metrics on http://${host}:${actual}/metrics`)
      onListening?.(actual)
      resolve()
    })
  })
}

async function answer(
  request: IncomingMessage,
  options: MetricsServerOptions,
  scrapes: Scrapes,
): Promise<Answer> {
  const [path, query] = (request.url ?? '').split('?', 2)
  if (path !== '/metrics' && path !== '/healthz') {
    return { status: 404, type: 'text/plain', body: 'try /metrics or /healthz\n' }
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { status: 405, type: 'text/plain', body: 'GET only\n' }
  }
  if (path === '/metrics') {
    const { type, pieces } = await scrapes.read(new URLSearchParams(query).getAll('name[]'))
    return { status: 200, type, body: pieces }
  }
  const problems = options.problems?.() ?? []
  if (problems.length === 0) return { status: 200, type: 'text/plain', body: 'ok\n' }
  return { status: 503, type: 'text/plain', body: `${problems.join('\n')}\n` }
}

async function send(request: IncomingMessage, response: ServerResponse, one: Answer): Promise<void> {
  const { status, type, body } = one
  if (typeof body === 'string') return sendWhole(request, response, { status, type, body })
  const isZipped = acceptsGzip(request)
  response.writeHead(status, {
    'content-type': type,
    vary: 'accept-encoding',
    ...(isZipped && { 'content-encoding': 'gzip' }),
  })
  if (request.method === 'HEAD') return void response.end()
  const { pipeline } = await import('node:stream/promises')
  await (isZipped ? pipeline(body, await gzip(), response) : pipeline(body, response))
}

function sendWhole(
  request: IncomingMessage,
  response: ServerResponse,
  { status, type, body }: Answer & { readonly body: string },
): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) })
  response.end(request.method === 'HEAD' ? undefined : body)
}

/** Who asked has closed the connection, or was cut off. */
function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && GONE.has(String(error.code))
}

const GONE: ReadonlySet<string> = new Set(['ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE'])

/** `gzip`, `gzip;q=0.5`; not `gzip;q=0`. */
function acceptsGzip({ headers }: IncomingMessage): boolean {
  return /(?:^|,)\s*gzip\s*(?:,|$|;\s*q=(?!0(?:\.0*)?\s*(?:,|$)))/i.test(
    String(headers['accept-encoding'] ?? ''),
  )
}

/** Quickly rather than small: names repeat so much that it is a twentieth either way. */
async function gzip(): Promise<Transform> {
  const { constants, createGzip } = await import('node:zlib')
  return createGzip({ level: constants.Z_BEST_SPEED })
}

/** GET /metrics and /healthz on a port of this machine. Costs nothing while nobody asks. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { messageOf, NsctlError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { type Exposition, Families } from './families.ts'

export interface MetricsServerOptions {
  readonly expositions: readonly Exposition[]
  /** 127.0.0.1 if left out: nothing here is for other machines. */
  readonly host?: string
  /** 0 takes any that is free; see `onListening`. */
  readonly port: number
  /** What is wrong with this process, one line each; nothing if it is well. */
  readonly problems?: () => readonly string[]
  readonly logger: Logger
  readonly onListening?: (port: number) => void
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

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
  const http = await import('node:http')
  const metrics = scrapes(options)
  const server = http.createServer((request, response) => {
    answer(request, options, metrics).then(
      (one) => send(request, response, one),
      (error) => {
        options.logger.log('error', `cannot answer ${request.url}: ${messageOf(error)}`, { error })
        send(request, response, { status: 500, type: 'text/plain', body: 'internal error\n' })
      },
    )
  })
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

/** What answers scrapes. Those that come while one is being answered get the same answer. */
function scrapes({ expositions, logger }: MetricsServerOptions): () => Promise<Answer> {
  let defined: ReturnType<typeof define> | undefined
  let underWay: Promise<Answer> | undefined
  const scrape = async (): Promise<Answer> => {
    defined ??= define(expositions)
    const registry = await defined
    await Promise.all(
      expositions.map(async (one) => {
        try {
          await one.prepare?.()
        } catch (error) {
          logger.log('warn', `some metrics cannot be read: ${messageOf(error)}`)
        }
      }),
    )
    return { status: 200, type: registry.contentType, body: await registry.metrics() }
  }
  return () => {
    underWay ??= scrape().finally(() => {
      underWay = undefined
    })
    return underWay
  }
}

async function define(expositions: readonly Exposition[]) {
  const { default: client } = await import('prom-client')
  const registry = new client.Registry()
  const families = new Families(client, registry)
  for (const one of expositions) one.define(families)
  return registry
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
  metrics: () => Promise<Answer>,
): Promise<Answer> {
  const path = (request.url ?? '').split('?', 1)[0]
  if (path !== '/metrics' && path !== '/healthz') {
    return { status: 404, type: 'text/plain', body: 'try /metrics or /healthz\n' }
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { status: 405, type: 'text/plain', body: 'GET only\n' }
  }
  if (path === '/metrics') return metrics()
  const problems = options.problems?.() ?? []
  if (problems.length === 0) return { status: 200, type: 'text/plain', body: 'ok\n' }
  return { status: 503, type: 'text/plain', body: `${problems.join('\n')}\n` }
}

function send(request: IncomingMessage, response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) })
  response.end(request.method === 'HEAD' ? undefined : body)
}

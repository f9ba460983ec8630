/**
 * The listener that events are pushed to: POST /hooks/<path>. It bounds what a stranger can cost: connections, the size of a body, how long one may
 * take to send it, and how many requests a path takes in a second. Who may push is the trigger's to check.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Clock } from '../core/clock.ts'
import { messageOf, NsctlError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { WebhookAnswer, WebhookRequest, Webhooks } from './source.ts'

export interface WebhookListenerOptions {
  /** 127.0.0.1 where left out: others reach it through a proxy that speaks TLS. */
  readonly host?: string
  /** 0 for any that is free. */
  readonly port: number
  readonly clock: Clock
  readonly logger: Logger
}

export interface WebhookListener extends Webhooks {
  readonly host: string
  readonly port: number
  close(): Promise<void>
}

type Handle = (request: WebhookRequest) => Promise<WebhookAnswer>

interface Hook {
  readonly handle: Handle
  /** What is left of this path's share, and when that was counted. */
  tokens: number
  countedMs: number
}

export const PREFIX = '/hooks/'
const MAX_BODY_BYTES = 2 ** 20
const MAX_CONNECTIONS = 256
const PER_SECOND = 100
const BURST = 200
const SEND_LIMIT_MS = 10_000

/** Rejects with Failed where the port cannot be had. */
export async function listenForWebhooks(options: WebhookListenerOptions): Promise<WebhookListener> {
  const { host = '127.0.0.1', port, clock, logger } = options
  const hooks = new Map<string, Hook>()
  const server = createServer((request, response) => {
    answer(request, hooks, clock)
      .catch((error): WebhookAnswer => {
        logger.log('error', 'a webhook cannot be answered', { reason: messageOf(error) })
        return { status: 500 }
      })
      .then((said) => send(response, said, request))
  })
  server.maxConnections = MAX_CONNECTIONS
  server.headersTimeout = SEND_LIMIT_MS
  server.requestTimeout = SEND_LIMIT_MS
  server.on('clientError', (_error, socket) => socket.destroy())
  await bind(server, port, host)
  return {
    host,
    port: (server.address() as AddressInfo).port,
    ...(isLoopback(host) ? {} : { exposed: true }),
    on(path, handle) {
      if (hooks.has(path))
        throw new NsctlError('AlreadyExists', `the path ${PREFIX}${path} is another trigger's`, {
          value: path,
          next: 'give one of them another path',
        })
      const hook = { handle, tokens: BURST, countedMs: clock.monotonic() }
      hooks.set(path, hook)
      return () => {
        if (hooks.get(path) === hook) hooks.delete(path)
      }
    },
    async close() {
      hooks.clear()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

async function answer(
  request: IncomingMessage,
  hooks: ReadonlyMap<string, Hook>,
  clock: Clock,
): Promise<WebhookAnswer> {
  const target = request.url ?? '/'
  const url = URL.canParse(target, 'http://hooks') ? new URL(target, 'http://hooks') : undefined
  const hook = url?.pathname.startsWith(PREFIX) ? hooks.get(url.pathname.slice(PREFIX.length)) : undefined
  if (url === undefined || hook === undefined) return { status: 404, body: 'there is no such webhook' }
  if (!take(hook, clock.monotonic())) return { status: 429, body: 'too many requests' }
  const body = await bodyOf(request)
  if (body === undefined) return { status: 413, body: 'more than 1 MiB' }
  const headers = request.headers as Record<string, string | undefined>
  return hook.handle({ method: request.method ?? '', headers, query: url.searchParams, body })
}

/** A bucket that fills with time. */
function take(hook: Hook, nowMs: number): boolean {
  hook.tokens = Math.min(BURST, hook.tokens + ((nowMs - hook.countedMs) / 1000) * PER_SECOND)
  hook.countedMs = nowMs
  if (hook.tokens < 1) return false
  hook.tokens--
  return true
}

/** Undefined where it is too long. */
async function bodyOf(request: IncomingMessage): Promise<Uint8Array | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) return undefined
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request) {
    bytes += (part as Buffer).length
    if (bytes > MAX_BODY_BYTES) return undefined
    parts.push(part as Buffer)
  }
  return Buffer.concat(parts)
}

function send(response: ServerResponse, { status, body }: WebhookAnswer, request: IncomingMessage): void {
  if (response.destroyed) return
  const isJson = body?.startsWith('{')
  const headers = {
    ...(body === undefined ? {} : { 'content-type': isJson ? 'application/json' : 'text/plain' }),
    ...(status === 429 ? { 'retry-after': '1' } : {}),
    ...(status === 405 ? { allow: 'POST' } : {}),
    // what was not read would be taken for the next request
    ...(request.complete ? {} : { connection: 'close' }),
  }
  response.writeHead(status, headers)
  response.end(body === undefined ? undefined : `${body}\n`)
}

function bind(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new NsctlError('Failed', `cannot listen for webhooks on ${host}:${port}: ${error.message}`, {
          value: port,
          next: 'choose another port, or 0 for any that is free',
        }),
      ),
    )
    server.listen(port, host, resolve)
  })
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host)
}

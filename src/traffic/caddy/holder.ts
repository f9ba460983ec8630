/**
 * Where requests wait for a service that has no instance: a small HTTP proxy of ours that a route leads to for as long as it has no backend. It
 * holds so many requests for so long, and hands each on as soon as there is somebody to take it.
 */
import {
  createServer,
  type IncomingMessage,
  request as plainRequest,
  type Server,
  type ServerResponse,
} from 'node:http'
import { connect, type Socket } from 'node:net'
import type { Backend } from '../balancer.ts'

export interface HolderOptions {
  /** Told of each request that has to wait. */
  readonly onHeld: () => void
  readonly maxHeld: number
  readonly holdMs: number
}

const DIAL_MS = 1_000
const RETRY_MS = 50
/** In seconds, as the header has it. */
const RETRY_AFTER = '1'

export class Holder {
  readonly #options: HolderOptions
  readonly #server: Server
  #held = 0
  #backends: readonly Backend[] = []
  #turn = 0
  #wake = Promise.withResolvers<void>()

  constructor(options: HolderOptions) {
    this.#options = options
    this.#server = createServer((request, response) => void this.#serve(request, response))
    // Caddy gives up its own connections first
    this.#server.keepAliveTimeout = 10_000
    this.#server.requestTimeout = 0
  }

  /** Resolves to its port on 127.0.0.1. */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(0, '127.0.0.1', () => {
        const address = this.#server.address()
        resolve(typeof address === 'object' && address !== null ? address.port : 0)
      })
    })
  }

  /** Who takes what is held, and what still comes. */
  lead(backends: readonly Backend[]): void {
    this.#backends = backends
    if (backends.length === 0) return
    this.#wake.resolve()
    this.#wake = Promise.withResolvers<void>()
  }

  /** True where nobody waits, and nothing is under way. */
  async isIdle(): Promise<boolean> {
    return await new Promise((resolve) =>
      this.#server.getConnections((error, count) =>
        resolve(error !== null || (count === 0 && this.#held === 0)),
      ),
    )
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#held >= this.#options.maxHeld) return refuse(response, 'too many requests wait for it')
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    this.#held++
    let socket: Socket | undefined
    try {
      socket = await this.#connection(gone.signal)
    } finally {
      this.#held--
    }
    if (gone.signal.aborted) return void socket?.destroy()
    if (socket === undefined) return refuse(response, 'nobody is there to take it')
    forward(request, response, socket)
  }

  /** A connection to a backend; undefined where there is none in time, or the client has gone. */
  async #connection(gone: AbortSignal): Promise<Socket | undefined> {
    const untilMs = performance.now() + this.#options.holdMs
    while (!gone.aborted) {
      const leftMs = untilMs - performance.now()
      if (leftMs <= 0) return undefined
      const backend = this.#backends[this.#turn++ % Math.max(1, this.#backends.length)]
      if (backend === undefined) {
        this.#options.onHeld()
        await soonest(this.#wake.promise, leftMs, gone)
        continue
      }
      const socket = await dial(backend)
      if (socket !== undefined) return socket
      await soonest(undefined, Math.min(RETRY_MS, leftMs), gone)
    }
    return undefined
  }
}

function forward(request: IncomingMessage, response: ServerResponse, socket: Socket): void {
  const { method, url, rawHeaders } = request
  const onward = plainRequest({ method, path: url, headers: rawHeaders, createConnection: () => socket })
  onward.once('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.rawHeaders)
    answer.pipe(response)
    answer.once('error', () => response.destroy())
  })
  onward.once('error', () => {
    if (response.headersSent) return void response.destroy()
    response.writeHead(502).end()
  })
  response.once('close', () => onward.destroy())
  request.pipe(onward)
}

function refuse(response: ServerResponse, why: string): void {
  response.writeHead(503, { 'retry-after': RETRY_AFTER, 'content-type': 'text/plain' })
  response.end(`${why}\n`)
}

function dial({ address, port }: Backend): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: DIAL_MS })
    const fail = () => {
      socket.destroy()
      resolve(undefined)
    }
    socket.once('timeout', fail)
    socket.once('error', fail)
    socket.once('connect', () => {
      socket.setTimeout(0)
      socket.off('timeout', fail)
      socket.off('error', fail)
      resolve(socket)
    })
  })
}

/** Resolves with `woken`, after `limitMs`, or when `gone` aborts. */
async function soonest(woken: Promise<void> | undefined, limitMs: number, gone: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, limitMs)
  const onGone = () => resolve()
  gone.addEventListener('abort', onGone, { once: true })
  void woken?.then(resolve)
  await promise
  clearTimeout(timer)
  gone.removeEventListener('abort', onGone)
}

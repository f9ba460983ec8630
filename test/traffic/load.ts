/** A load of HTTP requests, and servers to take it. */
import { Agent, createServer, type IncomingMessage, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Backend } from '../../src/traffic/balancer.ts'

export interface TestBackend {
  readonly name: string
  readonly backend: Backend
  /** Requests that it has taken, and how many of those it was in the middle of. */
  readonly taken: () => number
  readonly busy: () => number
  stop(): Promise<void>
}

/** Answers each request with its name, after so long. */
export async function startBackend(name: string, delayMs = 0, host = '127.0.0.1'): Promise<TestBackend> {
  let [taken, busy] = [0, 0]
  const server: Server = createServer((incoming, response) => {
    taken++
    busy++
    response.once('close', () => busy--)
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.once('end', () => {
      const body = chunks.length === 0 ? '' : ` ${Buffer.concat(chunks)}`
      setTimeout(() => response.end(`${name}${body}`), delayMs)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const { port } = server.address() as AddressInfo
  return {
    name,
    backend: { address: host, port, weight: 1 },
    taken: () => taken,
    busy: () => busy,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

export interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: IncomingMessage['headers']
}

export interface AskOptions {
  readonly host?: string
  readonly method?: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly agent?: Agent
  /** It fails where this aborts first. */
  readonly signal?: AbortSignal
}

/** One request. Rejects where the connection fails. */
export function ask(
  url: string,
  { host, method = 'GET', body, headers, agent, signal }: AskOptions = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        method,
        agent: agent ?? false,
        headers: { ...headers, ...(host && { host }) },
        ...(signal && { signal }),
      },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8')
        answer.on('data', (data) => {
          text += data
        })
        answer.once('error', reject)
        answer.once('end', () => resolve({ status: answer.statusCode ?? 0, text, headers: answer.headers }))
      },
    )
    sent.once('error', reject)
    sent.end(body)
  })
}

export interface Load {
  /** Ends it, once what is under way is over. */
  stop(): Promise<LoadResult>
}

export interface LoadResult {
  readonly requests: number
  /** What went wrong, and how often. */
  readonly failed: Readonly<Record<string, number>>
  readonly slowestMs: number
}

export interface LoadOptions {
  readonly clients?: number
  readonly host?: string
  /** Whether half of them ask with a POST. */
  readonly posts?: boolean
}

/**
 * Clients that ask one request after the other: every second of them with a POST, every third over a new connection each time, the others over one
 * that they keep.
 */
export function startLoad(url: string, { clients = 12, host, posts = true }: LoadOptions = {}): Load {
  const failed: Record<string, number> = {}
  let [requests, slowestMs, stopped] = [0, 0, false]
  const client = async (index: number) => {
    const agent = new Agent({ keepAlive: index % 3 !== 0, maxSockets: 1 })
    const method = posts && index % 2 === 0 ? { method: 'POST', body: 'x'.repeat(100) } : {}
    while (!stopped) {
      const startedMs = performance.now()
      const what = await ask(url, { agent, ...method, ...(host && { host }) }).then(
        ({ status }) => (status === 200 ? undefined : String(status)),
        (error: NodeJS.ErrnoException) => error.code ?? error.message,
      )
      requests++
      slowestMs = Math.max(slowestMs, performance.now() - startedMs)
      if (what !== undefined) failed[what] = (failed[what] ?? 0) + 1
    }
    agent.destroy()
  }
  const running = Promise.all(Array.from({ length: clients }, (_, index) => client(index)))
  return {
    async stop() {
      stopped = true
      await running
      return { requests, failed, slowestMs: Math.round(slowestMs) }
    },
  }
}

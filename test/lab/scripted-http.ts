/** An HTTP server that answers as a test says, faults included. */
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'

export interface ScriptedAnswer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

/** `hang`: nothing is ever answered. */
export type Script = (request: ScriptedRequest) => ScriptedAnswer | 'hang' | 'reset'

export interface ScriptedRequest {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: string
}

export interface ScriptedServer {
  readonly url: string
  readonly port: number
  script: Script
  readonly requests: readonly ScriptedRequest[]
  /** Connections since the start. */
  readonly accepted: number
  /** Ends all connections that are idle, as a server does that has waited long enough. */
  dropIdle(): void
  stop(): Promise<void>
}

export interface ScriptedOptions {
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string }
}

export async function startScripted(script: Script, { tls }: ScriptedOptions = {}): Promise<ScriptedServer> {
  const requests: ScriptedRequest[] = []
  const sockets = new Set<Socket>()
  const scheme = tls === undefined ? 'http' : 'https'
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const seen = {
      method: request.method ?? '',
      url: new URL(request.url ?? '/', `${scheme}://${request.headers.host}`),
      headers: request.headers as Record<string, string | undefined>,
      body: Buffer.concat(parts).toString(),
    }
    requests.push(seen)
    const said = server.script(seen)
    if (said === 'hang') return
    if (said === 'reset') return request.socket.resetAndDestroy()
    response.writeHead(said.status ?? 200, said.headers)
    response.end(said.body)
  }
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    answer(request, response).catch(() => response.destroy())
  }
  const http =
    tls === undefined
      ? createServer(handle)
      : createSecureServer(
          {
            cert: readFileSync(tls.cert),
            key: readFileSync(tls.key),
            ...(tls.clientCa === undefined
              ? {}
              : { ca: readFileSync(tls.clientCa), requestCert: true, rejectUnauthorized: true }),
          },
          handle,
        )
  let accepted = 0
  http.on('connection', (socket) => {
    accepted++
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const { port } = http.address() as AddressInfo
  const server: ScriptedServer = {
    url: `${scheme}://127.0.0.1:${port}`,
    port,
    script,
    requests,
    get accepted() {
      return accepted
    },
    dropIdle: () => http.closeIdleConnections(),
    async stop() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => http.close(resolve))
    },
  }
  return server
}

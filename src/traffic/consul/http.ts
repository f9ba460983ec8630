/** Requests to the HTTP API of one Consul agent, and what goes wrong with them. */
import { readFileSync } from 'node:fs'
import { type Agent, type IncomingMessage, Agent as PlainAgent, request as plainRequest } from 'node:http'
import { Agent as SecureAgent, request as secureRequest } from 'node:https'
import { isIPv6 } from 'node:net'
import { messageOf } from '../../core/errors.ts'
import { CatalogError } from '../catalog.ts'

/** Where an agent listens, and as whom it is asked. */
export interface AgentAddress {
  readonly host: string
  readonly port: number
  readonly secure: boolean
  readonly token: string | undefined
  /** Files. */
  readonly tokenFile: string | undefined
  readonly caFile: string | undefined
  readonly certFile: string | undefined
  readonly keyFile: string | undefined
}

export interface AgentRequest {
  readonly method: 'GET' | 'PUT'
  /** `/v1/agent/services`, with its query. */
  readonly path: string
  /** Sent as JSON. */
  readonly body?: unknown
  /** What the token must be allowed to do, as a rule of a policy: `service "web" { policy = "write" }`. */
  readonly permission: string
  readonly signal: AbortSignal
}

export interface AgentAnswer {
  /** Undefined where there is no such thing (404). */
  readonly body: unknown
  /** Whether the agent runs on this machine, so that its loopback is ours. */
  readonly isHere: boolean
}

const LIMIT_MS = 5_000

export class AgentClient {
  /** `Consul at 127.0.0.1:8500` */
  readonly name: string
  readonly #address: AgentAddress
  readonly #agent: Agent
  readonly #headers: Readonly<Record<string, string>>

  /** Reads the files that the address names. Throws CatalogError where one cannot be read. */
  constructor(address: AgentAddress) {
    const { host, port, secure, token, tokenFile, caFile, certFile, keyFile } = address
    this.name = `Consul at ${isIPv6(host) ? `[${host}]` : host}:${port}`
    this.#address = address
    const secret = tokenFile === undefined ? token : this.#read(tokenFile).trim()
    this.#headers = secret === undefined ? {} : { 'x-consul-token': secret }
    this.#agent = secure
      ? new SecureAgent({
          keepAlive: true,
          ...(caFile && { ca: this.#read(caFile) }),
          ...(certFile && { cert: this.#read(certFile) }),
          ...(keyFile && { key: this.#read(keyFile) }),
        })
      : new PlainAgent({ keepAlive: true })
  }

  /** Rejects with a CatalogError, or with the signal's reason. */
  async ask(request: AgentRequest): Promise<AgentAnswer> {
    const { signal } = request
    signal.throwIfAborted()
    const limit = AbortSignal.timeout(LIMIT_MS)
    try {
      const response = await this.#send(request, AbortSignal.any([signal, limit]))
      // both ends are known only while the connection stands
      const isHere = sameMachine(response)
      const text = await textOf(response)
      return { body: this.#understand(request, response.statusCode ?? 0, text), isHere }
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof CatalogError) throw error
      const why = limit.aborted ? `it does not answer within ${LIMIT_MS / 1000} s` : messageOf(error)
      throw this.#unreachable(why, error)
    }
  }

  close(): void {
    this.#agent.destroy()
  }

  #send({ method, path, body }: AgentRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const { host, port, secure } = this.#address
    const send = secure ? secureRequest : plainRequest
    return new Promise((resolve, reject) => {
      const options = { host, port, method, path, signal, agent: this.#agent, headers: this.#headers }
      const request = send(options, resolve)
      request.once('error', reject)
      request.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }

  #understand({ permission }: AgentRequest, status: number, text: string): unknown {
    const said = text.trim().slice(0, 200)
    if (status === 404) return undefined
    if (status === 403) {
      const unknown = /ACL not found/i.test(said)
      const what = unknown ? 'does not know the token' : `refuses the token: ${said}`
      throw new CatalogError('NotPermitted', `${this.name} ${what}`, {
        next: unknown ? 'check CONSUL_HTTP_TOKEN or ?token-file=' : `give it a policy with ${permission}`,
      })
    }
    if (status === 429 || status >= 500) throw this.#unreachable(`it answers ${status}: ${said}`)
    if (status !== 200) {
      throw new CatalogError('Refused', `${this.name} answers ${status}: ${said}`, {
        next: 'check that a Consul agent listens there',
      })
    }
    try {
      return text.trim() === '' ? undefined : JSON.parse(text)
    } catch (cause) {
      throw new CatalogError('Refused', `${this.name} is no Consul: it answers ${said}`, { cause })
    }
  }

  #read(path: string): string {
    try {
      return readFileSync(path, 'utf8')
    } catch (cause) {
      throw this.#unreachable(`${path} cannot be read`, cause)
    }
  }

  #unreachable(why: string, cause?: unknown): CatalogError {
    return new CatalogError('Unreachable', `${this.name} cannot be reached: ${why}`, {
      next: 'check the address, and that a Consul agent runs there',
      ...(cause === undefined ? {} : { cause }),
    })
  }
}

/** To reach an address of its own a machine takes that very address, or loopback. */
function sameMachine({ socket }: IncomingMessage): boolean {
  const remote = socket.remoteAddress ?? ''
  return remote === socket.localAddress || remote === '::1' || /^(::ffff:)?127\./.test(remote)
}

async function textOf(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of response) parts.push(part as Buffer)
  return Buffer.concat(parts).toString()
}

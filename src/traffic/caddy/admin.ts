/** Caddy's admin API: its whole configuration is read, and written on the condition that nobody wrote it meanwhile. */
import { type IncomingMessage, Agent as PlainAgent, request as plainRequest } from 'node:http'
import { messageOf, NsctlError } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import { BalancerError } from '../balancer.ts'

/** Where the admin API listens: a TCP address or a unix socket. */
export type AdminAddress = { readonly host: string; readonly port: number } | { readonly socketPath: string }

export const DEFAULT_ADMIN = 'http://127.0.0.1:2019'

/** `http://127.0.0.1:2019`, `unix:///run/caddy/admin.sock`. Throws NsctlError Invalid for anything else. */
export function parseAdminUrl(text: string): AdminAddress {
  const unix = /^unix:\/*(\/.+)$/.exec(text.replace(/^unix\/\//, 'unix:///'))
  if (unix?.[1] !== undefined) return { socketPath: unix[1].replace(/^\/+/, '/') }
  if (URL.canParse(text)) {
    const { protocol, hostname, port, pathname } = new URL(text)
    if (protocol === 'http:' && pathname === '/')
      return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 80 : Number(port) }
  }
  throw new NsctlError('Invalid', `${text} is no address of Caddy's admin API`, {
    value: text,
    next: `write it as ${DEFAULT_ADMIN} or unix:///run/caddy/admin.sock`,
  })
}

/** A configuration, and what says which. */
export interface Snapshot {
  /** null where Caddy was started without one. */
  readonly config: Json
  readonly etag: string | undefined
}

const LIMIT_MS = 10_000
const MAX_SAID = 300

export class CaddyAdmin {
  /** `Caddy at 127.0.0.1:2019` */
  readonly name: string
  readonly #address: AdminAddress
  readonly #host: string
  readonly #agent = new PlainAgent({ keepAlive: true, maxSockets: 1 })

  constructor(address: AdminAddress) {
    this.#address = address
    // over a socket older ones take no name at all
    this.#host =
      'socketPath' in address
        ? ''
        : `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`
    this.name = `Caddy at ${'socketPath' in address ? address.socketPath : this.#host}`
  }

  async read(signal: AbortSignal): Promise<Snapshot> {
    const { status, text, etag } = await this.#ask('GET', undefined, {}, signal)
    if (status !== 200) throw this.#refused(status, text)
    try {
      return { config: JSON.parse(text), etag }
    } catch (cause) {
      throw this.#refused(status, text, cause)
    }
  }

  /** False where somebody else has changed it since `etag`. */
  async write(config: Json, etag: string | undefined, signal: AbortSignal): Promise<boolean> {
    const headers: Record<string, string> = etag === undefined ? {} : { 'if-match': etag }
    const { status, text } = await this.#ask('POST', JSON.stringify(config), headers, signal)
    if (status === 412) return false
    if (status !== 200) throw this.#refused(status, text)
    return true
  }

  close(): void {
    this.#agent.destroy()
  }

  async #ask(
    method: 'GET' | 'POST',
    body: string | undefined,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<{ readonly status: number; readonly text: string; readonly etag: string | undefined }> {
    signal.throwIfAborted()
    const limit = AbortSignal.timeout(LIMIT_MS)
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        const request = plainRequest(
          {
            ...this.#address,
            method,
            path: '/config/',
            agent: this.#agent,
            signal: AbortSignal.any([signal, limit]),
            setHost: false,
            headers: {
              ...headers,
              ...(body === undefined ? {} : { 'content-type': 'application/json' }),
              host: this.#host,
            },
          },
          resolve,
        )
        request.once('error', reject)
        request.end(body)
      })
      const parts: Buffer[] = []
      for await (const part of response) parts.push(part as Buffer)
      // older ones say it after the body
      const etag = response.headers.etag ?? response.trailers.etag
      return { status: response.statusCode ?? 0, text: Buffer.concat(parts).toString(), etag }
    } catch (cause) {
      signal.throwIfAborted()
      const why = limit.aborted ? `it does not answer within ${LIMIT_MS / 1000} s` : messageOf(cause)
      throw new BalancerError('Unreachable', `${this.name} cannot be reached: ${why}`, {
        cause,
        next: 'check the address of its admin API, and that Caddy runs there',
      })
    }
  }

  #refused(status: number, text: string, cause?: unknown): BalancerError {
    const said = text.trim().slice(0, MAX_SAID)
    return new BalancerError('Refused', `${this.name} answers ${status}: ${said}`, {
      next: "see Caddy's log",
      ...(cause === undefined ? {} : { cause }),
    })
  }
}

/** Requests to Vault's HTTP api. What they carry is secret: no token, body or answer gets into an error. */
import { type Agent, type IncomingMessage, Agent as PlainAgent, request as plainRequest } from 'node:http'
import { Agent as SecureAgent, request as secureRequest } from 'node:https'
import { messageOf } from '../../core/errors.ts'
import { isObject } from '../../core/json.ts'
import { ExternalError } from '../external.ts'

/** One Vault, as a spec names it. */
export interface VaultAddress {
  /** With or without a path before `/v1`. */
  readonly address: string
  /** Vault's namespace. */
  readonly namespace: string | undefined
  /** PEM; the machine's own authorities where left out. */
  readonly caCert: string | undefined
  /** How long one request may take, its answer included. */
  readonly limitMs: number
}

export interface VaultRequest {
  readonly method: 'GET' | 'POST'
  /** Beneath `/v1`, its parts encoded, with its query: `/secret/data/shop?version=2`. */
  readonly path: string
  readonly token?: string
  /** Sent as JSON. */
  readonly body?: unknown
  readonly signal: AbortSignal
}

export interface VaultAnswer {
  readonly status: number
  /** Undefined where it is no JSON. */
  readonly body: unknown
  /** What it gives as the reason where it refuses; nothing of what was sent is in there. */
  readonly said: string
  /** How long it asks to be left alone, milliseconds. */
  readonly retryAfterMs: number | undefined
}

const MAX_HOPS = 3
const MAX_WORDS = 200
/** Vault takes 1 MiB a secret with its default storage; more than that is no secret. */
const MAX_ANSWER_BYTES = 4 * 2 ** 20

export class VaultClient {
  /** `Vault at vault.example.org:8200` */
  readonly name: string
  readonly #base: URL
  readonly #agent: Agent
  readonly #headers: Readonly<Record<string, string>>
  readonly #limitMs: number

  constructor({ address, namespace, caCert, limitMs }: VaultAddress) {
    this.#limitMs = limitMs
    this.#base = new URL(address)
    this.name = `Vault at ${this.#base.host}`
    this.#agent =
      this.#base.protocol === 'https:'
        ? new SecureAgent({ keepAlive: true, ...(caCert === undefined ? {} : { ca: caCert }) })
        : new PlainAgent({ keepAlive: true })
    // a proxy of Vault's may insist on the first: a browser cannot be made to send it
    this.#headers = {
      'x-vault-request': 'true',
      ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
    }
  }

  /** Rejects with an ExternalError (`Unreachable`, `Refused`), or with the signal's reason. Every status is an answer. */
  async ask(request: VaultRequest): Promise<VaultAnswer> {
    const { signal } = request
    signal.throwIfAborted()
    const limit = AbortSignal.timeout(this.#limitMs)
    try {
      const response = await this.#follow(request, AbortSignal.any([signal, limit]))
      const body = parse(await this.#textOf(response))
      return {
        status: response.statusCode ?? 0,
        body,
        said: wordsOf(body, request),
        retryAfterMs: retryAfterOf(response),
      }
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof ExternalError) throw error
      throw this.#unreachable(error, limit.aborted)
    }
  }

  close(): void {
    this.#agent.destroy()
  }

  /** A standby sends its callers on to the one that leads. The token goes to the address that was given, and to no other. */
  async #follow(request: VaultRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const prefix = this.#base.pathname.replace(/\/+$/, '')
    let url = new URL(`${prefix}/v1${request.path}`, this.#base)
    for (let hop = 0; hop <= MAX_HOPS; hop++) {
      const response = await this.#send(url, request, signal)
      const { location } = response.headers
      if (response.statusCode !== 307 && response.statusCode !== 308) return response
      response.resume()
      const next =
        location !== undefined && URL.canParse(location, url.href) ? new URL(location, url) : undefined
      if (next?.origin !== this.#base.origin)
        throw new ExternalError(
          'Refused',
          `${this.name} sends its callers on to ${next?.origin ?? 'nowhere'}`,
          {
            next: 'give the address of the one that leads, or one before all of them: the token is sent to no other address than the one that was given',
          },
        )
      url = next
    }
    throw new ExternalError('Refused', `${this.name} sends its callers in circles`, {
      next: 'check its api_addr',
    })
  }

  #send(url: URL, { method, token, body }: VaultRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const send = url.protocol === 'https:' ? secureRequest : plainRequest
    const text = body === undefined ? undefined : JSON.stringify(body)
    const headers = {
      ...this.#headers,
      ...(token === undefined ? {} : { 'x-vault-token': token }),
      ...(text === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
    }
    return new Promise((resolve, reject) => {
      const request = send(url, { method, signal, agent: this.#agent, headers }, resolve)
      request.once('error', reject)
      request.end(text)
    })
  }

  async #textOf(response: IncomingMessage): Promise<string> {
    const parts: Buffer[] = []
    let bytes = 0
    for await (const part of response) {
      bytes += (part as Buffer).length
      if (bytes > MAX_ANSWER_BYTES)
        throw new ExternalError('Refused', `${this.name} answers more than any secret may be`, {
          next: 'check that a Vault listens there',
        })
      parts.push(part as Buffer)
    }
    return Buffer.concat(parts).toString()
  }

  #unreachable(error: unknown, isLate: boolean): ExternalError {
    const why = isLate ? `it does not answer within ${this.#limitMs / 1000} s` : messageOf(error)
    const next = isCertificateFault(error)
      ? 'give the authority that signed its certificate: spec.external.vault.caCert'
      : 'check the address, and that Vault runs there'
    // what Node throws may hold the request, and so the token: only its words go on
    return new ExternalError('Unreachable', `${this.name} cannot be reached: ${why}`, { next })
  }
}

function isCertificateFault(error: unknown): boolean {
  const code = String((error as { readonly code?: unknown } | undefined)?.code)
  return /CERT|^ERR_TLS|SELF_SIGNED|UNABLE_TO_/.test(code)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text, keepDigits)
  } catch {
    return undefined
  }
}

/** https://tc39.es/proposal-json-parse-with-source, which Node has and TypeScript does not know yet. */
interface WithRawJson extends JSON {
  rawJSON(text: string): object
}

/** Numbers as they were written: Vault keeps more digits than a double holds. */
function keepDigits(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source
  return typeof value === 'number' && source !== undefined && String(value) !== source
    ? (JSON as WithRawJson).rawJSON(source)
    : value
}

/** Vault's own words, without what was sent: whatever stands between may repeat a request in its answer. */
function wordsOf(body: unknown, { token, body: sent }: VaultRequest): string {
  const errors = isObject(body) && Array.isArray(body.errors) ? body.errors : []
  const words = errors
    .filter((error) => typeof error === 'string')
    .join('; ')
    .replace(/\s+/g, ' ')
    .trim()
  const secrets = [token, ...Object.values(isObject(sent) ? sent : {})]
  const isRepeated = secrets.some(
    (secret) => typeof secret === 'string' && secret !== '' && words.includes(secret),
  )
  return isRepeated ? '' : words.slice(0, MAX_WORDS)
}

/** Seconds; a date, which is allowed too, is not believed: clocks differ. */
function retryAfterOf({ headers }: IncomingMessage): number | undefined {
  const seconds = Number(headers['retry-after'])
  return headers['retry-after'] !== undefined && seconds >= 0 && seconds <= 3600 ? seconds * 1000 : undefined
}

/**
 * Requests of sources. The path of one poll is short on purpose: what a request needs is made once, by `prepare`, since thousands of polls
 * repeat it.
 */
import {
  type ClientRequest,
  type IncomingMessage,
  request as plainRequest,
  type RequestOptions,
} from 'node:http'
import { request as secureRequest } from 'node:https'
import { isNsctlError, NsctlError } from '../../core/errors.ts'
import type { HttpAgents, TlsSettings } from './agents.ts'
import { refused, type Secrets, unanswered, unreachable } from './failures.ts'

export interface HttpClientOptions {
  readonly agents: HttpAgents
  /** `prometheus`: who is asked, for messages. */
  readonly name: string
  readonly tls: TlsSettings
  readonly secrets: Secrets
}

export interface HttpRequest {
  readonly url: URL
  /** Not sent on to another origin, whatever is in there: any of them may be a credential. */
  readonly headers?: Readonly<Record<string, string>>
  readonly method?: 'GET' | 'POST'
  readonly body?: string
}

/** A request that can be sent any number of times. */
export interface PreparedRequest {
  readonly url: URL
  /** `prometheus at http://127.0.0.1:9090` */
  readonly name: string
  readonly options: RequestOptions
  readonly body: string | undefined
}

export interface HttpAnswer {
  readonly status: number
  readonly body: Buffer
  readonly type: string
}

export const MAX_ANSWER_BYTES = 2 ** 20
const MAX_REDIRECTS = 5

export class HttpClient {
  readonly #options: HttpClientOptions
  readonly #underWay = new Set<ClientRequest>()
  #isClosed = false

  constructor(options: HttpClientOptions) {
    this.#options = options
  }

  /** What stands before the @ of a URL is sent as basic authentication, and is in no message. */
  prepare({ url, headers = {}, method = 'GET', body }: HttpRequest): PreparedRequest {
    const { agents, name, tls } = this.#options
    const isSecure = url.protocol === 'https:'
    const own: Record<string, string> = { accept: '*/*', 'user-agent': 'nsctl' }
    if (url.username !== '' || url.password !== '') own.authorization = basicOf(url)
    if (body !== undefined) own['content-length'] = String(Buffer.byteLength(body))
    return {
      url,
      name: `${name} at ${url.origin}`,
      body,
      options: {
        agent: isSecure ? agents.secure(tls) : agents.plain(),
        protocol: url.protocol,
        hostname: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port === '' ? (isSecure ? 443 : 80) : Number(url.port),
        path: `${url.pathname}${url.search}`,
        method,
        headers: { ...own, ...lowerCased(headers) },
      },
    }
  }

  /** The answer with a status of 2xx. Rejects with Unreachable, Denied or Invalid. */
  async ask(prepared: PreparedRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const answer = await this.follow(prepared, signal)
    if (answer.status >= 200 && answer.status <= 299) return answer
    throw refused(prepared.name, answer.status, wordsOf(answer), this.#secretsOf(prepared))
  }

  /** The answer, whatever its status; redirects are followed. */
  async follow(prepared: PreparedRequest, signal: AbortSignal): Promise<HttpAnswer> {
    let current = prepared
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const { answer, location } = await this.#send(current, signal)
      if (location === undefined) return answer
      current = this.#next(current, location, answer.status)
    }
    throw new NsctlError('Invalid', `${prepared.name} redirects more than ${MAX_REDIRECTS} times`, {
      next: 'give the address that it ends at',
    })
  }

  /** What is under way rejects, and nothing is asked any more. */
  close(): void {
    this.#isClosed = true
    for (const request of this.#underWay) request.destroy(new Error('closed'))
  }

  /** What was sent to one origin is sent to no other: neither headers, nor a body, nor our certificate. */
  #next(from: PreparedRequest, location: string, status: number): PreparedRequest {
    const url = URL.canParse(location, from.url.href) ? new URL(location, from.url) : undefined
    if (url === undefined || !/^https?:$/.test(url.protocol))
      throw new NsctlError('Invalid', `${from.name} redirects to what is no address over HTTP`)
    const { method, headers } = from.options
    const keepsBody = status === 307 || status === 308
    if (url.origin === from.url.origin) {
      const { 'content-length': _length, ...rest } = headers as Record<string, string>
      return this.prepare({
        url,
        headers: rest,
        method: keepsBody ? (method as 'GET' | 'POST') : 'GET',
        ...(keepsBody && from.body !== undefined ? { body: from.body } : {}),
      })
    }
    if (keepsBody && from.body !== undefined)
      throw new NsctlError('Invalid', `${from.name} wants its request sent to ${url.origin} instead`, {
        next: 'give the address that it ends at',
      })
    const { ca, unsafeSsl } = this.#options.tls
    const anonymous = { ...(ca === undefined ? {} : { ca }), ...(unsafeSsl ? { unsafeSsl } : {}) }
    return new HttpClient({ ...this.#options, tls: anonymous }).prepare({ url })
  }

  async #send(
    prepared: PreparedRequest,
    signal: AbortSignal,
  ): Promise<{ answer: HttpAnswer; location: string | undefined }> {
    for (let attempt = 0; ; attempt++) {
      const sent: Sent = { reused: false }
      try {
        const response = await this.#open(prepared, signal, sent)
        const body = await bodyOf(response, prepared.name)
        const { statusCode: status = 0, headers } = response
        const isRedirect = status >= 300 && status < 400 && status !== 304
        return {
          answer: { status, body, type: headers['content-type'] ?? '' },
          location: isRedirect ? headers.location : undefined,
        }
      } catch (error) {
        if (isNsctlError(error)) throw error
        if (this.#isClosed) throw new NsctlError('Unreachable', `${prepared.name} is not asked any more`)
        if (signal.aborted) throw unanswered(prepared.name)
        // the server closed a connection that was idle, at the moment we took it: it never saw the request
        if (attempt === 0 && sent.reused && (error as { code?: unknown }).code === 'ECONNRESET') continue
        throw unreachable(prepared.name, error, this.#secretsOf(prepared))
      }
    }
  }

  #open(prepared: PreparedRequest, signal: AbortSignal, sent: Sent): Promise<IncomingMessage> {
    const { options, body } = prepared
    return new Promise((resolve, reject) => {
      if (signal.aborted || this.#isClosed) return reject(new Error('aborted'))
      const make = options.protocol === 'https:' ? secureRequest : plainRequest
      const request = make(options, resolve)
      const onAbort = () => request.destroy(new Error('aborted'))
      signal.addEventListener('abort', onAbort, { once: true })
      this.#underWay.add(request)
      request.once('close', () => {
        signal.removeEventListener('abort', onAbort)
        this.#underWay.delete(request)
      })
      // there may be a second one: it was destroyed, and its socket ends in error as well
      request.on('error', (error) => {
        sent.reused = request.reusedSocket
        reject(error)
      })
      request.end(body)
    })
  }

  #secretsOf({ url }: PreparedRequest): Secrets {
    return [...this.#options.secrets, decodeURIComponent(url.password), url.password]
  }
}

interface Sent {
  reused: boolean
}

function bodyOf(response: IncomingMessage, name: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let bytes = 0
    response.on('data', (part: Buffer) => {
      bytes += part.length
      parts.push(part)
      if (bytes <= MAX_ANSWER_BYTES) return
      response.destroy()
      reject(
        new NsctlError('Invalid', `${name} answers more than ${MAX_ANSWER_BYTES / 2 ** 20} MiB`, {
          next: 'ask for less: one number is wanted',
        }),
      )
    })
    response.once('end', () => resolve(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)))
    response.once('error', reject)
    response.once('close', () => reject(new Error('the connection was closed amid the answer')))
  })
}

/** What a server says about its refusal: the text of a JSON answer, or a short plain one. */
function wordsOf({ body, type }: HttpAnswer): string {
  const text = body.toString('utf8', 0, 4096)
  if (!type.includes('json')) return type.startsWith('text/plain') ? text : ''
  try {
    const { error, message } = JSON.parse(text) as { error?: unknown; message?: unknown }
    return typeof error === 'string' ? error : typeof message === 'string' ? message : ''
  } catch {
    return ''
  }
}

function basicOf({ username, password }: URL): string {
  const plain = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return `Basic ${Buffer.from(plain).toString('base64')}`
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}

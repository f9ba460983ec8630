/** An address that a source asks again and again, with the trigger's authentication. */
import { isNsctlError, NsctlError } from '../../core/errors.ts'
import type { SourceContext, TriggerConfig } from '../source.ts'
import { type HttpAuthentication, readAuthentication } from './authentication.ts'
import { type HttpAnswer, HttpClient, type HttpRequest, type PreparedRequest } from './client.ts'
import { TokenSource } from './oauth.ts'

export interface EndpointOptions {
  readonly trigger: TriggerConfig
  readonly context: SourceContext
  /** For a type that does not have KEDA's common authentication. */
  readonly authentication?: HttpAuthentication
}

/** Makes requests of one trigger ready, and sends them. */
export class Endpoint {
  readonly #client: HttpClient
  readonly #authentication: HttpAuthentication
  readonly #tokens: TokenSource | undefined
  readonly #issuer: HttpClient | undefined

  /** Throws Invalid where the authentication misses something. */
  constructor({ trigger, context, authentication }: EndpointOptions) {
    this.#authentication = authentication ?? readAuthentication(trigger.parameters)
    const { tls, secrets, oauth } = this.#authentication
    const unsafe = trigger.parameters.flag('unsafeSsl') ? { unsafeSsl: true } : {}
    const settings = { agents: context.http, secrets, tls: { ...tls, ...unsafe } }
    this.#client = new HttpClient({ ...settings, name: trigger.type })
    if (oauth !== undefined) {
      readUrl(oauth.tokenUri, 'oauthTokenURI')
      this.#issuer = new HttpClient({ ...settings, name: 'the issuer of tokens' })
      this.#tokens = new TokenSource(oauth, this.#issuer, context.clock)
    }
  }

  /** To be kept: this is what is dear. */
  prepare({ url, headers, ...rest }: HttpRequest): PreparedRequest {
    const { query, headers: own } = this.#authentication
    const to = new URL(url)
    for (const [name, value] of Object.entries(query)) to.searchParams.set(name, value)
    return this.#client.prepare({ ...rest, url: to, headers: { ...headers, ...own } })
  }

  close(): void {
    this.#client.close()
    this.#issuer?.close()
  }

  /** An answer with a status of 2xx. Rejects as sources do. */
  async ask(prepared: PreparedRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const tokens = this.#tokens
    if (tokens === undefined) return this.#client.ask(prepared, signal)
    const headers = {
      ...(prepared.options.headers as Record<string, string>),
      authorization: `Bearer ${await tokens.token(signal)}`,
    }
    try {
      return await this.#client.ask({ ...prepared, options: { ...prepared.options, headers } }, signal)
    } catch (error) {
      // it may have been taken back before its time
      if (isNsctlError(error, 'Denied')) tokens.forget()
      throw error
    }
  }
}

/** Throws Invalid, with the parameter's name, where `text` is no address over HTTP. What may be a password in it is not told. */
export function readUrl(text: string | undefined, parameter: string): URL {
  const url = text !== undefined && URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && (url.protocol === 'http:' || url.protocol === 'https:')) return url
  throw new NsctlError('Invalid', `${parameter} is no address over HTTP`, {
    value: parameter,
    next: 'write it as http://host:port/path',
  })
}

/** What is wrong with an answer, with the name of who gave it; a fault of ours goes on as it is. */
export function faultOf(name: string, error: unknown): unknown {
  if (!isNsctlError(error) || error.code === 'Bug') return error
  const { code, message, value, next } = error
  return new NsctlError(code, `${name}: ${message}`, { value, ...(next === undefined ? {} : { next }) })
}

/** One number without a name: what most sources come to. Throws Invalid for what is not finite. */
export function oneValue(
  value: number,
  activation: number | undefined,
): { kind: 'values'; metrics: [{ name: string; value: number }]; active: boolean } {
  if (!Number.isFinite(value))
    throw new NsctlError('Invalid', `the answer is ${value}, which is no number to scale by`, {
      value: String(value),
    })
  return { kind: 'values', metrics: [{ name: '', value }], active: value > (activation ?? 0) }
}

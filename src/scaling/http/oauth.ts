/** OAuth 2 client credentials (RFC 6749, 4.4): a token is fetched when first needed, and again when it is about to end or was refused. */
import type { Clock } from '../../core/clock.ts'
import { NsctlError } from '../../core/errors.ts'
import { isObject } from '../../core/json.ts'
import type { HttpClient } from './client.ts'

export interface ClientCredentials {
  readonly tokenUri: string
  readonly clientId: string
  readonly clientSecret: string
  readonly scopes: readonly string[]
  /** Sent along. */
  readonly more: URLSearchParams
}

/** A token that is to end sooner than this is fetched anew. */
const MARGIN_MS = 10_000

export class TokenSource {
  readonly #credentials: ClientCredentials
  readonly #client: HttpClient
  readonly #clock: Clock
  #token: { readonly text: string; readonly untilMs: number } | undefined

  constructor(credentials: ClientCredentials, client: HttpClient, clock: Clock) {
    this.#credentials = credentials
    this.#client = client
    this.#clock = clock
  }

  forget(): void {
    this.#token = undefined
  }

  async token(signal: AbortSignal): Promise<string> {
    if (this.#token !== undefined && this.#clock.monotonic() < this.#token.untilMs - MARGIN_MS)
      return this.#token.text
    const { tokenUri, clientId, clientSecret, scopes, more } = this.#credentials
    const form = new URLSearchParams(more)
    form.set('grant_type', 'client_credentials')
    if (scopes.length > 0) form.set('scope', scopes.join(' '))
    const basic = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`
    const request = this.#client.prepare({
      url: new URL(tokenUri),
      method: 'POST',
      body: form.toString(),
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization: `Basic ${Buffer.from(basic).toString('base64')}`,
      },
    })
    const { body } = await this.#client.ask(request, signal)
    const { access_token: text, expires_in: seconds } = parse(body)
    if (typeof text !== 'string' || text === '')
      throw new NsctlError('Denied', `${request.name} answers without a token`, {
        next: 'check oauthTokenURI, clientID and clientSecret',
      })
    const lastsMs = typeof seconds === 'number' ? seconds * 1000 : 3_600_000
    this.#token = { text, untilMs: this.#clock.monotonic() + lastsMs }
    return text
  }
}

function parse(body: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body.toString())
    return isObject(value) ? value : {}
  } catch {
    return {}
  }
}

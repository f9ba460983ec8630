/**
 * Vault as its published description of the api says it answers: KV version 2, AppRole, tokens, namespaces, quotas, seal. Written for
 * tests, and strict: whatever it is sent that a Vault would not take, or that a client of it should not send, is a fault.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Clock } from '../../../src/core/clock.ts'
import { systemClock } from '../../../src/core/clock.ts'

export interface FakeToken {
  /** Paths beneath /v1 that it may read. */
  readonly reads: readonly string[]
  /** Seconds; 0 never ends. */
  readonly ttl: number
  readonly renewable?: boolean
  /** Seconds after its making, beyond which no renewal leads. */
  readonly maxTtl?: number
  /** It may not look at or renew itself: a token without the policy `default`. */
  readonly blind?: boolean
  readonly uses?: number
}

export interface FakeRole {
  readonly secretId: string
  readonly grants: FakeToken
}

interface Version {
  readonly data: string
  deleted?: string
  destroyed?: boolean
}

interface LiveToken extends FakeToken {
  readonly madeAtMs: number
  endsAtMs: number
  left: number
}

interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: Readonly<Record<string, string>>
}

export interface FakeVaultOptions {
  readonly clock?: Clock
  readonly tls?: { readonly cert: string; readonly key: string }
  /** Before /v1: a Vault behind a proxy. */
  readonly prefix?: string
}

export class FakeVault {
  /** What came in: `GET /v1/secret/data/shop`. */
  readonly requests: string[] = []
  /** What no client may send. */
  readonly faults: string[] = []
  sealed = false
  /** Answers in place of everything else, so many times. */
  readonly next: {
    status: number
    errors: readonly string[]
    headers?: Record<string, string>
    raw?: string
  }[] = []
  /** Sends everybody there. */
  redirect: ((path: string) => string) | undefined
  /** Takes requests and never answers. */
  silent = false
  readonly #clock: Clock
  readonly #secrets = new Map<string, Version[]>()
  readonly #tokens = new Map<string, LiveToken>()
  readonly #roles = new Map<string, FakeRole>()
  readonly #mounts = new Set(['secret'])
  readonly #server: Server
  readonly #prefix: string
  readonly #secure: boolean
  #issued = 0

  constructor({ clock = systemClock, tls, prefix = '' }: FakeVaultOptions = {}) {
    this.#clock = clock
    this.#prefix = prefix
    this.#secure = tls !== undefined
    const onRequest = (request: IncomingMessage, response: ServerResponse) =>
      void this.#serve(request, response)
    this.#server = tls === undefined ? createServer(onRequest) : createSecureServer(tls, onRequest)
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    // a test that fails before it stops it is to end all the same
    this.#server.unref()
    return this
  }

  get address(): string {
    const { port } = this.#server.address() as AddressInfo
    return `${this.#secure ? 'https' : 'http'}://127.0.0.1:${port}${this.#prefix}`
  }

  get host(): string {
    return new URL(this.address).host
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  /** `at` is `mount/data/path`, with `namespace:` in front where it is in one. Data is JSON text. */
  write(at: string, data: string): void {
    this.#secrets.set(at, [...(this.#secrets.get(at) ?? []), { data }])
    this.#mounts.add((at.split(':').at(-1) ?? '').split('/data/')[0] ?? '')
  }

  delete(at: string, version: number): void {
    this.#versionAt(at, version).deleted = '2026-11-20T10:00:00.123456789Z'
  }

  destroy(at: string, version: number): void {
    this.#versionAt(at, version).destroyed = true
  }

  forgetSecret(at: string): void {
    this.#secrets.delete(at)
  }

  token(text: string, token: FakeToken): void {
    const now = this.#clock.monotonic()
    const endsAtMs = token.ttl === 0 ? Number.POSITIVE_INFINITY : now + token.ttl * 1000
    this.#tokens.set(text, {
      ...token,
      madeAtMs: now,
      endsAtMs,
      left: token.uses ?? Number.POSITIVE_INFINITY,
    })
  }

  /** `at` is `auth/approle`. */
  role(at: string, roleId: string, role: FakeRole): void {
    this.#roles.set(`${at} ${roleId}`, role)
  }

  revokeAll(): void {
    this.#tokens.clear()
  }

  /** Requests that end in this. */
  count(end: string): number {
    return this.requests.filter((request) => request.endsWith(end)).length
  }

  #versionAt(at: string, version: number): Version {
    const found = this.#secrets.get(at)?.[version - 1]
    if (found === undefined) throw new Error(`no version ${version} of ${at}`)
    return found
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await textOf(request)
    this.requests.push(`${request.method} ${request.url}`)
    if (this.silent) return
    const { status, text, headers } = this.#answer(request, body)
    response.writeHead(status, headers)
    response.end(text)
  }

  #answer(request: IncomingMessage, body: string): Answer {
    const url = request.url ?? ''
    const api = `${this.#prefix}/v1/`
    if (!url.startsWith(api)) return this.#refuse(`a path outside of the api: ${url}`)
    if (request.headers['x-vault-request'] !== 'true') this.#fault('no X-Vault-Request')
    const scripted = this.next.shift()
    if (scripted !== undefined) {
      const { status, errors, headers = {}, raw = JSON.stringify({ errors }) } = scripted
      return { status, headers, text: raw }
    }
    if (this.redirect !== undefined)
      return { status: 307, text: '', headers: { location: this.redirect(url) } }
    if (this.sealed) return said(503, { errors: ['Vault is sealed'] })
    const path = url.slice(api.length)
    if (path.endsWith('/login')) return this.#login(path, request, body)
    if (path.startsWith('auth/token/')) return this.#self(path, request, body)
    return this.#read(path, request, body)
  }

  #login(path: string, request: IncomingMessage, body: string): Answer {
    if (request.method !== 'POST') return this.#refuse(`${request.method} to log in`)
    if (request.headers['content-type'] !== 'application/json') this.#fault('a body that is no JSON')
    if (request.headers['x-vault-token'] !== undefined) this.#fault('a token to log in')
    const sent = JSON.parse(body) as Record<string, string>
    if (Object.keys(sent).sort().join() !== 'role_id,secret_id') this.#fault(`a login of ${body}`)
    const mount = namespaced(request, path.slice(0, -'/login'.length))
    if (![...this.#roles.keys()].some((key) => key.startsWith(`${mount} `)))
      return said(403, { errors: ['permission denied'] })
    const role = this.#roles.get(`${mount} ${sent.role_id}`)
    if (role === undefined || role.secretId !== sent.secret_id)
      return said(400, { errors: ['invalid role or secret ID'] })
    const token = `hvs.issued-${++this.#issued}`
    this.token(token, role.grants)
    const { ttl, renewable = true } = role.grants
    return said(200, {
      auth: { client_token: token, lease_duration: ttl, renewable, token_type: 'service' },
    })
  }

  #self(path: string, request: IncomingMessage, body: string): Answer {
    const name = String(request.headers['x-vault-token'])
    const token = this.#use(name)
    if (token === undefined) return said(403, { errors: ['permission denied', 'invalid token'] })
    if (token.blind === true) return said(403, { errors: ['permission denied'] })
    const { renewable = true } = token
    if (path === 'auth/token/lookup-self' && request.method === 'GET') {
      const ttl = token.ttl === 0 ? 0 : Math.floor((token.endsAtMs - this.#clock.monotonic()) / 1000)
      return said(200, { data: { id: name, ttl, renewable, num_uses: token.uses ?? 0 } })
    }
    if (path !== 'auth/token/renew-self' || request.method !== 'POST')
      return this.#refuse(`${request.method} ${path}`)
    if (body !== '' && body !== '{}') this.#fault(`a renewal of ${body}`)
    if (!renewable) return said(400, { errors: ['lease is not renewable'] })
    const lastMs =
      token.maxTtl === undefined ? Number.POSITIVE_INFINITY : token.madeAtMs + token.maxTtl * 1000
    token.endsAtMs = Math.min(this.#clock.monotonic() + token.ttl * 1000, lastMs)
    const lease = Math.floor((token.endsAtMs - this.#clock.monotonic()) / 1000)
    return said(200, { auth: { client_token: name, lease_duration: lease, renewable } })
  }

  #read(path: string, request: IncomingMessage, body: string): Answer {
    if (request.method !== 'GET') return this.#refuse(`${request.method} ${path}`)
    if (body !== '') this.#fault('a body to read')
    const [where = '', query] = path.split('?')
    if (query !== undefined && !/^version=[1-9][0-9]*$/.test(query)) this.#fault(`a query ${query}`)
    const at = where.split('/').map(decodeURIComponent).join('/')
    const token = this.#use(String(request.headers['x-vault-token']))
    if (token === undefined) return said(403, { errors: ['permission denied', 'invalid token'] })
    const key = namespaced(request, at)
    if (!token.reads.includes(key))
      return said(403, { errors: ['1 error occurred:\n\t* permission denied\n\n'] })
    const mount = at.split('/data/')[0] ?? ''
    if (!this.#mounts.has(mount))
      return said(404, { errors: [`no handler for route "${at}". route entry not found.`] })
    const versions = this.#secrets.get(key) ?? []
    const wanted = query === undefined ? versions.length : Number(query.slice('version='.length))
    const found = versions[wanted - 1]
    if (found === undefined) return said(404, { errors: [] })
    const isGone = found.deleted !== undefined || found.destroyed === true
    const metadata = {
      created_time: '2026-11-20T09:00:00Z',
      custom_metadata: null,
      deletion_time: found.deleted ?? '',
      destroyed: found.destroyed === true,
      version: wanted,
    }
    const text = `{"request_id":"x","data":{"data":${isGone ? 'null' : found.data},"metadata":${JSON.stringify(metadata)}}}`
    return { status: isGone ? 404 : 200, text, headers: { 'content-type': 'application/json' } }
  }

  #use(name: string): LiveToken | undefined {
    const token = this.#tokens.get(name)
    if (token === undefined || token.endsAtMs <= this.#clock.monotonic() || token.left <= 0) return undefined
    token.left--
    return token
  }

  #fault(what: string): void {
    this.faults.push(what)
  }

  #refuse(what: string): Answer {
    this.#fault(what)
    return said(405, { errors: ['unsupported operation'] })
  }
}

function namespaced({ headers }: IncomingMessage, at: string): string {
  const namespace = headers['x-vault-namespace']
  return namespace === undefined ? at : `${String(namespace)}:${at}`
}

function said(status: number, body: object): Answer {
  return { status, text: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts).toString()
}

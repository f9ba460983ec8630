/**
 * One agent of Consul, over node-consul. Of that package the KV transactions and the blocking reads are used. What it leaves to its
 * user is here: AbortSignals (it knows an emitter that says `cancel`), the index of a blocking read (it hides the headers unless
 * asked), and what an error means. Its own watch is not used: it reports no deletions and joins changes.
 */

import { EventEmitter } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Agent } from 'node:http'
import type { Socket } from 'node:net'
import { isObject } from '../../core/json.ts'
import { loadHttp } from '../../transport/http.ts'
import type { ConsulAddress, Endpoint } from './address.ts'
import type {
  BlockingRead,
  ClientLimits,
  KvClient,
  KvEntry,
  KvOperation,
  TransactionOutcome,
} from './client.ts'
import { type AskedAddress, CONNECT_LIMIT_MS, denied, failure, mayHeal, translate } from './errors.ts'

/** What node-consul's own types leave out. */
interface NodeConsul {
  readonly transaction: {
    create(operations: readonly { KV: KvOperation }[], options: RequestOptions): Promise<unknown>
  }
  readonly status: { leader(options: RequestOptions): Promise<unknown> }
  readonly kv: {
    get(options: RequestOptions & Record<string, unknown>): Promise<unknown>
    keys(options: RequestOptions & { readonly key: string }): Promise<unknown>
  }
}

interface RequestOptions {
  readonly timeout: number
  readonly consistent?: boolean
  readonly ctx?: EventEmitter
}

/** Consul adds up to a sixteenth to the wait; the rest is for the way. */
const BLOCK_SLACK = 1.25

/** What is loaded and read once for all endpoints of a store. */
export interface Access {
  readonly Consul: new (options: object) => unknown
  readonly agentOf: () => Agent
  readonly token: string | undefined
}

/** Loads node-consul and the files that the address names; connects to nothing yet. */
export async function openAccess(address: ConsulAddress): Promise<Access> {
  const { default: Consul } = await import('consul')
  const token = address.tokenFile === undefined ? address.token : readFile(address, address.tokenFile).trim()
  return { Consul: Consul as unknown as Access['Consul'], agentOf: await agentsFor(address), token }
}

async function agentsFor(address: ConsulAddress): Promise<() => Agent> {
  const options = { keepAlive: true, noDelay: true }
  if (!address.secure) {
    const { Agent } = loadHttp()
    return () => limitConnecting(new Agent(options), 'connect')
  }
  const { Agent } = await import('node:https')
  const { caFile, certFile, keyFile } = address
  const tls = {
    ...(caFile && { ca: readFile(address, caFile) }),
    ...(certFile && { cert: readFile(address, certFile) }),
    ...(keyFile && { key: readFile(address, keyFile) }),
  }
  return () => limitConnecting(new Agent({ ...options, ...tls }), 'secureConnect')
}

/** A host that is away says nothing, and the system would go on asking it for minutes. */
function limitConnecting(agent: Agent, connected: 'connect' | 'secureConnect'): Agent {
  const create = agent.createConnection.bind(agent)
  agent.createConnection = (options, callback) => {
    const socket = create(options, callback) as Socket
    const timer = setTimeout(() => {
      const error = new Error(`no connection within ${CONNECT_LIMIT_MS} ms`)
      socket.destroy(Object.assign(error, { code: 'ETIMEDOUT', syscall: 'connect' }))
    }, CONNECT_LIMIT_MS)
    for (const event of [connected, 'close']) socket.once(event, () => clearTimeout(timer))
    return socket
  }
  return agent
}

function readFile(address: ConsulAddress, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw failure('never', address, `${path} cannot be read`, cause, 'check the path and who may read it')
  }
}

/** The agent at one endpoint. It is connected to when it is asked, and again when that breaks. */
export class Server implements KvClient {
  readonly address: AskedAddress
  readonly #consul: NodeConsul
  readonly #agent: Agent
  readonly #limits: ClientLimits

  constructor(
    { Consul, agentOf, token }: Access,
    address: ConsulAddress,
    asked: Endpoint,
    limits: ClientLimits,
  ) {
    const { host, port } = asked
    const { secure, datacenter } = address
    this.address = { ...address, asked }
    this.#limits = limits
    this.#agent = agentOf()
    this.#consul = new Consul({
      host: host.includes(':') ? `[${host}]` : host,
      port,
      secure,
      agent: this.#agent,
      defaults: { ...(token && { token }), ...(datacenter && { dc: datacenter }) },
    }) as NodeConsul
  }

  async transact(operations: readonly KvOperation[], signal?: AbortSignal): Promise<TransactionOutcome> {
    const request = operations.map((KV) => ({ KV }))
    try {
      const answer = await this.#request(signal, (ctx) =>
        // a leader that was cut off would answer from what it had, unless it asks the others
        this.#consul.transaction.create(request, { timeout: this.#limits.requestMs, consistent: true, ctx }),
      )
      return { kind: 'done', entries: this.#results(answer) }
    } catch (error) {
      const refused = this.#refusal(error, operations)
      if (refused !== undefined) return { kind: 'refused', operations: refused }
      throw translate(error, this.address)
    }
  }

  async keys(prefix: string, signal?: AbortSignal): Promise<readonly string[]> {
    try {
      const { requestMs } = this.#limits
      const answer = await this.#request(signal, (ctx) =>
        this.#consul.kv.keys({ key: prefix, timeout: requestMs, consistent: true, ctx }),
      )
      if (!Array.isArray(answer)) throw this.#strange()
      return answer.map(String)
    } catch (error) {
      const { response } = error as { readonly response?: { readonly statusCode?: number } }
      if (response?.statusCode === 404) return []
      throw translate(error, this.address)
    }
  }

  async block({ key, recurse, index, signal }: BlockingRead) {
    const { blockMs } = this.#limits
    try {
      const answer = await this.#request(signal, (ctx) =>
        this.#consul.kv.get({
          key,
          recurse,
          index: String(index),
          wait: `${Math.ceil(blockMs)}ms`,
          timeout: blockMs * BLOCK_SLACK + this.#limits.requestMs,
          ctx: Object.assign(ctx, { includeResponse: true }),
        }),
      )
      return this.#blocked(answer)
    } catch (error) {
      throw translate(error, this.address)
    }
  }

  /**
   * Which server leads, as far as this one knows by itself: an address, '' where it knows of none. Undefined where it may not
   * say. Rejects where it does not answer within `limitMs`.
   */
  async leader(limitMs: number): Promise<string | undefined> {
    try {
      const answer = await this.#consul.status.leader({ timeout: limitMs })
      // node-consul makes nothing of an empty text
      return answer === undefined ? '' : String(answer)
    } catch (error) {
      const failed = translate(error, this.address)
      if (mayHeal(failed)) throw failed
      return undefined
    }
  }

  /** Drops the connections that nobody uses: they may lead nowhere. */
  hangUp(): void {
    for (const sockets of Object.values(this.#agent.freeSockets)) {
      for (const socket of [...(sockets ?? [])]) socket.destroy()
    }
  }

  close(): void {
    this.#agent.destroy()
  }

  /** Rejects with the signal's reason once it aborts. */
  async #request<T>(signal: AbortSignal | undefined, send: (ctx: EventEmitter) => Promise<T>): Promise<T> {
    signal?.throwIfAborted()
    const ctx = new EventEmitter()
    const cancel = () => ctx.emit('cancel')
    signal?.addEventListener('abort', cancel, { once: true })
    try {
      return await send(ctx)
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    } finally {
      signal?.removeEventListener('abort', cancel)
    }
  }

  #results(answer: unknown): readonly KvEntry[] {
    if (!isObject(answer)) throw this.#strange()
    const results = Array.isArray(answer.Results) ? answer.Results : []
    return results.map((result: unknown) => {
      if (!isObject(result) || !isObject(result.KV)) throw this.#strange()
      const { Key, Value, CreateIndex, ModifyIndex } = result.KV
      const value = typeof Value === 'string' ? Buffer.from(Value, 'base64').toString() : ''
      return { key: String(Key), value, index: Number(ModifyIndex), isNew: CreateIndex === ModifyIndex }
    })
  }

  #blocked(answer: unknown): { entries: readonly KvEntry[]; index: number } {
    if (!Array.isArray(answer)) throw this.#strange()
    const [response, body] = answer as readonly unknown[]
    const headers = isObject(response) && isObject(response.headers) ? response.headers : {}
    const index = Number(headers['x-consul-index'])
    if (!Number.isSafeInteger(index)) throw this.#strange()
    const found: readonly unknown[] = Array.isArray(body) ? body : body === undefined ? [] : [body]
    const entries = found.map((entry) => {
      if (!isObject(entry)) throw this.#strange()
      return { key: String(entry.Key), value: String(entry.Value ?? ''), index: Number(entry.ModifyIndex) }
    })
    return { entries, index }
  }

  /** The places of the operations that a 409 names; undefined for any other error. */
  #refusal(error: unknown, operations: readonly KvOperation[]): readonly number[] | undefined {
    if (!isObject(error) || !isObject(error.response) || error.response.statusCode !== 409) return undefined
    const { body } = error.response
    const errors: readonly unknown[] = isObject(body) && Array.isArray(body.Errors) ? body.Errors : []
    const places: number[] = []
    for (const one of errors) {
      if (!isObject(one)) continue
      const place = Number(one.OpIndex)
      if (/permission denied/i.test(String(one.What)))
        throw denied(this.address, `it may not write ${operations[place]?.Key}`)
      places.push(place)
    }
    return places
  }

  #strange(): Error {
    return failure('never', this.address, 'what answers there is no Consul')
  }
}

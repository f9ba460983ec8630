/**
 * Consul's key-value store as the adapter needs it, over node-consul. Of that package it uses the KV transactions and the
 * blocking reads. What node-consul leaves to its user is here: AbortSignals (it knows an emitter that says `cancel`), the
 * index of a blocking read (it hides the headers unless asked), and what an error means. Its own watch is not used: it
 * reports no deletions and joins changes.
 */
import { EventEmitter } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Agent } from 'node:http'
import { isObject } from '../../core/json.ts'
import type { ConsulAddress } from './address.ts'
import { denied, failure, translate } from './errors.ts'

/** An operation of a KV transaction, in Consul's words (https://developer.hashicorp.com/consul/api-docs/txn). */
export interface KvOperation {
  readonly Verb:
    | 'set'
    | 'cas'
    | 'get'
    | 'get-tree'
    | 'delete'
    | 'delete-tree'
    | 'check-index'
    | 'check-not-exists'
  readonly Key: string
  /** base64 */
  readonly Value?: string
  readonly Index?: number
}

/** A key of Consul's, with its prefix. */
export interface KvEntry {
  readonly key: string
  readonly value: string
  /** Consul's ModifyIndex. */
  readonly index: number
}

export type TransactionOutcome =
  /** What the operations that read or set gave, in their order; those that set give no value. */
  | { readonly kind: 'done'; readonly entries: readonly KvEntry[] }
  /** Nothing happened. Which operations stood in the way, by their place. */
  | { readonly kind: 'refused'; readonly operations: readonly number[] }

export interface BlockingRead {
  /** A key, or all that starts with it. */
  readonly key: string
  readonly recurse: boolean
  /** Answers at once where the index is another, else when it moves. */
  readonly index: number
  readonly signal: AbortSignal
}

export interface KvClient {
  /** Rejects with a ConsulError; whether the transaction may have happened is its `outcome`. */
  transact(operations: readonly KvOperation[], signal?: AbortSignal): Promise<TransactionOutcome>
  /** The keys that start with a prefix without special characters, without what they hold. */
  keys(prefix: string): Promise<readonly string[]>
  /** Reads when there is news, or after a while without. */
  block(read: BlockingRead): Promise<{ readonly entries: readonly KvEntry[]; readonly index: number }>
  close(): void
}

export interface ClientLimits {
  /** How long a transaction may take. */
  readonly requestMs: number
  /** How long a blocking read waits for news. */
  readonly blockMs: number
}

/** What node-consul's own types leave out. */
interface NodeConsul {
  readonly transaction: {
    create(operations: readonly { KV: KvOperation }[], options: RequestOptions): Promise<unknown>
  }
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

/** Loads node-consul and the files that the address names; connects to nothing yet. */
export async function openClient(address: ConsulAddress, limits: ClientLimits): Promise<KvClient> {
  const { default: Consul } = await import('consul')
  const token = address.tokenFile === undefined ? address.token : readFile(address, address.tokenFile).trim()
  const agent = await openAgent(address)
  const { host, port, secure, datacenter } = address
  const consul = new Consul({
    host: host.includes(':') ? `[${host}]` : host,
    port,
    secure,
    agent,
    defaults: { ...(token && { token }), ...(datacenter && { dc: datacenter }) },
  }) as unknown as NodeConsul
  return new NodeConsulClient(consul, agent, address, limits)
}

async function openAgent(address: ConsulAddress): Promise<Agent> {
  const options = { keepAlive: true, noDelay: true }
  if (!address.secure) {
    const { Agent } = await import('node:http')
    return new Agent(options)
  }
  const { Agent } = await import('node:https')
  const { caFile, certFile, keyFile } = address
  return new Agent({
    ...options,
    ...(caFile && { ca: readFile(address, caFile) }),
    ...(certFile && { cert: readFile(address, certFile) }),
    ...(keyFile && { key: readFile(address, keyFile) }),
  })
}

function readFile(address: ConsulAddress, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw failure('never', address, `${path} cannot be read`, cause, 'check the path and who may read it')
  }
}

class NodeConsulClient implements KvClient {
  readonly #consul: NodeConsul
  readonly #agent: Agent
  readonly #address: ConsulAddress
  readonly #limits: ClientLimits

  constructor(consul: NodeConsul, agent: Agent, address: ConsulAddress, limits: ClientLimits) {
    this.#consul = consul
    this.#agent = agent
    this.#address = address
    this.#limits = limits
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
      throw translate(error, this.#address)
    }
  }

  async keys(prefix: string): Promise<readonly string[]> {
    try {
      const { requestMs } = this.#limits
      const answer = await this.#consul.kv.keys({ key: prefix, timeout: requestMs, consistent: true })
      if (!Array.isArray(answer)) throw this.#strange()
      return answer.map(String)
    } catch (error) {
      const { response } = error as { readonly response?: { readonly statusCode?: number } }
      if (response?.statusCode === 404) return []
      throw translate(error, this.#address)
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
      throw translate(error, this.#address)
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
      const { Key, Value, ModifyIndex } = result.KV
      const value = typeof Value === 'string' ? Buffer.from(Value, 'base64').toString() : ''
      return { key: String(Key), value, index: Number(ModifyIndex) }
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
        throw denied(this.#address, `it may not write ${operations[place]?.Key}`)
      places.push(place)
    }
    return places
  }

  #strange(): Error {
    return failure('never', this.#address, 'what answers there is no Consul')
  }
}

/** What a server of NATS says of itself and of JetStream over its monitoring endpoint (https://docs.nats.io/running-a-nats-service/nats_admin/monitoring). */
import { NsctlError } from '../../core/errors.ts'
import { isObject } from '../../core/json.ts'
import { HttpClient, type PreparedRequest } from '../http/client.ts'
import type { SourceContext } from '../source.ts'

export interface ConsumerQuestion {
  /** The id or the name of an account. */
  readonly accountId: string
  readonly account: string | undefined
  readonly stream: string
  readonly consumer: string
}

export interface StreamAnswer {
  /** Servers that hold JetStream's own state together; 1 for a server by itself. */
  readonly clusterSize: number
  /** Undefined where this server has no such consumer. */
  readonly consumer: ConsumerFacts | undefined
  /** The account or the stream is not here either. */
  readonly isStreamKnown: boolean
}

export interface ConsumerFacts {
  /** Messages that it has yet to be given, and those that it has not acknowledged. */
  readonly lag: number
  /** The server whose numbers count; undefined for a server by itself. */
  readonly leader: string | undefined
}

export interface ServerFacts {
  readonly name: string
  /** Of the others in its cluster, and maybe its own. */
  readonly hosts: readonly string[]
}

/** Asks servers; their addresses are bases: `http://127.0.0.1:8222`. */
export class NatsMonitoring {
  readonly #client: HttpClient
  readonly #question: ConsumerQuestion
  readonly #requests = new Map<string, PreparedRequest>()

  constructor(context: SourceContext, question: ConsumerQuestion) {
    this.#client = new HttpClient({ agents: context.http, name: 'nats', tls: {}, secrets: [] })
    this.#question = question
  }

  async stream(base: string, signal: AbortSignal): Promise<StreamAnswer> {
    const query = new URLSearchParams({ acc: this.#question.accountId, consumers: 'true' })
    const answer = await this.#ask(base, `/jsz?${query}`, signal)
    const { accountId, account, stream, consumer } = this.#question
    const accounts = objectsOf(answer.account_details)
    const own = accounts.filter(({ id, name }) => id === accountId || name === (account ?? accountId))
    const found = own.flatMap((one) => objectsOf(one.stream_detail)).find(({ name }) => name === stream)
    const facts = found && objectsOf(found.consumer_detail).find(({ name }) => name === consumer)
    const meta = isObject(answer.meta_cluster) ? answer.meta_cluster : {}
    return {
      clusterSize: typeof meta.cluster_size === 'number' ? meta.cluster_size : 1,
      consumer: facts && consumerOf(facts, base),
      isStreamKnown: found !== undefined,
    }
  }

  async server(base: string, signal: AbortSignal): Promise<ServerFacts> {
    const { server_name: name, connect_urls: clients, cluster } = await this.#ask(base, '/varz', signal)
    if (typeof name !== 'string') throw notUnderstood(base)
    const routes = isObject(cluster) ? cluster.urls : undefined
    const urls =
      [clients, routes].find((some): some is unknown[] => Array.isArray(some) && some.length > 0) ?? []
    return { name, hosts: urls.map(String).map((url) => url.replace(/:\d+$/, '')) }
  }

  async #ask(base: string, path: string, signal: AbortSignal): Promise<Record<string, unknown>> {
    const url = `${base}${path}`
    const request = this.#requests.get(url) ?? this.#client.prepare({ url: new URL(url) })
    this.#requests.set(url, request)
    const { body } = await this.#client.ask(request, signal)
    const answer = parse(body)
    if (!isObject(answer)) throw notUnderstood(base)
    return answer
  }
}

function consumerOf(facts: Record<string, unknown>, base: string): ConsumerFacts {
  const { num_pending: pending, num_ack_pending: unacknowledged, cluster } = facts
  if (typeof pending !== 'number' || typeof unacknowledged !== 'number') throw notUnderstood(base)
  const leader = isObject(cluster) ? cluster.leader : undefined
  return { lag: pending + unacknowledged, leader: typeof leader === 'string' ? leader : undefined }
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    return undefined
  }
}

function objectsOf(value: unknown): readonly Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

function notUnderstood(base: string): NsctlError {
  return new NsctlError('Invalid', `nats at ${base} answers what is not of its monitoring endpoint`, {
    value: 'natsServerMonitoringEndpoint',
    next: 'check that the server has a monitoring port (-m) and JetStream (-js)',
  })
}

/** In a cluster only the consumer's leader knows its lag: finds it, and stays with it while it leads. */
import { messageOf, NsctlError } from '../../core/errors.ts'
import type { ConsumerFacts, NatsMonitoring, StreamAnswer } from './monitoring.ts'

interface Leader {
  readonly base: string
  readonly name: string
}

/** What one server says, or why it does not. */
interface Looked {
  readonly base: string
  readonly name?: string
  readonly answer?: StreamAnswer
  readonly error?: unknown
}

/** More would be no cluster of JetStream. */
const MAX_SERVERS = 32

export class ConsumerLag {
  readonly #monitoring: NatsMonitoring
  readonly #base: URL
  readonly #what: { readonly stream: string; readonly consumer: string }
  #leader: Leader | undefined

  constructor(
    monitoring: NatsMonitoring,
    base: URL,
    what: { readonly stream: string; readonly consumer: string },
  ) {
    this.#monitoring = monitoring
    this.#base = base
    this.#what = what
  }

  async measure(signal: AbortSignal): Promise<number> {
    const known = await this.#askLeader(signal)
    if (known !== undefined) return known.lag
    const { clusterSize, consumer, isStreamKnown } = await this.#monitoring.stream(this.#base.origin, signal)
    if (clusterSize > 1) return (await this.#findLeader(signal)).lag
    if (consumer === undefined) throw this.#missing(isStreamKnown)
    return consumer.lag
  }

  /** Undefined where it does not lead any more, or cannot be asked. */
  async #askLeader(signal: AbortSignal): Promise<ConsumerFacts | undefined> {
    const leader = this.#leader
    if (leader === undefined) return undefined
    try {
      const { consumer } = await this.#monitoring.stream(leader.base, signal)
      if (consumer?.leader === leader.name) return consumer
    } catch (error) {
      if (signal.aborted) throw error
    }
    this.#leader = undefined
    return undefined
  }

  async #findLeader(signal: AbortSignal): Promise<ConsumerFacts> {
    const own = this.#base.origin
    const { hosts } = await this.#monitoring.server(own, signal)
    const bases = new Set([own, ...hosts.map((host) => this.#at(host))])
    const asked = await Promise.all([...bases].slice(0, MAX_SERVERS).map((base) => this.#look(base, signal)))
    signal.throwIfAborted()
    for (const { base, name, answer } of asked)
      if (name !== undefined && answer?.consumer?.leader === name) {
        this.#leader = { base, name }
        return answer.consumer
      }
    const failed = asked.find(({ error }) => error !== undefined)
    if (failed === undefined && asked.every(({ answer }) => answer?.consumer === undefined))
      throw this.#missing(asked.some(({ answer }) => answer?.isStreamKnown === true))
    const { stream, consumer } = this.#what
    const why = failed === undefined ? '' : `: ${messageOf(failed.error)}`
    throw new NsctlError('Unreachable', `the leader of ${stream}/${consumer} in nats is not found${why}`, {
      next: 'check that each server’s monitoring port is the same, and reachable from here',
    })
  }

  /** One that cannot be asked does not matter where another leads. */
  async #look(base: string, signal: AbortSignal): Promise<Looked> {
    try {
      const { name } = await this.#monitoring.server(base, signal)
      return { base, name, answer: await this.#monitoring.stream(base, signal) }
    } catch (error) {
      return { base, error }
    }
  }

  /** The same port of another server. */
  #at(host: string): string {
    const url = new URL(this.#base)
    url.hostname = host
    return url.origin
  }

  #missing(isStreamKnown: boolean): NsctlError {
    const { stream, consumer } = this.#what
    const value = isStreamKnown ? consumer : stream
    const message = isStreamKnown
      ? `nats has no consumer ${consumer} of the stream ${stream}`
      : `nats has no stream ${stream} in this account`
    return new NsctlError('Invalid', message, {
      value,
      next: isStreamKnown ? 'check consumer, or make it (durable)' : 'check account and stream',
    })
  }
}

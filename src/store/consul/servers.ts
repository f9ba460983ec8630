/**
 * The endpoints of a store, one of which is asked at a time; the next one when that fails. An answer may be late because nobody will
 * ever give it: a host that is away says nothing, a server whose leader is away waits for it. So a server that is late is
 * asked for something that it knows by itself, and the answer is given up where it says nothing, knows no leader, or knows
 * another than before.
 */
import type { Clock } from '../../core/clock.ts'
import type { ConsulAddress } from './address.ts'
import type { BlockingRead, ClientLimits, KvClient, KvOperation, TransactionOutcome } from './client.ts'
import { CONNECT_LIMIT_MS, type ConsulError, failure, mayHeal, nobody } from './errors.ts'
import { openAccess, Server } from './server.ts'

/** Consul answers within milliseconds what it need not wait for. */
const LATE_MS = 500
/** How often somebody who waits for news listens whether anybody is there. */
const PULSE_MS = 3_000
/** As long as a connection may take, so that a request that found none is told so, and not that its fate is unknown. */
const PULSE_LIMIT_MS = CONNECT_LIMIT_MS

/** Connects to nothing yet. */
export async function openClient(
  address: ConsulAddress,
  limits: ClientLimits,
  clock: Clock,
): Promise<KvClient> {
  const access = await openAccess(address)
  const servers = address.endpoints.map((endpoint) => new Server(access, address, endpoint, limits))
  return new Servers(address, servers, clock)
}

/** A server was asked who leads. */
interface Look {
  readonly atMs: number
  readonly leader: Promise<string | undefined>
}

class Servers implements KvClient {
  readonly #address: ConsulAddress
  readonly #servers: readonly Server[]
  readonly #clock: Clock
  #at = 0
  /** The leader that was heard of last, of whichever server. */
  #leader: string | undefined
  /** Whether what was heard last, of whichever server, was no trouble. */
  #isWell = false
  /** The last look at each server: those who wait at the same time share it. */
  readonly #looks = new Map<Server, Look>()

  constructor(address: ConsulAddress, servers: readonly Server[], clock: Clock) {
    this.#address = address
    this.#servers = servers
    this.#clock = clock
  }

  transact(operations: readonly KvOperation[], signal?: AbortSignal): Promise<TransactionOutcome> {
    return this.#ask(LATE_MS, signal, (server, given) => server.transact(operations, given))
  }

  keys(prefix: string, signal?: AbortSignal): Promise<readonly string[]> {
    return this.#ask(LATE_MS, signal, (server, given) => server.keys(prefix, given))
  }

  block(read: BlockingRead) {
    return this.#ask(PULSE_MS, read.signal, (server, signal) => server.block({ ...read, signal }))
  }

  close(): void {
    for (const server of this.#servers) server.close()
  }

  /** Goes on to the next server where nobody was there; whoever asked may ask again where it is not known what came of it. */
  async #ask<T>(
    lateMs: number,
    signal: AbortSignal | undefined,
    send: (server: Server, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const absent: ConsulError[] = []
    for (const _ of this.#servers) {
      const server = this.#servers[this.#at]!
      try {
        return await this.#listening(server, lateMs, signal, (given) => send(server, given))
      } catch (error) {
        // nobody waits any more, for whatever answer
        signal?.throwIfAborted()
        if (!mayHeal(error)) throw error
        this.#leave(server)
        if (error.outcome === 'unknown') throw error
        absent.push(error)
      }
    }
    throw nobody(absent, this.#address)
  }

  /** Others may have left it already. */
  #leave(server: Server): void {
    this.#isWell = false
    server.hangUp()
    if (this.#servers[this.#at] === server) this.#at = (this.#at + 1) % this.#servers.length
  }

  async #listening<T>(
    server: Server,
    lateMs: number,
    signal: AbortSignal | undefined,
    send: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted()
    const given = new AbortController()
    const forward = () => given.abort(signal?.reason)
    signal?.addEventListener('abort', forward, { once: true })
    let before = this.#leader
    let done = false
    const look = async () => {
      const trouble = await this.#troubleOf(server, before, lateMs / 2)
      before ??= this.#leader
      if (done) return
      if (trouble !== undefined) given.abort(failure('unknown', server.address, trouble))
      else cancel = this.#clock.schedule(lateMs, look)
    }
    // who waits for long need not listen often where all is well
    let cancel = this.#clock.schedule(this.#isWell ? lateMs : LATE_MS, look)
    try {
      return await send(given.signal)
    } finally {
      done = true
      cancel()
      signal?.removeEventListener('abort', forward)
    }
  }

  /** Why no answer is to be expected; undefined where it may still come. */
  async #troubleOf(server: Server, before: string | undefined, youngMs: number): Promise<string | undefined> {
    try {
      const leader = await this.#lookAt(server, youngMs)
      if (leader === '') return 'it knows no leader'
      this.#leader = leader ?? this.#leader
      if (before !== undefined && leader !== undefined && leader !== before)
        return 'another server leads than before'
      this.#isWell = true
      return undefined
    } catch {
      return 'it does not answer'
    }
  }

  /** One that began less than `youngMs` ago does. */
  #lookAt(server: Server, youngMs: number): Promise<string | undefined> {
    const atMs = this.#clock.monotonic()
    const last = this.#looks.get(server)
    if (last !== undefined && atMs - last.atMs < youngMs) return last.leader
    const leader = server.leader(PULSE_LIMIT_MS)
    this.#looks.set(server, { atMs, leader })
    return leader
  }
}

/** The members of a cluster, one of which is talked to at a time; another one when that fails. */
import type { Clock } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import { type Connection, type ConnectOptions, connect, type TlsMaterial } from './connection.ts'

export interface ConnectionsOptions {
  /** `host:port`, at least one. */
  readonly endpoints: readonly string[]
  readonly tls?: TlsMaterial
  readonly pulse: ConnectOptions['pulse']
  readonly clock: Clock
  /** 0 ≤ x < 1: which member is first, so that many clients spread over all. */
  readonly random: () => number
}

/** No member could be connected to; what each said. */
export class ConnectError extends Error {
  readonly failures: readonly { readonly endpoint: string; readonly error: unknown }[]

  constructor(failures: ConnectError['failures']) {
    super(failures.map(({ endpoint, error }) => `${endpoint}: ${messageOf(error)}`).join('; '))
    this.name = 'ConnectError'
    this.failures = failures
  }
}

export class Connections {
  readonly #options: ConnectionsOptions
  #at: number
  #current: Promise<Connection> | undefined
  #usable: Connection | undefined
  /** Those with something under way. */
  readonly #open = new Set<Connection>()
  #closed = false

  constructor(options: ConnectionsOptions) {
    this.#options = options
    this.#at = Math.floor(options.random() * options.endpoints.length)
  }

  /** The connection to use now; made where there is none. Rejects with ConnectError when every member was tried. */
  async current(): Promise<Connection> {
    if (this.#usable?.usable) return this.#usable
    this.#current ??= this.#connect().finally(() => {
      this.#current = undefined
    })
    return this.#current
  }

  /** It failed: from now on another member is asked, where there is one. What is under way on it may finish. */
  leave(connection: Connection): void {
    if (this.#usable === connection) {
      this.#usable = undefined
      this.#at++
    }
    connection.retire()
  }

  close(): void {
    this.#closed = true
    for (const connection of this.#open) connection.destroy()
  }

  async #connect(): Promise<Connection> {
    const { endpoints, tls, pulse, clock } = this.#options
    const failures: { endpoint: string; error: unknown }[] = []
    for (const _ of endpoints) {
      const endpoint = endpoints[this.#at % endpoints.length]!
      try {
        const connection = await connect({ endpoint, pulse, clock, ...(tls && { tls }) })
        if (this.#closed) connection.destroy(new Error('the store was closed meanwhile'))
        this.#usable = connection
        this.#open.add(connection)
        connection.onClose(() => this.#open.delete(connection))
        return connection
      } catch (error) {
        failures.push({ endpoint, error })
        this.#at++
      }
    }
    throw new ConnectError(failures)
  }
}

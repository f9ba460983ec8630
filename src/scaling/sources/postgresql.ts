/** One number that a query in PostgreSQL finds. */
import { Socket } from 'node:net'
import type { ClientConfig, Client as PgClient } from 'pg'
import { messageOf } from '../../core/errors.ts'
import { DEFAULT_TIMEOUT_MS, timeoutOf } from '../guard/timeout.ts'
import type { SourceType, TriggerConfig } from '../source.ts'
import { endOf, type SqlDriver, type SqlSession, SqlSource } from '../sql/source.ts'
import { type PostgresAddress, readPostgresAddress } from './postgresql/address.ts'

export const postgresql: SourceType = {
  types: ['postgresql'],
  shareable: true,
  open: (trigger) =>
    new SqlSource(new PostgresDriver(trigger), trigger.parameters.number('activationTargetQueryValue')),
}

const STATE = {
  denied: /^(28|42501)/,
  /** Connection, resources, told to end (57014: took too long), the system itself. */
  away: /^(08|53|57|58)/,
}

interface Line {
  readonly client: PgClient
  readonly socket: Socket
}

class PostgresDriver implements SqlDriver {
  readonly name: string
  readonly secrets: readonly string[]
  readonly #address: PostgresAddress
  readonly #query: string
  readonly #limitMs: number
  /** What stands between may refuse to hand on settings: pgbouncer does. */
  #limits = true
  /** sslmode prefer and allow go on without TLS where the server has none. */
  #tls: boolean

  constructor(trigger: TriggerConfig) {
    const { parameters } = trigger
    this.#address = readPostgresAddress(parameters)
    this.#query = parameters.text('query') ?? ''
    this.#limitMs = timeoutOf(trigger) ?? DEFAULT_TIMEOUT_MS
    this.#tls = this.#address.sslmode !== 'disable'
    this.name = `postgresql at ${this.#address.host}:${this.#address.port}`
    this.secrets = [this.#address.password, parameters.text('connection')].filter((one) => one !== undefined)
  }

  async connect(): Promise<SqlSession> {
    const { default: pg } = await import('pg')
    const begin = (): Line => {
      const socket = new Socket()
      const client = new pg.Client({ ...this.#settings(), stream: () => socket })
      // what happens between two looks is told at the next
      client.on('error', () => socket.destroy())
      return { client, socket }
    }
    let [line, isEnded] = [begin(), false]
    const end = () => {
      isEnded = true
      endOf(line.socket, () => line.client.end())
    }
    const ready = async () => {
      try {
        await line.client.connect()
      } catch (error) {
        if (isEnded || !this.#concedes(error)) throw error
        line.socket.destroy()
        line = begin()
        await line.client.connect()
      }
    }
    return {
      ready: ready(),
      rows: () => this.#rows(line.client),
      received: () => line.socket.bytesRead,
      end,
    }
  }

  codeOf(error: unknown): 'Unreachable' | 'Denied' | 'Invalid' {
    const { code } = error as { readonly code?: unknown }
    if (typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code)) return 'Unreachable'
    return STATE.denied.test(code) ? 'Denied' : STATE.away.test(code) ? 'Unreachable' : 'Invalid'
  }

  /** True where it may go without what the server does not have. */
  #concedes(error: unknown): boolean {
    const message = messageOf(error)
    const { sslmode } = this.#address
    if (/does not support SSL/.test(message) && (sslmode === 'prefer' || sslmode === 'allow'))
      this.#tls = false
    else if (/startup parameter/.test(message)) this.#limits = false
    else return false
    return true
  }

  async #rows(client: PgClient): Promise<readonly (readonly unknown[])[]> {
    // `extended` takes one statement only
    const query = { text: this.#query, rowMode: 'array' as const, queryMode: 'extended' }
    const { rows } = await client.query<unknown[]>(query)
    return rows
  }

  #settings(): ClientConfig {
    const { user, password, database, sslmode, host, port } = this.#address
    const verifies = sslmode === 'verify-ca' || sslmode === 'verify-full'
    const anyName = sslmode === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}
    return {
      host,
      port,
      user,
      ...(password === undefined ? {} : { password }),
      database,
      application_name: 'nsctl',
      ssl: this.#tls ? { rejectUnauthorized: verifies, ...anyName } : false,
      ...(this.#limits ? { statement_timeout: this.#limitMs } : {}),
    }
  }
}

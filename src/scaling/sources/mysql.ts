/** One number that a query in MySQL or MariaDB finds. */
import { connect as connectTcp } from 'node:net'
import type { Connection, ConnectionOptions } from 'mysql2'
import { DEFAULT_TIMEOUT_MS, timeoutOf } from '../guard/timeout.ts'
import type { SourceType, TriggerConfig } from '../source.ts'
import { endOf, type SqlDriver, type SqlSession, SqlSource } from '../sql/source.ts'
import { type MysqlAddress, readMysqlAddress } from './mysql/address.ts'

export const mysql: SourceType = {
  types: ['mysql'],
  shareable: true,
  open: (trigger) =>
    new SqlSource(new MysqlDriver(trigger), trigger.parameters.number('activationQueryValue')),
}

/** Of the user, of a database, of a table, of a column, of a statement. */
const DENIED: readonly unknown[] = [1044, 1045, 1142, 1143, 1227, 1251, 1698]
/** Too many connections, shutting down, interrupted, took too long (MySQL, MariaDB). */
const AWAY: readonly unknown[] = [1040, 1053, 1077, 1129, 1130, 1203, 1205, 1226, 1317, 1969, 3024]

class MysqlDriver implements SqlDriver {
  readonly name: string
  readonly secrets: readonly string[]
  readonly #address: MysqlAddress
  readonly #query: string
  readonly #limitMs: number

  constructor(trigger: TriggerConfig) {
    const { parameters } = trigger
    this.#address = readMysqlAddress(parameters)
    this.#query = parameters.text('query') ?? ''
    this.#limitMs = timeoutOf(trigger) ?? DEFAULT_TIMEOUT_MS
    const { host, port, password } = this.#address
    this.name = `mysql at ${host.startsWith('/') ? host : `${host}:${port}`}`
    this.secrets = [password, parameters.text('connectionString')].filter((one) => one !== undefined)
  }

  async connect(): Promise<SqlSession> {
    const { createConnection } = await import('mysql2')
    const { host, port } = this.#address
    const socket = host.startsWith('/') ? connectTcp(host) : connectTcp({ host, port, noDelay: true })
    const connection = createConnection({ ...this.#settings(), stream: socket })
    // what happens between two looks is told at the next
    connection.on('error', () => socket.destroy())
    // mysql2 waits for ever where a server says nonsense and goes
    const closed = new Promise<never>((_resolve, reject) =>
      socket.once('close', () => reject(new Error('the connection was closed'))),
    )
    closed.catch(() => undefined)
    return {
      ready: Promise.race([this.#ready(connection), closed]),
      rows: () => Promise.race([ask(connection, this.#query), closed]),
      received: () => socket.bytesRead,
      end: () =>
        endOf(socket, async () => {
          connection.end(() => undefined)
        }),
    }
  }

  codeOf(error: unknown): 'Unreachable' | 'Denied' | 'Invalid' {
    const { errno, sqlState } = error as { readonly errno?: unknown; readonly sqlState?: unknown }
    if (DENIED.includes(errno)) return 'Denied'
    return typeof sqlState !== 'string' || AWAY.includes(errno) ? 'Unreachable' : 'Invalid'
  }

  /** A query that takes longer than anybody waits must not go on at the server: its limit has two names. */
  async #ready(connection: Connection): Promise<void> {
    await new Promise<void>((resolve, reject) =>
      connection.connect((error) => (error === null ? resolve() : reject(error))),
    )
    try {
      await ask(connection, `SET SESSION max_statement_time=${this.#limitMs / 1000}`)
    } catch (error) {
      if (this.codeOf(error) !== 'Invalid') throw error
      await ask(connection, `SET SESSION max_execution_time=${this.#limitMs}`)
    }
  }

  #settings(): ConnectionOptions {
    const { user, password, database, tls, host } = this.#address
    return {
      host,
      ...(user === undefined ? {} : { user }),
      ...(password === undefined ? {} : { password }),
      ...(database === undefined ? {} : { database }),
      ...(tls === 'none' ? {} : { ssl: { rejectUnauthorized: tls === 'verified' } }),
      rowsAsArray: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
      connectTimeout: 2 ** 30,
    }
  }
}

function ask(connection: Connection, sql: string): Promise<readonly (readonly unknown[])[]> {
  return new Promise((resolve, reject) =>
    connection.query({ sql, rowsAsArray: true }, (error, rows) => {
      if (error !== null) reject(error)
      else resolve(Array.isArray(rows) ? (rows as unknown as unknown[][]) : [])
    }),
  )
}

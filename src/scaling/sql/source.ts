/** A source that asks a database one question over one connection, which it keeps. What a database is, its driver says. */
import type { Socket } from 'node:net'
import { isNsctlError, messageOf, NsctlError } from '../../core/errors.ts'
import { oneValue } from '../http/endpoint.ts'
import { withoutSecrets } from '../http/failures.ts'
import type { Reading, Source } from '../source.ts'

export interface SqlDriver {
  /** `postgresql at db:5432` */
  readonly name: string
  readonly secrets: readonly string[]
  /** Begins to connect. Rejects where the package cannot be loaded or the connection cannot be made. */
  connect(): Promise<SqlSession>
  codeOf(error: unknown): 'Unreachable' | 'Denied' | 'Invalid'
}

export interface SqlSession {
  /** Until it may be asked. Rejects with what the driver throws. */
  readonly ready: Promise<void>
  /** Rows of values of the one query; at most two are needed. */
  rows(): Promise<readonly (readonly unknown[])[]>
  /** Bytes that came from the server since the start. */
  received(): number
  /** At once, whatever is under way. */
  end(): void
}

const MAX_ANSWER_BYTES = 2 ** 20
const LOOK_EVERY_MS = 20

export class SqlSource implements Source {
  readonly #driver: SqlDriver
  readonly #activation: number | undefined
  readonly #closed = new AbortController()
  #session: Promise<SqlSession> | undefined

  constructor(driver: SqlDriver, activation: number | undefined) {
    this.#driver = driver
    this.#activation = activation
  }

  async measure(signal: AbortSignal): Promise<Reading> {
    if (signal.aborted || this.#closed.signal.aborted) throw this.#ended()
    this.#session ??= this.#driver.connect()
    const session = this.#session
    try {
      const rows = await this.#bounded(session, signal)
      return oneValue(numberOf(rows, this.#driver.name), this.#activation)
    } catch (error) {
      if (isNsctlError(error, 'Invalid') && this.#session === session) throw error
      if (this.#session === session) this.#drop()
      if (isNsctlError(error)) throw error
      throw this.#failure(error)
    }
  }

  async close(): Promise<void> {
    this.#closed.abort()
    this.#drop()
  }

  /** The rows; rejects when the signal aborts, when it is closed, and when too much comes. */
  #bounded(opening: Promise<SqlSession>, signal: AbortSignal): Promise<readonly (readonly unknown[])[]> {
    return new Promise((resolve, reject) => {
      let [session, receivedBefore]: [SqlSession | undefined, number] = [undefined, 0]
      const watch = setInterval(() => {
        if (session === undefined || session.received() - receivedBefore <= MAX_ANSWER_BYTES) return
        this.#drop()
        finish(() => reject(this.#tooMuch()))
      }, LOOK_EVERY_MS)
      const onEnd = () => {
        this.#drop()
        finish(() => reject(this.#ended()))
      }
      const finish = (settle: () => void) => {
        clearInterval(watch)
        signal.removeEventListener('abort', onEnd)
        this.#closed.signal.removeEventListener('abort', onEnd)
        settle()
      }
      signal.addEventListener('abort', onEnd, { once: true })
      this.#closed.signal.addEventListener('abort', onEnd, { once: true })
      opening
        .then(async (opened) => {
          session = opened
          await opened.ready
          receivedBefore = opened.received()
          const rows = await opened.rows()
          if (opened.received() - receivedBefore > MAX_ANSWER_BYTES) throw this.#tooMuch()
          return rows
        })
        .then(
          (rows) => finish(() => resolve(rows)),
          (error) => finish(() => reject(error)),
        )
    })
  }

  #drop(): void {
    const session = this.#session
    this.#session = undefined
    session?.then(
      (one) => one.end(),
      () => undefined,
    )
  }

  #tooMuch(): NsctlError {
    return new NsctlError('Invalid', `${this.#driver.name} answers more than 1 MiB`, {
      next: 'make one number of it: count(*), sum(…)',
    })
  }

  #ended(): NsctlError {
    const why = this.#closed.signal.aborted ? 'is not asked any more' : 'did not answer in time'
    return new NsctlError('Unreachable', `${this.#driver.name} ${why}`, {
      next: 'check that it is well, and how long the query takes',
    })
  }

  /** What a driver throws may hold the connection's settings, and so the password: only its words go on. */
  #failure(error: unknown): NsctlError {
    const { name, secrets } = this.#driver
    const code = this.#driver.codeOf(error)
    const words = withoutSecrets(wordsOf(error), secrets)
    const does =
      code === 'Unreachable' ? 'cannot be asked' : code === 'Denied' ? 'lets nobody in' : 'refuses the query'
    return new NsctlError(code, `${name} ${does}${words === '' ? '' : `: ${words}`}`, { next: NEXT[code] })
  }
}

const NEXT = {
  Unreachable: 'check the address, and that it runs there',
  Denied: 'check the user, the password and what the user may read',
  Invalid: 'try the query by hand',
}

function wordsOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0])
  return messageOf(error)
}

/** Says goodbye where that takes no time, and ends the connection whatever comes of it. */
export function endOf(socket: Socket, goodbye: () => Promise<void>): void {
  if (socket.connecting) {
    socket.destroy()
    return
  }
  goodbye().catch(() => undefined)
  socket.destroySoon()
}

/** The one value, as the driver gives it: large and exact numbers are text. */
function numberOf(rows: readonly (readonly unknown[])[], name: string): number {
  const next = 'make one number of it: count(*), coalesce(sum(…), 0)'
  const wrong = (what: string) => new NsctlError('Invalid', `${name} answers ${what}`, { next })
  if (rows.length === 0) throw wrong('without a row')
  if (rows.length > 1) throw wrong('with several rows')
  const row = rows[0] ?? []
  if (row.length !== 1) throw wrong(`with ${row.length} columns`)
  const value = row[0]
  if (value === null || value === undefined) throw wrong('with NULL')
  if (typeof value === 'number') return value
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'string' && /^\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?\s*$/i.test(value))
    return Number(value)
  throw wrong('with what is no number')
}

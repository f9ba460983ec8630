/**
 * Sources that keep a client of a server between measures: made at the first, thrown away after a failure, ended in time when a signal says so,
 * whatever the client's library thinks of it.
 */
import { isNsctlError, messageOf, NsctlError } from '../core/errors.ts'
import type { Reading, Source } from './source.ts'

export interface Session<Client> {
  /** `redis at 127.0.0.1:6379`: for messages; without credentials. */
  readonly name: string
  /** Values that no message may hold. */
  readonly secrets: readonly (string | undefined)[]
  /** May give up when the signal aborts; what it makes after that is ended again. */
  connect(signal: AbortSignal): Promise<Client>
  /** False for a client whose connection has ended by itself meanwhile: another is made, and nothing has failed. */
  isOpen(client: Client): boolean
  /** At once, without asking the server; never throws. */
  end(client: Client): void
  /** What it throws as an NsctlError is an answer, and the client is kept; all else is a failure of the connection. */
  ask(client: Client, signal: AbortSignal): Promise<Reading>
  /** What an answer of the server that is thrown comes to; undefined for a failure of the connection. */
  codeOf(error: unknown): 'Denied' | 'Invalid' | 'Unreachable' | undefined
  /** Words of the error, where its own message says little. */
  wordsOf?(error: unknown): string
}

export function sessionSource<Client>(session: Session<Client>): Source {
  return new SessionSource(session)
}

class SessionSource<Client> implements Source {
  readonly #session: Session<Client>
  readonly #closing = new AbortController()
  #client: Client | undefined

  constructor(session: Session<Client>) {
    this.#session = session
  }

  async measure(signal: AbortSignal): Promise<Reading> {
    const stop = AbortSignal.any([signal, this.#closing.signal])
    stop.throwIfAborted()
    try {
      if (this.#client !== undefined && !this.#session.isOpen(this.#client)) this.#drop()
      const client = this.#client ?? (await this.#connect(stop))
      return await orAborted(this.#session.ask(client, stop), stop)
    } catch (error) {
      if (isNsctlError(error) && this.#client !== undefined && !stop.aborted) throw error
      this.#drop()
      stop.throwIfAborted()
      throw isNsctlError(error) ? error : this.#faultOf(error)
    }
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort(new NsctlError('Unreachable', `${this.#session.name}: the source is closed`))
    this.#drop()
  }

  async #connect(stop: AbortSignal): Promise<Client> {
    const connecting = this.#session.connect(stop)
    try {
      this.#client = await orAborted(connecting, stop)
      return this.#client
    } catch (error) {
      connecting.then((late) => this.#session.end(late), nothing)
      throw error
    }
  }

  #drop(): void {
    const client = this.#client
    this.#client = undefined
    if (client !== undefined) this.#session.end(client)
  }

  /** The library's error is no cause: it may hold the command that failed, password included. */
  #faultOf(error: unknown): NsctlError {
    const { name, secrets, codeOf, wordsOf = plainWordsOf } = this.#session
    const words = withoutSecrets(wordsOf(error), secrets)
    const code = codeOf(error)
    if (code === 'Denied')
      return new NsctlError('Denied', `${name} denies us: ${words}`, {
        next: 'check what the TriggerAuthentication gives',
      })
    if (code !== undefined) return new NsctlError(code, `${name} answers: ${words}`)
    return new NsctlError('Unreachable', `${name} cannot be reached: ${words}`, {
      next: isCertificateFault(error)
        ? 'give the authority that signed its certificate as ca in the TriggerAuthentication'
        : 'check the address, and that it runs there',
    })
  }
}

/** What `promise` comes to, or the signal's reason as soon as it aborts. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

const MAX_WORDS = 200

/** On one line, and short; nothing of what repeats a secret. */
export function withoutSecrets(words: string, secrets: readonly (string | undefined)[]): string {
  if (secrets.some((secret) => secret !== undefined && secret !== '' && words.includes(secret)))
    return 'it says why in words that hold a secret'
  const line = words.replace(/\s+/g, ' ').trim()
  return line.length > MAX_WORDS ? `${line.slice(0, MAX_WORDS)}…` : line
}

/** The first of several where an address has many, else its own. */
export function plainWordsOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return plainWordsOf(error.errors[0])
  const words = messageOf(error)
  return words === '' ? String((error as { code?: unknown }).code ?? 'no reason given') : words
}

function isCertificateFault(error: unknown): boolean {
  const code = String((error as { readonly code?: unknown } | undefined)?.code)
  return /CERT|^ERR_TLS|^ERR_SSL|SELF_SIGNED|UNABLE_TO_/.test(code)
}

function nothing(): void {}

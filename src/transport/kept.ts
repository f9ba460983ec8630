/** A transport that is made anew whenever its connection has ended. */
import type { Duplex } from 'node:stream'
import type { Clock } from '../core/clock.ts'
import { isNsctlError, messageOf, NsctlError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { orAborted, whenAborted } from './abort.ts'
import type {
  Address,
  Command,
  CommandResult,
  GetFileOptions,
  PutFileOptions,
  RunningCommand,
  RunOptions,
  Transport,
} from './transport.ts'

export interface KeptOptions {
  readonly name: string
  /** Connects once. Rejects where that fails. */
  readonly open: (signal: AbortSignal) => Promise<Transport>
  readonly clock: Clock
  /** In [0, 1): attempts of many machines that went together come back apart. */
  readonly random: () => number
  readonly logger: Logger
}

export type LinkState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'up' }
  | { readonly kind: 'down'; readonly reason: NsctlError; readonly retryInMs: number }

export interface KeptTransport extends Transport {
  state(): LinkState
  /** Calls `listener` each time that `state` is another. Returns what unsubscribes. */
  onState(listener: (state: LinkState) => void): () => void
}

const FIRST_DELAY_MS = 500
const LONGEST_DELAY_MS = 30_000
/** What held for so long begins with the first delay again: a machine that reboots is not one that drops every connection. */
const STEADY_AFTER_MS = 30_000

/**
 * Connects at once, and again for as long as it is not closed. What is asked of it while it connects waits for that; what is asked of it between two
 * attempts is refused with the reason why the last one failed. Nothing is asked of the machine twice.
 */
export function keepConnected(options: KeptOptions): KeptTransport {
  return new Kept(options)
}

class Kept implements KeptTransport {
  readonly name: string
  readonly ended: Promise<undefined>
  readonly #options: KeptOptions
  readonly #closing = new AbortController()
  readonly #listeners = new Set<(state: LinkState) => void>()
  #state: LinkState = { kind: 'connecting' }
  /** Of the attempt that is under way, or of the last one. */
  #attempt: Promise<Transport>
  #current: Transport | undefined
  #failures = 0

  constructor(options: KeptOptions) {
    this.name = options.name
    this.#options = options
    const { promise, resolve } = Promise.withResolvers<undefined>()
    this.ended = promise
    this.#closing.signal.addEventListener('abort', () => resolve(undefined))
    this.#attempt = this.#connect()
  }

  state(): LinkState {
    return this.#state
  }

  onState(listener: (state: LinkState) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async run(command: Command, options: RunOptions): Promise<CommandResult> {
    return (await this.#transport(options.signal)).run(command, options)
  }

  async spawn(command: Command, signal: AbortSignal): Promise<RunningCommand> {
    return (await this.#transport(signal)).spawn(command, signal)
  }

  async connect(address: Address, signal: AbortSignal): Promise<Duplex> {
    return (await this.#transport(signal)).connect(address, signal)
  }

  async putFile(path: string, content: string | Uint8Array, options: PutFileOptions): Promise<void> {
    return (await this.#transport(options.signal)).putFile(path, content, options)
  }

  async getFile(path: string, options: GetFileOptions): Promise<Buffer | undefined> {
    return (await this.#transport(options.signal)).getFile(path, options)
  }

  async close(): Promise<void> {
    this.#closing.abort(new NsctlError('Unreachable', `the connection to ${this.name} is closed`))
    await this.#current?.close()
  }

  #transport(signal: AbortSignal): Promise<Transport> {
    signal.throwIfAborted()
    this.#closing.signal.throwIfAborted()
    return orAborted(this.#attempt, signal, this.#closing.signal)
  }

  #connect(): Promise<Transport> {
    const { open, clock } = this.#options
    const attempt = open(this.#closing.signal)
    const at = clock.monotonic()
    attempt.then(
      (transport) => this.#stands(transport, clock.monotonic()),
      (error: unknown) => this.#fails(error, at),
    )
    return attempt
  }

  #stands(transport: Transport, atMs: number): void {
    // closed while it connected
    if (this.#closing.signal.aborted) return void transport.close()
    this.#current = transport
    this.#tell({ kind: 'up' })
    void transport.ended.then((reason) => {
      this.#current = undefined
      if (!this.#closing.signal.aborted)
        this.#fails(
          reason ?? new NsctlError('Unreachable', `the connection to ${this.name} was closed`),
          atMs,
        )
    })
  }

  /** @param sinceMs when what failed now began */
  #fails(error: unknown, sinceMs: number): void {
    const { clock, logger } = this.#options
    if (this.#closing.signal.aborted) return
    const heldMs = clock.monotonic() - sinceMs
    this.#failures = this.#state.kind === 'up' && heldMs >= STEADY_AFTER_MS ? 1 : this.#failures + 1
    const retryInMs = this.#delayMs(error)
    const reason = this.#refusal(error, retryInMs)
    this.#attempt = Promise.reject(reason)
    // nobody need have asked
    this.#attempt.catch(() => {})
    logger.log('warn', `no connection to ${this.name}`, {
      reason: messageOf(error),
      retryInMs: Math.round(retryInMs),
    })
    this.#tell({ kind: 'down', reason, retryInMs })
    const stop = whenAborted([this.#closing.signal], () => cancel())
    const cancel = clock.schedule(retryInMs, () => {
      stop()
      this.#tell({ kind: 'connecting' })
      this.#attempt = this.#connect()
    })
  }

  /** Doubled with each failure, and up to a quarter more. Who was refused is refused again: it is not hurried. */
  #delayMs(error: unknown): number {
    const doubledMs = Math.min(FIRST_DELAY_MS * 2 ** Math.min(this.#failures - 1, 16), LONGEST_DELAY_MS)
    const delayMs = isNsctlError(error) && error.code !== 'Unreachable' ? LONGEST_DELAY_MS : doubledMs
    return delayMs * (1 + this.#options.random() / 4)
  }

  #refusal(error: unknown, retryInMs: number): NsctlError {
    const next = `it is tried again ${(retryInMs / 1000).toFixed(1)} s after that`
    if (!isNsctlError(error)) return new NsctlError('Unreachable', messageOf(error), { next, cause: error })
    return new NsctlError(error.code, error.message, {
      value: error.value,
      next: error.next ?? next,
      cause: error,
    })
  }

  #tell(state: LinkState): void {
    this.#state = state
    for (const listener of this.#listeners) listener(state)
  }
}

/**
 * The connection to a machine that is looked after from here: one at a time, made when it is needed and again after it ended. It stands before each renewal of
 * the node's lease: the machine has to answer, so a node is heard of for as long as it is reached, and whoever reaches it can take it over.
 */
import { type Clock, delay } from '../../core/clock.ts'
import { messageOf, NsctlError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { RenewalGuard } from '../../store/lease.ts'
import { orAborted } from '../../transport/abort.ts'
import type { Transport } from '../../transport/transport.ts'

export interface LinkOptions {
  /** Connects once. Rejects where that fails. */
  readonly open: (signal: AbortSignal) => Promise<Transport>
  readonly clock: Clock
  /** In [0, 1): connections to many machines that went together come back apart. */
  readonly random: () => number
  readonly logger: Logger
  /** Told each time that another thing stands in the way. */
  readonly onFailure?: (error: unknown) => void
}

const FIRST_DELAY_MS = 500
/** Shorter than the time after which a node counts as lost: it is to be back soon after its machine is. */
const LONGEST_DELAY_MS = 8_000
/** Of a machine that is asked whether it is there. */
export const ANSWER_LIMIT_MS = 3_000
const NOTHING = () => {}

/** Why a node is looked after no more: it is none any more, and its machine is anybody's. */
export const NODE_GONE = Symbol('the Node is gone')

export class Link implements RenewalGuard {
  readonly #options: LinkOptions
  readonly #closing = new AbortController()
  #current: Transport | undefined
  #connecting: Promise<Transport> | undefined
  #failures = 0
  #told: string | undefined

  constructor(options: LinkOptions) {
    this.#options = options
  }

  /** The connection that stands, or the next one that does, however long that takes. Rejects with the signal's reason, and once closed. */
  async connected(signal: AbortSignal): Promise<Transport> {
    for (;;) {
      signal.throwIfAborted()
      this.#closing.signal.throwIfAborted()
      if (this.#current !== undefined) return this.#current
      this.#connecting ??= this.#connect().finally(() => {
        this.#connecting = undefined
      })
      try {
        return await orAborted(this.#connecting, signal, this.#closing.signal)
      } catch (error) {
        signal.throwIfAborted()
        this.#closing.signal.throwIfAborted()
        this.#tell(error)
        await delay(this.#options.clock, this.#delayMs(), AbortSignal.any([signal, this.#closing.signal]))
      }
    }
  }

  /** Resolves once the machine has answered, or the link was closed. */
  async before(): Promise<() => void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      try {
        const transport = await this.connected(signal)
        const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_LIMIT_MS)])
        const { exitCode } = await transport.run({ argv: ['true'] }, { signal: limit })
        if (exitCode === 0) return NOTHING
      } catch {
        // told by whoever connects; a connection that hangs is ended by its own signs of life
      }
      await delay(this.#options.clock, FIRST_DELAY_MS, signal).catch(() => {})
    }
    return NOTHING
  }

  /** Ends the connection, so that the next who asks gets another. */
  async drop(): Promise<void> {
    const transport = this.#current
    this.#current = undefined
    await transport?.close()
  }

  async close(): Promise<void> {
    this.#closing.abort(new NsctlError('Unreachable', 'the machine is not looked after from here any more'))
    await this.drop()
  }

  async #connect(): Promise<Transport> {
    const { open, logger } = this.#options
    const transport = await open(this.#closing.signal)
    if (this.#closing.signal.aborted) {
      await transport.close()
      this.#closing.signal.throwIfAborted()
    }
    this.#current = transport
    this.#failures = 0
    this.#told = undefined
    logger.log('debug', `connected: ${transport.name}`)
    void transport.ended.then(() => {
      if (this.#current === transport) this.#current = undefined
    })
    return transport
  }

  #delayMs(): number {
    const doubledMs = Math.min(FIRST_DELAY_MS * 2 ** Math.min(this.#failures++, 16), LONGEST_DELAY_MS)
    return doubledMs * (1 + this.#options.random() / 4)
  }

  #tell(error: unknown): void {
    const message = messageOf(error)
    if (message === this.#told) return
    this.#told = message
    this.#options.logger.log('warn', `the machine is not reached: ${message}`)
    this.#options.onFailure?.(error)
  }
}

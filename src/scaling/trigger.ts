/** One trigger at work: opened when it is first looked at, and what its last look came to. */
import { type ErrorCode, isNsctlError, messageOf, NsctlError } from '../core/errors.ts'
import type { ScaledJob, ScaledObject, ScaledObjectTrigger } from '../resources/generated/types.ts'
import type { TriggerInput } from './decision.ts'
import type { GuardedSource } from './guard.ts'

/** What is left of a source behind its guard. */
export type OpenedTrigger = Pick<GuardedSource, 'poll' | 'listen' | 'close'> & {
  facts(): Pick<ReturnType<GuardedSource['facts']>, 'tookMs' | 'code'>
}

/** Which trigger of which object. */
export interface TriggerPlace {
  readonly object: ScaledObject | ScaledJob
  readonly index: number
  readonly key: string
  readonly spec: ScaledObjectTrigger
}

/**
 * Reads a trigger's parameters, gets what its TriggerAuthentication names, and opens its source.
 *
 * @throws NsctlError Invalid where a parameter is wrong or missing, Denied where what it logs in with cannot be had, or the signal's reason
 */
export type OpenTrigger = (place: TriggerPlace, signal: AbortSignal) => Promise<OpenedTrigger>

export interface TriggerOptions {
  readonly open: OpenTrigger
  /** An event came by itself. */
  readonly onEvent: () => void
}

/** Why a trigger cannot be read: its parameters, its credentials, or the outside. */
export type TriggerFault = 'parameters' | 'credentials' | 'outside'

const NEVER_READ: TriggerInput = { reading: undefined, readAtMs: undefined, error: undefined, failures: 0 }

export class Trigger {
  readonly key: string
  readonly spec: ScaledObjectTrigger
  readonly #index: number
  readonly #options: TriggerOptions
  readonly #stop = new AbortController()
  #opened: OpenedTrigger | undefined
  /** Ends the listening to what is opened. */
  #left = new AbortController()
  /** Moves when it is opened anew. */
  #turn = 0
  #input = NEVER_READ
  #fault: TriggerFault | undefined
  #tookMs: number | undefined
  #code: ErrorCode | undefined

  constructor(index: number, key: string, spec: ScaledObjectTrigger, options: TriggerOptions) {
    this.#index = index
    this.key = key
    this.spec = spec
    this.#options = options
  }

  get input(): TriggerInput {
    return this.#input
  }

  /** Undefined while it can be read. */
  get fault(): TriggerFault | undefined {
    return this.#fault
  }

  /** How long the last look took. */
  get tookMs(): number | undefined {
    return this.#tookMs
  }

  /** Of the last look, where it failed. */
  get code(): ErrorCode | undefined {
    return this.#code
  }

  /** True once it was read, or could not be. */
  get wasLookedAt(): boolean {
    return this.#input !== NEVER_READ
  }

  /**
   * Looks once. What fails is kept and not thrown. Not to be called again before it has ended.
   *
   * @param maxAgeMs what others have seen of the same source within so long will do
   */
  async look(object: ScaledObject | ScaledJob, maxAgeMs: number): Promise<void> {
    const { signal } = this.#stop
    if (signal.aborted) return
    const turn = this.#turn
    try {
      const opened = this.#opened ?? (await this.#open(object, signal))
      const input = await opened.poll(signal, { maxAgeMs })
      this.#take(opened, input)
      // what it logged in with may be another by now
      if (this.#code === 'Denied') await this.reopen()
    } catch (error) {
      // one that was closed under its look has not failed
      if (!signal.aborted && turn === this.#turn) this.#failed(error)
    }
  }

  /** What it was opened with has changed: the next look begins anew. */
  async reopen(): Promise<void> {
    const opened = this.#opened
    this.#opened = undefined
    this.#turn++
    this.#left.abort()
    this.#left = new AbortController()
    await opened?.close()
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#stop.abort()
    await this.reopen()
  }

  async #open(object: ScaledObject | ScaledJob, signal: AbortSignal): Promise<OpenedTrigger> {
    const place = { object, index: this.#index, key: this.key, spec: this.spec }
    const turn = this.#turn
    const opened = await this.#options.open(place, signal)
    if (signal.aborted || turn !== this.#turn) {
      await opened.close()
      throw signal.reason ?? new NsctlError('Failed', 'it is opened anew')
    }
    this.#opened = opened
    if (opened.listen !== undefined) void this.#listen(opened, this.#left.signal)
    return opened
  }

  /** It rejects with nothing but what can never work, and looking at the source tells that as well. */
  async #listen(opened: OpenedTrigger, signal: AbortSignal): Promise<void> {
    const isOurs = () => this.#opened === opened && !signal.aborted
    try {
      await opened.listen?.((input) => {
        if (!isOurs()) return
        this.#take(opened, input)
        this.#options.onEvent()
      }, signal)
    } catch (error) {
      if (!isOurs()) return
      this.#failed(error)
      this.#options.onEvent()
    }
  }

  /** Failures are counted on where it was opened anew in between. */
  #take(opened: OpenedTrigger, input: TriggerInput): void {
    const { tookMs, code } = opened.facts()
    const failures = input.error === undefined ? 0 : Math.max(input.failures, this.#input.failures + 1)
    const { reading = this.#input.reading, readAtMs = this.#input.readAtMs } = input
    this.#input = { ...input, reading, readAtMs, failures }
    this.#tookMs = tookMs
    this.#code = input.error === undefined ? undefined : (code ?? 'Failed')
    if (input.error === undefined) this.#fault = undefined
    else this.#fault = code === 'Denied' ? 'credentials' : 'outside'
  }

  #failed(error: unknown): void {
    this.#input = { ...this.#input, error: messageOf(error), failures: this.#input.failures + 1 }
    this.#tookMs = undefined
    this.#code = isNsctlError(error) ? error.code : 'Bug'
    if (this.#code === 'Denied') this.#fault = 'credentials'
    else this.#fault = this.#code === 'Invalid' || this.#code === 'Unsupported' ? 'parameters' : 'outside'
  }
}

/** One trigger of a ScaledObject: opened when it is first looked at, and what its last look came to. */
import { isNsctlError, messageOf } from '../../core/errors.ts'
import type { ScaledObject, ScaledObjectTrigger } from '../../resources/generated/types.ts'
import type { TriggerInput } from '../../scaling/decide.ts'
import type { Reading, Source } from '../../scaling/source.ts'
import type { ScalingTimes } from './times.ts'

/** What a trigger is opened into: its source, with the time limit, breaker and cache around it. */
export type OpenedTrigger = Pick<Source, 'measure' | 'listen' | 'close'>

/**
 * Reads a trigger's parameters, gets what its TriggerAuthentication names, and opens its source.
 *
 * @throws NsctlError Invalid where a parameter is wrong or missing, Denied where what it names cannot be had, or the signal's reason
 */
export type OpenTrigger = (
  object: ScaledObject,
  trigger: { readonly index: number; readonly key: string; readonly spec: ScaledObjectTrigger },
  signal: AbortSignal,
) => Promise<OpenedTrigger>

export interface TriggerOptions {
  readonly open: OpenTrigger
  readonly times: ScalingTimes
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
  #input = NEVER_READ
  #fault: TriggerFault | undefined
  #tookMs: number | undefined

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

  /** True once it was read, or could not be. */
  get wasLookedAt(): boolean {
    return this.#input !== NEVER_READ
  }

  /** Looks once. What fails is kept and not thrown. Not to be called again before it has ended. */
  async look(object: ScaledObject): Promise<void> {
    const { signal } = this.#stop
    if (signal.aborted) return
    const startedMs = this.#options.times.steadyMs()
    try {
      const opened = this.#opened ?? (await this.#open(object, signal))
      this.#read(await opened.measure(signal))
    } catch (error) {
      if (signal.aborted) return
      this.#failed(error)
      // what it logged in with may be another by now
      if (isNsctlError(error, 'Denied')) await this.reopen()
    }
    this.#tookMs = this.#options.times.steadyMs() - startedMs
  }

  /** What it was opened with has changed: the next look begins anew. */
  async reopen(): Promise<void> {
    const opened = this.#opened
    this.#opened = undefined
    await opened?.close()
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#stop.abort()
    await this.reopen()
  }

  async #open(object: ScaledObject, signal: AbortSignal): Promise<OpenedTrigger> {
    const where = { index: this.#index, key: this.key, spec: this.spec }
    const opened = await this.#options.open(object, where, signal)
    if (signal.aborted) {
      await opened.close()
      throw signal.reason
    }
    this.#opened = opened
    if (opened.listen !== undefined) void this.#listen(opened, signal)
    return opened
  }

  /** Rejects with nothing but what can never work: then looking at it still tells. */
  async #listen(opened: OpenedTrigger, signal: AbortSignal): Promise<void> {
    try {
      await opened.listen?.((reading) => {
        if (this.#opened !== opened || signal.aborted) return
        this.#read(reading)
        this.#options.onEvent()
      }, signal)
    } catch (error) {
      if (signal.aborted || this.#opened !== opened) return
      this.#failed(error)
      this.#options.onEvent()
    }
  }

  #read(reading: Reading): void {
    const readAtMs = this.#options.times.steadyMs()
    this.#input = { reading, readAtMs, error: undefined, failures: 0 }
    this.#fault = undefined
  }

  #failed(error: unknown): void {
    this.#input = { ...this.#input, error: messageOf(error), failures: this.#input.failures + 1 }
    if (isNsctlError(error, 'Denied')) this.#fault = 'credentials'
    else this.#fault = this.#opened === undefined && isNsctlError(error, 'Invalid') ? 'parameters' : 'outside'
  }
}

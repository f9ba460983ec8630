/** One source, and the triggers that are looked at through it. */
import type { Clock } from '../../core/clock.ts'
import { type ErrorCode, isNsctlError, messageOf, NsctlError } from '../../core/errors.ts'
import type { TriggerInput } from '../decide.ts'
import type { Reading, Source, TriggerConfig } from '../source.ts'
import { Breaker, type BreakerSettings } from './breaker.ts'
import type { GuardedSource, Look, PollOptions, SourceFacts } from './guarded.ts'
import { Listeners } from './listeners.ts'
import { timeoutOf } from './timeout.ts'

export interface GuardSettings extends BreakerSettings {
  /** Of one look, where the trigger's metadata does not say: KEDA's global one. */
  readonly timeoutMs: number
}

export interface SharedSourceOptions extends GuardSettings {
  readonly context: { readonly clock: Clock }
  readonly steadyMs: () => number
  readonly random: () => number
}

const MAX_ERROR = 500
/** What a source has to end in after its signal. */
const GRACE_MS = 100

export class SharedSource {
  readonly #source: Source
  readonly #options: SharedSourceOptions
  readonly #timeoutMs: number
  readonly #breaker: Breaker
  /** Undefined where nothing comes by itself. */
  readonly #listeners: Listeners | undefined
  #isClosed = false
  /** Settles when the last look has truly ended. */
  #measuring: Promise<void> = Promise.resolve()
  #users = 0
  #last: Look | undefined
  #pending: { readonly look: Promise<Look>; readonly abort: AbortController; waiting: number } | undefined
  #tookMs: number | undefined
  #looks = 0
  #lookedMs = 0

  constructor(source: Source, trigger: TriggerConfig, options: SharedSourceOptions) {
    this.#source = source
    this.#options = options
    this.#timeoutMs = timeoutOf(trigger) ?? options.timeoutMs
    this.#breaker = new Breaker(options, options.random)
    this.#listeners =
      source.listen === undefined ? undefined : new Listeners(source, (reading) => this.#take(reading))
  }

  /** @param gone is called when the last user has closed */
  use(gone: () => Promise<void>): GuardedSource {
    this.#users++
    const listeners = this.#listeners
    let failures = 0
    let isOpen = true
    const count = (look: Look): TriggerInput => {
      failures = look.error === undefined ? 0 : failures + 1
      const { reading, readAtMs, error } = look
      return { reading, readAtMs, error, failures }
    }
    return {
      poll: async (signal, options) => count(await this.#poll(signal, options)),
      facts: () => this.#facts(failures),
      ...(listeners === undefined
        ? {}
        : {
            listen: (listener: (input: TriggerInput) => void, signal: AbortSignal) =>
              listeners.listen((look) => listener(count(look)), signal),
          }),
      close: async () => {
        if (!isOpen) return
        isOpen = false
        this.#users--
        if (this.#users > 0) return
        await gone()
        await this.close()
      },
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#pending?.abort.abort()
    await this.#source.close()
  }

  async #poll(signal: AbortSignal, { maxAgeMs = 0 }: PollOptions = {}): Promise<Look> {
    signal.throwIfAborted()
    if (this.#isClosed) throw new NsctlError('Failed', 'the source is closed')
    const nowMs = this.#options.steadyMs()
    const last = this.#last
    if (last !== undefined && this.#users > 1 && nowMs - last.atMs < maxAgeMs) return last
    if (this.#pending === undefined && !this.#breaker.allows(nowMs) && last !== undefined) return last
    return this.#join(signal)
  }

  /** Waits for the look that is under way, or begins one. The look goes on while anybody waits for it. */
  async #join(signal: AbortSignal): Promise<Look> {
    if (this.#pending === undefined || this.#pending.abort.signal.aborted) {
      const abort = new AbortController()
      const previous = this.#pending?.look
      const look = this.#look(abort.signal, previous)
      const pending = { look, abort, waiting: 0 }
      this.#pending = pending
      const done = () => {
        if (this.#pending === pending) this.#pending = undefined
      }
      look.then(done, done)
    }
    const pending = this.#pending
    pending.waiting++
    let onAbort: (() => void) | undefined
    try {
      return await Promise.race([
        pending.look,
        new Promise<never>((_resolve, reject) => {
          onAbort = () => reject(signal.reason)
          signal.addEventListener('abort', onAbort, { once: true })
        }),
      ])
    } finally {
      if (onAbort !== undefined) signal.removeEventListener('abort', onAbort)
      pending.waiting--
      if (pending.waiting === 0 && signal.aborted) pending.abort.abort()
    }
  }

  async #look(left: AbortSignal, previous: Promise<Look> | undefined): Promise<Look> {
    // one that everybody gave up may not have ended yet, and two are never made at once
    await previous?.catch(() => undefined)
    const beganMs = this.#options.context.clock.monotonic()
    const limit = new AbortController()
    const onLeft = () => limit.abort(left.reason)
    left.addEventListener('abort', onLeft, { once: true })
    if (left.aborted) onLeft()
    const cancel = this.#options.context.clock.schedule(this.#timeoutMs, () => limit.abort())
    try {
      return this.#took(beganMs, checked(await this.#measure(limit.signal)))
    } catch (error) {
      if (left.aborted || this.#isClosed) throw error
      this.#breaker.failed(this.#options.steadyMs())
      const message = messageOf(error).slice(0, MAX_ERROR)
      const said = limit.signal.aborted ? `${message} (${this.#timeoutMs / 1000} s)` : message
      return this.#tookError(beganMs, said, isNsctlError(error) ? error.code : 'Failed')
    } finally {
      cancel()
      left.removeEventListener('abort', onLeft)
    }
  }

  /** A source that does not heed its signal holds up nobody, but is not asked again before it has ended. */
  async #measure(signal: AbortSignal): Promise<Reading> {
    const { clock } = this.#options.context
    let cancel = () => {}
    const overdue = new Promise<never>((_resolve, reject) => {
      const late = () => reject(new NsctlError('Unreachable', 'it did not answer in time'))
      const onAbort = () => {
        cancel = clock.schedule(GRACE_MS, late)
      }
      if (signal.aborted) onAbort()
      else signal.addEventListener('abort', onAbort, { once: true })
    })
    try {
      await Promise.race([this.#measuring, overdue])
      const measuring = this.#source.measure(signal)
      this.#measuring = measuring.then(nothing, nothing)
      return await Promise.race([measuring, overdue])
    } finally {
      cancel()
    }
  }

  #took(beganMs: number, reading: Reading): Look {
    this.#breaker.succeeded()
    this.#book(beganMs)
    return this.#take(reading)
  }

  #tookError(beganMs: number, error: string, code: ErrorCode): Look {
    this.#book(beganMs)
    const { reading, readAtMs } = this.#last ?? { reading: undefined, readAtMs: undefined }
    this.#last = { reading, readAtMs, error, code, atMs: this.#options.steadyMs() }
    return this.#last
  }

  /** A reading, looked for or pushed. */
  #take(reading: Reading): Look {
    const nowMs = this.#options.steadyMs()
    this.#last = { reading, readAtMs: nowMs, error: undefined, atMs: nowMs }
    return this.#last
  }

  #book(beganMs: number): void {
    this.#tookMs = this.#options.context.clock.monotonic() - beganMs
    this.#looks++
    this.#lookedMs += this.#tookMs
  }

  #facts(failures: number): SourceFacts {
    const nowMs = this.#options.steadyMs()
    const { openUntilMs } = this.#breaker
    const { reading, readAtMs, error, code } = this.#last ?? {}
    return {
      lastValue: reading === undefined ? undefined : sumOf(reading),
      ageMs: readAtMs === undefined ? undefined : nowMs - readAtMs,
      error,
      code,
      failures,
      tookMs: this.#tookMs,
      looks: this.#looks,
      lookedMs: this.#lookedMs,
      breaker: openUntilMs === undefined ? 'closed' : this.#pending === undefined ? 'open' : 'probing',
      nextLookMs: openUntilMs,
      users: this.#users,
    }
  }
}

/** The last thing between a source and the algorithm: a number that is none ends here. */
function checked(reading: Reading): Reading {
  const values = reading.kind === 'values' ? reading.metrics : reading.samples
  for (const { value } of values)
    if (!Number.isFinite(value))
      throw new NsctlError('Invalid', `the answer is ${value}, which is no number to scale by`, { value })
  return reading
}

function sumOf(reading: Reading): number {
  const values = reading.kind === 'values' ? reading.metrics : reading.samples
  return values.reduce((sum, { value }) => sum + value, 0)
}

function nothing(): void {}

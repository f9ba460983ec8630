/**
 * What stands between the loop and a source: a limit of time, a breaker, one source and one look for all triggers that are the same, and the
 * books (last value, age, error, cost). A guarded source never rejects a poll: what went wrong is part of what it says.
 */
import { createHash } from 'node:crypto'
import { messageOf, NsctlError } from '../core/errors.ts'
import type { TriggerInput } from './decide.ts'
import { type GuardSettings, SharedSource } from './guard/shared.ts'
import type { SourceContext, SourceType, TriggerConfig } from './source.ts'

export type { GuardSettings } from './guard/shared.ts'
export { timeoutOf } from './guard/shared.ts'

export interface GuardedSource {
  /**
   * Looks, or takes what another trigger's look came to. Rejects only with the signal's reason. What failed before is told at once while the
   * breaker is open, and counts as one more failure.
   */
  poll(signal: AbortSignal, options?: PollOptions): Promise<TriggerInput>
  /** As of the last poll; costs nothing. */
  facts(): SourceFacts
  /**
   * Present where events come by themselves. Calls `listener` with each until `signal` aborts, and resolves then; rejects with what can
   * never work.
   */
  readonly listen?: (listener: (input: TriggerInput) => void, signal: AbortSignal) => Promise<void>
  /** Of this trigger; the source itself is closed with the last one that uses it. */
  close(): Promise<void>
}

export interface PollOptions {
  /** How old a look may be that others made. Half the polling interval is a good one; 0 where left out. Without others, it always looks. */
  readonly maxAgeMs?: number
}

export interface SourceFacts {
  /** The sum of its values, or of its instances'; undefined before the first reading. */
  readonly lastValue: number | undefined
  /** Of that. */
  readonly ageMs: number | undefined
  /** Of the last look, where it failed. */
  readonly error: string | undefined
  /** In a row, of this trigger's polls. */
  readonly failures: number
  /** Of the last look. */
  readonly tookMs: number | undefined
  /** How often it was looked, and how long that took together, by all who share it. */
  readonly looks: number
  readonly lookedMs: number
  readonly breaker: 'closed' | 'open' | 'probing'
  /** Where the breaker is open: when it will look again, on the steady timeline. */
  readonly nextLookMs: number | undefined
  /** How many triggers share it. */
  readonly users: number
}

export interface SourceGuardsOptions extends Partial<GuardSettings> {
  readonly context: SourceContext
  /** Undefined for a type without a source. Called once for each type that is opened. */
  readonly load: (type: string) => Promise<SourceType> | undefined
  /** The steady timeline of decisions. */
  readonly steadyMs: () => number
  /** Between 0 and 1. */
  readonly random: () => number
}

const DEFAULTS: GuardSettings = {
  timeoutMs: 3_000,
  tripAfter: 5,
  firstPauseMs: 5_000,
  longestPauseMs: 60_000,
}

export class SourceGuards {
  readonly #options: SourceGuardsOptions & GuardSettings
  readonly #types = new Map<string, Promise<SourceType>>()
  readonly #shared = new Map<string, SharedSource>()
  readonly #all = new Set<SharedSource>()

  constructor(options: SourceGuardsOptions) {
    this.#options = { ...DEFAULTS, ...options }
  }

  /** Rejects with Unsupported where there is no source of that type, and with Invalid for what is wrong with a parameter. Connects to nothing. */
  async open(trigger: TriggerConfig): Promise<GuardedSource> {
    const type = await this.#typeOf(trigger.type)
    const key = type.shareable ? keyOf(trigger) : undefined
    let shared = key === undefined ? undefined : this.#shared.get(key)
    if (shared === undefined) {
      shared = new SharedSource(type.open(trigger, this.#options.context), trigger, this.#options)
      this.#all.add(shared)
      if (key !== undefined) this.#shared.set(key, shared)
    }
    const opened = shared
    return opened.use(async () => {
      if (key !== undefined && this.#shared.get(key) === opened) this.#shared.delete(key)
      this.#all.delete(opened)
    })
  }

  /** Ends all of them. */
  async close(): Promise<void> {
    const all = [...this.#all]
    this.#all.clear()
    this.#shared.clear()
    await Promise.all(all.map((shared) => shared.close()))
  }

  async #typeOf(name: string): Promise<SourceType> {
    let loading = this.#types.get(name)
    if (loading === undefined) {
      loading = this.#options.load(name)
      if (loading === undefined)
        throw new NsctlError('Unsupported', `there is no source for triggers of type ${name}`, {
          value: name,
        })
      this.#types.set(name, loading)
    }
    try {
      return await loading
    } catch (error) {
      this.#types.delete(name)
      throw new NsctlError('Failed', `the source of type ${name} cannot be loaded: ${messageOf(error)}`, {
        cause: error,
      })
    }
  }
}

/** A digest, since secret parameters are part of it. */
function keyOf({ type, metadata, authentication, metricType }: TriggerConfig): string {
  const sorted = (map: Readonly<Record<string, string>>) =>
    Object.entries(map).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  const text = JSON.stringify([type, metricType, sorted(metadata), sorted(authentication)])
  return createHash('sha256').update(text).digest('base64')
}

/**
 * What stands between the loop and a source: a limit of time, a breaker, one source and one look for all triggers that are the same, and the
 * books (last value, age, error, cost). A guarded source never rejects a poll: what went wrong is part of what it says.
 */
import { createHash } from 'node:crypto'
import { messageOf, NsctlError } from '../core/errors.ts'
import type { GuardedSource } from './guard/guarded.ts'
import { type GuardSettings, SharedSource } from './guard/shared-source.ts'
import { DEFAULT_TIMEOUT_MS } from './guard/timeout.ts'
import type { SourceContext, SourceType, TriggerConfig } from './source.ts'

export type { GuardedSource, PollOptions, SourceFacts } from './guard/guarded.ts'
export type { GuardSettings } from './guard/shared-source.ts'

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
  timeoutMs: DEFAULT_TIMEOUT_MS,
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

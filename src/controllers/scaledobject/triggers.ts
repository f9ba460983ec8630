/** The triggers of one ScaledObject, as they stand now. */
import { deepEqual } from '../../core/json.ts'
import type { ScaledObject } from '../../resources/generated/types.ts'
import type { DecisionInput } from '../../scaling/decide.ts'
import { type OpenTrigger, Trigger } from '../../scaling/trigger.ts'
import type { LookedTrigger } from './records.ts'
import type { TriggerFacts } from './status.ts'

export interface TriggersOptions {
  readonly open: OpenTrigger
  /** An event came by itself, at any of them. */
  readonly onEvent: () => void
}

export class Triggers {
  readonly #options: TriggersOptions
  #all: readonly Trigger[] = []

  constructor(options: TriggersOptions) {
    this.#options = options
  }

  /** Those that have not changed go on; the others are ended, and begin anew. `keys` are in the order of the spec. */
  async update({ spec }: ScaledObject, keys: readonly string[]): Promise<void> {
    const before = new Map(this.#all.map((trigger) => [trigger.key, trigger]))
    this.#all = spec.triggers.map((one, index) => {
      const key = keys[index] ?? `${one.type}-${index}`
      const known = before.get(key)
      if (known === undefined || !deepEqual(known.spec, one))
        return new Trigger(index, key, one, this.#options)
      before.delete(key)
      return known
    })
    await Promise.all([...before.values()].map((trigger) => trigger.close()))
  }

  /** Looks at all of them side by side. */
  async look(object: ScaledObject, maxAgeMs: number): Promise<void> {
    await Promise.all(this.#all.map((trigger) => trigger.look(object, maxAgeMs)))
  }

  /** What they log in with has changed. */
  async reopen(): Promise<void> {
    await Promise.all(this.#all.map((trigger) => trigger.reopen()))
  }

  async close(): Promise<void> {
    const all = this.#all
    this.#all = []
    await Promise.all(all.map((trigger) => trigger.close()))
  }

  /** What was read; of those that were looked at. */
  inputs(): DecisionInput['triggers'] {
    const read = this.#all.filter(({ wasLookedAt }) => wasLookedAt)
    return new Map(read.map(({ key, input }) => [key, input]))
  }

  facts(): readonly TriggerFacts[] {
    return this.#all.map(({ key, input: { error, failures }, fault }) => ({ key, error, failures, fault }))
  }

  looked(): readonly LookedTrigger[] {
    return this.#all.map(({ key, spec: { type }, input: { error }, code, tookMs }) => ({
      ...{ key, type, error, code, tookMs },
    }))
  }
}

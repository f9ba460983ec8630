/** What a namespace's LimitRanges and ResourceQuotas make of a template before any instance of it is made. */
import type { ObjectCache } from '../engine/cache.ts'
import type { Instance, LimitRange, ResourceQuota, ServiceTemplate } from '../resources/generated/types.ts'
import { filledLike, filledTemplate } from '../resources/limitrange/fill.ts'
import { rangeViolation } from '../resources/limitrange/violations.ts'
import {
  demandOf,
  formatAmount,
  instanceMeasure,
  parseAmount,
  unstated,
} from '../resources/resourcequota/measures.ts'
import { QUOTA_EXCEEDED } from './quotas.ts'

/** The word for what no LimitRange lets be made. */
export const OUTSIDE_LIMITS = 'OutsideLimitRange'

/** Why no instance of a template can be made, however much room there is. */
export interface Unbounded {
  readonly reason: typeof QUOTA_EXCEEDED | typeof OUTSIDE_LIMITS
  readonly text: string
}

export class Bounds {
  readonly #cache: Pick<ObjectCache, 'list'>

  /** @param cache of a manager that watches LimitRanges and ResourceQuotas */
  constructor(cache: Pick<ObjectCache, 'list'>) {
    this.#cache = cache
  }

  /**
   * The template with what LimitRanges give where it says nothing. Its hash stays: a change of a LimitRange replaces nothing, and what is
   * made of a hash that there are instances of gets what they have.
   */
  fill(
    namespace: string,
    { hash, template }: { readonly hash: string; readonly template: ServiceTemplate },
    instances: readonly Instance[],
  ): ServiceTemplate {
    const like = instances.find(({ spec }) => spec.templateHash === hash)
    if (like !== undefined) return filledLike(template, like.spec.template)
    return filledTemplate(template, this.#rangesOf(namespace))
  }

  /** @param template as `fill` gives it */
  refusal(namespace: string, template: ServiceTemplate): Unbounded | undefined {
    const outside = rangeViolation(template, this.#rangesOf(namespace))
    if (outside !== undefined) return { reason: OUTSIDE_LIMITS, text: outside }
    const quotas = this.#cache.list<ResourceQuota>('ResourceQuota', { namespace })
    for (const quota of quotas.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
      const text = hopeless(quota, template)
      if (text !== undefined)
        return { reason: QUOTA_EXCEEDED, text: `resourcequota/${quota.metadata.name}: ${text}` }
    }
    return undefined
  }

  #rangesOf(namespace: string): readonly LimitRange[] {
    return this.#cache.list<LimitRange>('LimitRange', { namespace })
  }
}

/** Why a quota has no room for even one of them, used or not. */
function hopeless({ spec }: ResourceQuota, template: ServiceTemplate): string | undefined {
  const use = demandOf(template)
  for (const [name, hard] of Object.entries(spec.hard)) {
    const measure = instanceMeasure(name)
    if (measure === undefined) continue
    const silent = unstated(template, measure)
    if (silent !== undefined) {
      const who = silent.program === '' ? '' : `program ${silent.program}: `
      return `${who}${silent.field} is not stated, and ${name} is limited: state it, or have a LimitRange give it`
    }
    if (use[measure] > parseAmount(name, hard))
      return `one instance asks for ${name} ${formatAmount(name, use[measure])}, and all together may have ${hard}`
  }
  return undefined
}

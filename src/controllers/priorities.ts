/** What PriorityClasses make of the name that a placement says, or does not say. */
import type { ObjectCache } from '../engine/cache.ts'
import type { PriorityClass, ServicePlacement } from '../resources/generated/types.ts'

/** The word for what names a class that is not there. */
export const NO_PRIORITY = 'NoPriorityClass'

export function missingClassText(placement: ServicePlacement | undefined): string {
  return `priorityclass/${placement?.priorityClassName} is not there`
}

export interface Priority {
  readonly value: number
  /** What is less important may be ended for it. */
  readonly preempts: boolean
}

/** Of what names no class, where none is the global default. */
export const NO_CLASS: Priority = { value: 0, preempts: true }

export class Priorities {
  readonly #cache: Pick<ObjectCache, 'get' | 'list'>

  /** @param cache of a manager that watches PriorityClasses */
  constructor(cache: Pick<ObjectCache, 'get' | 'list'>) {
    this.#cache = cache
  }

  /** Undefined where it names a class that is not there. */
  of(placement: ServicePlacement | undefined): Priority | undefined {
    const name = placement?.priorityClassName
    const one =
      name === undefined
        ? this.#globalDefault()
        : this.#cache.get<PriorityClass>({ kind: 'PriorityClass', name })
    if (one === undefined) return name === undefined ? NO_CLASS : undefined
    return { value: one.spec.value, preempts: one.spec.preemptionPolicy !== 'Never' }
  }

  /** Of several the one with the lowest value, as in Kubernetes. */
  #globalDefault(): PriorityClass | undefined {
    const all = this.#cache.list<PriorityClass>('PriorityClass').filter(({ spec }) => spec.globalDefault)
    return all.toSorted((a, b) => a.spec.value - b.spec.value)[0]
  }
}

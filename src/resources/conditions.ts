/** Conditions as Kubernetes keeps them: one of each type, with the time of its last change of status. */
import type { Condition, ConditionStatus } from './object.ts'

/** What a controller says of an object; when that began is worked out. */
export interface ConditionInput {
  readonly type: string
  readonly status: ConditionStatus
  /** CamelCase, for machines. */
  readonly reason: string
  /** A sentence for people. */
  readonly message?: string
}

/**
 * `existing` with `wanted` said: lastTransitionTime moves only where the status does. Types that are not in `wanted` stay,
 * after those that are.
 *
 * @param now RFC 3339
 */
export function setConditions(
  existing: readonly Condition[] | undefined,
  wanted: readonly ConditionInput[],
  now: string,
  observedGeneration?: number,
): readonly Condition[] {
  const before = new Map((existing ?? []).map((condition) => [condition.type, condition]))
  const said = wanted.map(({ type, status, reason, message }): Condition => {
    const old = before.get(type)
    before.delete(type)
    return {
      type,
      status,
      reason,
      ...(message === undefined ? {} : { message }),
      lastTransitionTime: old?.status === status ? old.lastTransitionTime : now,
      ...(observedGeneration === undefined ? {} : { observedGeneration }),
    }
  })
  return [...said, ...before.values()]
}

/** The condition of that type, if it has been said. */
export function findCondition(
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type)
}

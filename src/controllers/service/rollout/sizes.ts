/** How many instances of which template a step of a Canary wants. Pure. */
import type { ServiceStep } from '../../../resources/generated/types.ts'
import { resolveCount } from '../../../resources/service/counts.ts'

export interface Sizes {
  /** Of the wanted template, */
  readonly fresh: number
  /** and of the last good one. */
  readonly rest: number
  /** Percent of the requests for the wanted template. */
  readonly weight: number
}

/**
 * After the steps up to this one. Below 100 percent at least one is old where there is room for it, and above none at least one new, as in
 * Argo Rollouts: where nobody balances by weight, the numbers are the weight.
 */
export function sizesAt(
  steps: readonly ServiceStep[],
  step: number,
  { replicas, maxSurge }: { readonly replicas: number; readonly maxSurge: number },
): Sizes {
  let weight = 0
  let scale: number | string | undefined
  for (const { setWeight, setCanaryScale } of steps.slice(0, step + 1)) {
    if (setWeight !== undefined) [weight, scale] = [setWeight, undefined]
    if (setCanaryScale !== undefined) scale = setCanaryScale.replicas
  }
  if (replicas === 0) return { fresh: 0, rest: 0, weight }
  const asked = scale === undefined ? (replicas * weight) / 100 : resolveCount(scale, replicas, 'up')
  const fresh = Math.min(Math.ceil(asked), replicas)
  if (fresh < replicas || weight === 100) return { fresh, rest: replicas - fresh, weight }
  if (replicas > 1) return { fresh: replicas - 1, rest: 1, weight }
  return { fresh, rest: maxSurge > 0 ? 1 : 0, weight }
}

/** Which part of the requests goes where while two templates run side by side. Pure. */
import type { ServiceTraffic } from '../../../resources/generated/types.ts'
import type { TemplateCounts } from './progress.ts'

export interface Weights {
  /** Percent for the wanted template that was last reached, */
  readonly reached: number
  /** and the one that is being gone to. */
  readonly wanted: number
}

/**
 * Percent for the wanted template. On the way up it goes with the part of the instances that are available, so that neither those
 * that are still few nor those that are few by now get more than their part. None of what nobody is there to answer.
 */
export function freshWeight(
  { freshAvailable, restAvailable }: TemplateCounts,
  { reached, wanted }: Weights,
): number {
  if (freshAvailable === 0) return 0
  if (restAvailable === 0) return 100
  const part = Math.floor((100 * freshAvailable) / (freshAvailable + restAvailable))
  return Math.min(wanted, Math.max(reached, part))
}

/** A template that gets nothing is not named. */
export function trafficOf(hash: string, baseHash: string, weight: number): readonly ServiceTraffic[] {
  return [
    { hash: baseHash, weight: 100 - weight },
    { hash, weight },
  ].filter((one) => one.weight > 0)
}

/** HPA's stabilization: the calmest wish of a window counts. With `behavior` per direction; without, the largest of the last five minutes. */
import type { ScalingState } from '../decision.ts'
import type { ScalingPolicy } from '../policy.ts'
import { formatSpan } from './format.ts'
import type { Trail } from './trail.ts'

/** HPA's --horizontal-pod-autoscaler-downscale-stabilization. */
export const LEGACY_WINDOW_MS = 300_000

type Recommendation = ScalingState['recommendations'][number]

export interface Windows {
  readonly upMs: number
  readonly downMs: number
}

export function windowsOf({ behavior }: ScalingPolicy): Windows {
  if (behavior === undefined) return { upMs: 0, downMs: LEGACY_WINDOW_MS }
  return { upMs: behavior.up.stabilizationMs, downMs: behavior.down.stabilizationMs }
}

/** `least`: what no window holds it under. */
export function stabilize(
  policy: ScalingPolicy,
  { recommendations }: ScalingState,
  { nowMs, current, least }: { readonly nowMs: number; readonly current: number; readonly least: number },
  trail: Trail,
): void {
  const wanted = trail.replicas
  const { upMs, downMs } = windowsOf(policy)
  let up = wanted
  let down = wanted
  for (const { atMs, replicas } of recommendations) {
    if (atMs > nowMs - upMs && replicas < up) up = replicas
    if (atMs > nowMs - downMs && replicas > down) down = replicas
  }
  let stable = current
  if (policy.behavior === undefined) stable = down
  else {
    if (stable < up) stable = up
    if (stable > down) stable = down
  }
  stable = Math.max(stable, Math.min(least, wanted))
  if (stable === wanted) trail.pass('stabilization', 'None', 'nothing to steady')
  else if (stable > wanted)
    trail.limit(
      'stabilization',
      stable,
      'ScaleDownStabilized',
      `highest wish of the last ${formatSpan(downMs)} was ${down}`,
    )
  else
    trail.limit(
      'stabilization',
      stable,
      'ScaleUpStabilized',
      `lowest wish of the last ${formatSpan(upMs)} was ${up}`,
    )
}

/**
 * `recommendations` with one more, without those that no window can ask for again: too old, or with a later one that is as high and a later one
 * that is as low. What is left is short, however often it is decided.
 */
export function remember(
  recommendations: readonly Recommendation[],
  newest: Recommendation,
  longestMs: number,
): readonly Recommendation[] {
  const kept = [newest]
  let high = newest.replicas
  let low = newest.replicas
  for (let index = recommendations.length - 1; index >= 0; index--) {
    const entry = recommendations[index]!
    if (entry.atMs <= newest.atMs - longestMs) break
    if (entry.replicas <= high && entry.replicas >= low) continue
    if (entry.replicas > high) high = entry.replicas
    else low = entry.replicas
    kept.push(entry)
  }
  return kept.reverse()
}

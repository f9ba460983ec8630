/** When a ScaledObject is to be looked at next. Pure. */
import type { ScaledObject } from '../../resources/generated/types.ts'
import type { Decision, ScalingTime } from '../../scaling/decide.ts'
import type { ScalingPolicy } from '../../scaling/policy.ts'

export interface Pace {
  readonly scaler: {
    readonly object: Pick<ScaledObject, 'spec'>
    readonly decision: LastDecision | undefined
  }
  /** Looks so far. */
  readonly polls: number
  /** How late the last look began, milliseconds. */
  readonly lateMs: number
  /** Uniform in [0, 1). */
  readonly random: () => number
  readonly time: ScalingTime
}

/** What is kept of a decision until the next: of ten thousand scalers each keeps one. */
export interface LastDecision {
  readonly to: number
  readonly active: boolean
  readonly isLimited: boolean
  readonly upNotBeforeMs: number | undefined
  readonly downNotBeforeMs: number | undefined
}

export function lastOf({ to, active, limited, outlook: { up, down } }: Decision): LastDecision {
  return {
    ...{ to, active, isLimited: limited !== undefined },
    upNotBeforeMs: up.notBeforeMs,
    downNotBeforeMs: down.notBeforeMs,
  }
}

/** Of the interval, either way: what was begun together does not stay together. */
const JITTER = 0.05
/** Nothing is looked at more often than so, but for events and for who asks. */
const LEAST_MS = 1_000

/**
 * Milliseconds to the next look. After the first one the phase is random; a late look does not put off the ones after it. What is held back
 * until a time that comes before is looked at then.
 */
export function pollInMs({ scaler, polls, lateMs, random, time }: Pace): number {
  const intervalMs = scaler.object.spec.pollingInterval * 1000
  const part = polls === 1 ? random() : 1 + (random() * 2 - 1) * JITTER
  const ownMs = Math.max(LEAST_MS / 2, intervalMs * part - Math.min(lateMs, intervalMs / 2))
  const heldMs = heldForMs(scaler.decision, time)
  return heldMs === undefined ? ownMs : Math.min(ownMs, Math.max(heldMs, LEAST_MS))
}

/** Milliseconds until what the last decision wanted and was not let may be done. */
function heldForMs(decision: LastDecision | undefined, { steadyMs }: ScalingTime): number | undefined {
  if (decision === undefined || (!decision.isLimited && decision.active)) return undefined
  const { upNotBeforeMs = 0, downNotBeforeMs = 0 } = decision
  const times = [upNotBeforeMs, downNotBeforeMs].filter((one) => one > steadyMs)
  return times.length === 0 ? undefined : Math.min(...times) - steadyMs
}

/** Milliseconds until a schedule begins or ends: what it says is a floor at once, and not with the next look. Infinite without one. */
export function decideInMs(policy: ScalingPolicy | undefined, { wallMs }: ScalingTime): number {
  let earliestMs = Number.POSITIVE_INFINITY
  for (const { condition } of policy?.rules ?? []) {
    if (condition.kind !== 'schedule') continue
    const { schedule, lastsMs } = condition
    const began = schedule.previous(wallMs)
    const next = schedule.next(wallMs)
    if (next !== undefined) earliestMs = Math.min(earliestMs, next - wallMs)
    if (began !== undefined && began + lastsMs > wallMs)
      earliestMs = Math.min(earliestMs, began + lastsMs - wallMs)
  }
  return earliestMs
}

/** Between 0 (or idleReplicaCount) and the rest: KEDA's part. */
import type { DecisionInput, ScalingState } from '../decision.ts'
import type { ScalingPolicy } from '../policy.ts'
import type { TriggerAssessment } from './assess.ts'
import { formatSpan } from './format.ts'
import type { Trail } from './trail.ts'
import type { Wish } from './wish.ts'

export interface Activation {
  /** It goes to, or stays at, what runs while nothing is active: windows and rates have no say. */
  readonly isIdle: boolean
  /** Instances at least, as far as being active goes. Never above the number that there is while nothing is active. */
  readonly least: number
  readonly lastActiveMs: number | undefined
  /** When it may go to 0 or idle, should nothing become active; undefined while something is, or where it never does. */
  readonly idleAtMs: number | undefined
}

/** How many run while nothing is active; undefined where that makes no difference. */
export function idleReplicas({ idleReplicas: idle, minReplicas }: ScalingPolicy): number | undefined {
  return idle ?? (minReplicas === 0 ? 0 : undefined)
}

/** Instances at least while something is active. */
export function activeReplicas({ minReplicas, maxReplicas }: ScalingPolicy): number {
  return Math.min(maxReplicas, Math.max(1, minReplicas))
}

export function activate(
  policy: ScalingPolicy,
  input: DecisionInput,
  state: ScalingState,
  wish: Wish,
  trail: Trail,
): Activation {
  const now = input.time.steadyMs
  const current = input.replicas
  const wanted = wish.replicas ?? current
  const floor = activeReplicas(policy)
  if (wish.active) {
    const isWaking = current < floor && wanted <= floor
    const why = wish.requests ?? 'active'
    if (wanted >= floor) trail.pass('activation', isWaking ? 'Activated' : 'Active', why)
    else
      trail.take(
        'activation',
        floor,
        current < floor ? 'Activated' : 'Active',
        `${why}, so ${floor} at least`,
      )
    return { isIdle: false, least: floor, lastActiveMs: now, idleAtMs: undefined }
  }
  const idle = idleReplicas(policy)
  const { lastActiveMs } = state
  if (idle === undefined) {
    trail.pass('activation', 'Inactive', 'not active, which makes no difference here')
    return { isIdle: false, least: Math.min(current, floor), lastActiveMs, idleAtMs: undefined }
  }
  if (current <= idle) {
    trail.take('activation', idle, 'Idle', `nothing is active: stays at ${idle}`)
    return { isIdle: true, least: idle, lastActiveMs, idleAtMs: undefined }
  }
  const least = Math.min(current, floor)
  const unknown = unknownOf(wish)
  if (unknown !== undefined) {
    const text = `not to ${idle}: ${unknown}`
    trail.limit('activation', Math.max(wanted, least), 'Unknown', text)
    return { isIdle: false, least, lastActiveMs, idleAtMs: undefined }
  }
  const idleAtMs = Math.max(
    input.createdMs + policy.initialCooldownMs,
    lastActiveMs === undefined ? Number.NEGATIVE_INFINITY : lastActiveMs + policy.cooldownMs,
  )
  if (now < idleAtMs) {
    const at = policy.timeOfDay(input.time.wallMs + idleAtMs - now)
    const text = `nothing is active: to ${idle} at ${at}, after cooldownPeriod (${formatSpan(policy.cooldownMs)})`
    trail.limit('activation', Math.max(wanted, least), 'CooldownPeriod', text)
    return { isIdle: false, least, lastActiveMs, idleAtMs }
  }
  trail.take('activation', idle, 'Idle', `nothing is active${since(policy, input, lastActiveMs)}`)
  return { isIdle: true, least: idle, lastActiveMs, idleAtMs }
}

/** Why it is not known whether there is work. */
function unknownOf({ triggers, formula }: Wish): string | undefined {
  if (formula?.error !== undefined) return formula.error
  const unread = triggers.find(isUnread)
  return unread === undefined ? undefined : `${unread.trigger.label} cannot be read`
}

/** Nothing is known of its work. One by instance that was read, and cannot be reckoned with, says nothing of work in any case. */
function isUnread({ trigger, error, input }: TriggerAssessment): boolean {
  if (error === undefined) return false
  return !trigger.perInstance || input?.reading === undefined || input.error !== undefined
}

function since(policy: ScalingPolicy, { time }: DecisionInput, lastActiveMs: number | undefined): string {
  if (lastActiveMs === undefined) return ''
  return ` since ${policy.timeOfDay(time.wallMs + lastActiveMs - time.steadyMs)}`
}

/** Bounds, which come last and which no protection holds up. A floor counts before a ceiling; maxReplicaCount counts before all. */
import type { ScalingPolicy } from '../policy.ts'
import { type Activation, idleReplicas } from './activation.ts'
import type { RuleResult } from './rules.ts'
import type { Trail } from './trail.ts'

export interface Bounds {
  readonly floor: number
  readonly ceiling: number
  /** `minReplicaCount`, or which rule. */
  readonly floorBy: string
  readonly ceilingBy: string
  /** All that is in force: `2–20, floor 5 (weekdays, until 18:00:00)`. */
  readonly text: string
}

export function boundsOf(
  policy: ScalingPolicy,
  {
    active,
    current,
    isIdle,
  }: { readonly active: boolean; readonly current: number } & Pick<Activation, 'isIdle'>,
  rules: Pick<RuleResult, 'floor' | 'ceiling'>,
): Bounds {
  const idle = idleReplicas(policy)
  const { minReplicas, maxReplicas } = policy
  let floor = minReplicas
  let floorBy = 'minReplicaCount'
  if (!active && idle !== undefined) {
    floor = isIdle ? idle : Math.max(idle, Math.min(current, minReplicas))
    floorBy = policy.idleReplicas === undefined ? floorBy : 'idleReplicaCount'
  }
  if (rules.floor !== undefined && rules.floor.replicas > floor) {
    floor = rules.floor.replicas
    floorBy = rules.floor.by
  }
  floor = Math.min(floor, maxReplicas)
  let ceiling = maxReplicas
  let ceilingBy = 'maxReplicaCount'
  if (rules.ceiling !== undefined && rules.ceiling.replicas < ceiling) {
    ceiling = Math.max(floor, rules.ceiling.replicas)
    ceilingBy = rules.ceiling.by
  }
  const text = `${minReplicas}–${maxReplicas}${floorText(floor, floorBy)}${ceilingText(ceiling, ceilingBy)}`
  return { floor, ceiling, floorBy, ceilingBy, text }
}

function floorText(floor: number, by: string): string {
  if (by === 'minReplicaCount') return ''
  return by === 'idleReplicaCount' ? `, idle ${floor}` : `, floor ${floor} (${by})`
}

function ceilingText(ceiling: number, by: string): string {
  return by === 'maxReplicaCount' ? '' : `, ceiling ${ceiling} (${by})`
}

export function applyBounds({ floor, ceiling, floorBy, ceilingBy, text }: Bounds, trail: Trail): void {
  const wanted = trail.replicas
  if (wanted < floor) trail.limit('bounds', floor, 'TooFewReplicas', `floor ${floor} (${floorBy})`)
  else if (wanted > ceiling)
    trail.limit('bounds', ceiling, 'TooManyReplicas', `ceiling ${ceiling} (${ceilingBy})`)
  else trail.pass('bounds', 'Within', text)
}

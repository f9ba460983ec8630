/** HPA's policies: how many more or fewer in how long. */
import type { ScalingState } from '../decision.ts'
import type { BehaviorDirection, ScalingPolicy } from '../policy.ts'
import { formatSpan } from './format.ts'
import type { Trail } from './trail.ts'

type Changes = ScalingState['changes']

/** HPA without `behavior` looks every 15 s, and grows to twice as many at most, or to 4. */
const LEGACY_PERIOD_MS = 15_000
const LEGACY_LEAST = 4

export interface RateInput {
  readonly nowMs: number
  readonly current: number
  readonly changes: Changes
}

export function limitRate(
  policy: ScalingPolicy,
  input: RateInput & { readonly least: number },
  trail: Trail,
): void {
  const { current, least } = input
  const wanted = trail.replicas
  if (wanted === current) trail.pass('policies', 'None', 'no change to limit')
  else if (wanted > current) {
    const limit = Math.max(upLimit(policy, input), Math.min(least, wanted))
    if (wanted <= limit) trail.pass('policies', 'None', `up to ${limit} now`)
    else trail.limit('policies', limit, 'ScaleUpLimit', `at most ${limit} now: ${describe(policy, 'up')}`)
  } else {
    const limit = downLimit(policy, input)
    if (wanted >= limit) trail.pass('policies', 'None', `down to ${limit} now`)
    else
      trail.limit('policies', limit, 'ScaleDownLimit', `at least ${limit} now: ${describe(policy, 'down')}`)
  }
}

/** The most that there may be now; never below what there is. */
export function upLimit({ behavior }: ScalingPolicy, input: RateInput): number {
  const { current } = input
  if (behavior === undefined) return Math.max(current, 2 * startOf(input, LEGACY_PERIOD_MS), LEGACY_LEAST)
  const { select, policies } = behavior.up
  if (select === 'Disabled') return current
  let limit: number | undefined
  for (const { type, value, periodMs } of policies) {
    const start = startOf(input, periodMs)
    const proposed = type === 'Pods' ? start + value : Math.ceil(start * (1 + value / 100))
    limit = limit === undefined || (select === 'Max' ? proposed > limit : proposed < limit) ? proposed : limit
  }
  return Math.max(current, limit ?? current)
}

/** The fewest that there may be now; never above what there is. */
export function downLimit({ behavior }: ScalingPolicy, input: RateInput): number {
  const { current } = input
  if (behavior === undefined) return 0
  const { select, policies } = behavior.down
  if (select === 'Disabled') return current
  let limit: number | undefined
  for (const { type, value, periodMs } of policies) {
    const start = startOf(input, periodMs)
    const proposed = type === 'Pods' ? start - value : Math.trunc(start * (1 - value / 100))
    limit = limit === undefined || (select === 'Max' ? proposed < limit : proposed > limit) ? proposed : limit
  }
  return Math.max(0, Math.min(current, limit ?? current))
}

/** What there was before the changes of the period. */
function startOf({ nowMs, current, changes }: RateInput, periodMs: number): number {
  let start = current
  for (let index = changes.length - 1; index >= 0; index--) {
    const { atMs, by } = changes[index]!
    if (atMs <= nowMs - periodMs) break
    start -= by
  }
  return start
}

/** When the last policy lets more through in a direction, if all of what it holds is of changes that pass: the first that leaves a period. */
export function freeAtMs(
  policy: ScalingPolicy,
  direction: 'up' | 'down',
  input: RateInput,
): number | undefined {
  const periods = periodsOf(policy, direction)
  let free: number | undefined
  for (const { atMs, by } of input.changes) {
    if (direction === 'up' ? by <= 0 : by >= 0) continue
    for (const periodMs of periods) {
      const leaves = atMs + periodMs
      if (leaves > input.nowMs && (free === undefined || leaves < free)) free = leaves
    }
  }
  return free
}

function periodsOf({ behavior }: ScalingPolicy, direction: 'up' | 'down'): readonly number[] {
  if (behavior === undefined) return direction === 'up' ? [LEGACY_PERIOD_MS] : []
  return behavior[direction].policies.map(({ periodMs }) => periodMs)
}

export function longestPeriodMs(policy: ScalingPolicy): number {
  return Math.max(0, ...periodsOf(policy, 'up'), ...periodsOf(policy, 'down'))
}

/** `100 % or 4 in 15s`, `1 in 1m`, `scaleUp is Disabled`. */
export function describe({ behavior }: ScalingPolicy, direction: 'up' | 'down'): string {
  if (behavior === undefined) return 'twice as many in 15s, or 4'
  const { select, policies }: BehaviorDirection = behavior[direction]
  if (select === 'Disabled') return direction === 'up' ? 'scaleUp is Disabled' : 'scaleDown is Disabled'
  const all = policies.map(
    ({ type, value, periodMs }) => `${value}${type === 'Percent' ? ' %' : ''} in ${formatSpan(periodMs)}`,
  )
  return all.join(select === 'Max' ? ' or ' : ' and ')
}

/** Protection: no change too soon after another, none while the direction flips too often, none beyond an hour's budget. The way from 0 is free. */
import type { DecisionInput, ScalingState } from '../decision.ts'
import type { Protection, ScalingPolicy } from '../policy.ts'
import { formatSpan } from './format.ts'
import type { Trail } from './trail.ts'

type Changes = ScalingState['changes']

const HOUR_MS = 3_600_000

export interface Hold {
  readonly reason: 'CooldownUp' | 'CooldownDown' | 'Flapping' | 'ActionBudget'
  readonly untilMs: number
  readonly text: string
}

/** What holds a change in `direction` now, the one that ends last. */
export function holdOf(
  { protection, timeOfDay }: ScalingPolicy,
  { changes, heldUntilMs }: ScalingState,
  direction: 'up' | 'down',
  { steadyMs, wallMs }: DecisionInput['time'],
): Hold | undefined {
  let hold: Hold | undefined
  const consider = (reason: Hold['reason'], untilMs: number, why: string) => {
    if (untilMs <= steadyMs || (hold !== undefined && hold.untilMs >= untilMs)) return
    hold = { reason, untilMs, text: `held until ${timeOfDay(wallMs + untilMs - steadyMs)}: ${why}` }
  }
  const last = changes.at(-1)
  const cooldownMs = direction === 'up' ? protection.cooldownUpMs : protection.cooldownDownMs
  if (last !== undefined && cooldownMs > 0 && last.atMs + cooldownMs > steadyMs)
    consider(
      direction === 'up' ? 'CooldownUp' : 'CooldownDown',
      last.atMs + cooldownMs,
      `cooldown ${direction} is ${formatSpan(cooldownMs)} after any change`,
    )
  const { flapping, maxActionsPerHour } = protection
  if (heldUntilMs !== undefined && flapping !== undefined && heldUntilMs > steadyMs)
    consider(
      'Flapping',
      heldUntilMs,
      `the direction changed ${flapping.changes} times within ${formatSpan(flapping.withinMs)}`,
    )
  if (maxActionsPerHour !== undefined && changes.length >= maxActionsPerHour) {
    // the change whose leaving makes room
    const oldest = changes[changes.length - maxActionsPerHour]!
    if (oldest.atMs + HOUR_MS > steadyMs)
      consider('ActionBudget', oldest.atMs + HOUR_MS, `${maxActionsPerHour} changes within an hour`)
  }
  return hold
}

export function protect(
  policy: ScalingPolicy,
  input: DecisionInput,
  state: ScalingState,
  trail: Trail,
): void {
  const wanted = trail.replicas
  const current = input.replicas
  if (current === 0 && wanted > 0) {
    trail.pass('protection', 'Exempt', 'the way from 0 is free')
    return
  }
  const direction = wanted > current ? 'up' : 'down'
  const hold = wanted === current ? undefined : holdOf(policy, state, direction, input.time)
  if (hold === undefined) trail.pass('protection', 'None', 'none held')
  else trail.limit('protection', current, hold.reason, hold.text)
}

/** When a hold for flapping ends, should `changes` (the last of which is of now) be too many of direction; `before` otherwise. */
export function flappingUntil(
  { flapping }: Protection,
  changes: Changes,
  nowMs: number,
  before: number | undefined,
): number | undefined {
  if (flapping === undefined) return undefined
  let turns = 0
  for (let index = 1; index < changes.length; index++) {
    const { atMs, by } = changes[index]!
    if (atMs > nowMs - flapping.withinMs && by > 0 !== changes[index - 1]!.by > 0) turns++
  }
  return turns >= flapping.changes ? nowMs + flapping.holdMs : before
}

/** How far back changes matter to protection. */
export function protectionMs({
  cooldownUpMs,
  cooldownDownMs,
  flapping,
  maxActionsPerHour,
}: Protection): number {
  return Math.max(
    cooldownUpMs,
    cooldownDownMs,
    flapping?.withinMs ?? 0,
    maxActionsPerHour === undefined ? 0 : HOUR_MS,
  )
}

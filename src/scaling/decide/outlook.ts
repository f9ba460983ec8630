/** When the number may change next, and what would change it. */
import type { DecisionInput, NextChange, Outlook, ScalingState, WouldChange } from '../decision.ts'
import type { ScalingPolicy } from '../policy.ts'
import { type Activation, idleReplicas } from './activation.ts'
import type { Counts } from './assess.ts'
import type { Bounds } from './bound.ts'
import { formatSpan } from './format.ts'
import { holdOf } from './protect.ts'
import { describe, downLimit, freeAtMs, upLimit } from './rates.ts'
import type { RuleResult } from './rules.ts'
import { windowsOf } from './windows.ts'
import type { Wish } from './wish.ts'
import { wouldBeFewer, wouldBeMore } from './would.ts'

export interface Outcome {
  readonly policy: ScalingPolicy
  readonly input: DecisionInput
  readonly counts: Counts
  readonly wish: Wish
  readonly activation: Activation
  readonly bounds: Bounds
  readonly rules: Pick<RuleResult, 'least' | 'most'>
  readonly to: number
  /** As it will be remembered. */
  readonly state: ScalingState
}

export function lookOut(outcome: Outcome): Outlook {
  const { to, bounds, activation, rules, wish } = outcome
  // what more or fewer are wanted of already is held by something else than its value
  const wanted = wish.replicas ?? to
  const isMost = to >= Math.min(bounds.ceiling, rules.most?.replicas ?? to + 1) || activation.isIdle
  const more: WouldChange | undefined = isMost || wanted > to ? undefined : wouldBeMore(outcome)
  const isLeast = to <= Math.max(bounds.floor, activation.least, rules.least?.replicas ?? 0)
  const fewer: WouldChange | undefined = isLeast || wanted < to ? undefined : wouldBeFewer(outcome)
  return { up: nextUp(outcome), down: nextDown(outcome), more, fewer }
}

const at = ({ policy, input }: Outcome, untilMs: number): string =>
  policy.timeOfDay(input.time.wallMs + untilMs - input.time.steadyMs)

/** Of several obstacles the one that lasts longest. */
class Obstacles {
  untilMs: number | undefined
  why = ''

  add(untilMs: number | undefined, why: () => string): void {
    if (untilMs === undefined || (this.untilMs !== undefined && untilMs <= this.untilMs)) return
    this.untilMs = untilMs
    this.why = why()
  }

  get next(): NextChange {
    return { notBeforeMs: this.untilMs, text: this.why === '' ? 'at once' : this.why }
  }
}

const never = (text: string): NextChange => ({ notBeforeMs: undefined, text })

function nextUp(outcome: Outcome): NextChange {
  const { policy, input, to, bounds, rules, state } = outcome
  const { pause, behavior } = policy
  if (pause !== undefined && pause.kind !== 'in') return never('paused')
  if (to >= bounds.ceiling) return never(`at its ceiling of ${bounds.ceiling} (${bounds.ceilingBy})`)
  if (rules.most !== undefined && to >= rules.most.replicas)
    return never(`not above ${rules.most.replicas} while ${rules.most.by} holds`)
  if (to === 0) return never('at once')
  if (behavior?.up.select === 'Disabled') return never('never: scaleUp is Disabled')
  const nowMs = input.time.steadyMs
  const obstacles = new Obstacles()
  const { upMs } = windowsOf(policy)
  if (upMs > 0) {
    const low = state.recommendations.findLast(({ replicas }) => replicas <= to)
    if (low !== undefined && low.atMs + upMs > nowMs)
      obstacles.add(low.atMs + upMs, () => {
        const when = at(outcome, low.atMs + upMs)
        return `no earlier than ${when} (lowest wish of the last ${formatSpan(upMs)} was ${low.replicas})`
      })
  }
  const rate = { nowMs, current: to, changes: state.changes }
  if (state.changes.length > 0 && upLimit(policy, rate) <= to) {
    const free = freeAtMs(policy, 'up', rate)
    obstacles.add(free, () => `no earlier than ${at(outcome, free ?? nowMs)} (${describe(policy, 'up')})`)
  }
  const hold = holdOf(policy, state, 'up', input.time)
  obstacles.add(hold?.untilMs, () => hold?.text ?? '')
  return obstacles.next
}

function nextDown(outcome: Outcome): NextChange {
  const { policy, input, to, bounds, rules, state, wish, activation } = outcome
  const { pause, behavior } = policy
  if (pause !== undefined && pause.kind !== 'out') return never('paused')
  if (to === 0) return never('none runs')
  if (to <= bounds.floor) return never(`at its floor of ${bounds.floor} (${bounds.floorBy})`)
  if (rules.least !== undefined && to <= rules.least.replicas)
    return never(`not below ${rules.least.replicas} while ${rules.least.by} holds`)
  if (wish.isPartial) return never('not while a trigger cannot be read')
  const nowMs = input.time.steadyMs
  const obstacles = new Obstacles()
  const idle = idleReplicas(policy)
  const isLeast = idle !== undefined && to <= activation.least
  if (isLeast && activation.idleAtMs === undefined)
    return never(
      `to ${idle} ${formatSpan(policy.cooldownMs)} after nothing is active any more (cooldownPeriod)`,
    )
  const { idleAtMs } = activation
  const beIdle = () => `to ${idle} no earlier than ${at(outcome, idleAtMs ?? nowMs)} (cooldownPeriod)`
  if (isLeast) obstacles.add(idleAtMs, beIdle)
  else if (behavior?.down.select === 'Disabled') return never('never: scaleDown is Disabled')
  else addDownObstacles(outcome, obstacles)
  const hold = holdOf(policy, state, 'down', input.time)
  obstacles.add(hold?.untilMs, () => hold?.text ?? '')
  if (isLeast || idleAtMs === undefined || (obstacles.next.notBeforeMs ?? 0) <= idleAtMs)
    return obstacles.next
  // windows and rates hold what is fewer, and have no say in what is idle
  const idling = new Obstacles()
  idling.add(idleAtMs, beIdle)
  idling.add(hold?.untilMs, () => hold?.text ?? '')
  return idling.next
}

function addDownObstacles(outcome: Outcome, obstacles: Obstacles): void {
  const { policy, input, to, state } = outcome
  const nowMs = input.time.steadyMs
  const { downMs } = windowsOf(policy)
  const high = state.recommendations.findLast(({ replicas }) => replicas >= to)
  if (high !== undefined && high.atMs + downMs > nowMs)
    obstacles.add(high.atMs + downMs, () => {
      const when = at(outcome, high.atMs + downMs)
      return `no earlier than ${when} (highest wish of the last ${formatSpan(downMs)} was ${high.replicas})`
    })
  const rate = { nowMs, current: to, changes: state.changes }
  if (state.changes.length > 0 && downLimit(policy, rate) >= to) {
    const free = freeAtMs(policy, 'down', rate)
    obstacles.add(free, () => `no earlier than ${at(outcome, free ?? nowMs)} (${describe(policy, 'down')})`)
  }
}

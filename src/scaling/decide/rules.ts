/**
 * Rules: what moves or bounds the number besides the triggers. `scale` acts once per firing, from the size at that time, and what it came to
 * holds while the rule does: `+3` is a floor then, `-2` a ceiling, `5` both.
 */
import type { DecisionInput, ScalingState } from '../decision.ts'
import type { Rule, ScaleStep, ScalingPolicy } from '../policy.ts'
import { activeReplicas } from './activation.ts'
import { formatSpan } from './format.ts'
import { type Known, lookUp } from './names.ts'
import type { Trail } from './trail.ts'

const DAY_MS = 86_400_000

type RuleState = ScalingState['rules'][string]

export interface Bound {
  readonly replicas: number
  readonly rule: string
  /** For people: which rule, and until when where that is known. */
  readonly by: string
}

export interface RuleResult {
  readonly states: ScalingState['rules']
  /** Of `scale`. */
  readonly least: Bound | undefined
  readonly most: Bound | undefined
  /** Of `min` and `max`. */
  readonly floor: Bound | undefined
  readonly ceiling: Bound | undefined
  readonly fired: readonly string[]
  readonly faults: readonly string[]
}

const NONE: RuleResult = {
  states: {},
  least: undefined,
  most: undefined,
  floor: undefined,
  ceiling: undefined,
  fired: [],
  faults: [],
}

export function evaluateRules(known: Known, state: ScalingState): RuleResult {
  const { policy } = known
  if (policy.rules.length === 0) return NONE
  const states: Record<string, RuleState> = {}
  const fired: string[] = []
  const faults: string[] = []
  let { least, most, floor, ceiling } = NONE
  for (const rule of policy.rules) {
    const { name } = rule
    const before = state.rules[name]
    const after = advance(rule, before, known, faults)
    if (after === undefined) continue
    states[name] = after
    if (!after.fired) continue
    if (before?.fired !== true) fired.push(name)
    const { scale, min, max } = rule
    const { scaledTo } = after
    if (scale !== undefined && scaledTo !== undefined) {
      const to = { replicas: scaledTo, rule: name, by: name }
      if (pushesUp(scale) && (least === undefined || scaledTo > least.replicas)) least = to
      if (pushesDown(scale) && (most === undefined || scaledTo < most.replicas)) most = to
    }
    if (min !== undefined && (floor === undefined || min > floor.replicas)) floor = boundOf(rule, min, known)
    if (max !== undefined && (ceiling === undefined || max < ceiling.replicas))
      ceiling = boundOf(rule, max, known)
  }
  return { states, least, most, floor, ceiling, fired, faults }
}

function boundOf({ name, condition }: Rule, replicas: number, { policy, input }: Known): Bound {
  const { wallMs } = input.time
  const began = condition.kind === 'schedule' ? condition.schedule.previous(wallMs) : undefined
  if (condition.kind !== 'schedule' || began === undefined) return { replicas, rule: name, by: name }
  const endMs = began + condition.lastsMs
  const until =
    endMs - wallMs < DAY_MS ? `until ${policy.timeOfDay(endMs)}` : `for ${formatSpan(endMs - wallMs)} more`
  return { replicas, rule: name, by: `${name}, ${until}` }
}

function pushesUp(scale: ScaleStep): boolean {
  return scale.kind === 'to' || (scale.kind === 'by' ? scale.count : scale.percent) > 0
}

function pushesDown(scale: ScaleStep): boolean {
  return scale.kind === 'to' || (scale.kind === 'by' ? scale.count : scale.percent) < 0
}

/** Undefined where it does not hold. What cannot be told leaves it as it was. */
function advance(
  rule: Rule,
  before: RuleState | undefined,
  known: Known,
  faults: string[],
): RuleState | undefined {
  const holds = isTrue(rule, known, faults)
  if (holds === false) return undefined
  if (holds === undefined) return before
  const now = known.input.time.steadyMs
  const trueSinceMs = before?.trueSinceMs ?? now
  if (before?.fired === true) return before
  const heldForMs = rule.condition.kind === 'when' ? rule.condition.heldForMs : 0
  if (now - trueSinceMs < heldForMs) return { trueSinceMs, fired: false }
  if (rule.scale === undefined) return { trueSinceMs, fired: true }
  return { trueSinceMs, fired: true, scaledTo: scaledTo(rule.scale, known.input, known.policy) }
}

function isTrue({ name, condition }: Rule, known: Known, faults: string[]): boolean | undefined {
  const { wallMs } = known.input.time
  if (condition.kind === 'schedule') {
    const began = condition.schedule.previous(wallMs)
    return began !== undefined && wallMs < began + condition.lastsMs
  }
  try {
    const { timezone } = known.policy
    const value = condition.expression.evaluate({ value: (of) => lookUp(of, known), wallMs, timezone })
    if (typeof value === 'boolean') return value
    faults.push(`${name}: ${JSON.stringify(value)} is neither true nor false`)
  } catch (error) {
    faults.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
  }
  return undefined
}

/** A step relative to what there is never leaves none: only `0` itself does. */
function scaledTo(scale: ScaleStep, { replicas }: DecisionInput, policy: ScalingPolicy): number {
  const within = (count: number) => Math.min(policy.maxReplicas, count)
  if (scale.kind === 'to') return within(scale.count)
  const by = scale.kind === 'by' ? scale.count : (replicas * scale.percent) / 100
  const to = replicas + (by < 0 ? Math.floor(by) : Math.ceil(by))
  return within(Math.max(to, Math.min(replicas, activeReplicas(policy))))
}

/** Moves the number by the rules that fired. */
export function applyRules({ least, most, fired, floor, ceiling }: RuleResult, trail: Trail): void {
  const wanted = trail.replicas
  const to = moved(wanted, { least, most })
  if (to !== wanted) {
    const bound = least !== undefined && to === least.replicas ? least : most
    const isNew = bound !== undefined && fired.includes(bound.rule)
    trail.take('rules', to, isNew ? 'Fired' : 'Holds', `${bound?.rule} ${isNew ? 'fired' : 'holds'}: ${to}`)
    return
  }
  const bounding = floor !== undefined || ceiling !== undefined
  const text = fired.length > 0 ? `${fired.join(', ')} fired` : bounding ? 'bounds only, below' : 'none fired'
  trail.pass('rules', fired.length > 0 ? 'Fired' : 'None', text)
}

/** `replicas` as the rules that scale would have it; what pushes up counts before what pushes down. */
export function moved(replicas: number, { least, most }: Pick<RuleResult, 'least' | 'most'>): number {
  const capped = most === undefined ? replicas : Math.min(replicas, most.replicas)
  return least === undefined ? capped : Math.max(capped, least.replicas)
}

/** What the triggers want together: the largest proposal, with what fails held against any way down, as HPA does. Steps triggers, fallback, modifiers. */
import type { DecisionInput } from '../decision.ts'
import type { Fallback, ScalingPolicy } from '../policy.ts'
import { assessTrigger, type Counts, type MetricAssessment, type TriggerAssessment } from './assess.ts'
import { formatNumber } from './format.ts'
import { type FormulaResult, runFormula } from './formula.ts'
import type { Trail } from './trail.ts'

export interface Wish {
  readonly triggers: readonly TriggerAssessment[]
  /** By the triggers' order: the instances that stand in for one that fails. */
  readonly fallbacks: readonly (number | undefined)[]
  readonly formula: FormulaResult | undefined
  /** Undefined where nothing is known to want anything: the number stays. */
  readonly replicas: number | undefined
  /** It is from less than all there is to know: nothing goes down, and nothing to 0. */
  readonly isPartial: boolean
  /** True where there is work, or something stands in for what cannot be read. */
  readonly active: boolean
  /** Why it is active where no trigger says so: requests come in. */
  readonly requests: string | undefined
  /** What made it, where something did. */
  readonly decider: Decider | undefined
}

/** What the triggers come to by themselves. */
type Combined = Omit<Wish, 'requests'> & {
  /** None of them can see work. */
  readonly isBlind: boolean
}

/** Which of all made the number. `metric` is undefined for a fallback. */
export interface Decider {
  /** Index of the trigger; undefined for the formula. */
  readonly index: number | undefined
  readonly metric: MetricAssessment | undefined
  readonly text: string
}

export function makeWish(policy: ScalingPolicy, input: DecisionInput, counts: Counts, trail: Trail): Wish {
  const triggers = policy.triggers.map((trigger) => assessTrigger(trigger, policy, input, counts))
  const fallbacks = triggers.map((assessment) => standIn(assessment, policy.fallback, counts.current))
  const formula =
    policy.modifiers === undefined
      ? undefined
      : runFormula(policy.modifiers, { policy, triggers, fallbacks, input, counts })
  const wish = withRequests(policy, input, combine(policy, triggers, fallbacks, formula))
  const replicas = wish.isPartial && (wish.replicas ?? 0) < counts.current ? undefined : wish.replicas
  noteSteps({ ...wish, replicas }, policy, trail)
  return { ...wish, replicas, decider: replicas === undefined ? undefined : wish.decider }
}

/** KEDA's fallback: after more failures in a row than its threshold. `scalingModifiers` stands in within the formula instead. */
function standIn({ input, error }: TriggerAssessment, fallback: Fallback | undefined, current: number) {
  if (fallback === undefined || error === undefined || input?.error === undefined) return undefined
  if (input.failures <= fallback.failureThreshold) return undefined
  switch (fallback.behavior) {
    case 'static':
      return fallback.replicas
    case 'currentReplicas':
      return current
    case 'currentReplicasIfHigher':
      return Math.max(current, fallback.replicas)
    case 'currentReplicasIfLower':
      return Math.min(current, fallback.replicas)
    case 'scalingModifiers':
      return undefined
  }
}

function combine(
  policy: ScalingPolicy,
  triggers: readonly TriggerAssessment[],
  fallbacks: readonly (number | undefined)[],
  formula: FormulaResult | undefined,
): Combined {
  let replicas: number | undefined
  let decider: Decider | undefined
  let isPartial = false
  let active = policy.forceActive
  let hasActivity = false
  const propose = (proposal: number | undefined, by: () => Decider) => {
    if (proposal === undefined || (replicas !== undefined && proposal <= replicas)) return
    replicas = proposal
    decider = by()
  }
  for (let index = 0; index < triggers.length; index++) {
    const { trigger, metrics, error, active: isActive } = triggers[index]!
    const fallback = fallbacks[index]
    if (fallback !== undefined) active = true
    if (isActive === true && formula === undefined) active = true
    if (!trigger.perInstance) hasActivity = true
    if (formula !== undefined && (!trigger.perInstance || formula.reads.has(trigger.key))) continue
    if (fallback !== undefined) {
      const text = `${trigger.label} fallback ${formatNumber(fallback)}`
      propose(fallback, () => ({ index, metric: undefined, text }))
    } else if (error !== undefined) isPartial = true
    else
      for (const metric of metrics)
        propose(metric.proposal, () => ({ index, metric, text: `${trigger.label} ${metric.text}` }))
  }
  if (formula !== undefined) {
    if (formula.active) active = true
    if (formula.error !== undefined) isPartial = true
    propose(formula.proposal, () => ({ index: undefined, metric: formula.metric, text: formula.text }))
  }
  const isBlind = !hasActivity && formula === undefined
  return { triggers, fallbacks, formula, replicas, isPartial, active, isBlind, decider }
}

/** Load balancers tell of requests now and then: so long after they did some may still come in. */
const REQUESTS_FRESH_MS = 20_000

/** Who is asked has work to do, whatever the triggers look at. */
function withRequests(
  { sleepsWhereAsked }: ScalingPolicy,
  { requests, time }: DecisionInput,
  { isBlind, ...wish }: Combined,
): Wish {
  const atMs = requests?.atMs
  const isAsked = atMs !== undefined && time.steadyMs - atMs < REQUESTS_FRESH_MS
  // what looks at instances cannot see work, so that alone it would never come back from 0
  const isAwake = isBlind && (requests === undefined || !sleepsWhereAsked)
  const text =
    isAsked && !wish.active && !isAwake ? `requests come in through ${requests?.through}` : undefined
  return { ...wish, active: wish.active || isAwake || isAsked, requests: text }
}

function noteSteps(wish: Wish, policy: ScalingPolicy, trail: Trail): void {
  const { replicas, decider, triggers, fallbacks, formula } = wish
  const failing = wish.isPartial ? triggers.filter(({ error }) => error !== undefined) : []
  if (replicas !== undefined) {
    const step = formula !== undefined && decider?.index === undefined ? 'modifiers' : 'triggers'
    const isFallback = decider?.index !== undefined && fallbacks[decider.index] !== undefined
    if (step === 'modifiers') trail.pass('triggers', 'Formula', 'a formula makes one number of them')
    else if (isFallback) trail.pass('triggers', 'Fallback', 'what would decide cannot be read')
    else trail.take('triggers', replicas, wish.isPartial ? 'Partial' : 'Largest', decider?.text ?? '')
    if (isFallback) trail.take('fallback', replicas, 'Fallback', decider?.text ?? '')
    else trail.pass('fallback', 'None', fallbackText(wish, policy))
    if (step === 'modifiers') trail.take('modifiers', replicas, 'Formula', decider?.text ?? '')
    else
      trail.pass('modifiers', 'None', formula === undefined ? 'no formula' : (formula.error ?? formula.text))
    return
  }
  const why = formula?.error ?? failing.map(({ trigger, error }) => `${trigger.label}: ${error}`).join('; ')
  if (wish.isPartial) trail.limit('triggers', trail.replicas, 'Unknown', `kept: ${why}`)
  else trail.pass('triggers', 'NothingRuns', 'nothing runs that could be measured')
  trail.pass('fallback', 'None', fallbackText(wish, policy))
  trail.pass('modifiers', 'None', formula === undefined ? 'no formula' : (formula.error ?? formula.text))
}

function fallbackText({ fallbacks }: Wish, { fallback }: ScalingPolicy): string {
  if (fallback === undefined) return 'no fallback'
  return fallbacks.some((replicas) => replicas !== undefined) ? 'in force, and not the largest' : 'not needed'
}

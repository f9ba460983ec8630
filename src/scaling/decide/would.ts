/** The smallest change of what decides that would make the number another. */
import type { DecisionInput, WouldChange } from '../decision.ts'
import type { ScalingPolicy } from '../policy.ts'
import type { Counts, MetricAssessment } from './assess.ts'
import { formatMeasure } from './format.ts'
import { isWithin, type Proposal, proposeAverage, proposeRatio } from './proposal.ts'
import type { Wish } from './wish.ts'

interface Question {
  readonly policy: ScalingPolicy
  readonly input: DecisionInput
  readonly counts: Counts
  readonly wish: Wish
  readonly to: number
}

/** What decides, as a function from its number to its proposal. */
interface Decisive {
  readonly label: string
  readonly unit: string
  readonly metric: MetricAssessment
  /** Its numbers come in steps of that. */
  readonly step: number
  propose(value: number): Proposal | undefined
  /** Proposed while it is in tolerance. */
  readonly settled: number
  /** What `value` × this ÷ target is. */
  readonly scale: number
  /** A ratio of `value` to this is what tolerance is about. */
  readonly whole: number
}

/** A little beyond what doubles round to. */
const NEAR = 1e-9

/** Undefined where it cannot be told. */
export function wouldBeMore(question: Question): WouldChange | undefined {
  const decisive = decisiveOf(question)
  if (decisive === undefined) return undefined
  const { metric, step, scale, whole, settled } = decisive
  const { to, policy } = question
  const { up, down } = policy.tolerance
  const above = (bound: number) => Math.floor(bound / step + NEAR) * step + step
  const crowded = above((to * metric.target) / scale)
  const left = Math.ceil(((1 - down) * whole) / step - NEAR) * step
  // what is in tolerance leaves as many as there are: fewer than that, or more
  const value = roundTo(
    settled <= to ? Math.max(crowded, above((1 + up) * whole)) : Math.min(crowded, left),
    step,
  )
  const replicas = decisive.propose(value)?.replicas
  return replicas === undefined || replicas <= to ? undefined : answer(decisive, value, replicas)
}

/** Undefined also where something else would keep it. */
export function wouldBeFewer(question: Question): WouldChange | undefined {
  const { to, policy, wish } = question
  const decisive = decisiveOf(question)
  if (decisive === undefined || wish.isPartial || othersWant(question, to)) return undefined
  const { metric, step, scale, whole, settled } = decisive
  const { up, down } = policy.tolerance
  const within = (bound: number) => Math.floor(bound / step + NEAR) * step
  let value = within(((to - 1) * metric.target) / scale)
  if (settled < to) value = Math.max(value, within((1 + up) * whole))
  else if (isWithin(value / whole, policy.tolerance))
    value = Math.ceil(((1 - down) * whole) / step - NEAR) * step - step
  value = roundTo(value, step)
  const replicas = value < 0 ? undefined : decisive.propose(value)?.replicas
  return replicas === undefined || replicas >= to ? undefined : answer(decisive, value, replicas)
}

function answer({ label, unit }: Decisive, value: number, replicas: number): WouldChange {
  return { trigger: label, value, replicas, text: `${formatMeasure(value, unit)} would make it ${replicas}` }
}

function roundTo(value: number, step: number): number {
  return step === 1 ? Math.round(value) : Math.round(value / step) * step
}

function decisiveOf({ policy, counts, wish, input }: Question): Decisive | undefined {
  const { decider } = wish
  if (decider?.metric === undefined) return undefined
  const { metric, index } = decider
  const trigger = index === undefined ? undefined : policy.triggers[index]
  const assessment = index === undefined ? undefined : wish.triggers[index]
  const { target, value, scale } = metric
  const isWhole = Number.isInteger(value) && Number.isInteger(target)
  const base = {
    label: trigger?.label ?? 'formula',
    unit: trigger?.unit ?? '',
    metric,
    step: isWhole ? 1 : 0.001,
    scale,
  }
  const { tolerance } = policy
  if (assessment?.input?.reading?.kind === 'instances') {
    // what is starting or has no sample bends the line
    if (counts.present !== scale || input.instances.length !== counts.present) return undefined
    const around = { current: counts.current, ready: scale }
    return {
      ...base,
      settled: counts.current,
      whole: target,
      propose: (of) => proposeRatio(of, target, around, tolerance),
    }
  }
  const type = trigger?.metricType ?? policy.modifiers?.metricType
  if (type === 'Value')
    return {
      ...base,
      settled: counts.current,
      whole: counts.current === 0 ? 0 : target,
      propose: (of) => proposeRatio(of, target, counts, tolerance),
    }
  const { present } = counts
  return {
    ...base,
    settled: Math.min(present, counts.current),
    whole: counts.current === 0 ? 0 : target * present,
    propose: (of) => proposeAverage(of, target, counts, tolerance),
  }
}

function othersWant({ wish }: Question, replicas: number): boolean {
  const { decider, triggers, fallbacks, formula } = wish
  if (formula?.proposal !== undefined && decider?.index !== undefined && formula.proposal >= replicas)
    return true
  return triggers.some(({ metrics, trigger }, index) => {
    if (formula !== undefined && (!trigger.perInstance || formula.reads.has(trigger.key))) return false
    const fallback = fallbacks[index]
    if (fallback !== undefined) return fallback >= replicas
    return metrics.some((metric) => metric !== decider?.metric && (metric.proposal ?? 0) >= replicas)
  })
}

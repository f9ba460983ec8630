/** scalingModifiers: one metric of all triggers. */
import type { ExpressionValue } from '../../resources/expression/expression.ts'
import type { Modifiers } from '../policy.ts'
import type { MetricAssessment } from './assess.ts'
import { formatNumber } from './format.ts'
import { type Known, lookUp } from './names.ts'
import { proposeAverage, proposeRatio } from './proposal.ts'

export interface FormulaResult {
  /** Keys of the triggers that it reads. */
  readonly reads: ReadonlySet<string>
  readonly metric: MetricAssessment | undefined
  readonly proposal: number | undefined
  readonly active: boolean
  readonly text: string
  /** Something stands in for what cannot be read: a number, or nil. */
  readonly isFallback: boolean
  /** Why there is no number. */
  readonly error: string | undefined
}

interface FormulaInput extends Known {
  readonly fallbacks: readonly (number | undefined)[]
}

/** Never throws. Where a fallback stands in for any trigger, it is the number, as in KEDA. */
export function runFormula(modifiers: Modifiers, known: FormulaInput): FormulaResult {
  const { reads } = modifiers
  const isFallback = known.triggers.some((_, index) => isNil(known.policy.fallback, known, index))
  const none: FormulaResult = {
    reads,
    metric: undefined,
    proposal: undefined,
    active: false,
    text: '',
    isFallback,
    error: undefined,
  }
  const fallback = known.fallbacks.find(
    (replicas, index) => replicas !== undefined && counts(known, reads, index),
  )
  if (fallback !== undefined)
    return { ...none, proposal: fallback, active: true, text: `formula fallback ${formatNumber(fallback)}` }
  const failing = known.triggers.find(
    ({ error }, index) =>
      error !== undefined && counts(known, reads, index) && !isNil(known.policy.fallback, known, index),
  )
  if (failing !== undefined) return { ...none, error: `formula: ${failing.trigger.label}: ${failing.error}` }
  try {
    const { wallMs } = known.input.time
    const value = modifiers.formula.evaluate({
      value: (name) => lookUp(name, known),
      wallMs,
      timezone: known.policy.timezone,
    })
    return ofValue(value, modifiers, known, none)
  } catch (error) {
    return { ...none, error: `formula: ${error instanceof Error ? error.message : String(error)}` }
  }
}

/** Triggers by instance that the formula does not name propose by themselves; all others are its business, named or not. */
function counts(known: Known, reads: ReadonlySet<string>, index: number): boolean {
  const { trigger } = known.triggers[index]!
  return !trigger.perInstance || reads.has(trigger.key)
}

function isNil(fallback: Known['policy']['fallback'], known: Known, index: number): boolean {
  if (fallback?.behavior !== 'scalingModifiers') return false
  const { input } = known.triggers[index]!
  return input?.error !== undefined && input.failures > fallback.failureThreshold
}

function ofValue(
  value: ExpressionValue,
  { target, activationTarget, metricType }: Modifiers,
  { policy, counts: instances }: Known,
  none: FormulaResult,
): FormulaResult {
  if (value === null) {
    const replicas = policy.fallback?.replicas
    return replicas === undefined
      ? { ...none, error: 'formula: it is nil, and there is no fallback' }
      : { ...none, proposal: replicas, active: true, text: `formula nil, fallback ${formatNumber(replicas)}` }
  }
  if (typeof value !== 'number' || !Number.isFinite(value))
    return { ...none, error: `formula: ${JSON.stringify(value) ?? 'nothing'} is no number` }
  if (!(target > 0 && Number.isFinite(target)))
    return { ...none, error: `formula: its target is ${target}, and must be above 0` }
  const { tolerance } = policy
  const isValue = metricType === 'Value'
  const proposal = isValue
    ? proposeRatio(value, target, instances, tolerance)
    : proposeAverage(value, target, instances, tolerance)
  if (proposal === undefined) return { ...none, error: 'formula: no instance is ready to reckon from' }
  const scale = isValue && instances.current > 0 ? instances.ready : 1
  const times = isValue && scale !== 1 ? ` × ${formatNumber(scale)} ready` : ''
  const settled = proposal.inTolerance ? ', in tolerance' : ''
  const text = `formula ${formatNumber(value)} ${isValue ? 'of' : '÷'} ${formatNumber(target)}${times}${settled}`
  const metric = { name: 'formula', value, target, proposal: proposal.replicas, text, scale }
  return { ...none, metric, proposal: proposal.replicas, active: value > activationTarget, text }
}

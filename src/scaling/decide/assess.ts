/** What each trigger says by itself: its proposal, or why it has none. */
import type { DecisionInput, TriggerInput } from '../decision.ts'
import type { ScalingPolicy, TriggerPolicy } from '../policy.ts'
import type { InstanceReading, MetricValue } from '../source.ts'
import { formatMeasure, formatNumber } from './format.ts'
import { type InstanceProposal, proposeFromInstances } from './instances.ts'
import { type Proposal, proposeAverage, proposeRatio } from './proposal.ts'

/** Instances as HPA counts them. */
export interface Counts {
  /** Wanted: the Service's spec.replicas. */
  readonly current: number
  /** Neither ending nor failed. */
  readonly present: number
  /** Of those, that run and are ready. */
  readonly ready: number
}

/** One metric of a trigger. */
export interface MetricAssessment {
  readonly name: string
  readonly value: number
  readonly target: number
  readonly proposal: number | undefined
  readonly text: string
  /** What `value` × this ÷ `target` is proposed of: 1 for totals per instance. */
  readonly scale: number
}

export interface TriggerAssessment {
  readonly trigger: TriggerPolicy
  readonly input: TriggerInput | undefined
  readonly metrics: readonly MetricAssessment[]
  /** Undefined where it is not known, or the trigger cannot tell. */
  readonly active: boolean | undefined
  /** Why it proposes nothing; undefined also for one by instance while nothing runs. */
  readonly error: string | undefined
}

export function countInstances({ replicas, instances }: DecisionInput): Counts {
  let present = 0
  let ready = 0
  for (const instance of instances) {
    if (instance.deleting || instance.phase === 'failed') continue
    present++
    if (instance.ready && instance.phase === 'running') ready++
  }
  return { current: replicas, present, ready }
}

/** Never throws; a reading that is no finite number is an error of that trigger. */
export function assessTrigger(
  trigger: TriggerPolicy,
  policy: ScalingPolicy,
  input: DecisionInput,
  counts: Counts,
): TriggerAssessment {
  const look = input.triggers.get(trigger.key)
  const base = { trigger, input: look, metrics: [], active: undefined, error: undefined }
  // HPA looks at no instances while there are none, and what cannot be read of them is no reason to wake any
  if (trigger.perInstance && counts.current === 0) return base
  if (look === undefined) return { ...base, error: 'not read yet' }
  if (look.error !== undefined) return { ...base, error: look.error }
  const { reading } = look
  if (reading === undefined) return { ...base, error: 'not read yet' }
  if (reading.kind === 'instances') {
    const metric = assessInstances(trigger, reading, policy, input)
    return typeof metric === 'string' ? { ...base, error: metric } : { ...base, metrics: [metric] }
  }
  const metrics: MetricAssessment[] = []
  for (const metric of reading.metrics) {
    const assessed = assessValue(trigger, metric, policy, counts)
    if (typeof assessed === 'string') return { ...base, active: reading.active, error: assessed }
    metrics.push(assessed)
  }
  if (metrics.length === 0) return { ...base, active: reading.active, error: 'it has no metrics' }
  return { ...base, metrics, active: reading.active }
}

function assessValue(
  trigger: TriggerPolicy,
  metric: MetricValue,
  { tolerance }: ScalingPolicy,
  counts: Counts,
): MetricAssessment | string {
  const { name, value } = metric
  const target = metric.target ?? trigger.target
  if (!Number.isFinite(value)) return `${value} is no number to scale by`
  if (target === undefined || !(target > 0 && Number.isFinite(target)))
    return `its target is ${target ?? 'missing'}, and must be above 0`
  const { unit } = trigger
  if (trigger.metricType !== 'Value') {
    const proposal = proposeAverage(value, target, counts, tolerance)
    const text = `${formatMeasure(value, unit)} ÷ ${formatMeasure(target, unit)}${settled(proposal)}`
    return { name, value, target, proposal: proposal.replicas, text, scale: 1 }
  }
  const proposal = proposeRatio(value, target, counts, tolerance)
  if (proposal === undefined) return 'no instance is ready to reckon from'
  const times = counts.current === 0 || proposal.inTolerance ? '' : ` × ${formatNumber(counts.ready)} ready`
  const text = `${formatMeasure(value, unit)} of ${formatMeasure(target, unit)}${times}${settled(proposal)}`
  const scale = counts.current === 0 ? 1 : counts.ready
  return { name, value, target, proposal: proposal.replicas, text, scale }
}

function assessInstances(
  trigger: TriggerPolicy,
  reading: InstanceReading,
  { tolerance }: ScalingPolicy,
  input: DecisionInput,
): MetricAssessment | string {
  const { target, unit, metricType, type } = trigger
  if (target === undefined || !(target > 0))
    return `its target is ${target ?? 'missing'}, and must be above 0`
  const samples = reading.samples.filter(({ value }) => Number.isFinite(value))
  const found = proposeFromInstances(
    {
      samples,
      target,
      isUtilization: metricType === 'Utilization',
      resource: type === 'cpu' || type === 'memory' ? type : undefined,
      isCpu: trigger.isCpu,
    },
    { nowMs: input.time.steadyMs, current: input.replicas, instances: input.instances, tolerance },
  )
  if ('error' in found) return found.error
  const { value, replicas } = found
  const text = `${formatMeasure(value, unit)} of ${formatMeasure(target, unit)}${besides(found)}${settled(found)}`
  return { name: '', value, target, proposal: replicas, text, scale: found.counted }
}

function settled({ inTolerance }: Proposal): string {
  return inTolerance ? ', in tolerance' : ''
}

function besides({ unready, missing }: InstanceProposal): string {
  return `${unready === 0 ? '' : `, ${unready} starting`}${missing === 0 ? '' : `, ${missing} without samples`}`
}

/**
 * HPA v2's arithmetic from samples of instances (cpu, memory) to a number of instances: what has not started yet, and what has no sample, is
 * counted so that it slows the way down and the way up. After podautoscaler/replica_calculator.go of Kubernetes 1.33.
 */
import type { InstanceFacts } from '../decision.ts'
import type { InstanceSample } from '../source.ts'
import { ceilCount, isWithin, type Proposal, type Tolerance } from './proposal.ts'

/** HPA's --horizontal-pod-autoscaler-cpu-initialization-period. */
const CPU_INITIALIZATION_MS = 300_000
/** HPA's --horizontal-pod-autoscaler-initial-readiness-delay. */
const INITIAL_READINESS_MS = 30_000

export interface InstanceMetric {
  readonly samples: readonly InstanceSample[]
  readonly target: number
  /** Whether `target` is per cent of what instances ask for; how much of it otherwise. */
  readonly isUtilization: boolean
  readonly resource: 'cpu' | 'memory' | undefined
  /** HPA treats cpu's first minutes apart. */
  readonly isCpu: boolean
}

export interface Surroundings {
  readonly nowMs: number
  readonly current: number
  readonly instances: readonly InstanceFacts[]
  readonly tolerance: Tolerance
}

export interface InstanceProposal extends Proposal {
  /** The percentage, or the mean, of those that count. */
  readonly value: number
  readonly unready: number
  readonly missing: number
  /** How many of them it is the mean of. */
  readonly counted: number
}

/** A sample that counts, with what its instance asks for. */
interface Counted {
  readonly value: number
  readonly request: number
}

/** What `metric` proposes, or why it cannot be said. */
export function proposeFromInstances(
  metric: InstanceMetric,
  around: Surroundings,
): InstanceProposal | { readonly error: string } {
  if (around.instances.length === 0) return { error: 'there are no instances to measure' }
  const groups = groupInstances(metric, around)
  if (typeof groups === 'string') return { error: groups }
  const { counted, unready, missing } = groups
  if (counted.length === 0) return { error: 'no instance that is ready has a sample' }
  const first = measure(metric, counted)
  if (first === undefined) return { error: 'the instances ask for nothing that a percentage could be of' }
  const { current, tolerance } = around
  const found = {
    value: first.value,
    unready: unready.length,
    missing: missing.length,
    counted: counted.length,
  }
  const stay = { ...found, replicas: current, inTolerance: true }
  const isGrowingUnready = unready.length > 0 && first.ratio > 1
  if (!isGrowingUnready && missing.length === 0)
    return isWithin(first.ratio, tolerance)
      ? stay
      : { ...found, replicas: ceilCount(first.ratio * counted.length), inTolerance: false }
  const filled = [...counted]
  for (const request of missing)
    if (first.ratio < 1) filled.push({ request, value: asIfFull(metric, request) })
    else if (first.ratio > 1) filled.push({ request, value: 0 })
  if (isGrowingUnready) for (const request of unready) filled.push({ request, value: 0 })
  const ratio = measure(metric, filled)?.ratio ?? 1
  const flips = (first.ratio < 1 && ratio > 1) || (first.ratio > 1 && ratio < 1)
  if (isWithin(ratio, tolerance) || flips) return stay
  const replicas = ceilCount(ratio * filled.length)
  return (ratio < 1 && replicas > current) || (ratio > 1 && replicas < current)
    ? stay
    : { ...found, replicas, inTolerance: false }
}

/** On the way down an instance without a sample uses all that it asks for, or exactly its target. */
function asIfFull({ isUtilization, target }: InstanceMetric, request: number): number {
  return isUtilization ? Math.trunc((request * Math.max(100, target)) / 100) : target
}

/** How much is used, and how many times the target that is. A percentage is whole, as HPA's is. */
function measure(
  { isUtilization, target }: InstanceMetric,
  counted: readonly Counted[],
): { readonly value: number; readonly ratio: number } | undefined {
  let used = 0
  let requested = 0
  for (const { value, request } of counted) {
    used += value
    requested += request
  }
  if (!isUtilization) {
    const value = used / counted.length
    return { value, ratio: value / target }
  }
  if (requested === 0) return undefined
  const value = Math.trunc((used * 100) / requested)
  return { value, ratio: value / target }
}

interface Groups {
  readonly counted: readonly Counted[]
  /** What each asks for. */
  readonly unready: readonly number[]
  readonly missing: readonly number[]
}

/** A text where an instance does not say what a percentage would be of. */
function groupInstances(metric: InstanceMetric, around: Surroundings): Groups | string {
  const samples = new Map<string, InstanceSample>()
  for (const sample of metric.samples) samples.set(sample.instance, sample)
  const counted: Counted[] = []
  const unready: number[] = []
  const missing: number[] = []
  for (const instance of around.instances) {
    if (instance.deleting || instance.phase === 'failed') continue
    const request = requestOf(metric, instance)
    if (request === undefined)
      return `${instance.name} asks for no ${metric.resource ?? 'such resource'}: set resources, or use AverageValue`
    if (instance.phase === 'pending') {
      unready.push(request)
      continue
    }
    const sample = samples.get(instance.name)
    if (sample === undefined) missing.push(request)
    else if (metric.isCpu && isStarting(instance, sample, around.nowMs)) unready.push(request)
    else counted.push({ value: sample.value, request })
  }
  return { counted, unready, missing }
}

function requestOf({ isUtilization, resource }: InstanceMetric, { request }: InstanceFacts) {
  if (!isUtilization) return 0
  return resource === undefined ? undefined : request[resource]
}

/** Its cpu is that of starting: in its first minutes while it is not ready or the sample reaches back before it was; later, while it never was. */
function isStarting(
  { startedMs, readyChangedMs, ready }: InstanceFacts,
  sample: InstanceSample,
  nowMs: number,
): boolean {
  if (startedMs === undefined || readyChangedMs === undefined) return true
  if (startedMs + CPU_INITIALIZATION_MS > nowMs)
    return !ready || sample.atMs < readyChangedMs + sample.windowMs
  return !ready && startedMs + INITIAL_READINESS_MS > readyChangedMs
}

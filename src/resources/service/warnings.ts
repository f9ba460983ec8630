/** What of a Service is accepted and does not act as written. */
import { parseDurationMs } from '../../core/quantity.ts'
import type { ManifestService, ManifestSpec } from './manifest-types.ts'

/** The schema's defaults. */
const DEADLINE = '60s'
const PERIOD = '5s'
const THRESHOLD = 3

/** For objects that were found right. Pure. */
export function serviceWarnings(object: unknown): readonly string[] {
  const { spec } = object as ManifestService
  return [...replicasWarnings(spec), ...startupWarnings(spec), ...pausedWarnings(spec)]
}

function pausedWarnings({ update }: ManifestSpec): readonly string[] {
  if (update?.paused !== true) return []
  return ['spec.update.paused is true: a change replaces nothing before nsctl rollout resume']
}

function replicasWarnings({ replicas = 1, placement }: ManifestSpec): readonly string[] {
  if (placement?.strategy !== 'perNode' || replicas === 1) return []
  return [
    `spec.replicas (${replicas}) has no effect with placement strategy perNode: each node that matches has one`,
  ]
}

/** A program that may take its time is given up before that is over. */
function startupWarnings({ template, update }: ManifestSpec): readonly string[] {
  const deadline = update?.progressDeadline ?? DEADLINE
  const slowest = [template, ...(template.programs ?? [])].flatMap(({ startup }) => {
    if (startup === undefined) return []
    const { initialDelay = '0s', period = PERIOD, failureThreshold = THRESHOLD } = startup
    return parseDurationMs(initialDelay) + failureThreshold * parseDurationMs(period)
  })
  const mostMs = Math.max(0, ...slowest)
  if (mostMs <= parseDurationMs(deadline)) return []
  return [
    `spec.update.progressDeadline (${deadline}) ends before the startup probe does (${mostMs / 1000}s): a change that takes longer is rolled back`,
  ]
}

/** What a ScaledJob's status says. Pure. */
import type { JsonObject } from '../../core/json.ts'
import { formatCount } from '../../core/words.ts'
import { type ConditionInput, setConditions } from '../../resources/conditions.ts'
import type { ScaledJob, ScaledJobStatus } from '../../resources/generated/types.ts'
import type { JobsDecision } from '../../scaling/jobs/decide-jobs.ts'
import type { JobCounts } from './jobs.ts'

/** What keeps it from acting at all. */
export interface JobProblem {
  readonly reason: 'UnsupportedTrigger' | 'UnsupportedImage' | 'InvalidSpec'
  readonly message: string
}

export interface JobStatusFacts {
  readonly object: ScaledJob
  readonly before: ScaledJobStatus | undefined
  readonly problem: JobProblem | undefined
  readonly paused: boolean
  readonly triggers: readonly {
    readonly key: string
    readonly error: string | undefined
    readonly failures: number
  }[]
  readonly counts: JobCounts
  /** Jobs made so far. */
  readonly created: number
  /** The last decision that made some. */
  readonly made: JobsDecision | undefined
  readonly active: boolean | undefined
  readonly polledFor: string | undefined
  /** RFC 3339 */
  readonly now: string
}

export function scaledJobStatus(facts: JobStatusFacts): ScaledJobStatus {
  const { object, before, counts, paused, active, made, polledFor } = facts
  const ready = readyCondition(facts)
  const decision = (made as unknown as JsonObject | undefined) ?? before?.decision
  const lastActiveTime = active === true && made !== undefined ? facts.now : before?.lastActiveTime
  return {
    observedGeneration: object.metadata.generation ?? 0,
    triggersText: [...new Set(object.spec.triggers.map(({ type }) => type))].join(','),
    activeText: paused ? 'paused' : active === true ? 'yes' : 'no',
    ...counts,
    created: facts.created,
    ...(lastActiveTime === undefined ? {} : { lastActiveTime }),
    ...(polledFor === undefined ? {} : { polledFor }),
    ...(decision === undefined ? {} : { decision }),
    ...(ready.status === 'True' ? {} : { summary: `${ready.reason}: ${ready.message}` }),
    conditions: setConditions(
      before?.conditions,
      [ready, activeCondition(facts), pausedCondition(facts)],
      facts.now,
      object.metadata.generation,
    ),
  }
}

function readyCondition({ problem, triggers }: JobStatusFacts): ConditionInput {
  const type = 'Ready'
  if (problem !== undefined) return { type, status: 'False', ...problem }
  const failing = triggers.filter(({ error }) => error !== undefined)
  const [first] = failing
  if (first === undefined) return { type, status: 'True', reason: 'ScaledJobReady' }
  const message = `${first.key}: ${first.error}`
  // what can still be read goes on making Jobs
  if (failing.length < triggers.length)
    return { type, status: 'Unknown', reason: 'PartialTriggerError', message }
  return { type, status: 'False', reason: 'TriggerError', message }
}

function activeCondition({ active, problem }: JobStatusFacts): ConditionInput {
  const type = 'Active'
  if (problem !== undefined || active === undefined) return { type, status: 'Unknown', reason: 'NotLookedAt' }
  return active
    ? { type, status: 'True', reason: 'ScalerActive' }
    : { type, status: 'False', reason: 'ScalerNotActive' }
}

function pausedCondition({ paused, counts }: JobStatusFacts): ConditionInput {
  const type = 'Paused'
  if (!paused) return { type, status: 'False', reason: 'NotPaused' }
  const running = formatCount(counts.running, 'Job')
  return { type, status: 'True', reason: 'Annotation', message: `no Jobs are made; ${running} may finish` }
}

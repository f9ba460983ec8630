/** What a Job's status says. Pure. */
import { formatAge } from '../../core/quantity.ts'
import { type ConditionInput, findCondition, setConditions } from '../../resources/conditions.ts'
import type { Job, JobStatus } from '../../resources/generated/types.ts'
import type { JobPlan, RunView } from './plan.ts'
import type { JobTally } from './tally.ts'

export interface JobStatusInput {
  readonly job: Job
  readonly plan: JobPlan
  readonly tally: JobTally
  readonly runs: readonly RunView[]
  /** Of those, how many programs really run. */
  readonly ready: number
  /** What keeps it from starting anything. */
  readonly blocked: string | undefined
  /** Runs that room is being made for. */
  readonly nominations: NonNullable<JobStatus['nominations']>
  /** Since it was taken up. */
  readonly elapsedMs: number
  /** RFC 3339 */
  readonly now: string
}

export function jobStatus({
  job,
  plan,
  tally,
  runs,
  ready,
  blocked,
  nominations,
  elapsedMs,
  now,
}: JobStatusInput): JobStatus {
  const before = job.status
  const { verdict } = plan
  const isOver = verdict.kind !== 'running'
  const completionTime = isOver ? (before?.completionTime ?? now) : undefined
  const failure = verdict.kind === 'failed' ? `${verdict.reason}: ${verdict.message}` : undefined
  const summary = failure ?? blocked
  const active = runs.filter((one) => one.state === 'active').length
  return {
    observedGeneration: job.metadata.generation ?? 0,
    active,
    ready,
    ...tally.written,
    startTime: before?.startTime ?? now,
    ...(completionTime === undefined ? {} : { completionTime }),
    completionsText: `${tally.succeeded}/${job.spec.completions}`,
    // written with the end only: a status that tells the time would be written all the time
    ...(isOver ? { durationText: before?.durationText ?? formatAge(elapsedMs) } : {}),
    ...(nominations.length > 0 && !isOver ? { nominations } : {}),
    ...(summary === undefined ? {} : { summary }),
    conditions: setConditions(before?.conditions, conditionsOf(plan, tally), now, job.metadata.generation),
  }
}

function conditionsOf({ verdict }: JobPlan, { succeeded }: JobTally): readonly ConditionInput[] {
  const isComplete = verdict.kind === 'complete'
  const hasFailed = verdict.kind === 'failed'
  return [
    {
      type: 'Complete',
      status: isComplete ? 'True' : 'False',
      reason: isComplete ? 'Succeeded' : hasFailed ? 'Failed' : 'Running',
      ...(isComplete && {
        message: succeeded === 1 ? 'its run has succeeded' : `${succeeded} runs have succeeded`,
      }),
    },
    {
      type: 'Failed',
      status: hasFailed ? 'True' : 'False',
      reason: hasFailed ? verdict.reason : 'AsExpected',
      ...(hasFailed && { message: verdict.message }),
    },
  ]
}

/** The verdict that was written; a Job that is over stays so. */
export function writtenVerdict(status: JobStatus | undefined): JobPlan['verdict'] | undefined {
  if (findCondition(status?.conditions, 'Complete')?.status === 'True') return { kind: 'complete' }
  const failed = findCondition(status?.conditions, 'Failed')
  if (failed?.status !== 'True') return undefined
  const reason = failed.reason === 'DeadlineExceeded' ? 'DeadlineExceeded' : 'BackoffLimitExceeded'
  return { kind: 'failed', reason, message: failed.message ?? '' }
}

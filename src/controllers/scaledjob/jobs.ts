/** The Jobs of a ScaledJob: which there are, which to make, and which to remove. Pure. */
import type { JsonObject } from '../../core/json.ts'
import { findCondition } from '../../resources/conditions.ts'
import type { Job, ScaledJob } from '../../resources/generated/types.ts'
import { type AnyResource, API_VERSION, OWN_PREFIX } from '../../resources/object.ts'

/** On a Job: the generation of the ScaledJob that it was made of. */
const GENERATION = `${OWN_PREFIX}scaledjob-generation`

export interface JobView {
  readonly name: string
  readonly uid: string | undefined
  readonly deleting: boolean
  /** Undefined while it has not ended. */
  readonly end: 'complete' | 'failed' | undefined
  readonly endedAt: string
  /** Of the ScaledJob that it was made of. */
  readonly generation: number | undefined
  /** Runs that have been made, that run, and that have succeeded. */
  readonly active: number
  readonly ready: number
  readonly succeeded: number
}

export function jobViewOf({ metadata, status }: Job): JobView {
  const has = (type: string) => findCondition(status?.conditions, type)?.status === 'True'
  const generation = metadata.annotations?.[GENERATION]
  return {
    name: metadata.name,
    uid: metadata.uid,
    deleting: metadata.deletionTimestamp !== undefined,
    end: has('Complete') ? 'complete' : has('Failed') ? 'failed' : undefined,
    endedAt: status?.completionTime ?? '',
    generation: generation === undefined ? undefined : Number(generation),
    active: status?.active ?? 0,
    ready: status?.ready ?? 0,
    succeeded: status?.succeeded ?? 0,
  }
}

export interface JobCounts {
  /** That have not ended. */
  readonly running: number
  /** Of those, of which nothing runs yet. */
  readonly pending: number
}

/** KEDA's pendingPodConditions, where nsctl has something like them. */
const CONDITIONS: Readonly<Record<string, (job: JobView) => boolean>> = {
  PodScheduled: ({ active, succeeded }) => active + succeeded > 0,
  Initialized: ({ active, succeeded }) => active + succeeded > 0,
  ContainersReady: ({ ready }) => ready > 0,
  Ready: ({ ready }) => ready > 0,
}

/** @param waitsForEnds Jobs whose end was asked for count until they are gone */
export function countJobs(
  jobs: readonly JobView[],
  conditions: readonly string[],
  waitsForEnds: boolean,
): JobCounts {
  const running = jobs.filter((job) => job.end === undefined && (waitsForEnds || !job.deleting))
  const isPending = (job: JobView) =>
    conditions.length === 0
      ? job.ready + job.succeeded === 0
      : !conditions.every((condition) => CONDITIONS[condition]?.(job) === true)
  return { running: running.length, pending: running.filter((job) => !job.deleting && isPending(job)).length }
}

/** Jobs of former generations, unless they may finish; and of those that have ended, what is beyond the limits, the oldest first. */
export function jobsToRemove({ spec, metadata }: ScaledJob, jobs: readonly JobView[]): readonly JobView[] {
  const live = jobs.filter(({ deleting }) => !deleting)
  const strategy = spec.rolloutStrategy ?? spec.rollout?.strategy ?? 'default'
  const former =
    strategy === 'gradual' ? [] : live.filter(({ generation }) => generation !== metadata.generation)
  const kept = live.filter((job) => !former.includes(job))
  const beyond = (end: JobView['end'], limit: number) => {
    const ended = kept.filter((job) => job.end === end).sort((a, b) => (a.endedAt < b.endedAt ? -1 : 1))
    return ended.slice(0, Math.max(0, ended.length - limit))
  }
  return [
    ...former,
    ...beyond('complete', spec.successfulJobsHistoryLimit),
    ...beyond('failed', spec.failedJobsHistoryLimit),
  ]
}

/** One Job, owned by its ScaledJob. Its number names it, so that what is asked for twice is made once. */
export function makeJob(object: ScaledJob, number: number): AnyResource {
  const { metadata, spec, apiVersion, kind } = object
  const { parallelism, completions, backoffLimit, activeDeadlineSeconds, ttlSecondsAfterFinished } =
    spec.jobTargetRef
  const { template, placement } = spec.jobTargetRef
  return {
    apiVersion: API_VERSION,
    kind: 'Job',
    metadata: {
      name: `${metadata.name}-${number}`,
      namespace: metadata.namespace,
      ...(metadata.labels && { labels: metadata.labels }),
      annotations: { [GENERATION]: String(metadata.generation) },
      ownerReferences: [{ apiVersion, kind, name: metadata.name, uid: metadata.uid ?? '', controller: true }],
    },
    spec: {
      parallelism,
      completions,
      backoffLimit,
      ...(activeDeadlineSeconds !== undefined && { activeDeadlineSeconds }),
      ...(ttlSecondsAfterFinished !== undefined && { ttlSecondsAfterFinished }),
      template: template as JsonObject,
      ...(placement !== undefined && { placement }),
    },
  } as AnyResource
}

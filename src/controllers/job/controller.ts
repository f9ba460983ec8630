/** The Job controller: read → plan → apply → one status write. */
import { FINALIZERS, type ResourceController } from '../../api/api.ts'
import type { Clock } from '../../core/clock.ts'
import { deepEqual, type Json } from '../../core/json.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import type { ObjectIndex } from '../../engine/cache-index.ts'
import { type ControllerSpec, refKey } from '../../engine/controller.ts'
import { type Outcome, recheck, settled } from '../../engine/reconciler.ts'
import type { Instance, Job, Node } from '../../resources/generated/types.ts'
import { missingText } from '../../resources/materials.ts'
import type { AnyResource, ObjectRef } from '../../resources/object.ts'
import { type JobPlan, planJob, type RunView } from './plan.ts'
import { heldFor, makeRun, type RunTemplate, runTemplateOf, runViewOf } from './runs.ts'
import { jobStatus, writtenVerdict } from './status.ts'
import { type JobTally, tallyRuns } from './tally.ts'
import { JobTimes } from './times.ts'
import { jobWatches } from './watches.ts'

export type JobApi = Pick<
  ResourceController,
  'createOwned' | 'updateStatus' | 'requestDelete' | 'removeFinalizer' | 'recordEvent'
>

export interface JobControllerOptions {
  readonly cache: ObjectCache
  readonly api: JobApi
  readonly clock: Clock
}

/** Makes a Job's runs, tries again what fails, and says how it stands. */
export function jobController(options: JobControllerOptions): ControllerSpec {
  return {
    name: 'job',
    watches: jobWatches(options.cache),
    reconciler: new JobReconciler(options),
    concurrency: 16,
  }
}

/** What a reconcile has read of one Job. */
interface Situation {
  readonly ref: ObjectRef
  readonly job: Job
  readonly instances: readonly Instance[]
  readonly runs: readonly RunView[]
  readonly tally: JobTally
}

class JobReconciler {
  readonly #options: JobControllerOptions
  readonly #held: ObjectIndex
  readonly #times: JobTimes

  constructor(options: JobControllerOptions) {
    this.#options = options
    this.#held = options.cache.index('Instance', heldFor)
    this.#times = new JobTimes(options.clock)
  }

  async reconcile(ref: ObjectRef): Promise<Outcome> {
    const { cache } = this.#options
    const job = cache.get<Job>(ref)
    if (job === undefined || job.metadata.deletionTimestamp !== undefined) {
      this.#times.forget(refKey(ref))
      await this.#release(this.#held.get<Instance>(refKey(ref)))
      return settled
    }
    const { uid = '' } = job.metadata
    const owned = cache.byOwner(uid) as unknown as readonly Instance[]
    const instances = owned.filter((one) => one.kind === 'Instance')
    const runs = instances.map(runViewOf)
    const situation = { ref, job, instances, runs, tally: tallyRuns(job.status, runs) }
    const plan = this.#plan(situation)
    const template = runTemplateOf(job, cache)
    const node = cache.list<Node>('Node').find((one) => one.status?.phase === 'Ready')
    const blocked = blockedBy(template, node, plan)
    if (blocked === undefined && node !== undefined) await this.#create(situation, plan, template, node)
    await this.#end(situation, plan)
    await this.#writeStatus(situation, plan, blocked)
    await this.#release(releasedOf(situation, this.#held.get<Instance>(refKey(ref))))
    return await this.#outcome(situation, plan)
  }

  /** Nothing is to be counted of them any more. */
  async #release(instances: readonly Instance[]): Promise<void> {
    const { api } = this.#options
    await Promise.all(instances.map((one) => api.removeFinalizer(refOf(one), FINALIZERS.job)))
  }

  #plan({ ref, job, runs, tally }: Situation): JobPlan {
    const { parallelism, completions, backoffLimit, activeDeadlineSeconds } = job.spec
    const { succeeded, failed } = tally
    return planJob(
      {
        parallelism,
        completions,
        backoffLimit,
        activeDeadlineMs: activeDeadlineSeconds === undefined ? undefined : activeDeadlineSeconds * 1000,
      },
      runs,
      {
        elapsedMs: this.#times.elapsedMs(refKey(ref), job),
        sinceFailureMs: this.#times.sinceFailureMs(refKey(ref), failed),
        succeeded,
        failed,
      },
      writtenVerdict(job.status),
    )
  }

  async #create({ job }: Situation, { create }: JobPlan, template: RunTemplate, node: Node): Promise<void> {
    if (create.length === 0) return
    const made = create.map((ordinal) => makeRun(job, template, ordinal, node.metadata.name))
    await this.#options.api.createOwned(made)
  }

  async #end({ instances }: Situation, { end }: JobPlan): Promise<void> {
    const names = new Set(end)
    const ending = instances.filter((one) => names.has(one.metadata.name))
    await Promise.all(ending.map((one) => this.#options.api.requestDelete(refOf(one))))
  }

  async #writeStatus(
    { ref, job, instances, runs, tally }: Situation,
    plan: JobPlan,
    blocked: string | undefined,
  ): Promise<void> {
    const { api, clock } = this.#options
    const status = jobStatus({
      job,
      plan,
      tally,
      runs,
      ready: instances.filter((one) => one.status?.phase === 'Running').length,
      blocked,
      elapsedMs: this.#times.elapsedMs(refKey(ref), job),
      now: new Date(clock.now()).toISOString(),
    })
    if (deepEqual(status, job.status)) return
    await api.updateStatus(refOf(job), status as unknown as Json)
    const { verdict } = plan
    if (verdict.kind === 'running' || writtenVerdict(job.status) !== undefined) return
    const message = verdict.kind === 'failed' ? verdict.message : `done after ${status.durationText}`
    await api.recordEvent({
      about: refOf(job),
      type: verdict.kind === 'failed' ? 'Warning' : 'Normal',
      reason: verdict.kind === 'failed' ? verdict.reason : 'Completed',
      message,
      source: 'job-controller',
    })
  }

  async #outcome({ ref, job }: Situation, { verdict, waitMs }: JobPlan): Promise<Outcome> {
    const { ttlSecondsAfterFinished } = job.spec
    if (verdict.kind === 'running')
      return waitMs === undefined ? settled : recheck(Math.max(1, waitMs), 'a retry or its deadline')
    if (ttlSecondsAfterFinished === undefined) return settled
    const leftMs = ttlSecondsAfterFinished * 1000 - this.#times.sinceEndMs(refKey(ref), job)
    if (leftMs > 0) return recheck(leftMs, 'ttlSecondsAfterFinished')
    await this.#options.api.requestDelete(refOf(job))
    return settled
  }
}

/** What is counted, and what is another Job's of this name that has gone without its runs. */
function releasedOf({ job, instances, tally }: Situation, held: readonly Instance[]): readonly Instance[] {
  const names = new Set(tally.release.map(({ name }) => name))
  const { uid } = job.metadata
  const isOwn = ({ metadata }: Instance) =>
    metadata.ownerReferences?.some((owner) => owner.uid === uid) === true
  return [
    ...instances.filter(({ metadata }) => names.has(metadata.name)),
    ...held.filter((one) => !isOwn(one)),
  ]
}

function blockedBy(template: RunTemplate, node: Node | undefined, plan: JobPlan): string | undefined {
  if (plan.verdict.kind !== 'running' || plan.create.length === 0) return undefined
  if (template.missing.length > 0) return `waits for ${missingText(template.missing)}`
  return node === undefined ? 'no node is ready' : undefined
}

function refOf(object: Job | Instance): ObjectRef & { readonly uid?: string } {
  const { kind, metadata } = object as unknown as AnyResource
  return { kind, namespace: metadata.namespace, name: metadata.name, uid: metadata.uid }
}

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
import { isLost } from '../../resources/node.ts'
import type { AnyResource, ObjectRef } from '../../resources/object.ts'
import { demandOf } from '../../resources/resourcequota/measures.ts'
import { Bounds } from '../bounds.ts'
import { Placer, UNSCHEDULABLE } from '../placer.ts'
import { isPreempted, PREEMPTED, preemptingText, storedNominations, tellVictims } from '../preempting.ts'
import { missingClassText, NO_CLASS, NO_PRIORITY, Priorities } from '../priorities.ts'
import { QUOTA_EXCEEDED, Quotas } from '../quotas.ts'
import { type JobPlan, planJob, type RunView } from './plan.ts'
import { batchOf, heldFor, makeRun, type RunTemplate, runName, runTemplateOf, runViewOf } from './runs.ts'
import { jobStatus, writtenVerdict } from './status.ts'
import { type JobTally, tallyRuns } from './tally.ts'
import { JobTimes } from './times.ts'
import { jobWatches } from './watches.ts'

export type JobApi = Pick<
  ResourceController,
  'createOwned' | 'updateOwned' | 'updateStatus' | 'requestDelete' | 'removeFinalizer' | 'recordEvent'
>

export interface JobControllerOptions {
  readonly cache: ObjectCache
  readonly api: JobApi
  readonly clock: Clock
  /** The one that all controllers of a control plane share; one of its own where left out. */
  readonly placer?: Placer
  /** Likewise. */
  readonly quotas?: Quotas
}

/** Makes a Job's runs, tries again what fails, and says how it stands. */
export function jobController(options: JobControllerOptions): ControllerSpec {
  const { placer = new Placer(options), quotas = new Quotas(options) } = options
  return {
    name: 'job',
    watches: jobWatches(options.cache, placer, quotas),
    reconciler: new JobReconciler(options, placer, quotas),
    concurrency: 16,
  }
}

/** What is more important has been woken and has found its place by then. */
const BEHIND_MS = 1_000

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
  readonly #placer: Placer
  readonly #quotas: Quotas
  readonly #bounds: Bounds
  readonly #priorities: Priorities

  constructor(options: JobControllerOptions, placer: Placer, quotas: Quotas) {
    this.#options = options
    this.#placer = placer
    this.#quotas = quotas
    this.#bounds = new Bounds(options.cache)
    this.#priorities = new Priorities(options.cache)
    this.#held = options.cache.index('Instance', heldFor)
    this.#times = new JobTimes(options.clock)
  }

  async reconcile(ref: ObjectRef): Promise<Outcome> {
    const { cache } = this.#options
    const job = cache.get<Job>(ref)
    if (job === undefined || job.metadata.deletionTimestamp !== undefined) {
      this.#times.forget(refKey(ref))
      this.#placer.settle(ref)
      this.#quotas.settle(ref)
      await this.#release(this.#held.get<Instance>(refKey(ref)))
      return settled
    }
    const { uid = '' } = job.metadata
    const owned = cache.byOwner(uid) as unknown as readonly Instance[]
    const instances = owned.filter((one) => one.kind === 'Instance')
    const runs = instances.map((one) => this.#viewOf(one))
    const situation = { ref, job, instances, runs, tally: tallyRuns(job.status, runs) }
    const plan = this.#plan(situation)
    const template = this.#filled(job, runTemplateOf(job, cache), instances)
    const blocked = missingOf(template, plan) ?? (await this.#create(situation, plan, template))
    await this.#end(situation, plan)
    await this.#writeStatus(situation, plan, blocked)
    await this.#release(releasedOf(situation, this.#held.get<Instance>(refKey(ref))))
    return await this.#outcome(situation, plan)
  }

  #viewOf(run: Instance): RunView {
    return runViewOf(run, this.#isLost(run))
  }

  #isLost({ spec }: Instance): boolean {
    const node = this.#options.cache.get<Node>({ kind: 'Node', name: spec.node })
    return node === undefined || isLost(node)
  }

  /** Its end is to be asked for: when its node is back, another run has taken its place. */
  #isStranded(run: Instance): boolean {
    const { deletionTimestamp } = run.metadata
    return deletionTimestamp === undefined && runViewOf(run, false).state === 'active' && this.#isLost(run)
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

  /** With what LimitRanges give where it does not say. */
  #filled({ metadata }: Job, resolved: RunTemplate, runs: readonly Instance[]): RunTemplate {
    return { ...resolved, template: this.#bounds.fill(metadata.namespace ?? '', resolved, runs) }
  }

  /** Makes the runs that the plan asks for; why some are not made is returned. */
  async #create({ ref, job }: Situation, plan: JobPlan, template: RunTemplate): Promise<string | undefined> {
    const create = plan.verdict.kind === 'running' ? plan.create : []
    const runs = new Map(create.map((ordinal) => [`${ref.namespace}/${runName(job, ordinal)}`, ordinal]))
    const unbounded =
      create.length === 0 ? undefined : this.#bounds.refusal(ref.namespace ?? '', template.template)
    if (unbounded !== undefined) {
      this.#quotas.wait(ref)
      return `${unbounded.reason}: ${unbounded.text}`
    }
    const priority = this.#priorities.of(job.spec.placement)
    if (priority === undefined && create.length > 0) {
      this.#quotas.wait(ref)
      return `${NO_PRIORITY}: ${missingClassText(job.spec.placement)}`
    }
    const use = demandOf(template.template)
    const granted = this.#quotas.grant(
      ref,
      [...runs.keys()].map((id) => ({ id, use })),
    )
    const placed = this.#placer.place(ref, [batchOf(job, template, priority ?? NO_CLASS, [...granted.ids])])
    const nominations = this.#placer.nominations(ref)
    const nominated = new Set(nominations.map(({ id }) => id))
    this.#quotas.retract(placed.flatMap((one) => ('node' in one || nominated.has(one.id) ? [] : [one.id])))
    const made = placed.flatMap((one) =>
      'node' in one
        ? [
            makeRun(job, template, {
              ordinal: runs.get(one.id) ?? 0,
              node: one.node,
              priority: priority?.value ?? 0,
            }),
          ]
        : [],
    )
    try {
      if (made.length > 0) await this.#options.api.createOwned(made)
    } catch (error) {
      this.#placer.retract(placed.map(({ id }) => id))
      this.#quotas.retract(granted.ids)
      throw error
    }
    if (granted.refusal !== undefined) return `${QUOTA_EXCEEDED}: ${granted.refusal}`
    await tellVictims({ ...this.#options, source: 'job-controller' }, refOf(job), nominations)
    const refused = placed.find((one) => 'refusal' in one)
    const making = preemptingText(nominations)
    return refused && `${UNSCHEDULABLE}: ${[refused.refusal.text, ...(making ? [making] : [])].join('; ')}`
  }

  async #tellPreempted(job: Job, { metadata, spec }: Instance): Promise<void> {
    const message = `${metadata.name} on node/${spec.node} made room for ${spec.preemptedFor}, which is more important`
    const source = 'job-controller'
    await this.#options.api.recordEvent({
      about: refOf(job),
      type: 'Warning',
      reason: PREEMPTED,
      message,
      source,
    })
  }

  async #end({ job, instances }: Situation, { end }: JobPlan): Promise<void> {
    const names = new Set(end)
    const preempted = instances.filter(
      (one) => isPreempted(one) && one.metadata.deletionTimestamp === undefined,
    )
    for (const one of preempted) await this.#tellPreempted(job, one)
    const ending = instances.filter(
      (one) => names.has(one.metadata.name) || this.#isStranded(one) || preempted.includes(one),
    )
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
      nominations: storedNominations(this.#placer.nominations(ref)),
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
    if (verdict.kind === 'running') {
      if (this.#placer.isBehind(ref))
        return recheck(Math.min(BEHIND_MS, waitMs ?? BEHIND_MS), 'what is more important goes first')
      return waitMs === undefined ? settled : recheck(Math.max(1, waitMs), 'a retry or its deadline')
    }
    if (ttlSecondsAfterFinished === undefined) return settled
    const leftMs = ttlSecondsAfterFinished * 1000 - this.#times.sinceEndMs(refKey(ref), job)
    if (leftMs > 0) return recheck(leftMs, 'ttlSecondsAfterFinished')
    await this.#options.api.requestDelete(refOf(job))
    return settled
  }
}

function missingOf({ missing }: RunTemplate, { verdict, create }: JobPlan): string | undefined {
  if (verdict.kind !== 'running' || create.length === 0 || missing.length === 0) return undefined
  return `waits for ${missingText(missing)}`
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

function refOf(object: Job | Instance): ObjectRef & { readonly uid?: string } {
  const { kind, metadata } = object as unknown as AnyResource
  return { kind, namespace: metadata.namespace, name: metadata.name, uid: metadata.uid }
}

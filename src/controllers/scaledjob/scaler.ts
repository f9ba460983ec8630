/** One ScaledJob at work: what its triggers said last, and the Jobs that it makes of that. It takes none away but by its limits and rollouts. */
import type { ResourceController, ResourceReader } from '../../api/api.ts'
import { deepEqual, type Json } from '../../core/json.ts'
import { formatCount } from '../../core/words.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import type { Looker, Wish } from '../../engine/looks.ts'
import type { Job, ResourceQuota, ScaledJob, ScaledJobStatus } from '../../resources/generated/types.ts'
import type { AnyResource, ObjectRef } from '../../resources/object.ts'
import { PAUSED, POLL_REQUESTED } from '../../resources/scaler-annotations.ts'
import { decideJobs, type JobsDecision, type JobsPolicy } from '../../scaling/jobs/decide-jobs.ts'
import { historySubject } from '../../scaling/sample.ts'
import type { ScalingTimes } from '../../scaling/times.ts'
import { type OpenTrigger, Trigger } from '../../scaling/trigger.ts'
import type { HistoryWriter } from '../../telemetry/history/history.ts'
import { QUOTA_EXCEEDED } from '../quotas.ts'
import { countJobs, type JobView, jobsToRemove, jobViewOf, makeJob } from './jobs.ts'
import { JobRecords, type TimedJobsDecision } from './records.ts'
import { withinQuota } from './room.ts'
import { type JobProblem, scaledJobStatus } from './status.ts'

export type JobScalerApi = Pick<
  ResourceController,
  'createOwned' | 'requestDelete' | 'updateStatus' | 'recordEvent'
> &
  Pick<ResourceReader, 'kinds' | 'get'>

export interface JobScalerOptions {
  readonly api: JobScalerApi
  readonly cache: ObjectCache
  readonly times: ScalingTimes
  readonly compile: (object: ScaledJob) => JobsPolicy
  readonly open: OpenTrigger
  readonly history?: HistoryWriter
  /** What an event has led to could not be written. */
  readonly onFailure: (error: unknown) => void
  /** Uniform in [0, 1). */
  readonly random: () => number
}

/** Of the interval, either way. */
const JITTER = 0.05
/** A Job that the cache has not shown for so long may have come and gone in between. */
const UNSEEN_MS = 10_000

export class JobScaler implements Looker {
  readonly #options: JobScalerOptions
  #object: ScaledJob
  #problem: JobProblem | undefined
  #policy: JobsPolicy | undefined
  #triggers: readonly Trigger[] = []
  #decision: TimedJobsDecision | undefined
  readonly #records: JobRecords
  /** Names of the Jobs that were made and that the cache may not show yet, and since when. */
  readonly #unseen = new Map<string, number>()
  #created: number
  #written: ScaledJobStatus | undefined
  #polledFor: string | undefined
  #deciding: Promise<void> = Promise.resolve()
  #closed = false

  constructor(object: ScaledJob, options: JobScalerOptions) {
    this.#options = options
    this.#object = object
    this.#written = object.status
    this.#created = object.status?.created ?? 0
    this.#polledFor = object.status?.polledFor
    this.#records = new JobRecords(historySubject(object), options.history)
  }

  get object(): ScaledJob {
    return this.#object
  }

  get intervalMs(): number {
    return this.#object.spec.pollingInterval * 1000
  }

  get polls(): boolean {
    return !this.#closed && this.#problem === undefined && !this.#isPaused
  }

  get #isPaused(): boolean {
    return this.#object.metadata.annotations?.[PAUSED] === 'true'
  }

  pollInMs(polls: number, lateMs: number): number {
    const { random } = this.#options
    const part = polls === 1 ? random() : 1 + (random() * 2 - 1) * JITTER
    return Math.max(500, this.intervalMs * part - Math.min(lateMs, this.intervalMs / 2))
  }

  decideInMs(): number {
    return Number.POSITIVE_INFINITY
  }

  /**
   * Takes in the object as it is now, and what keeps it from acting.
   *
   * @param credentials what its triggers log in with has changed
   */
  async update(object: ScaledJob, problem: JobProblem | undefined, credentials: boolean): Promise<Wish> {
    const before = this.#object
    const isNew = this.#policy === undefined && this.#problem === undefined
    const moved = isNew || this.#problem !== undefined || !sameOrders(before, object)
    this.#object = object
    this.#problem = problem
    if (problem !== undefined) {
      await this.#closeTriggers()
      return 'decide'
    }
    if (moved) await this.#open()
    if (credentials) await Promise.all(this.#triggers.map((trigger) => trigger.reopen()))
    if ((moved || credentials) && this.polls) return 'look'
    return 'decide'
  }

  async poll(): Promise<void> {
    const [object, triggers] = [this.#object, this.#triggers]
    const request = object.metadata.annotations?.[POLL_REQUESTED]
    const isAsked = request !== undefined && request !== this.#polledFor
    await Promise.all(triggers.map((trigger) => trigger.look(object, isAsked ? 0 : this.intervalMs / 2)))
    if (!this.polls) return
    this.#polledFor = request ?? this.#polledFor
    await this.#inTurn(() => this.#decide(true))
  }

  /** What has become of its Jobs; makes no new ones, which is for looks and events. */
  decide(): Promise<void> {
    return this.#inTurn(() => this.#decide(false))
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#closeTriggers()
    await this.#deciding.catch(() => undefined)
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#deciding.catch(() => undefined).then(work)
    this.#deciding = turn
    return turn
  }

  async #decide(mayCreate: boolean): Promise<void> {
    if (this.#closed) return
    if (mayCreate) await this.#forgetGone()
    const jobs = this.#jobs()
    const { spec } = this.#object
    const waits = spec.rollout?.propagationPolicy === 'foreground'
    const counted = countJobs(jobs, spec.scalingStrategy?.pendingPodConditions ?? [], waits)
    const unseen = this.#unseen.size
    const counts = { running: counted.running + unseen, pending: counted.pending + unseen }
    await this.#remove(jobsToRemove(this.#object, jobs))
    if (mayCreate && this.polls && this.#policy !== undefined) {
      const triggers = new Map(this.#triggers.map(({ key, input }) => [key, input] as const))
      const at = this.#options.times.text()
      const { refusal, ...decision } = this.#withinQuota(decideJobs(this.#policy, { triggers, ...counts }))
      this.#decision = { ...decision, at }
      if (refusal !== undefined) await this.#tell('Warning', QUOTA_EXCEEDED, refusal)
      if (this.#decision.create > 0) await this.#create(this.#decision)
      this.#records.looked(this.#decision)
    }
    const created = this.#unseen.size - unseen
    await this.#writeStatus({ running: counts.running + created, pending: counts.pending + created })
  }

  #withinQuota(decision: JobsDecision): ReturnType<typeof withinQuota<JobsDecision>> {
    const { cache } = this.#options
    const { namespace = '' } = this.#object.metadata
    if (decision.create === 0) return decision
    const there = cache.list('Job', { namespace }).length + this.#unseen.size
    return withinQuota(decision, cache.list<ResourceQuota>('ResourceQuota', { namespace }), there)
  }

  /** One that was removed before it was ever seen would count for good. */
  async #forgetGone(): Promise<void> {
    const { api, times } = this.#options
    const beforeMs = times.steadyMs() - UNSEEN_MS
    const { namespace } = this.#object.metadata
    for (const [name, madeMs] of [...this.#unseen])
      if (madeMs <= beforeMs && (await api.get({ kind: 'Job', namespace, name })) === undefined)
        this.#unseen.delete(name)
  }

  #jobs(): readonly JobView[] {
    const { cache } = this.#options
    const owned = cache.byOwner(this.#object.metadata.uid ?? '') as unknown as readonly Job[]
    const jobs = owned.filter(({ kind }) => kind === 'Job').map(jobViewOf)
    for (const { name } of jobs) this.#unseen.delete(name)
    return jobs
  }

  async #create(decision: JobsDecision): Promise<void> {
    const first = this.#created + 1
    const kind = this.#options.api.kinds.byKind('Job')
    const made = Array.from({ length: decision.create }, (_, index) =>
      kind.withDefaults(makeJob(this.#object, first + index)),
    )
    await this.#options.api.createOwned(made)
    this.#created += decision.create
    const nowMs = this.#options.times.steadyMs()
    for (const { metadata } of made) this.#unseen.set(metadata.name, nowMs)
    const message = `made ${formatCount(decision.create, 'Job')}: ${decision.because}`
    await this.#tell('Normal', 'JobsCreated', message)
  }

  async #remove(jobs: readonly JobView[]): Promise<void> {
    const { namespace } = this.#object.metadata
    await Promise.all(
      jobs.map(({ name, uid }) =>
        this.#options.api.requestDelete({ kind: 'Job', namespace, name, ...(uid !== undefined && { uid }) }),
      ),
    )
  }

  async #writeStatus(counts: { readonly running: number; readonly pending: number }): Promise<void> {
    const decision = this.#decision
    const status = scaledJobStatus({
      object: this.#object,
      before: this.#written,
      problem: this.#problem,
      paused: this.#isPaused,
      triggers: this.#triggers.map(({ key, input: { error, failures } }) => ({ key, error, failures })),
      counts,
      created: this.#created,
      made: decision !== undefined && decision.create > 0 ? decision : undefined,
      active: decision?.active,
      polledFor: this.#polledFor,
      now: this.#options.times.text(),
    })
    if (deepEqual(status, this.#written)) return
    await this.#options.api.updateStatus(this.#ref(), status as unknown as Json)
    const isNews = status.summary !== undefined && status.summary !== this.#written?.summary
    this.#written = status
    if (isNews) await this.#tell('Warning', 'NotReady', status.summary ?? '')
  }

  async #tell(type: 'Normal' | 'Warning', reason: string, message: string): Promise<void> {
    const source = 'scaledjob-controller'
    await this.#options.api.recordEvent({ about: this.#ref(), type, reason, message, source })
  }

  #ref(): ObjectRef & { readonly uid?: string } {
    const { namespace, name, uid } = this.#object.metadata
    return { kind: 'ScaledJob', namespace, name, uid }
  }

  async #open(): Promise<void> {
    const { compile, open, onFailure } = this.#options
    this.#policy = compile(this.#object)
    const before = new Map(this.#triggers.map((trigger) => [trigger.key, trigger]))
    const onEvent = () => void this.#inTurn(() => this.#decide(true)).catch(onFailure)
    this.#triggers = this.#object.spec.triggers.map((spec, index) => {
      const key = this.#policy?.triggers[index]?.key ?? `${spec.type}-${index}`
      const known = before.get(key)
      if (known === undefined || !deepEqual(known.spec, spec))
        return new Trigger(index, key, spec, { open, onEvent })
      before.delete(key)
      return known
    })
    await Promise.all([...before.values()].map((trigger) => trigger.close()))
  }

  async #closeTriggers(): Promise<void> {
    const triggers = this.#triggers
    this.#triggers = []
    this.#policy = undefined
    await Promise.all(triggers.map((trigger) => trigger.close()))
  }
}

/** Nothing that is ordered has changed: not the spec, nor what people say by annotations. */
export function sameOrders(
  { metadata: a }: Pick<AnyResource, 'metadata'>,
  { metadata: b }: Pick<AnyResource, 'metadata'>,
): boolean {
  return a.uid === b.uid && a.generation === b.generation && deepEqual(a.annotations, b.annotations)
}

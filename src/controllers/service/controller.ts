/** The Service controller: read → plan → apply → one status write. */
import { FINALIZERS, type ResourceController, type ResourceReader } from '../../api/api.ts'
import { seenRef } from '../../api/seen.ts'
import type { Clock } from '../../core/clock.ts'
import { NsctlError } from '../../core/errors.ts'
import { deepEqual, type Json } from '../../core/json.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import type { ControllerSpec } from '../../engine/controller.ts'
import { type Outcome, recheck, settled } from '../../engine/reconciler.ts'
import type { Batch } from '../../placement/placement.ts'
import type { Node, Route, Service } from '../../resources/generated/types.ts'
import type { AnyResource, ObjectRef } from '../../resources/object.ts'
import { demandOf } from '../../resources/resourcequota/measures.ts'
import { Bounds } from '../bounds.ts'
import { Placer, UNSCHEDULABLE } from '../placer.ts'
import { isPreempted } from '../preempting.ts'
import { NO_CLASS, Priorities } from '../priorities.ts'
import { QUOTA_EXCEEDED, Quotas } from '../quotas.ts'
import { announce } from './announce.ts'
import { boundedPlan, filledIn } from './bounding.ts'
import { Decider, type Decision } from './decider.ts'
import { type Finishing, Patience } from './finishing.ts'
import { madeFor, type ResolvedTemplate } from './instances.ts'
import { Maker } from './making.ts'
import { OwnWrites } from './own-writes.ts'
import { StatusPace } from './pace.ts'
import { planMaterials } from './plan-materials.ts'
import { Analyst, type Measure } from './rollout/analyst.ts'
import { type Lateness, lateness, reachedBy } from './rollout/deadline.ts'
import type { Progress } from './rollout/progress.ts'
import type { Unplaced } from './seating.ts'
import { isComplete, materialViews, type Situation } from './situation.ts'
import { strandedText } from './standing.ts'
import { serviceStatus } from './status.ts'
import { keepServing } from './successors.ts'
import { Surroundings } from './surroundings.ts'
import { Timekeeper } from './timekeeper.ts'
import { serviceWatches } from './watches.ts'

export type ServiceApi = Pick<
  ResourceController,
  'createOwned' | 'updateOwned' | 'updateStatus' | 'requestDelete' | 'removeFinalizer' | 'recordEvent'
> &
  Pick<ResourceReader, 'history'>

export interface ServiceControllerOptions {
  readonly cache: ObjectCache
  readonly api: ServiceApi
  readonly clock: Clock
  /** The one that all controllers of a control plane share; one of its own where left out. */
  readonly placer?: Placer
  /** Likewise. */
  readonly quotas?: Quotas
  /** Without a readiness probe an instance has to run for so long before it counts: a crash at start is no success. */
  readonly unprobedSettleMs?: number
  /** What analyses of canaries ask. */
  readonly measure?: Measure
}

const UNPROBED_SETTLE_MS = 1_000
/** What is more important has been woken and has found its place by then. */
const BEHIND_MS = 1_000

/** Makes a Service’s Instances and Volumes, rolls out, rolls back, and says in status how it stands. */
export function serviceController(options: ServiceControllerOptions): ControllerSpec {
  const { placer = new Placer(options), quotas = new Quotas(options) } = options
  return {
    name: 'service',
    watches: serviceWatches(options.cache, placer, quotas),
    reconciler: new ServiceReconciler(options, placer, quotas),
    concurrency: 16,
  }
}

function refOf(
  kind: string,
  { metadata }: Pick<AnyResource, 'metadata'>,
): ObjectRef & { readonly uid?: string } {
  const { namespace, name, uid } = metadata
  return { kind, namespace, name, uid }
}

class ServiceReconciler {
  readonly #cache: ObjectCache
  readonly #api: ServiceApi
  readonly #clock: Clock
  readonly #times: Timekeeper
  readonly #settleMs: number
  readonly #decider: Decider
  readonly #ownWrites = new OwnWrites()
  readonly #patience: Patience
  readonly #pace: StatusPace
  readonly #placer: Placer
  readonly #quotas: Quotas
  readonly #bounds: Bounds
  readonly #priorities: Priorities
  readonly #around: Surroundings
  readonly #maker: Maker

  constructor(options: ServiceControllerOptions, placer: Placer, quotas: Quotas) {
    this.#cache = options.cache
    this.#placer = placer
    this.#quotas = quotas
    this.#bounds = new Bounds(options.cache)
    this.#priorities = new Priorities(options.cache)
    this.#api = options.api
    this.#clock = options.clock
    this.#patience = new Patience(options.clock)
    this.#pace = new StatusPace(options.clock)
    this.#settleMs = options.unprobedSettleMs ?? UNPROBED_SETTLE_MS
    this.#times = new Timekeeper(options.clock, this.#settleMs)
    this.#around = new Surroundings(options.cache, this.#times)
    const volumesOf = (service: Service) => this.#around.volumesOf(service)
    this.#maker = new Maker({ api: options.api, cache: options.cache, placer, quotas, volumesOf })
    this.#decider = new Decider({
      cache: options.cache,
      api: options.api,
      times: this.#times,
      clock: options.clock,
      analyst: new Analyst(options.clock, options.measure ?? cannotMeasure),
    })
  }

  async reconcile(ref: ObjectRef): Promise<Outcome> {
    const service = this.#ownWrites.newest(ref, this.#cache.get<Service>(ref))
    if (service === undefined) {
      this.#placer.settle(ref)
      this.#quotas.settle(ref)
      return settled
    }
    const situation = this.#around.situationOf(service)
    if (service.metadata.deletionTimestamp !== undefined) return await this.#finalize(situation)
    const decision = filledIn(this.#bounds, situation, await this.#decider.decide(situation))
    const { target } = decision
    const known = this.#priorities.of(service.spec.placement)
    const limits = { bounds: this.#bounds, priority: known }
    const { actions, refused } = boundedPlan(limits, situation, decision)
    const priority = known ?? NO_CLASS
    const kept = keepServing(situation, decision, actions, {
      ...{ volumes: this.#around.volumesOf(service), priority },
      trial: (batch, leaving) => this.#trial(batch, target, leaving),
    })
    const finishing = this.#patience.hold(service, situation.live, kept.actions)
    const unmade = await this.#maker.make(situation, decision, finishing, priority)
    const unplaced = refused ?? unmade ?? kept.unplaced
    if (kept.unplaced !== undefined) this.#placer.wait(ref)
    if (kept.unplaced !== undefined || refused !== undefined) this.#quotas.wait(ref)
    await this.#end(situation, finishing)
    if (!decision.held) await this.#moveOn(situation, target)
    const late = this.#lateness(situation, decision, unplaced)
    const untoldMs = await this.#writeStatus(situation, decision, { finishing, unplaced, late })
    const behindMs = this.#placer.isBehind(ref) ? BEHIND_MS : undefined
    const waits = [finishing.waitMs, late.waitMs, behindMs, untoldMs]
    return soonest(this.#outcome(situation, decision), waits, decision.progress)
  }

  /** Why what follows could not be made once these are gone. */
  #trial(batch: Batch, { template }: ResolvedTemplate, leaving: readonly string[]): Unplaced | undefined {
    const refusal = this.#placer.trial(batch, leaving)
    if (refusal !== undefined) return { reason: UNSCHEDULABLE, text: refusal.text }
    const use = demandOf(template)
    const text = this.#quotas.trial(
      batch.namespace,
      batch.seats.map(() => use),
      leaving,
    )
    return text === undefined ? undefined : { reason: QUOTA_EXCEEDED, text }
  }

  /** What the plan ends, and what makes room for something more important. */
  async #end({ instances, live, lost }: Situation, { actions }: Finishing): Promise<void> {
    const ended = new Set([
      ...actions.filter((action) => action.kind === 'delete').map((action) => action.name),
      ...live.filter(isPreempted).map(({ metadata }) => metadata.name),
    ])
    await Promise.all(
      [...instances, ...lost]
        .filter((one) => ended.has(one.metadata.name))
        .map((one) => this.#api.requestDelete(seenRef(one))),
    )
  }

  /** Running instances take other versions of what reaches them as files, without being replaced. */
  async #moveOn(situation: Situation, target: ResolvedTemplate): Promise<void> {
    const names = new Set(planMaterials(materialViews(situation, target)))
    const materials = target.materials as unknown as Json
    const moving = situation.live.filter((one) => names.has(one.metadata.name))
    await Promise.all(
      moving.map((one) => this.#api.updateOwned(seenRef(one), (spec) => ({ ...spec, materials }))),
    )
  }

  /** Whether the change has stood still for too long because nothing has a node. */
  #lateness(situation: Situation, { memory, progress }: Decision, unplaced: Unplaced | undefined): Lateness {
    const reached = reachedBy(situation, memory, progress)
    const stillMs = reached === undefined ? 0 : this.#times.stillMs(situation.service, reached)
    const why = reached === undefined ? undefined : unplaced?.text
    return lateness(situation.service.spec.update.progressDeadline, stillMs, why)
  }

  /** Returns in how many milliseconds to come again, where what there is to write may wait. */
  async #writeStatus(
    situation: Situation,
    decision: Decision,
    { finishing, unplaced, late }: Waits,
  ): Promise<number | undefined> {
    const { service, instances, isAvailable } = situation
    const { memory, target, failure } = decision
    const obstacle = service.spec.replicas > 0 ? decision.obstacle?.message : undefined
    const status = serviceStatus({
      service,
      routes: this.#routesOf(service),
      instances,
      memory,
      progress: decision.progress,
      targetHash: target.hash,
      isAvailable,
      isSilent: (one) => situation.standing(one).silent,
      failure,
      finishing: finishing.waitsFor,
      blocked: obstacle === undefined ? strandedText(situation) : `waits for ${obstacle}`,
      unplaced,
      overdue: late.text,
      behind: materialViews(situation, target).filter(({ told, settled }) => !told || !settled).length,
      nowMs: this.#clock.now(),
      rolloutMs: () => this.#times.rolloutMs(service, target.hash),
      addressOf: (name) => this.#cache.get<Node>({ kind: 'Node', name })?.status?.addresses?.[0],
    })
    if (deepEqual(status, service.status)) return undefined
    const untoldMs = this.#pace.waitMs(service, status)
    if (untoldMs !== undefined) return untoldMs
    const ref = refOf('Service', service)
    await this.#api.updateStatus(ref, status as unknown as Json)
    this.#ownWrites.wrote(ref, service, status)
    this.#pace.wrote(service, status)
    const adopts =
      service.status === undefined && this.#around.volumesOf(service).some((one) => !madeFor(one, service))
    for (const event of announce(service, status, adopts)) await this.#api.recordEvent(event)
    return undefined
  }

  #routesOf({ metadata }: Service): readonly Route[] {
    const owned = this.#cache.byOwner(metadata.uid ?? '')
    return owned.filter((one) => one.kind === 'Route') as unknown as readonly Route[]
  }

  /** Looks again when time alone may change the verdict. */
  #outcome(situation: Situation, { target, progress }: Decision): Outcome {
    const { service, instances, live, isAvailable } = situation
    const waiting = live.filter((one) => !isAvailable(one))
    if (
      waiting.length === 0 &&
      (service.spec.replicas === 0 || (progress.finished && isComplete(situation, target.hash)))
    ) {
      this.#times.settle(service)
      return settled
    }
    this.#times.retain(service, instances)
    if (waiting.length === 0) return settled
    return waiting.some((one) => one.status?.ready === true)
      ? recheck(
          Math.max(this.#settleMs / 4, service.spec.update.minReadySeconds * 250),
          'ready ones must stay so',
        )
      : recheck(1_000, 'instances are not ready yet')
  }

  /** The programs go first (garbage collection ends them), then, with --purge, the data. */
  async #finalize({ service, instances, lost }: Situation): Promise<Outcome> {
    this.#times.settle(service)
    this.#patience.forget(service)
    this.#pace.forget(service)
    this.#placer.settle(refOf('Service', service))
    this.#quotas.settle(refOf('Service', service))
    if (!service.metadata.finalizers?.includes(FINALIZERS.purge) || instances.length + lost.length > 0)
      return settled
    const volumes = this.#around.volumesOf(service)
    await Promise.all(
      volumes
        .filter((volume) => volume.metadata.deletionTimestamp === undefined)
        .map((volume) => this.#api.requestDelete(refOf('Volume', volume))),
    )
    if (volumes.length === 0) await this.#api.removeFinalizer(refOf('Service', service), FINALIZERS.purge)
    return settled
  }
}

/** What a change waits for. */
interface Waits {
  readonly finishing: Finishing
  readonly unplaced: Unplaced | undefined
  readonly late: Lateness
}

/** Whatever else there is to wait for, the patience with what finishes ends in time, as does that with a change, and a step that takes its time. */
function soonest(
  outcome: Outcome,
  waits: readonly (number | undefined)[],
  { waitMs: stepMs }: Progress,
): Outcome {
  const waitMs = Math.min(...[...waits, stepMs].map((one) => one ?? Number.POSITIVE_INFINITY))
  if (waitMs === Number.POSITIVE_INFINITY || (outcome.kind === 'recheck' && outcome.afterMs <= waitMs))
    return outcome
  return recheck(Math.max(1, waitMs), waitMs === stepMs ? 'the rollout goes on' : 'patience ends')
}

async function cannotMeasure(): Promise<number> {
  throw new NsctlError('Unsupported', 'nothing here can measure')
}

/** The Service controller: read → plan → apply → one status write. */
import { FINALIZERS, type ResourceController, type ResourceReader } from '../../api/api.ts'
import type { Clock } from '../../core/clock.ts'
import { deepEqual, type Json } from '../../core/json.ts'
import { parseDurationMs } from '../../core/quantity.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import type { ControllerSpec } from '../../engine/controller.ts'
import { type Outcome, recheck, settled } from '../../engine/reconciler.ts'
import type { Instance, Node, Secret, Service, Volume } from '../../resources/generated/types.ts'
import { missingText } from '../../resources/materials.ts'
import type { AnyResource, ObjectRef } from '../../resources/object.ts'
import { announce } from './announce.ts'
import { type Finishing, Patience } from './finishing.ts'
import { resolveTarget } from './good-template.ts'
import { madeFor, makeInstance, makeVolume, type ResolvedTemplate } from './instances.ts'
import { OwnWrites } from './own-writes.ts'
import type { InstanceAction } from './plan.ts'
import { planMaterials } from './plan-materials.ts'
import {
  commonMaterials,
  isComplete,
  materialViews,
  planFor,
  type Situation,
  stopsFirst,
} from './situation.ts'
import { serviceStatus } from './status.ts'
import { type Failure, isAbandoned, judge, remember, type TemplateMemory } from './target.ts'
import { Timekeeper } from './timekeeper.ts'
import { type Obstacle, undeliverable } from './undeliverable.ts'
import { type WantedTemplate, WantedTemplates } from './wanted.ts'
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
  /** Without a readiness probe an instance has to run for so long before it counts: a crash at start is no success. */
  readonly unprobedSettleMs?: number
}

const UNPROBED_SETTLE_MS = 1_000

/** Makes a Service’s Instances and Volumes, rolls out, rolls back, and says in status how it stands. */
export function serviceController(options: ServiceControllerOptions): ControllerSpec {
  return {
    name: 'service',
    watches: serviceWatches(options.cache),
    reconciler: new ServiceReconciler(options),
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

/** What a reconcile has decided. */
interface Decision {
  readonly memory: TemplateMemory
  readonly target: ResolvedTemplate
  readonly failure: Failure | undefined
  readonly node: Node | undefined
  /** What keeps the target from being started; whatever runs stays. */
  readonly obstacle: Obstacle | undefined
}

class ServiceReconciler {
  readonly #cache: ObjectCache
  readonly #api: ServiceApi
  readonly #clock: Clock
  readonly #times: Timekeeper
  readonly #settleMs: number
  readonly #wanted: WantedTemplates
  readonly #ownWrites = new OwnWrites()
  readonly #patience: Patience

  constructor(options: ServiceControllerOptions) {
    this.#cache = options.cache
    this.#wanted = new WantedTemplates(options.cache)
    this.#api = options.api
    this.#clock = options.clock
    this.#patience = new Patience(options.clock)
    this.#settleMs = options.unprobedSettleMs ?? UNPROBED_SETTLE_MS
    this.#times = new Timekeeper(options.clock, this.#settleMs)
  }

  async reconcile(ref: ObjectRef): Promise<Outcome> {
    const service = this.#ownWrites.newest(ref, this.#cache.get<Service>(ref))
    if (service === undefined) return settled
    const situation = this.#read(service)
    if (service.metadata.deletionTimestamp !== undefined) return await this.#finalize(situation)
    const decision = await this.#decide(situation)
    const { target, node } = decision
    const held = decision.obstacle !== undefined
    const finishing = this.#patience.hold(
      service,
      situation.live,
      node === undefined ? [] : planFor(situation, target, held),
    )
    if (node !== undefined) await this.#apply(situation, target, node.metadata.name, finishing.actions)
    if (!held) await this.#moveOn(situation, target)
    await this.#writeStatus(situation, decision, finishing)
    return soonest(this.#outcome(situation, target.hash), finishing)
  }

  #read(service: Service): Situation {
    const owned = this.#cache.byOwner(service.metadata.uid ?? '')
    const instances = owned.filter((one) => one.kind === 'Instance') as unknown as readonly Instance[]
    const live = instances.filter((one) => one.metadata.deletionTimestamp === undefined)
    const available = new Set(instances.filter((one) => this.#times.isAvailable(service, one)))
    return { service, instances, live, isAvailable: (one) => available.has(one) }
  }

  async #decide(situation: Situation): Promise<Decision> {
    const { service } = situation
    const wanted = this.#wanted.of(service)
    const currentHash = wanted.hash
    const failure = this.#judge(situation, currentHash)
    const memory = remember({
      before: service.status,
      currentHash,
      revision: service.metadata.revision ?? 0,
      materials: commonMaterials(situation),
      complete: isComplete(situation, currentHash),
      failure,
      autoRollback: service.spec.update.autoRollback,
    })
    const target = await resolveTarget(this.#api, situation, memory, wanted.materials)
    // begun now, so that it can be said how long it took
    if (service.spec.replicas > 0 && !isComplete(situation, target.hash))
      this.#times.rolloutMs(service, target.hash)
    const node = this.#chooseNode()
    // the last good template is not held up by what the wanted one lacks
    const obstacle = isAbandoned(memory) ? undefined : this.#obstacle(situation, wanted, target, node)
    return { memory, target, failure, node, obstacle }
  }

  #obstacle(
    situation: Situation,
    { hash, materials, missing }: WantedTemplate,
    target: ResolvedTemplate,
    node: Node | undefined,
  ): Obstacle | undefined {
    if (missing.length > 0) return { message: missingText(missing) }
    if (materials.length === 0) return undefined
    const { service, live } = situation
    const { namespace } = service.metadata
    return undeliverable({
      materials,
      hash,
      live,
      stopsFirst: stopsFirst(situation, target),
      secretOf: (name) => this.#cache.get<Secret>({ kind: 'Secret', namespace, name }),
      node,
    })
  }

  #judge({ service, live, isAvailable }: Situation, hash: string): Failure | undefined {
    if (service.status?.stableHash === hash) return undefined
    return judge({
      current: live.filter((one) => one.spec.templateHash === hash),
      progressDeadlineMs: parseDurationMs(service.spec.update.progressDeadline),
      isAvailable,
      unavailableMs: (one) => this.#times.unavailableMs(service, one),
    })
  }

  /** One node, the local one, until placement has more to choose from. */
  #chooseNode(): Node | undefined {
    return this.#cache.list<Node>('Node').find((node) => node.status?.phase === 'Ready')
  }

  async #apply(
    { service, instances }: Situation,
    target: ResolvedTemplate,
    node: string,
    actions: readonly InstanceAction[],
  ): Promise<void> {
    const ending: ReadonlySet<number> = target.storage.length === 0 ? new Set() : this.#endingData(service)
    const made = actions
      .filter((action) => action.kind === 'create')
      .filter(({ ordinal }) => !ending.has(ordinal))
      .map(({ ordinal, attempt }) => ({ ordinal, attempt, node }))
    if (made.length > 0) {
      const volumes = made.flatMap((one) =>
        target.storage.map((mount) => makeVolume(service, mount.name, one)),
      )
      await this.#api.createOwned([...volumes, ...made.map((one) => makeInstance(service, target, one))])
    }
    const ended = new Set(actions.filter((action) => action.kind === 'delete').map((action) => action.name))
    await Promise.all(
      instances
        .filter((one) => ended.has(one.metadata.name))
        .map((one) => this.#api.requestDelete(refOf('Instance', one))),
    )
  }

  /** Running instances take other versions of what reaches them as files, without being replaced. */
  async #moveOn(situation: Situation, target: ResolvedTemplate): Promise<void> {
    const names = new Set(planMaterials(materialViews(situation, target)))
    const materials = target.materials as unknown as Json
    const moving = situation.live.filter((one) => names.has(one.metadata.name))
    await Promise.all(
      moving.map((one) => this.#api.updateOwned(refOf('Instance', one), (spec) => ({ ...spec, materials }))),
    )
  }

  async #writeStatus(situation: Situation, decision: Decision, { waitsFor }: Finishing): Promise<void> {
    const { service, instances, live, isAvailable } = situation
    const { memory, target, failure, node } = decision
    const obstacle = service.spec.replicas > 0 ? decision.obstacle?.message : undefined
    const lacksNode = node === undefined && live.length < service.spec.replicas
    const status = serviceStatus({
      service,
      instances,
      memory,
      targetHash: target.hash,
      isAvailable,
      failure,
      finishing: waitsFor,
      blocked: obstacle !== undefined ? `waits for ${obstacle}` : lacksNode ? 'no node is ready' : undefined,
      behind: materialViews(situation, target).filter(({ told, settled }) => !told || !settled).length,
      nowMs: this.#clock.now(),
      rolloutMs: () => this.#times.rolloutMs(service, target.hash),
      nodeAddress: node?.status?.addresses?.[0] ?? '127.0.0.1',
    })
    if (deepEqual(status, service.status)) return
    const ref = refOf('Service', service)
    await this.#api.updateStatus(ref, status as unknown as Json)
    this.#ownWrites.wrote(ref, service, status)
    const adopts =
      service.status === undefined && this.#volumesOf(service).some((one) => !madeFor(one, service))
    for (const event of announce(service, status, adopts)) await this.#api.recordEvent(event)
  }

  /** Looks again when time alone may change the verdict. */
  #outcome(situation: Situation, hash: string): Outcome {
    const { service, instances, live, isAvailable } = situation
    const waiting = live.filter((one) => !isAvailable(one))
    if (waiting.length === 0 && (service.spec.replicas === 0 || isComplete(situation, hash))) {
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
  async #finalize({ service, instances }: Situation): Promise<Outcome> {
    this.#times.settle(service)
    this.#patience.forget(service)
    if (!service.metadata.finalizers?.includes(FINALIZERS.purge) || instances.length > 0) return settled
    const volumes = this.#volumesOf(service)
    await Promise.all(
      volumes
        .filter((volume) => volume.metadata.deletionTimestamp === undefined)
        .map((volume) => this.#api.requestDelete(refOf('Volume', volume))),
    )
    if (volumes.length === 0) await this.#api.removeFinalizer(refOf('Service', service), FINALIZERS.purge)
    return settled
  }

  /** Ordinals whose data is being removed: nothing may run on it. Its end wakes this again. */
  #endingData(service: Service): ReadonlySet<number> {
    const ending = this.#volumesOf(service).filter((one) => one.metadata.deletionTimestamp !== undefined)
    return new Set(ending.map((volume) => volume.spec.ordinal))
  }

  #volumesOf(service: Service): readonly Volume[] {
    return this.#cache
      .list<Volume>('Volume', { namespace: service.metadata.namespace })
      .filter((volume) => volume.spec.service === service.metadata.name)
  }
}

/** Whatever else there is to wait for, the patience with what finishes ends in time. */
function soonest(outcome: Outcome, { waitMs }: Finishing): Outcome {
  if (waitMs === undefined || (outcome.kind === 'recheck' && outcome.afterMs <= waitMs)) return outcome
  return recheck(Math.max(1, waitMs), 'busy instances finish what they do')
}

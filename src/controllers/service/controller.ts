/** The Service controller: read → plan → apply → one status write. */
import type { ResourceController, ResourceReader } from '../../api/api.ts'
import { FINALIZERS } from '../../api/api.ts'
import type { Clock } from '../../core/clock.ts'
import { deepEqual, type Json } from '../../core/json.ts'
import { parseDurationMs } from '../../core/quantity.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import { type ControllerSpec, ownKey, refKey } from '../../engine/controller.ts'
import { type Outcome, recheck, settled } from '../../engine/reconciler.ts'
import type { Instance, Node, Service, ServiceSpec, Volume } from '../../resources/generated/types.ts'
import type { AnyResource, ObjectRef } from '../../resources/object.ts'
import { templateHash } from '../../resources/template.ts'
import { announce } from './announce.ts'
import {
  hasReadinessProbe,
  isExclusive,
  makeInstance,
  makeVolume,
  type ResolvedTemplate,
} from './instances.ts'
import { type InstanceAction, type InstanceView, planInstances, resolveCount } from './plan.ts'
import { serviceStatus } from './status.ts'
import { MonotonicStopwatch } from './stopwatch.ts'
import { type Failure, isAbandoned, judge, remember, type TemplateMemory } from './target.ts'

export type ServiceApi = Pick<
  ResourceController,
  'createOwned' | 'updateStatus' | 'requestDelete' | 'removeFinalizer' | 'recordEvent'
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

export function serviceController(options: ServiceControllerOptions): ControllerSpec {
  const reconciler = new ServiceReconciler(options)
  const ownService = (object: AnyResource): readonly ObjectRef[] => {
    const service = (object.spec as { readonly service?: string } | undefined)?.service
    if (service === undefined) return []
    return [{ kind: 'Service', namespace: object.metadata.namespace, name: service }]
  }
  return {
    name: 'service',
    watches: [
      { kind: 'Service', toKeys: ownKey },
      { kind: 'Instance', toKeys: ownService },
      { kind: 'Volume', toKeys: ownService },
      { kind: 'Node', toKeys: () => options.cache.list<Service>('Service').map(refOf) },
    ],
    reconciler,
    concurrency: 16,
  }
}

function refOf(object: { readonly metadata: AnyResource['metadata'] }): ObjectRef {
  return { kind: 'Service', namespace: object.metadata.namespace, name: object.metadata.name }
}

function serviceKey(service: Service): string {
  return refKey(refOf(service))
}

class ServiceReconciler {
  readonly #cache: ObjectCache
  readonly #api: ServiceApi
  readonly #clock: Clock
  readonly #unprobedSettleMs: number
  /** Per Service that something is being waited for; a settled one has none. */
  readonly #stopwatches = new Map<string, MonotonicStopwatch>()
  /** A spec's hash, for as long as the cache holds that very object: most reconciles find nothing changed. */
  readonly #hashes = new WeakMap<ServiceSpec, string>()

  constructor(options: ServiceControllerOptions) {
    this.#cache = options.cache
    this.#api = options.api
    this.#clock = options.clock
    this.#unprobedSettleMs = options.unprobedSettleMs ?? UNPROBED_SETTLE_MS
  }

  async reconcile(ref: ObjectRef): Promise<Outcome> {
    const service = this.#cache.get<Service>(ref)
    if (service === undefined || service.metadata.deletionTimestamp !== undefined)
      this.#stopwatches.delete(refKey(ref))
    if (service === undefined) return settled
    const instances = this.#instancesOf(service.metadata.uid ?? '')
    if (service.metadata.deletionTimestamp !== undefined) return await this.#finalize(service, instances)

    const currentHash = this.#hashOf(service.spec)
    const live = instances.filter((one) => one.metadata.deletionTimestamp === undefined)
    const available = new Set(live.filter((one) => this.#isAvailable(service, one)))
    const isAvailable = (one: Instance) => available.has(one)
    const current = live.filter((one) => one.spec.templateHash === currentHash)
    const failure = this.#judge(service, currentHash, current, isAvailable)
    const memory = remember({
      before: service.status,
      currentHash,
      revision: service.metadata.revision ?? 0,
      complete: isComplete(service, instances, currentHash, isAvailable),
      failure,
      autoRollback: service.spec.update.autoRollback,
    })
    const target = await this.#resolveTarget(service, memory, instances)
    const node = this.#chooseNode()
    // begun now, so that it can be said how long it took
    const wanted = service.spec.replicas > 0
    if (wanted && !isComplete(service, instances, target.hash, isAvailable))
      this.#rolloutMs(service, target.hash)
    const actions = node === undefined ? [] : planFor(service, target, instances, isAvailable)
    await this.#apply(service, target, node?.metadata.name, instances, actions)
    await this.#writeStatus(service, instances, { memory, target, failure, node, isAvailable })
    return this.#outcome(service, instances, currentHash, isAvailable)
  }

  /** The programs go first (garbage collection ends them), then, with --purge, the data. */
  async #finalize(service: Service, instances: readonly Instance[]): Promise<Outcome> {
    if (!service.metadata.finalizers?.includes(FINALIZERS.purge) || instances.length > 0) return settled
    const volumes = this.#volumesOf(service)
    await Promise.all(
      volumes
        .filter((volume) => volume.metadata.deletionTimestamp === undefined)
        .map((volume) => this.#api.requestDelete({ ...refOf(volume), kind: 'Volume' })),
    )
    if (volumes.length === 0) await this.#api.removeFinalizer(refOf(service), FINALIZERS.purge)
    return settled
  }

  #instancesOf(uid: string): readonly Instance[] {
    return this.#cache.byOwner(uid).filter((one) => one.kind === 'Instance') as unknown as readonly Instance[]
  }

  #volumesOf(service: Service): readonly Volume[] {
    return this.#cache
      .list<Volume>('Volume', { namespace: service.metadata.namespace })
      .filter((volume) => volume.spec.service === service.metadata.name)
  }

  #stopwatchOf(service: Service): MonotonicStopwatch {
    const key = serviceKey(service)
    let stopwatch = this.#stopwatches.get(key)
    if (stopwatch === undefined) {
      stopwatch = new MonotonicStopwatch(this.#clock)
      this.#stopwatches.set(key, stopwatch)
    }
    return stopwatch
  }

  #rolloutMs(service: Service, hash: string): number {
    return this.#stopwatchOf(service).sinceFirstAsked(`rollout ${hash}`)
  }

  #hashOf(spec: ServiceSpec): string {
    let hash = this.#hashes.get(spec)
    if (hash === undefined) {
      hash = templateHash(spec.template, spec.storage)
      this.#hashes.set(spec, hash)
    }
    return hash
  }

  #isAvailable(service: Service, instance: Instance): boolean {
    const key = `ready ${instance.metadata.uid}`
    if (instance.status?.ready !== true) {
      this.#stopwatches.get(serviceKey(service))?.forget(key)
      return false
    }
    const asked = service.spec.update.minReadySeconds * 1000
    const neededMs = hasReadinessProbe(instance) ? asked : Math.max(asked, this.#unprobedSettleMs)
    if (neededMs === 0) return true
    // an instance that was ready before this process watched it need not prove itself again
    const knownReadyMs = this.#clock.now() - Date.parse(instance.status.readySince ?? '')
    return knownReadyMs >= neededMs || this.#stopwatchOf(service).sinceFirstAsked(key) >= neededMs
  }

  #judge(
    service: Service,
    hash: string,
    current: readonly Instance[],
    isAvailable: (one: Instance) => boolean,
  ): Failure | undefined {
    if (service.status?.stableHash === hash) return undefined
    const stopwatch = this.#stopwatchOf(service)
    for (const one of current) if (isAvailable(one)) stopwatch.forget(`unavailable ${one.metadata.uid}`)
    return judge({
      service,
      current,
      progressDeadlineMs: parseDurationMs(service.spec.update.progressDeadline),
      isAvailable,
      stopwatch,
    })
  }

  async #resolveTarget(
    service: Service,
    memory: TemplateMemory,
    instances: readonly Instance[],
  ): Promise<ResolvedTemplate> {
    const { spec, metadata } = service
    if (!isAbandoned(memory) || memory.stableHash === undefined) {
      const revisionName = `r${metadata.revision ?? 0}`
      return {
        hash: memory.currentHash ?? '',
        template: spec.template,
        storage: spec.storage ?? [],
        revisionName,
      }
    }
    const hash = memory.stableHash
    const revisionName = `r${memory.stableRevision}`
    const running = instances.find((one) => one.spec.templateHash === hash)
    if (running !== undefined) {
      return { hash, template: running.spec.template, storage: running.spec.storage ?? [], revisionName }
    }
    const records = await this.#api.history(refOf(service))
    const good = records.find((record) => record.revision === memory.stableRevision)?.spec as unknown as
      | ServiceSpec
      | undefined
    // the last good revision is never pruned; where it is gone all the same, the wanted template is all there is
    return good === undefined
      ? {
          hash: memory.currentHash ?? '',
          template: spec.template,
          storage: spec.storage ?? [],
          revisionName: `r${metadata.revision}`,
        }
      : { hash, template: good.template, storage: good.storage ?? [], revisionName }
  }

  /** One node, the local one, until placement has more to choose from. */
  #chooseNode(): Node | undefined {
    return this.#cache.list<Node>('Node').find((node) => node.status?.phase === 'Ready')
  }

  async #apply(
    service: Service,
    target: ResolvedTemplate,
    node: string | undefined,
    instances: readonly Instance[],
    actions: readonly InstanceAction[],
  ): Promise<void> {
    const making = actions.filter((action) => action.kind === 'create')
    const ending = actions.filter((action) => action.kind === 'delete').map((action) => action.name)
    if (making.length > 0 && node !== undefined) {
      const identities = making.map(({ ordinal, attempt }) => ({ ordinal, attempt, node }))
      const volumes = identities.flatMap((one) =>
        target.storage.map((mount) => makeVolume(service, mount.name, one)),
      )
      await this.#api.createOwned([
        ...volumes,
        ...identities.map((one) => makeInstance(service, target, one)),
      ])
    }
    await Promise.all(
      instances
        .filter((one) => ending.includes(one.metadata.name))
        .map((one) => this.#api.requestDelete({ ...refOf(one), kind: 'Instance', uid: one.metadata.uid })),
    )
  }

  async #writeStatus(
    service: Service,
    instances: readonly Instance[],
    found: {
      readonly memory: TemplateMemory
      readonly target: ResolvedTemplate
      readonly failure: Failure | undefined
      readonly node: Node | undefined
      readonly isAvailable: (one: Instance) => boolean
    },
  ): Promise<void> {
    const live = instances.filter((one) => one.metadata.deletionTimestamp === undefined)
    const missing = live.length < service.spec.replicas
    const status = serviceStatus({
      service,
      instances,
      memory: found.memory,
      targetHash: found.target.hash,
      isAvailable: found.isAvailable,
      failure: found.failure,
      blocked: found.node === undefined && missing ? 'no node is ready' : undefined,
      nowMs: this.#clock.now(),
      rolloutMs: () => this.#rolloutMs(service, found.target.hash),
      nodeAddress: found.node?.status?.addresses?.[0] ?? '127.0.0.1',
    })
    if (deepEqual(status, service.status)) return
    await this.#api.updateStatus({ ...refOf(service), uid: service.metadata.uid }, status as unknown as Json)
    const adopts = service.status === undefined && this.#volumesOf(service).length > 0
    for (const event of announce(service, status, adopts)) await this.#api.recordEvent(event)
  }

  /** Looks again when time alone may change the verdict; a settled service needs no stopwatch any more. */
  #outcome(
    service: Service,
    instances: readonly Instance[],
    hash: string,
    isAvailable: (one: Instance) => boolean,
  ): Outcome {
    const key = serviceKey(service)
    const waiting = instances.filter(
      (one) => one.metadata.deletionTimestamp === undefined && !isAvailable(one),
    )
    if (
      waiting.length === 0 &&
      (service.spec.replicas === 0 || isComplete(service, instances, hash, isAvailable))
    ) {
      this.#stopwatches.delete(key)
      return settled
    }
    const uids = new Set(waiting.map((one) => one.metadata.uid))
    this.#stopwatches.get(key)?.retain((name) => name.startsWith('rollout ') || uids.has(name.split(' ')[1]))
    if (waiting.some((one) => one.status?.ready === true)) {
      return recheck(
        Math.max(this.#unprobedSettleMs / 4, service.spec.update.minReadySeconds * 250),
        'instances must stay ready for a while',
      )
    }
    return waiting.length > 0 ? recheck(1_000, 'waiting for instances to become ready') : settled
  }
}

function isComplete(
  service: Service,
  instances: readonly Instance[],
  hash: string,
  isAvailable: (one: Instance) => boolean,
): boolean {
  const wanted = service.spec.replicas
  return (
    wanted > 0 &&
    instances.length === wanted &&
    instances.every((one) => one.spec.templateHash === hash && isAvailable(one))
  )
}

function planFor(
  service: Service,
  target: ResolvedTemplate,
  instances: readonly Instance[],
  isAvailable: (one: Instance) => boolean,
): readonly InstanceAction[] {
  const { spec } = service
  const views: readonly InstanceView[] = instances.map((one) => ({
    name: one.metadata.name,
    hash: one.spec.templateHash,
    ordinal: one.spec.ordinal,
    attempt: one.spec.attempt,
    deleting: one.metadata.deletionTimestamp !== undefined,
    ready: one.status?.ready === true,
    available: isAvailable(one),
  }))
  const maxUnavailable = resolveCount(spec.update.maxUnavailable, spec.replicas, 'down')
  const maxSurge = resolveCount(spec.update.maxSurge, spec.replicas, 'up')
  return planInstances(
    {
      replicas: spec.replicas,
      hash: target.hash,
      strategy: spec.update.strategy,
      // percentages of few instances can both come to nothing; then nothing could ever move
      maxUnavailable: maxUnavailable === 0 && maxSurge === 0 ? 1 : maxUnavailable,
      maxSurge,
      exclusive:
        isExclusive(target.template, target.storage) ||
        instances.some((one) => isExclusive(one.spec.template, one.spec.storage ?? [])),
    },
    views,
  )
}

/**
 * Room that is being made for what is more important: whose end was asked for, for what, and where. What is nominated counts as there to whoever
 * is no more important, so that the room is not taken meanwhile. Statuses keep it, so that another leader goes on.
 */
import type { ObjectCache } from '../engine/cache.ts'
import type { ObjectIndex } from '../engine/cache-index.ts'
import { refKey } from '../engine/controller.ts'
import { avoidedBy } from '../placement/avoided.ts'
import type { Cluster } from '../placement/cluster.ts'
import { needsOf } from '../placement/inputs.ts'
import type { Batch, Placed, Seat } from '../placement/placement.ts'
import type {
  Instance,
  Job,
  Service,
  ServicePlacement,
  ServiceTemplate,
} from '../resources/generated/types.ts'
import { serviceOfRuns } from '../resources/job/runs.ts'
import type { ObjectRef } from '../resources/object.ts'
import { resolveCount } from '../resources/service/counts.ts'
import type { Priorities } from './priorities.ts'

export interface Nomination {
  /** `default/web-0-bcdfg` */
  readonly id: string
  readonly node: string
  /** What ends for it, by id: what nobody has told so yet has to be told. */
  readonly victims: readonly string[]
  /** What was ending there already. */
  readonly ending: readonly string[]
}

export interface NominationsOptions {
  readonly cluster: Cluster
  readonly cache: Pick<ObjectCache, 'get' | 'list'>
  readonly priorities: Pick<Priorities, 'of'>
  /** Of a Service, `default/web`, its Instances. */
  readonly byService: ObjectIndex
}

export class Nominations {
  readonly #options: NominationsOptions
  /** By asker, then by id. */
  readonly #byAsker = new Map<string, Map<string, Nomination>>()

  /** Takes up what statuses say. */
  constructor(options: NominationsOptions) {
    this.#options = options
    const { cache } = options
    for (const one of cache.list<Service>('Service')) this.#restore(one, one.metadata.name)
    for (const one of cache.list<Job>('Job')) this.#restore(one, serviceOfRuns(one.metadata.name))
  }

  of(asker: ObjectRef): readonly Nomination[] {
    return [...(this.#byAsker.get(refKey(asker))?.values() ?? [])]
  }

  /** Seeks room for what was refused; lets go of what has a place, or is not asked for any more. */
  update(asker: ObjectRef, batches: readonly Batch[], placed: readonly Placed[]): void {
    const own = this.#byAsker.get(refKey(asker)) ?? new Map<string, Nomination>()
    const refused = new Set(placed.flatMap((one) => ('refusal' in one ? [one.id] : [])))
    for (const id of own.keys()) if (!refused.has(id)) this.#withdraw(own, id)
    for (const batch of batches)
      if (batch.preempts === true)
        this.#seek(
          own,
          batch,
          batch.seats.filter(({ id }) => refused.has(id)),
        )
    if (own.size > 0) this.#byAsker.set(refKey(asker), own)
    else this.#byAsker.delete(refKey(asker))
  }

  /** It wants nothing. */
  drop(asker: ObjectRef): void {
    const own = this.#byAsker.get(refKey(asker))
    for (const id of own?.keys() ?? []) this.#options.cluster.withdraw(id)
    this.#byAsker.delete(refKey(asker))
  }

  #seek(own: Map<string, Nomination>, batch: Batch, seats: readonly Seat[]): void {
    const { cluster } = this.#options
    for (const seat of seats) {
      const known = own.get(seat.id)
      if (known !== undefined) {
        if (this.#stands(known)) continue
        this.#withdraw(own, seat.id)
      }
      const found = cluster.preemption({ ...batch, seats: [seat] }, seat, (service) =>
        this.#budgetOf(service),
      )
      if (found === undefined) {
        // nor is there for the next, unless it may go elsewhere
        if (seat.only === undefined) return
        continue
      }
      own.set(seat.id, { id: seat.id, ...found })
      const { service, hash, needs, namespace, rule, priority = 0 } = batch
      const avoids = avoidedBy(rule, namespace)
      cluster.nominate({ id: seat.id, service, hash, node: found.node, needs, avoids, priority })
      cluster.end(found.victims)
    }
  }

  /** While something of what makes the room is still there, and its agent ends it. */
  #stands({ node, victims, ending }: Nomination): boolean {
    if (!this.#options.cluster.isReady(node)) return false
    return [...victims, ...ending].some((id) => this.#options.cluster.nodeOf(id) === node)
  }

  #withdraw(own: Map<string, Nomination>, id: string): void {
    own.delete(id)
    this.#options.cluster.withdraw(id)
  }

  /** How many of a Service may go, as its disruption budget has it. */
  #budgetOf(key: string): number {
    const { cache, cluster, byService } = this.#options
    const [namespace, name] = key.split('/') as [string, string]
    const service = cache.get<Service>({ kind: 'Service', namespace, name })
    if (service?.spec.disruption === undefined) return Number.POSITIVE_INFINITY
    const { spec, status } = service
    const least = spec.replicas - resolveCount(spec.disruption?.maxUnavailable ?? 0, spec.replicas, 'down')
    // what is told to go and has not been ended yet still counts as available
    const going = byService
      .get<Instance>(key)
      .filter(
        ({ metadata }) =>
          metadata.deletionTimestamp === undefined && cluster.isEnding(`${namespace}/${metadata.name}`),
      )
    return Math.max(0, (status?.availableReplicas ?? 0) - going.length - least)
  }

  #restore(owner: Owner, service: string): void {
    const nominations = owner.status?.nominations ?? []
    const priority = this.#options.priorities.of(owner.spec.placement)
    if (nominations.length === 0 || priority === undefined) return
    const { kind, metadata, spec } = owner
    const { namespace = '', name } = metadata
    const { cluster, cache } = this.#options
    const own = new Map<string, Nomination>()
    for (const { instance, node } of nominations) {
      const id = `${namespace}/${instance}`
      const ending = cache
        .list<Instance>('Instance')
        .filter((one) => one.spec.node === node && one.metadata.deletionTimestamp !== undefined)
      const told = cache
        .list<Instance>('Instance')
        .filter((one) => one.spec.node === node && one.spec.preemptedFor !== undefined)
      const ids = (some: readonly Instance[]) =>
        some.map((one) => `${one.metadata.namespace}/${one.metadata.name}`)
      own.set(id, { id, node, victims: ids(told), ending: ids(ending) })
      cluster.nominate({
        ...{ id, node, service: `${namespace}/${service}`, hash: '', needs: needsOf(spec.template) },
        ...{ avoids: avoidedBy(spec.placement, namespace), priority: priority.value },
      })
    }
    this.#byAsker.set(refKey({ kind, namespace, name }), own)
  }
}

/** What may wait for room. */
interface Owner {
  readonly kind: string
  readonly metadata: Service['metadata']
  readonly spec: { readonly template: ServiceTemplate; readonly placement?: ServicePlacement }
  readonly status?: Pick<NonNullable<Service['status']>, 'nominations'>
}

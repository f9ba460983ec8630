/** Chooses nodes for all controllers of a control plane: they place side by side, so each must know what the others have just decided. */
import type { Clock } from '../core/clock.ts'
import { deepEqual } from '../core/json.ts'
import type { CacheChange, ObjectCache } from '../engine/cache.ts'
import { refKey } from '../engine/controller.ts'
import { Cluster } from '../placement/cluster.ts'
import { occupantOf, placementNode } from '../placement/inputs.ts'
import type { Batch, Placed, Refusal } from '../placement/placement.ts'
import type { Instance, Node, Service, ServicePlacement } from '../resources/generated/types.ts'
import type { AnyResource, ObjectRef } from '../resources/object.ts'
import { type Nomination, Nominations } from './nominations.ts'
import { Priorities } from './priorities.ts'

export interface PlacerOptions {
  /** Of a manager that watches Nodes, Instances, Services, Jobs and PriorityClasses. */
  readonly cache: Pick<ObjectCache, 'get' | 'list' | 'index' | 'onChange'>
  readonly clock: Pick<Clock, 'monotonic'>
  /** Decides between nodes that are as good as each other; 0 where left out. */
  readonly seed?: number
}

/** The word for those who have no node. */
export const UNSCHEDULABLE = 'Unschedulable'

/** What was decided and has not been heard of after so long has come and gone unseen, or was never made. */
const ASSUMED_MS = 60_000

/** One who did not get all that it asked for. */
interface Waiting {
  readonly asker: ObjectRef
  /** What it did not get. */
  readonly batches: readonly Batch[]
  readonly isBehind: boolean
  /** `#freed` when it was last refused. */
  refusedAt: number
}

export class Placer {
  readonly #options: PlacerOptions
  /** Of a Service, `default/web`, its Instances. */
  readonly #byService: ReturnType<ObjectCache['index']>
  /** Made at the first question: before that nothing is watched. */
  #cluster: Cluster | undefined
  /** Decided, and not in the cache yet, by id: until when it is believed, the oldest first. */
  readonly #assumed = new Map<string, number>()
  /** Those who did not get all that they asked for, by their keys. */
  readonly #waiting = new Map<string, Waiting>()
  /** Moves with all that may make room: until it does, who was refused would be refused again. */
  #freed = 0
  /** Made with the cluster. */
  #nominations: Nominations | undefined
  readonly #priorities: Priorities

  /** @param options with the cache of a manager that does not run yet */
  constructor(options: PlacerOptions) {
    this.#options = options
    this.#priorities = new Priorities(options.cache)
    this.#byService = options.cache.index('Instance', ({ metadata, spec }) => [
      `${metadata.namespace}/${(spec as unknown as Instance['spec']).service}`,
    ])
  }

  /**
   * A node for each seat, or why there is none. What got one counts as there from now on; `retract` what is not made after all. What waits and
   * is more important goes first, and so does what room is being made for; what is refused may have room made for it: see `nominations`.
   */
  place(asker: ObjectRef, batches: readonly Batch[]): readonly Placed[] {
    if (batches.every(({ seats }) => seats.length === 0)) {
      this.settle(asker)
      return []
    }
    const cluster = this.#followed()
    const nowMs = this.#options.clock.monotonic()
    this.#forgetUnheard(nowMs)
    const ahead = this.#seatThoseAhead(cluster, asker, batches)
    const placed = batches.flatMap((batch) => (batch.seats.length === 0 ? [] : cluster.place(batch)))
    for (const id of ahead) cluster.vacate(id)
    for (const one of placed)
      if ('node' in one && !this.#isKnown(one.id)) this.#assumed.set(one.id, nowMs + ASSUMED_MS)
    const refused = new Set(placed.flatMap((one) => ('refusal' in one ? [one.id] : [])))
    if (refused.size === 0) {
      this.settle(asker)
      return placed
    }
    const left = batches.map((batch) => ({
      ...batch,
      seats: batch.seats.filter(({ id }) => refused.has(id)),
    }))
    const isBehind = ahead.length > 0
    this.#waiting.set(refKey(asker), { asker, batches: left, isBehind, refusedAt: this.#freed })
    this.#nominations?.update(asker, batches, placed)
    return placed
  }

  /** Room that is being made for what of the asker was refused. What is to end for it may have to be told so. */
  nominations(asker: ObjectRef): readonly Nomination[] {
    return this.#nominations?.of(asker) ?? []
  }

  /** It was refused where what waits and is more important may have a place: if that does not take it, nothing changes, and it has to ask again. */
  isBehind(asker: ObjectRef): boolean {
    return this.#waiting.get(refKey(asker))?.isBehind === true
  }

  /** Why not all of the batch would have a node once these ids were gone; undefined where all would. Nothing is given away. */
  trial(batch: Batch, leaving: readonly string[]): Refusal | undefined {
    return this.#followed().trial(batch, leaving)
  }

  /** It is woken by what may change the answer. */
  wait(asker: ObjectRef): void {
    const key = refKey(asker)
    const refusedAt = this.#freed
    if (!this.#waiting.has(key)) this.#waiting.set(key, { asker, batches: [], isBehind: false, refusedAt })
  }

  /** These were not made. */
  retract(ids: readonly string[]): void {
    for (const id of ids) if (this.#assumed.delete(id)) this.#vacate(id)
  }

  /** It wants nothing, or is gone. */
  settle(asker: ObjectRef): void {
    this.#waiting.delete(refKey(asker))
    if (this.nominations(asker).length > 0) this.#freed++
    this.#nominations?.drop(asker)
  }

  /**
   * Those of this kind that wait for a node, the most important first: what changes of nodes and of what is on them may be what they wait
   * for.
   */
  waiting(kind: string): readonly ObjectRef[] {
    if (this.#waiting.size === 0) return []
    const those = [...this.#waiting.values()].filter(({ asker }) => asker.kind === kind)
    return those.sort((a, b) => priorityOf(b.batches) - priorityOf(a.batches)).map(({ asker }) => asker)
  }

  /** What waits, is more important and has room now: it has been woken, and is to find it. By id; they count as there. */
  #seatThoseAhead(cluster: Cluster, asker: ObjectRef, batches: readonly Batch[]): readonly string[] {
    const own = priorityOf(batches)
    const ahead = [...this.#waiting.values()].filter(
      (one) =>
        priorityOf(one.batches) > own &&
        one.asker !== asker &&
        this.#mayHaveRoom(one) &&
        refKey(one.asker) !== refKey(asker),
    )
    if (ahead.length === 0) return []
    ahead.sort((a, b) => priorityOf(b.batches) - priorityOf(a.batches))
    return ahead.flatMap((one) => {
      const seated = one.batches.flatMap((batch) => {
        const seats = batch.seats.filter(({ id }) => cluster.nodeOf(id) === undefined)
        return cluster.place({ ...batch, seats }).flatMap((each) => ('node' in each ? [each.id] : []))
      })
      if (seated.length === 0) one.refusedAt = this.#freed
      return seated
    })
  }

  /** What has come since may be what it has to be near to, and takes room from everybody else. */
  #mayHaveRoom({ batches, refusedAt }: Waiting): boolean {
    return (
      refusedAt !== this.#freed || batches.some(({ rule }) => rule?.affinity?.service?.required !== undefined)
    )
  }

  #vacate(id: string): void {
    this.#freed++
    this.#cluster?.vacate(id)
  }

  #followed(): Cluster {
    if (this.#cluster !== undefined) return this.#cluster
    const cluster = new Cluster(this.#options.seed)
    this.#cluster = cluster
    const { cache } = this.#options
    const priorities = this.#priorities
    cache.onChange('Node', ({ object, old, ref }) => {
      if (object === undefined || old === undefined || !takesAsBefore(object, old)) this.#freed++
      if (object === undefined) cluster.removeNode(ref.name)
      else cluster.setNode(placementNode(object as unknown as Node))
    })
    cache.onChange('Instance', (change) => this.#follow(cluster, change))
    cache.onChange('Service', ({ object, old }) => {
      if (old !== undefined && !(object && keepsAwayAsBefore(object, old))) this.#reconsider(cluster, old)
    })
    this.#nominations = new Nominations({ cluster, cache, priorities, byService: this.#byService })
    return cluster
  }

  #follow(cluster: Cluster, { object, old }: CacheChange): void {
    const instance = (object ?? old) as unknown as Instance
    const id = idOf(instance)
    this.#assumed.delete(id)
    const occupant = object && occupantOf(instance, this.#ruleOf(instance))
    if (occupant === undefined) this.#vacate(id)
    else cluster.occupy(occupant)
  }

  /** What its Instances must not have near them has changed. */
  #reconsider(cluster: Cluster, { metadata }: AnyResource): void {
    this.#freed++
    for (const instance of this.#byService.get<Instance>(`${metadata.namespace}/${metadata.name}`)) {
      const occupant = occupantOf(instance, this.#ruleOf(instance))
      if (occupant !== undefined) cluster.occupy(occupant)
    }
  }

  #ruleOf({ metadata: { namespace }, spec }: Instance): ServicePlacement | undefined {
    return this.#options.cache.get<Service>({ kind: 'Service', namespace, name: spec.service })?.spec
      .placement
  }

  #isKnown(id: string): boolean {
    const [namespace, name] = id.split('/') as [string, string]
    return this.#options.cache.get({ kind: 'Instance', namespace, name }) !== undefined
  }

  #forgetUnheard(nowMs: number): void {
    for (const [id, untilMs] of this.#assumed) {
      if (untilMs > nowMs) return
      this.#assumed.delete(id)
      this.#vacate(id)
    }
  }
}

function priorityOf(batches: readonly Batch[]): number {
  return batches[0]?.priority ?? 0
}

function idOf({ metadata }: Instance): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`
}

/** Whether something has come, gone or ended: room for others, or what they are to be near to. */
export function frees(now: AnyResource, old: AnyResource | undefined): boolean {
  return old === undefined || hasEnded(now) !== hasEnded(old)
}

/** Whether a Service keeps others away from what it kept away from before, if anything. */
export function keepsAwayAsBefore(now: AnyResource, old: AnyResource | undefined): boolean {
  return old === undefined || deepEqual(awayOf(now), awayOf(old))
}

/** Whether a Node is to placement what it was before. */
export function takesAsBefore(now: AnyResource, old: AnyResource): boolean {
  return deepEqual(placementNode(now as unknown as Node), placementNode(old as unknown as Node))
}

function hasEnded(object: AnyResource): boolean {
  return occupantOf(object as unknown as Instance, undefined) === undefined
}

function awayOf(object: AnyResource | undefined): unknown {
  return (object as unknown as Service | undefined)?.spec.placement?.antiAffinity
}

/**
 * What ResourceQuotas let controllers make, for all controllers of a control plane: they make instances side by side, so each must know what the
 * others have just been granted.
 */
import type { Clock } from '../core/clock.ts'
import { deepEqual } from '../core/json.ts'
import type { CacheChange, ObjectCache } from '../engine/cache.ts'
import type { ObjectIndex } from '../engine/cache-index.ts'
import { refKey } from '../engine/controller.ts'
import type { Instance, Node, ResourceQuota } from '../resources/generated/types.ts'
import { isLost } from '../resources/node.ts'
import type { AnyResource, ObjectRef } from '../resources/object.ts'
import {
  demandOf,
  formatAmount,
  INSTANCE_MEASURES,
  instanceMeasure,
  NO_USE,
  parseAmount,
  type Use,
} from '../resources/resourcequota/measures.ts'

/** The word for those whom a quota keeps from making what is wanted. */
export const QUOTA_EXCEEDED = 'QuotaExceeded'

/** An instance that is to be made. */
export interface Wanted {
  /** `default/web-0-bcdfg` */
  readonly id: string
  readonly use: Use
}

export interface Granted {
  /** The ids of those that may be made. They count from now on; `retract` what is not made after all. */
  readonly ids: ReadonlySet<string>
  /** Why the others may not. */
  readonly refusal: string | undefined
}

export interface QuotasOptions {
  /** Of a manager that watches Nodes, Instances and ResourceQuotas. */
  readonly cache: Pick<ObjectCache, 'get' | 'list' | 'index' | 'onChange'>
  readonly clock: Pick<Clock, 'monotonic'>
}

/** What was granted and has not been heard of after so long has come and gone unseen, or was never made. */
const ASSUMED_MS = 60_000

/** What counts, by id. */
interface Entry {
  readonly namespace: string
  readonly use: Use
}

export class Quotas {
  readonly #options: QuotasOptions
  readonly #byNode: ObjectIndex
  readonly #entries = new Map<string, Entry>()
  /** By namespace. */
  readonly #used = new Map<string, Use>()
  /** Granted, and not in the cache yet, by id: until when it is believed, the oldest first. */
  readonly #assumed = new Map<string, number>()
  /** Those who did not get all that they asked for, by their keys. */
  readonly #waiting = new Map<string, ObjectRef>()
  #isFollowing = false

  /** @param options with the cache of a manager that does not run yet */
  constructor(options: QuotasOptions) {
    this.#options = options
    this.#byNode = options.cache.index('Instance', ({ spec }) => [String(spec?.node ?? '')])
  }

  /** Grants as many as there is room for, in the order in which they stand. */
  grant(asker: ObjectRef, wanted: readonly Wanted[]): Granted {
    const namespace = asker.namespace ?? ''
    const quotas = wanted.length === 0 ? [] : this.#quotasOf(namespace)
    if (quotas.length === 0) {
      this.settle(asker)
      return { ids: new Set(wanted.map(({ id }) => id)), refusal: undefined }
    }
    this.#follow()
    const untilMs = this.#options.clock.monotonic() + ASSUMED_MS
    const ids = new Set<string>()
    let refusal: string | undefined
    for (const { id, use } of wanted) {
      const known = this.#entries.has(id)
      const against = known ? undefined : exceeded(quotas, this.used(namespace), use)
      if (against !== undefined) {
        refusal ??= against
        continue
      }
      ids.add(id)
      if (known) continue
      this.#enter(id, { namespace, use })
      this.#assumed.set(id, untilMs)
    }
    if (refusal === undefined) this.settle(asker)
    else this.wait(asker)
    return { ids, refusal }
  }

  /** These were not made. */
  retract(ids: Iterable<string>): void {
    for (const id of ids) if (this.#assumed.delete(id)) this.#drop(id)
  }

  /** Why not all of these could be made once those were gone; undefined where all could. Nothing is given away. */
  trial(namespace: string, wanted: readonly Use[], leaving: readonly string[]): string | undefined {
    const quotas = this.#quotasOf(namespace)
    if (quotas.length === 0) return undefined
    this.#follow()
    let used = this.used(namespace)
    for (const id of leaving) {
      const entry = this.#entries.get(id)
      if (entry !== undefined) used = plus(used, entry.use, -1)
    }
    for (const use of wanted) {
      const against = exceeded(quotas, used, use)
      if (against !== undefined) return against
      used = plus(used, use, 1)
    }
    return undefined
  }

  /** Of all instances of a namespace that are not over, what was just granted included. */
  used(namespace: string): Use {
    this.#follow()
    return this.#used.get(namespace) ?? NO_USE
  }

  /** It is woken by what may change the answer. */
  wait(asker: ObjectRef): void {
    this.#waiting.set(refKey(asker), asker)
  }

  /** It wants nothing, or is gone. */
  settle(asker: ObjectRef): void {
    this.#waiting.delete(refKey(asker))
  }

  /** Those of this kind that wait for room: in one namespace, or in all. */
  waiting(kind: string, namespace?: string): readonly ObjectRef[] {
    if (this.#waiting.size === 0) return []
    return [...this.#waiting.values()].filter(
      (one) => one.kind === kind && (namespace === undefined || one.namespace === namespace),
    )
  }

  /** By name, so that the same one is named each time. */
  #quotasOf(namespace: string): readonly ResourceQuota[] {
    const quotas = this.#options.cache.list<ResourceQuota>('ResourceQuota', { namespace })
    const holding = quotas.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    return holding.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
  }

  #follow(): void {
    if (this.#isFollowing) {
      this.#forgetUnheard()
      return
    }
    this.#isFollowing = true
    const { cache } = this.#options
    cache.onChange('Instance', (change) => this.#take(change))
    cache.onChange('Node', ({ object, old, ref }) => {
      if (isGone(object as Node | undefined) === isGone(old as Node | undefined)) return
      for (const one of this.#byNode.get<Instance>(ref.name)) this.#count(one)
    })
  }

  #take({ object, old }: CacheChange): void {
    const instance = (object ?? old) as unknown as Instance
    const id = idOf(instance)
    this.#assumed.delete(id)
    if (object === undefined) this.#drop(id)
    else this.#count(instance)
  }

  /** What runs on a lost node is replaced elsewhere, and counts as gone. */
  #count(instance: Instance): void {
    const id = idOf(instance)
    this.#drop(id)
    const node = this.#options.cache.get<Node>({ kind: 'Node', name: instance.spec.node })
    if (isOver(instance) || isGone(node)) return
    this.#enter(id, { namespace: instance.metadata.namespace ?? '', use: demandOf(instance.spec.template) })
  }

  #enter(id: string, entry: Entry): void {
    this.#entries.set(id, entry)
    this.#used.set(entry.namespace, plus(this.#used.get(entry.namespace) ?? NO_USE, entry.use, 1))
  }

  #drop(id: string): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    this.#entries.delete(id)
    this.#used.set(entry.namespace, plus(this.#used.get(entry.namespace) ?? NO_USE, entry.use, -1))
  }

  #forgetUnheard(): void {
    const nowMs = this.#options.clock.monotonic()
    for (const [id, untilMs] of this.#assumed) {
      if (untilMs > nowMs) return
      this.#assumed.delete(id)
      this.#drop(id)
    }
  }
}

/** Whether a quota allows what it allowed before: how much of it is in use is to wake nobody. */
export function isSaidAsBefore(now: AnyResource, old: AnyResource | undefined): boolean {
  return old !== undefined && deepEqual(now.spec, old.spec)
}

function idOf({ metadata }: Instance): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`
}

function isOver({ spec, status }: Instance): boolean {
  return spec.restartPolicy === 'Never' && (status?.phase === 'Succeeded' || status?.phase === 'Failed')
}

function isGone(node: Node | undefined): boolean {
  return node !== undefined && isLost(node)
}

function plus(use: Use, other: Use, by: 1 | -1): Use {
  const sum = { ...use }
  for (const measure of INSTANCE_MEASURES) sum[measure] += by * other[measure]
  return sum
}

/** `resourcequota/team: requests.cpu 2 of 2 used, 500m more asked for` of the first that one more would exceed. */
function exceeded(quotas: readonly ResourceQuota[], used: Use, more: Use): string | undefined {
  for (const { metadata, spec } of quotas) {
    for (const [name, hard] of Object.entries(spec.hard)) {
      const measure = instanceMeasure(name)
      if (measure === undefined || more[measure] === 0) continue
      if (used[measure] + more[measure] <= parseAmount(name, hard)) continue
      const amount = (of: Use) => formatAmount(name, of[measure])
      return `resourcequota/${metadata.name}: ${name} ${amount(used)} of ${hard} used, ${amount(more)} more asked for`
    }
  }
  return undefined
}

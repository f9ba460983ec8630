/**
 * Counts of objects that ResourceQuotas limit, held where objects are made. Whoever makes one that is counted moves its quota with it, so that of
 * two that would together be one too many the second is refused, however close together they come.
 */
import type { ResourceQuota } from '../resources/generated/types.ts'
import { type AnyResource, GROUP } from '../resources/object.ts'
import { COUNTED_KINDS, countedPlural } from '../resources/resourcequota/measures.ts'
import type { Entry, Operation } from '../store/store.ts'
import { type Fault, fault } from './admission/faults.ts'
import type { Manifest } from './api.ts'
import { encodeObject, type Stored, storedOf } from './codec.ts'
import type { Context } from './context.ts'
import { listPrefixes, type Target } from './keys.ts'
import type { Plan } from './plan.ts'

/** A quota that counts objects. */
interface Counting {
  readonly namespace: string
  readonly name: string
  readonly entry: Entry
  /** By plural: how many there may be. */
  readonly most: ReadonlyMap<string, number>
}

export interface ObjectQuotas {
  /** By name. */
  readonly quotas: readonly Counting[]
  /** How many there are, by `namespace/plural`. */
  readonly counts: ReadonlyMap<string, number>
}

const NONE: ObjectQuotas = { quotas: [], counts: new Map() }

/** The quotas that `targets` may come up against, and then how many there are of what these count. */
export async function readObjectQuotas(
  { store, kinds }: Pick<Context, 'store' | 'kinds'>,
  targets: readonly Target[],
): Promise<ObjectQuotas> {
  const counted = targets.filter(isCounted)
  if (counted.length === 0) return NONE
  const kind = kinds.byKind('ResourceQuota')
  const namespaces = [...new Set(counted.map(({ namespace = '' }) => namespace))]
  const { entries } = await store.list(namespaces.flatMap((namespace) => listPrefixes(kind, { namespace })))
  const quotas = entries.flatMap(countingOf)
  if (quotas.length === 0) return NONE
  const counts = new Map<string, number>()
  // after the quotas: what is made meanwhile moves one of them, and the commit with it
  for (const target of counted) {
    const { namespace = '', kind } = target
    const key = countKey(target)
    if (counts.has(key) || !quotas.some((one) => one.namespace === namespace && one.most.has(kind.plural)))
      continue
    const keys = await Promise.all(listPrefixes(kind, { namespace }).map((prefix) => store.listKeys(prefix)))
    counts.set(key, keys.flat().length)
  }
  return { quotas, counts }
}

/** Those of the plans, in order, that would be one too many. */
export function objectQuotaFaults(
  plans: readonly Plan[],
  { quotas, counts }: ObjectQuotas,
): ReadonlyMap<Manifest, Fault> {
  const faults = new Map<Manifest, Fault>()
  if (quotas.length === 0) return faults
  const taken = new Map(counts)
  for (const { isNew, target, manifest } of plans) {
    if (!isNew || !isCounted(target)) continue
    const key = countKey(target)
    const there = taken.get(key) ?? 0
    const { plural } = target.kind
    const full = countingFor(target, quotas).find(({ most }) => there + 1 > (most.get(plural) ?? 0))
    if (full === undefined) taken.set(key, there + 1)
    else faults.set(manifest, tooMany(manifest, target, full, there))
  }
  return faults
}

function tooMany(
  manifest: Manifest,
  { kind, namespace, name }: Target,
  full: Counting,
  there: number,
): Fault {
  const most = full.most.get(kind.plural)
  const message = `${kind.singular}/${name} would be one too many: resourcequota/${full.name} allows count/${kind.plural} ${most} in namespace ${namespace}, and ${there} are used`
  return fault(manifest, 'QuotaExceeded', message, {
    value: there,
    next: `raise the quota or remove what is not needed: nsctl describe resourcequota ${full.name} -n ${namespace}`,
  })
}

/** What moves the quotas with what is made, transaction by transaction. */
export class Admissions {
  readonly #quotas: readonly Counting[]
  /** As the transactions before leave them, by key. */
  readonly #stored = new Map<string, Stored>()

  constructor({ quotas }: ObjectQuotas) {
    this.#quotas = quotas
  }

  /** How many operations that can be at most, and how many bytes. */
  get most(): { readonly operations: number; readonly bytes: number } {
    const bytes = this.#quotas.reduce((sum, { entry }) => sum + 2 * Buffer.byteLength(entry.value), 0)
    return { operations: this.#quotas.length, bytes }
  }

  /** To be committed with these plans; empty where none of them is counted. */
  operations(plans: readonly Plan[]): readonly Operation[] {
    return this.#movedBy(plans).map(({ entry }) => {
      const { object, revision, filled } = this.#storedOf(entry)
      return { kind: 'put', key: entry.key, value: encodeObject(moved(object), filled), expect: revision }
    })
  }

  /** The plans were committed as `revision` of the store. */
  committed(plans: readonly Plan[], revision: number): void {
    for (const { entry } of this.#movedBy(plans)) {
      const before = this.#storedOf(entry)
      this.#stored.set(entry.key, { ...before, object: moved(before.object), revision })
    }
  }

  /** One for each kind is enough: whoever makes another of the kind moves the same one. */
  #movedBy(plans: readonly Plan[]): readonly Counting[] {
    if (this.#quotas.length === 0) return []
    const made = plans.filter(({ isNew, target }) => isNew && isCounted(target))
    return [...new Set(made.flatMap(({ target }) => countingFor(target, this.#quotas).slice(0, 1)))]
  }

  #storedOf(entry: Entry): Stored {
    return this.#stored.get(entry.key) ?? storedOf(entry)
  }
}

function moved(object: AnyResource): AnyResource {
  const { status } = object as unknown as ResourceQuota
  return { ...object, status: { ...status, admissions: (status?.admissions ?? 0) + 1 } } as AnyResource
}

function isCounted({ kind, namespace }: Target): boolean {
  return namespace !== undefined && kind.group === GROUP && COUNTED_KINDS[kind.plural] === kind.kind
}

function countKey({ kind, namespace }: Target): string {
  return `${namespace}/${kind.plural}`
}

function countingFor({ kind, namespace }: Target, quotas: readonly Counting[]): readonly Counting[] {
  return quotas.filter((one) => one.namespace === namespace && one.most.has(kind.plural))
}

function countingOf(entry: Entry): readonly Counting[] {
  const { metadata, spec } = storedOf(entry).object as unknown as ResourceQuota
  if (metadata.deletionTimestamp !== undefined) return []
  const most = new Map<string, number>()
  for (const [name, hard] of Object.entries(spec.hard)) {
    const plural = countedPlural(name)
    if (plural !== undefined) most.set(plural, Number(hard))
  }
  return most.size === 0 ? [] : [{ namespace: metadata.namespace ?? '', name: metadata.name, entry, most }]
}

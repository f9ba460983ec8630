/**
 * A set of documents, admitted as far as that goes without what is stored. Validation comes with the plan: what is there
 * already as the document says it has been validated.
 */
import type { Kind, KindRegistry } from '../../resources/kinds.ts'
import type { AnyResource } from '../../resources/object.ts'
import type { Manifest } from '../api.ts'
import type { Context } from '../context.ts'
import { definitionName } from '../live-kinds.ts'
import { type Fault, fault, issueFault, placeText } from './faults.ts'
import { type Candidate, type Identified, identify } from './identify.ts'
import { completed } from './validate.ts'

export interface Admitted {
  readonly candidate: Candidate
  /** The document by itself, with defaults: what is stored where nothing was there before. */
  readonly object: AnyResource
  /** Which defaults that document was filled in with; undefined where it is changed otherwise too. */
  readonly filled: string | undefined
}

export interface AdmittedSet {
  readonly admitted: readonly Admitted[]
  readonly faults: ReadonlyMap<Manifest, readonly Fault[]>
}

/**
 * Documents may come in any order: a kind that one of them defines is known to all others. `namespace` is that of
 * documents that name none.
 */
export async function admitSet(
  context: Context,
  manifests: readonly Manifest[],
  namespace: string | undefined,
): Promise<AdmittedSet> {
  const admitted: Admitted[] = []
  const faults = new Map<Manifest, readonly Fault[]>()
  const admitOne = (manifest: Manifest, identified: Identified) => {
    if (identified.kind !== 'candidate') faults.set(manifest, [identified.fault])
    else admitted.push({ candidate: identified.candidate, ...completed(identified.candidate) })
  }

  let kinds: KindRegistry = context.kinds
  let identified = manifests.map((manifest) => identify(manifest, kinds, namespace))
  if (identified.some((one) => one.kind === 'unknown kind' || definesKind(one))) {
    await context.kinds.refresh()
    await prepareKinds(identified)
    for (const [index, manifest] of manifests.entries())
      if (definesKind(identified[index]!)) admitOne(manifest, identified[index]!)
    const sound = admitted.filter(
      ({ candidate: { target }, object }) => target.kind.validate(object).length === 0,
    )
    kinds = await context.kinds.preview(sound.map(({ object }) => object))
    await refuseConflicts(sound, kinds, faults)
    identified = manifests.map((manifest) => identify(manifest, kinds, namespace))
  }
  await prepareKinds(identified)
  const done = new Set([...admitted.map(({ candidate }) => candidate.manifest), ...faults.keys()])
  for (let index = 0; index < manifests.length; index++) {
    const manifest = manifests[index]!
    if (done.size === 0 || !done.has(manifest)) admitOne(manifest, identified[index]!)
  }
  const right =
    faults.size === 0 ? admitted : admitted.filter(({ candidate }) => !faults.has(candidate.manifest))
  return withoutDuplicates(done.size === 0 ? right : inOrderOf(manifests, right), faults)
}

/** Definitions whose names another kind has: they would be stored and never be asked. */
async function refuseConflicts(
  definitions: readonly Admitted[],
  kinds: KindRegistry,
  faults: Map<Manifest, readonly Fault[]>,
): Promise<void> {
  if (definitions.length === 0) return
  const { definitionConflicts } = await import('../../resources/customresourcedefinition/constraints.ts')
  for (const { candidate, object } of definitions) {
    const { manifest, target } = candidate
    const conflicts = definitionConflicts(object, kinds.all())
    if (conflicts.length > 0)
      faults.set(
        manifest,
        conflicts.map((issue) => issueFault(manifest, target.kind, issue)),
      )
  }
}

async function prepareKinds(identified: readonly Identified[]): Promise<void> {
  const kinds = new Set<Kind>()
  for (const one of identified) if (one.kind === 'candidate') kinds.add(one.candidate.target.kind)
  await Promise.all([...kinds].map((kind) => kind.prepare()))
}

function definesKind(identified: Identified): boolean {
  return (
    identified.kind === 'candidate' && identified.candidate.target.kind.kind === 'CustomResourceDefinition'
  )
}

/** The users' definitions that the kinds of `admitted` were made from, by name. */
export function definitionsUsed(
  context: Context,
  admitted: readonly Admitted[],
): ReadonlyMap<string, string> {
  const used = new Map<string, string>()
  for (const kind of new Set(admitted.map(({ candidate }) => candidate.target.kind))) {
    const version = context.kinds.definitionVersion(kind)
    if (version !== undefined) used.set(definitionName(kind), version)
  }
  return used
}

/** An object that stands twice in a set has no one meaning: both places are named. */
function withoutDuplicates(
  admitted: readonly Admitted[],
  faults: Map<Manifest, readonly Fault[]>,
): AdmittedSet {
  const firsts = new Map<string, Manifest>()
  const kept = admitted.filter(({ candidate }) => {
    const { target, manifest } = candidate
    const first = firsts.get(candidate.objectKey)
    if (first === undefined) {
      firsts.set(candidate.objectKey, manifest)
      return true
    }
    const where = target.namespace === undefined ? '' : ` in namespace ${target.namespace}`
    const message = `${target.kind.singular}/${target.name}${where} stands twice: first at ${placeText(first)}`
    faults.set(manifest, [fault(manifest, 'Invalid', message, { next: 'Remove one of them' })])
    return false
  })
  return { admitted: kept, faults }
}

/** Definitions were admitted before what stands ahead of them. */
function inOrderOf(manifests: readonly Manifest[], admitted: readonly Admitted[]): readonly Admitted[] {
  const order = new Map(manifests.map((manifest, index) => [manifest, index]))
  return admitted.toSorted(
    (a, b) => (order.get(a.candidate.manifest) ?? 0) - (order.get(b.candidate.manifest) ?? 0),
  )
}

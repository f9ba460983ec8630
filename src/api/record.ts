/** From an object as somebody wants it to what makes it so: object and revision. Who commits it adds the audit record. */
import { deepEqual } from '../core/json.ts'
import type { AnyResource, ObjectMeta } from '../resources/object.ts'
import type { Operation } from '../store/store.ts'
import type { Actor, FieldChange } from './api.ts'
import { unknownMetadata } from './carried.ts'
import { changesBetween, contentOf } from './changes.ts'
import { claimOperations } from './claims.ts'
import { encodeObject, type Stored, withoutApart } from './codec.ts'
import type { Context } from './context.ts'
import { definitionStatus } from './definitions.ts'
import { objectKey, type Target } from './keys.ts'
import { isOperationalChange } from './operational.ts'
import { keptSpec, pruneOperations, revisionOperation } from './revisions.ts'
import { asStored, definitionCheck, settled } from './versions.ts'

export interface Edit {
  readonly target: Target
  readonly live: Stored | undefined
  /** Content with defaults, and the metadata that people own. What the server owns is taken from `live`. */
  readonly next: AnyResource
  readonly actor: Actor
  /** When, as `timestamp` has it. */
  readonly at: string
  /** What the revision calls it: `rolled back to r6`. */
  readonly cause: string
  /** False for scale, whose changes move the generation only. */
  readonly revises: boolean
  /** What is kept of the manifest in the object's entry: see applied.ts. */
  readonly filled: string | undefined
  /**
   * True where its revision may be said to be new, which spares stores over the network reading it first. What a deletion left
   * half done makes that a conflict: the next attempt writes over it.
   */
  readonly isFirstAttempt?: boolean
}

export interface Recorded {
  /** As it will be stored. The live object itself where nothing changes. */
  readonly object: AnyResource
  readonly changed: boolean
  /** In labels, annotations and content; empty for what is new. */
  readonly changes: readonly FieldChange[]
  /** Empty where nothing changes. */
  readonly operations: readonly Operation[]
  /** The object as the store is to hold it; empty where nothing changes. */
  readonly text: string
  /** True where there is a new revision, so that old ones may have to go: ask `retention`. */
  readonly revised: boolean
}

export function recordEdit(context: Context, wanted: Edit): Recorded {
  const { target, live } = wanted
  const edit =
    target.kind.family === undefined
      ? wanted
      : { ...wanted, next: settled(target.kind, wanted.next, live?.object) }
  if (live === undefined) return recordCreation(context, edit)
  const { next } = edit
  const contentMoves = !deepEqual(contentOf(live.object), contentOf(next))
  const moves = contentMoves || !deepEqual(ownedByPeople(live.object), ownedByPeople(next))
  if (!moves || isSameWithDefaults(edit, live.object)) return unchanged(live)
  const changes = changesBetween(live.object, next, target.kind.schema)
  const { metadata } = live.object
  const isRevision = edit.revises && !isOperationalChange(target.kind, live.object, next)
  const revised = contentMoves && isRevision && target.kind.revisioned
  const status = definesKind(target) ? definitionStatus(live.object, next) : live.object.status
  const object = assemble(target, next, status, {
    ...metadata,
    generation: (metadata.generation ?? 0) + (contentMoves ? 1 : 0),
    ...(revised ? { revision: (metadata.revision ?? 0) + 1 } : {}),
  })
  const put = putOperation(edit, object, live.revision)
  return {
    object,
    changed: true,
    changes,
    operations: withDefinition(context, target, [
      put,
      ...keptSpec(target, live.object, object, edit.isFirstAttempt),
      ...(revised ? [newRevision(edit, object, changes)] : []),
      ...claimOperations(target, live.object, object),
    ]),
    text: put.value,
    revised,
  }
}

/** Of an edit that says what is there. */
export function unchanged({ object }: Stored): Recorded {
  return { object, changed: false, changes: [], operations: [], text: '', revised: false }
}

/** The operations that retention adds to a change. */
export async function retention(
  context: Context,
  target: Target,
  recorded: Recorded,
): Promise<readonly Operation[]> {
  return recorded.revised ? pruneOperations(context.store, target, recorded.object) : []
}

function recordCreation(context: Context, edit: Edit): Recorded {
  const { target, next } = edit
  const revised = target.kind.revisioned
  const server = { uid: context.ids.uid(), generation: 1, creationTimestamp: edit.at }
  const metadata = assembleMetadata(target, next, revised ? { ...server, revision: 1 } : server)
  // an admitted document has nothing but what is stored
  const object: AnyResource = { ...next, metadata }
  if (definesKind(target)) Object.assign(object, { status: definitionStatus(undefined, next) })
  const put = putOperation(edit, object, 0)
  return {
    object,
    changed: true,
    changes: [],
    operations: withDefinition(context, target, [
      put,
      ...(revised ? [newRevision(edit, object, [])] : []),
      ...claimOperations(target, undefined, object),
    ]),
    text: put.value,
    revised,
  }
}

function putOperation({ target, filled }: Edit, object: AnyResource, expect: number) {
  const value = encodeObject(asStored(target.kind, withoutApart(target, object)), filled)
  return { kind: 'put', key: objectKey(target), value, expect } as const
}

function newRevision(
  { target, actor, cause, at, isFirstAttempt = false }: Edit,
  object: AnyResource,
  changes: readonly FieldChange[],
): Operation {
  const contentChanges = changes.filter(({ path }) => path[0] !== 'metadata')
  return revisionOperation({ target, object, actor, cause, at, changes: contentChanges, isFirstAttempt })
}

/** The status of a definition follows from what it says, and from what it said before. */
function definesKind({ kind }: Target): boolean {
  return kind.kind === 'CustomResourceDefinition'
}

/** A write that converts holds only as long as the definition by which it does. */
function withDefinition(
  context: Context,
  { kind }: Target,
  operations: readonly Operation[],
): readonly Operation[] {
  return kind.family === undefined ? operations : [...operations, ...definitionCheck(context, kind)]
}

/** True where `next` says exactly what is there. */
export function saysTheSame(live: AnyResource, next: AnyResource): boolean {
  return deepEqual(contentOf(live), contentOf(next)) && deepEqual(ownedByPeople(live), ownedByPeople(next))
}

const OWNED_BY_PEOPLE = ['labels', 'annotations', 'finalizers', 'ownerReferences'] as const

/** The part of metadata that people own. Absent and empty are the same. */
function ownedByPeople({ metadata }: AnyResource): Record<string, unknown> {
  const owned: Record<string, unknown> = {}
  for (let at = 0; at < OWNED_BY_PEOPLE.length; at++) {
    const member = OWNED_BY_PEOPLE[at]!
    const value = metadata[member]
    if (value !== undefined && !isEmpty(value)) owned[member] = value
  }
  return owned
}

function isEmpty(value: object): boolean {
  for (const _ in value) return false
  return true
}

function assemble(
  target: Target,
  next: AnyResource,
  status: AnyResource['status'],
  server: Partial<ObjectMeta>,
): AnyResource {
  const { kind } = target
  return {
    apiVersion: kind.apiVersion,
    kind: kind.kind,
    metadata: { ...assembleMetadata(target, next, server), ...unknownMetadata(server) },
    ...contentOf(next),
    ...(status === undefined ? {} : { status }),
  } as unknown as AnyResource
}

function assembleMetadata(
  { namespace, name }: Target,
  next: AnyResource,
  { uid, generation, revision, creationTimestamp, deletionTimestamp, managedFields }: Partial<ObjectMeta>,
): ObjectMeta {
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...ownedByPeople(next),
    uid,
    generation,
    ...(revision === undefined ? {} : { revision }),
    creationTimestamp,
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    ...(managedFields === undefined ? {} : { managedFields }),
  } as ObjectMeta
}

/** What was stored before a default was added differs from what it says only in that default: no change. */
function isSameWithDefaults({ target, next }: Edit, live: AnyResource): boolean {
  if (!deepEqual(ownedByPeople(live), ownedByPeople(next))) return false
  return deepEqual(contentOf(target.kind.withDefaults(live)), contentOf(next))
}

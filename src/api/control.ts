/** What controllers and agents write: status, owned objects, finalizers. No revisions and no audit; never a write for nothing. */
import { NsctlError } from '../core/errors.ts'
import { deepEqual, isObject, type Json, type JsonObject } from '../core/json.ts'
import type { AnyResource, ManagedFields, ObjectMeta, ObjectRef } from '../resources/object.ts'
import type { Operation, Transaction } from '../store/store.ts'
import type { SeenRef } from './api.ts'
import { keptManifest } from './applied.ts'
import { carryUnknown } from './carried.ts'
import { contentOf } from './changes.ts'
import { claimOperations } from './claims.ts'
import { encodeObject, type Stored, withResourceVersion } from './codec.ts'
import { type Context, commit, timestamp } from './context.ts'
import { besidesPut, markDeleted, putSpec, withMetadata } from './delete.ts'
import { newestTarget, targetText } from './edit.ts'
import { halvesOf, objectKey, placementKey, type Target } from './keys.ts'
import { mergePatch } from './patch.ts'
import { readStored, recallStored, targetOf } from './reader.ts'
import { nodeOf, removalOperations } from './remove.ts'
import { keptSpec } from './revisions.ts'
import { asStored, definitionCheck } from './versions.ts'

/** More than people get: a controller that loses comes back only after its backoff. */
const MAX_ATTEMPTS = 20

/** See `ResourceController.createOwned`. */
export async function createOwned(context: Context, objects: readonly AnyResource[]): Promise<void> {
  const transactions = await Promise.all(
    objects.map(async (object) => {
      const target = await targetOf(context, refOfObject(object))
      return creation(target, withServerFields(context, target, object))
    }),
  )
  // A conflict means that it is there already, which is what is wanted.
  await commit(context, transactions)
}

/** See `ResourceController.updateStatus`. */
export async function updateStatus(context: Context, ref: SeenRef, said: Json): Promise<void> {
  await amendStatus(context, ref, () => said)
}

/** See `ResourceController.amendStatus`. */
export async function amendStatus(
  context: Context,
  ref: SeenRef,
  amend: (status: Json | undefined) => Json,
): Promise<void> {
  await settleUnread(context, ref, (target, live) => {
    const before = live.object.status
    const said = amend(before)
    if (deepEqual(before, said)) return undefined
    const status = carryUnknown(before, said, target.kind.schema.properties?.status) as Json
    if (status !== said && deepEqual(before, status)) return undefined
    if (!target.kind.statusApart) {
      const object = { ...live.object, status } as AnyResource
      return [
        {
          kind: 'put',
          key: objectKey(target),
          value: encodeObject(asStored(target.kind, object), live.filled),
          expect: live.revision,
        },
      ]
    }
    const halves = halvesOf(target, nodeOf(live.object))
    return [
      { kind: 'check', key: halves.spec, expect: live.revision },
      {
        kind: 'put',
        key: halves.status,
        value: JSON.stringify(status),
        expect: live.statusRevision,
      },
    ]
  })
}

/** See `ResourceController.updateOwned`. */
export async function updateOwned(
  context: Context,
  ref: SeenRef,
  change: (spec: JsonObject) => JsonObject,
): Promise<void> {
  await settle(context, ref, (target, live) => {
    if (target.kind.revisioned)
      throw new NsctlError('Bug', `${targetText(target)} has revisions, which this would pass over`)
    const before = live.object.spec ?? {}
    const spec = change(before)
    if (deepEqual(before, spec)) return undefined
    const generation = (live.object.metadata.generation ?? 0) + 1
    return [putSpec(target, live, { ...withMetadata(live.object, { generation }), spec }, live.filled)]
  })
}

/** See `ResourceController.requestDelete`. */
export async function requestDelete(context: Context, ref: SeenRef): Promise<void> {
  await settleUnread(context, ref, (target, live) => {
    const marked = markDeleted(context, target, live)
    if ((marked.metadata.finalizers ?? []).length === 0) return removalOperations(context, target, live)
    return marked === live.object ? undefined : [putSpec(target, live, marked, live.filled)]
  })
}

/** See `ResourceController.removeFinalizer`. */
export async function removeFinalizer(context: Context, ref: SeenRef, finalizer: string): Promise<void> {
  await settleUnread(context, ref, (target, live) => {
    const { deletionTimestamp, finalizers = [] } = live.object.metadata
    const left = finalizers.filter((one) => one !== finalizer)
    if (deletionTimestamp !== undefined && left.length === 0) return removalOperations(context, target, live)
    if (left.length === finalizers.length) return undefined
    return [putSpec(target, live, withMetadata(live.object, { finalizers: left }), live.filled)]
  })
}

/** See `ResourceController.takeFields`. */
export async function takeFields(
  context: Context,
  ref: ObjectRef,
  manager: string,
  fields: readonly string[],
): Promise<void> {
  await settle(context, ref, (target, live) => {
    const before = live.object.metadata.managedFields ?? []
    const others = before.filter((one) => one.manager !== manager)
    const managedFields: readonly ManagedFields[] =
      fields.length === 0 ? others : [...others, { manager, fields: [...fields].sort() }]
    if (deepEqual(before, managedFields)) return undefined
    return [putSpec(target, live, withMetadata(live.object, { managedFields }), live.filled)]
  })
}

/** See `ResourceController.ensure`. What others have added to its spec and labels stays. */
export async function ensure(context: Context, object: AnyResource): Promise<AnyResource> {
  const target = await targetOf(context, refOfObject(object))
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const live = await readStored(context, target)
    if (context.node !== undefined) return asGiven(target, live)
    if (live === undefined) {
      const made = withServerFields(context, target, object)
      const [outcome] = await commit(context, [creation(target, made)])
      if (outcome?.kind === 'committed') return withResourceVersion(made, outcome.revision)
      continue
    }
    const wanted = ensured(target, live.object, object)
    if (wanted === live.object) return live.object
    const operations = [
      putSpec(target, live, wanted, undefined),
      ...(await keptManifest(context, target, live)),
      ...keptSpec(target, live.object, wanted),
      ...definitionCheck(context, target.kind),
    ]
    const [outcome] = await commit(context, [operations])
    if (outcome?.kind === 'committed') return withResourceVersion(wanted, outcome.revision)
  }
  throw contended(target)
}

/** To an agent with a credential of its own the control plane gives what there is to be. */
function asGiven(target: Target, live: Stored | undefined): AnyResource {
  if (live !== undefined) return live.object
  throw new NsctlError(
    'Unreachable',
    `there is no ${targetText(target)} any more, so its agent has nothing to do`,
    {
      value: target.name,
      next: `to have this machine as a node again: nsctl node token create --name ${target.name}, and nsctl agent --join-token-file there`,
    },
  )
}

function ensured({ kind }: Target, live: AnyResource, object: AnyResource): AnyResource {
  const merged = mergePatch(contentOf(live), contentOf(object))
  const next = kind.withDefaults(
    carryUnknown(contentOf(live), merged, kind.schema) as Record<string, unknown>,
  )
  const labels = { ...live.metadata.labels, ...object.metadata.labels }
  const contentMoves = !deepEqual(next, contentOf(live))
  if (!contentMoves && deepEqual(labels, live.metadata.labels ?? {})) return live
  const generation = (live.metadata.generation ?? 0) + (contentMoves ? 1 : 0)
  return withMetadata({ ...live, ...next } as AnyResource, { labels, generation })
}

/**
 * Commits what `decide` wants of the newest object until nobody else is faster. An object that is gone, or is another one
 * than was meant, needs nothing.
 */
async function settle(
  context: Context,
  ref: SeenRef,
  decide: (target: Target, live: Stored) => Transaction | undefined | Promise<Transaction>,
): Promise<void> {
  let target = await targetOf(context, ref)
  // an object stays where it is; what comes later under its name may be elsewhere
  const place = ref.uid === undefined ? undefined : ref.node
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    if (attempt > 1 && target.kind.family !== undefined) target = await newestTarget(context, ref, target)
    const live = await readStored(context, target, place)
    if (live === undefined) return
    if (ref.uid !== undefined && live.object.metadata.uid !== ref.uid) return
    const decided = await decide(target, live)
    if (decided === undefined) return
    const isPut = decided.some(({ kind }) => kind === 'put')
    const operations = isPut ? [...decided, ...(await besidesPut(context, target, live))] : decided
    const [outcome] = await commit(context, [operations])
    if (outcome?.kind === 'committed') return
  }
  throw contended(target)
}

/** As `settle`, but first by what is known of the object without reading it, if there is something to write: the store checks that it is so. */
async function settleUnread(
  context: Context,
  ref: SeenRef,
  decide: (target: Target, live: Stored) => Transaction | undefined | Promise<Transaction>,
): Promise<void> {
  const target = await targetOf(context, ref)
  const live = recallStored(context, target, ref)
  const isMeant = live !== undefined && ref.uid !== undefined && live.object.metadata.uid === ref.uid
  const decided = isMeant ? await decide(target, live) : undefined
  if (decided !== undefined) {
    const [outcome] = await commit(context, [decided])
    if (outcome?.kind === 'committed') return
  }
  await settle(context, ref, decide)
}

function contended(target: Target): NsctlError {
  return new NsctlError('Conflict', `${targetText(target)} changes too fast to be written`, {
    next: 'it is tried again by itself',
  })
}

function refOfObject({ apiVersion, kind, metadata: { name, namespace } }: AnyResource): ObjectRef {
  const version = apiVersion.slice(apiVersion.indexOf('/') + 1)
  return { kind, name, version, ...(namespace === undefined ? {} : { namespace }) }
}

function withServerFields(context: Context, target: Target, object: AnyResource): AnyResource {
  const { name, namespace, labels, annotations, finalizers, ownerReferences } = object.metadata
  const { revisioned } = target.kind
  const metadata: ObjectMeta = {
    name,
    ...(target.namespace === undefined ? {} : { namespace: namespace ?? target.namespace }),
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
    ...(finalizers === undefined ? {} : { finalizers }),
    ...(ownerReferences === undefined ? {} : { ownerReferences }),
    uid: context.ids.uid(),
    generation: 1,
    ...(revisioned ? { revision: 1 } : {}),
    creationTimestamp: timestamp(context.clock),
  }
  return target.kind.withDefaults({ ...object, metadata })
}

/** What belongs to a node is there once under its name, whatever the node. */
function creation(target: Target, object: AnyResource): Transaction {
  if (!target.kind.statusApart)
    return [
      {
        kind: 'put',
        key: objectKey(target),
        value: encodeObject(asStored(target.kind, object), undefined),
        expect: 0,
      },
    ]
  const node = nodeOf(object)
  if (target.kind.perNode && node === '')
    throw new NsctlError('Bug', `${targetText(target)} belongs to no node: spec.node is missing`, {
      value: object.spec,
    })
  const { status, ...half } = object
  const halves = halvesOf(target, node)
  const operations: Operation[] = [
    { kind: 'put', key: halves.spec, value: JSON.stringify(half), expect: 0 },
    ...claimOperations(target, undefined, object),
  ]
  if (target.kind.perNode)
    operations.unshift({ kind: 'put', key: placementKey(target), value: node, expect: 0 })
  if (isObject(status)) operations.push({ kind: 'put', key: halves.status, value: JSON.stringify(status) })
  return operations
}

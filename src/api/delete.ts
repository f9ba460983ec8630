/**
 * Deletion. What owns others (a Service, a Namespace, a kind) is marked and keeps the finalizer `children` until
 * the garbage collector has taken what it owns; a Node keeps the finalizer `node` until what was on it is gone; with `purge` also the finalizer `purge` until its data is gone. All else
 * goes at once unless it has finalizers. With `orphan` the references of what it owns are removed and the object itself
 * goes, in one transaction, so that no controller ever sees half of it.
 */
import { NsctlError } from '../core/errors.ts'
import { type AnyResource, DEFAULT_NAMESPACE, type ObjectMeta, type ObjectRef } from '../resources/object.ts'
import type { Operation } from '../store/store.ts'
import { type ChangeResult, type DeleteOptions, FINALIZERS } from './api.ts'
import { keptManifest } from './applied.ts'
import { auditOperation } from './audit.ts'
import { encodeObject, type Stored, storedOf, withoutApart, withResourceVersion } from './codec.ts'
import { type Context, commit, MAX_ATTEMPTS, timestamp } from './context.ts'
import { contention, notFound, refuseInternal, targetText } from './edit.ts'
import { parseObjectKey, type Target } from './keys.ts'
import { readStored, targetOf } from './reader.ts'
import { removalOperations, specKeyOf } from './remove.ts'
import { asStored, definitionCheck, shown } from './versions.ts'

/** Kinds that own others. */
const OWNERS: ReadonlySet<string> = new Set([
  'Service',
  'Job',
  'ScaledJob',
  'Namespace',
  'CustomResourceDefinition',
])
/** Kinds with data beneath them that only `purge` removes. */
const HAVE_DATA: ReadonlySet<string> = new Set(['Service', 'Namespace', 'Node'])

/** What belongs to one of these cannot be without it. */
const NEEDED: ReadonlySet<string> = new Set(['Namespace', 'CustomResourceDefinition', 'Node'])

/** Kinds written by nsctl only of which a user may remove one: an Instance and a Delivery are made anew, a Volume is left-over data. */
const USER_DELETABLE: ReadonlySet<string> = new Set(['Instance', 'Volume', 'Delivery'])

/** See `ResourceEditor.delete`. @throws NsctlError NotFound, Invalid, Unsupported, and Conflict for another uid or a lost race */
export async function deleteObject(
  context: Context,
  ref: ObjectRef,
  options: DeleteOptions,
): Promise<ChangeResult> {
  const target = await targetOf(context, ref)
  refuseTarget(target, options)
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const live = await readStored(context, target)
    if (live === undefined) throw notFound(target)
    holdUid(target, live, options.uid)
    if (target.kind.kind === 'Volume') await refuseUsedVolume(context, target, live)
    const marked = markDeleted(context, target, live, options)
    const result: ChangeResult = {
      verdict: 'deleted',
      kind: target.kind,
      object: shown(target.kind, marked),
      before: shown(target.kind, live.object),
      changes: [],
      warnings: [],
    }
    const goesAtOnce = (marked.metadata.finalizers ?? []).length === 0
    if (options.dryRun === true || marked === live.object) return result
    const operations = [
      ...(goesAtOnce
        ? await removalOperations(context, target, live)
        : [putSpec(target, live, marked, live.filled), ...(await besidesPut(context, target, live))]),
      ...(options.cascade === 'orphan' ? await orphanOperations(context, live) : []),
      auditOperation(context, options.actor, options.purge === true ? 'purge' : 'delete', [{ target }]),
    ]
    const [outcome] = await commit(context, [operations])
    if (outcome?.kind !== 'committed') continue
    return goesAtOnce ? result : { ...result, object: withResourceVersion(result.object, outcome.revision) }
  }
  throw contention(target)
}

/** `object` with its deletion asked for. The live object itself where that was done before. */
export function markDeleted(
  context: Pick<Context, 'clock'>,
  { kind }: Target,
  { object }: Stored,
  options: Pick<DeleteOptions, 'cascade' | 'purge'> = {},
): AnyResource {
  const { metadata } = object
  const isOwner = OWNERS.has(kind.kind) && options.cascade !== 'orphan'
  const isMarked = metadata.deletionTimestamp !== undefined
  const isNode = kind.kind === 'Node'
  const needed = [
    ...(isOwner && !isMarked ? [FINALIZERS.children] : []),
    ...(isNode && !isMarked ? [FINALIZERS.node] : []),
    ...((isOwner || isNode) && options.purge === true && HAVE_DATA.has(kind.kind) ? [FINALIZERS.purge] : []),
    ...(kind.kind === 'ScaledObject' && hasTakenOver(object) && !isMarked ? [FINALIZERS.scale] : []),
  ].filter((finalizer) => metadata.finalizers?.includes(finalizer) !== true)
  if (isMarked && needed.length === 0) return object
  return withMetadata(object, {
    finalizers: [...(metadata.finalizers ?? []), ...needed],
    deletionTimestamp: metadata.deletionTimestamp ?? timestamp(context.clock),
  })
}

/** A ScaledObject that has noted what it is to give back. */
function hasTakenOver({ status }: AnyResource): boolean {
  return status?.originalReplicaCount !== undefined
}

export function withMetadata(object: AnyResource, changes: Partial<ObjectMeta>): AnyResource {
  return { ...object, metadata: { ...object.metadata, ...changes } }
}

/**
 * Writes metadata and spec of an object that was read as `live`. `filled` is live's, or undefined where the write takes the object
 * away from its manifest: then it is to be committed with `keptManifest`.
 */
export function putSpec(
  target: Target,
  live: Stored,
  object: AnyResource,
  filled: string | undefined,
): Operation {
  const value = encodeObject(asStored(target.kind, withoutApart(target, object)), filled)
  return { kind: 'put', key: specKeyOf(target, live), value, expect: live.revision }
}

/** What a write that is no edit must be committed with, where the kind has several versions. */
export async function besidesPut(
  context: Context,
  target: Target,
  live: Stored,
): Promise<readonly Operation[]> {
  if (live.origin === undefined) return []
  return [...(await keptManifest(context, target, live)), ...definitionCheck(context, target.kind)]
}

/** Takes the owner out of everything that refers to it. Looks at all that is stored: rare, and worth its simplicity. */
async function orphanOperations({ store }: Context, owner: Stored): Promise<readonly Operation[]> {
  const { uid } = owner.object.metadata
  if (uid === undefined) return []
  const { entries } = await store.list(['obj/', 'node/'])
  return entries
    .filter(({ key, value }) => value.includes(uid) && parseObjectKey(key)?.part !== 'status')
    .flatMap((entry): Operation[] => {
      const { object, filled } = storedOf(entry)
      const references = object.metadata.ownerReferences ?? []
      const ownerReferences = references.filter((reference) => reference.uid !== uid)
      if (ownerReferences.length === references.length) return []
      const value = encodeObject(withMetadata(object, { ownerReferences }), filled)
      return [{ kind: 'put', key: entry.key, value, expect: entry.revision }]
    })
}

function refuseTarget(target: Target, options: DeleteOptions): void {
  const { kind, name } = target
  if (!USER_DELETABLE.has(kind.kind)) refuseInternal(target)
  if (kind.kind === 'Volume' && options.purge !== true)
    throw new NsctlError('Invalid', `${targetText(target)} is data, and nothing else keeps it`, {
      value: name,
      next: `to remove it for good: nsctl delete volume ${name} --purge`,
    })
  if (kind.kind === 'Namespace' && name === DEFAULT_NAMESPACE)
    throw new NsctlError('Invalid', `namespace/${DEFAULT_NAMESPACE} is always there and cannot be deleted`, {
      value: name,
      next: `delete what is in it: nsctl delete all --all -n ${DEFAULT_NAMESPACE}`,
    })
  if (options.cascade === 'orphan' && NEEDED.has(kind.kind))
    throw new NsctlError('Unsupported', `what belongs to ${targetText(target)} cannot be without it`, {
      value: 'orphan',
      next: 'leave --cascade=orphan out',
    })
}

/** While its Service is there, a Volume goes with it or not at all. */
async function refuseUsedVolume(context: Context, target: Target, live: Stored): Promise<void> {
  const service = live.object.spec?.service
  if (typeof service !== 'string') return
  const ref = { kind: 'Service', namespace: target.namespace, name: service }
  if ((await readStored(context, await targetOf(context, ref))) === undefined) return
  throw new NsctlError(
    'Conflict',
    `${targetText(target)} is the data of service/${service}, which is there`,
    {
      value: service,
      next: `remove both: nsctl delete service ${service} --purge`,
    },
  )
}

function holdUid(target: Target, live: Stored, uid: string | undefined): void {
  if (uid === undefined || live.object.metadata.uid === uid) return
  throw new NsctlError(
    'Conflict',
    `${targetText(target)} is another one than was meant: its uid is ${live.object.metadata.uid}`,
    {
      value: uid,
      next: 'look again at what is there now',
    },
  )
}

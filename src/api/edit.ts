/** Changes of one object that is there: edit, patch, scale, rollback. Made again on the newest object after a conflict. */
import { NsctlError } from '../core/errors.ts'
import { deepEqual } from '../core/json.ts'
import { withArticle } from '../core/words.ts'
import { type AnyResource, type ObjectRef, refText } from '../resources/object.ts'
import type { Operation } from '../store/store.ts'
import { type Fault, faultsError, issueFault } from './admission/faults.ts'
import type { Wanted } from './admission/identify.ts'
import { sizeFaults } from './admission/limits.ts'
import { changeFaults, ownKeyIssues } from './admission/validate.ts'
import type { Actor, ApplyOptions, ChangeResult, Manifest, Verdict } from './api.ts'
import { keptManifest } from './applied.ts'
import { auditOperation } from './audit.ts'
import { contentOf } from './changes.ts'
import { refuseClaimed } from './claims.ts'
import { type Stored, withResourceVersion } from './codec.ts'
import { type Context, commit, MAX_ATTEMPTS, timestamp } from './context.ts'
import { REWRITE, versionInUseText, versionsInUse } from './definitions.ts'
import { refuseCycle } from './dependencies.ts'
import type { Target } from './keys.ts'
import { readStored, targetOf } from './reader.ts'
import { type Recorded, recordEdit, retention } from './record.ts'
import { removalOperations } from './remove.ts'
import { kindWarnings, shown } from './versions.ts'

/** What somebody wants of an object, before it is admitted. */
export interface Desired {
  /** Content, labels, annotations, finalizers and ownerReferences count; what the server owns is ignored. */
  readonly next: AnyResource
  readonly verdict: Verdict
  /** What the revision says: `rolled back to r6`. The verdict where left out. */
  readonly cause?: string
  /** False for scale. */
  readonly revises?: boolean
  readonly warnings?: readonly string[]
}

export interface EditOptions extends Pick<ApplyOptions, 'actor' | 'dryRun'> {
  /** For a change that people may make of what nsctl writes. */
  readonly allowsInternal?: boolean
}

/** Decides what is wanted on the newest object; called again after a conflict. Must not change what it is given. */
export type Decide = (live: Stored, target: Target) => Desired | Promise<Desired>

const VERBS: Readonly<Partial<Record<Verdict, string>>> = {
  edited: 'edit',
  patched: 'patch',
  scaled: 'scale',
  restarted: 'restart',
  paused: 'pause',
  resumed: 'resume',
  promoted: 'promote',
  aborted: 'abort',
  labeled: 'label',
  annotated: 'annotate',
  'rolled back': 'rollback',
  rotated: 'rotate',
  rekeyed: 'rekey',
  trusted: 'trust',
  cordoned: 'cordon',
  uncordoned: 'uncordon',
  draining: 'drain',
  tainted: 'taint',
  untainted: 'taint',
}

/** What the audit trail calls a change. */
export function verbOf(verdict: Verdict): string {
  return VERBS[verdict] ?? verdict
}

/**
 * @throws NsctlError NotFound, Invalid, TooLarge, Terminating, and Conflict where others were faster `MAX_ATTEMPTS` times
 */
export async function editObject(
  context: Context,
  ref: ObjectRef,
  options: EditOptions,
  decide: Decide,
): Promise<ChangeResult> {
  let target = await targetOf(context, ref)
  if (options.allowsInternal !== true) refuseInternal(target)
  await target.kind.prepare()
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    if (attempt > 1 && target.kind.family !== undefined) target = await newestTarget(context, ref, target)
    const live = await readStored(context, target)
    if (live === undefined) throw notFound(target)
    if (attempt === 1 && live.object.apiVersion !== target.kind.apiVersion) {
      // the kind has got a version that this process does not know of yet
      target = await newestTarget(context, ref, target)
      continue
    }
    const desired = await decide(live, target)
    const next = target.kind.withDefaults(desired.next)
    const { verdict, revises = true, warnings = [] } = desired
    const recorded = recordEdit(context, {
      target,
      live,
      next,
      actor: options.actor,
      at: timestamp(context.clock),
      cause: desired.cause ?? verdict,
      revises,
      filled: undefined,
    })
    const before = shown(target.kind, live.object)
    const { changes } = recorded
    const object = shown(target.kind, recorded.object)
    if (!recorded.changed)
      return { verdict: 'unchanged', kind: target.kind, object, before, changes, warnings }
    refuseFaults(target, live, next, recorded)
    await refuseClaimed(context, target, live.object, next)
    await refuseCycle(context, target, live.object, next)
    if (target.kind.kind === 'CustomResourceDefinition') await refuseVersionsInUse(context, live.object, next)
    const said = recorded.revised ? [...warnings, ...kindWarnings(target, next)] : warnings
    const result: ChangeResult = { verdict, kind: target.kind, object, before, changes, warnings: said }
    if (options.dryRun === true) return result
    const verb = verbOf(verdict)
    const operations = await operationsOf(context, { target, live, recorded, verb, actor: options.actor })
    const [outcome] = await commit(context, [operations])
    if (outcome?.kind === 'committed')
      return { ...result, object: withResourceVersion(object, outcome.revision) }
  }
  throw contention(target)
}

/** By the definitions as they are now: one of a kind with several versions may be what a conflict was about. */
export async function newestTarget(context: Context, ref: ObjectRef, target: Target): Promise<Target> {
  await context.kinds.refresh()
  const newest = await targetOf(context, { ...ref, version: target.kind.version })
  await newest.kind.prepare()
  return newest
}

async function refuseVersionsInUse({ store }: Context, live: AnyResource, next: AnyResource): Promise<void> {
  const [inUse] = await versionsInUse(store, live, next)
  if (inUse !== undefined)
    throw new NsctlError('Invalid', versionInUseText(inUse), { value: inUse.version, next: REWRITE })
}

interface Change {
  readonly target: Target
  readonly live: Stored
  readonly recorded: Recorded
  readonly verb: string
  readonly actor: Actor
}

/** The last finalizer may be what keeps an object that is being deleted: then it goes. */
async function operationsOf(
  context: Context,
  { target, live, recorded, verb, actor }: Change,
): Promise<readonly Operation[]> {
  const { deletionTimestamp, finalizers = [], revision } = recorded.object.metadata
  if (deletionTimestamp === undefined || finalizers.length > 0)
    return [
      ...recorded.operations,
      ...(await keptManifest(context, target, live)),
      ...(await retention(context, target, recorded)),
      auditOperation(context, actor, verb, [{ target, revision }]),
    ]
  return [
    ...(await removalOperations(context, target, live)),
    auditOperation(context, actor, 'remove finalizers', [{ target }]),
  ]
}

/** Faults are said of the object: there is no document to point into. */
function refuseFaults(target: Target, live: Stored, next: AnyResource, recorded: Recorded): void {
  const name = targetText(target)
  const said: Manifest = { object: next, source: name }
  const isTerminating = live.object.metadata.deletionTimestamp !== undefined
  if (isTerminating && !deepEqual(contentOf(live.object), contentOf(next)))
    throw new NsctlError('Terminating', `${name} is being deleted and cannot be changed any more`, {
      next: `wait until it is gone: nsctl wait --for=delete ${name}`,
    })
  const faults: readonly Fault[] = [
    ...ownKeyIssues(target.kind, next.metadata as unknown as Wanted['metadata'], live.object.metadata).map(
      (issue) => issueFault(said, target.kind, issue),
    ),
    ...changeFaults(said, target, next, live.object),
    ...sizeFaults(said, target, recorded.text),
  ]
  if (faults.length > 0) throw faultsError(faults, 'nothing was changed')
}

/** `service/web`. */
export function targetText({ kind, name }: Target): string {
  return refText({ kind: kind.singular, name })
}

export function notFound(target: Target): NsctlError {
  const where = target.namespace === undefined ? '' : ` in namespace ${target.namespace}`
  const scope = target.namespace === undefined ? '' : ` -n ${target.namespace}`
  return new NsctlError('NotFound', `there is no ${targetText(target)}${where}`, {
    value: target.name,
    next: `see what is there: nsctl get ${target.kind.plural}${scope}`,
  })
}

export function contention(target: Target): NsctlError {
  return new NsctlError(
    'Conflict',
    `${targetText(target)} was changed by others ${MAX_ATTEMPTS} times while it was to be changed`,
    { next: 'try again' },
  )
}

/** @param next what there is to do instead */
export function refuseInternal(
  { kind, name }: Target,
  next = 'change the object that it was made for',
): void {
  if (!kind.internal) return
  throw new NsctlError(
    'Invalid',
    `${refText({ kind: kind.singular, name })}: ${withArticle(kind.kind)} is written by nsctl only`,
    { value: name, next },
  )
}

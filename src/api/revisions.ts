/**
 * Revisions: every change of content, kept to be shown and to be rolled back to.
 *
 * The spec of the present revision is not written a second time while the object itself holds it, which is as long as
 * generation and revision are the same: nothing has been scaled yet. What moves the generation of such an object keeps its spec
 * beside the revision's record, in the same transaction (`keptSpec`). Once they differ, every record has its own spec.
 */
import type { Json } from '../core/json.ts'
import type { AnyResource } from '../resources/object.ts'
import type { Entry, Operation, StoreReader } from '../store/store.ts'
import type { Actor, FieldChange } from './api.ts'
import { shortenedChanges } from './changes.ts'
import { decodeJson } from './codec.ts'
import {
  isRevisionSpecKey,
  objectKey,
  revisionKey,
  revisionOfKey,
  revisionPrefix,
  revisionSpecKey,
  type Target,
} from './keys.ts'
import {
  besideSpec,
  contentOfRecord,
  OBJECT,
  type RevisionEntries,
  type StoredRevision,
  snapshot,
  type Written,
} from './revision-content.ts'
import { revisionsIn } from './revision-versions.ts'

/** Where the object does not say how many it wants kept. */
export const DEFAULT_HISTORY_LIMIT = 10
/** How many old ones a single change removes at most, so that no transaction grows with a lowered limit. */
const PRUNE_AT_ONCE = 16

export interface NewRevision {
  readonly target: Target
  /** As it will be stored: generation and revision are the new ones. */
  readonly object: AnyResource
  readonly actor: Actor
  readonly cause: string
  readonly at: string
  readonly changes: readonly FieldChange[]
  /** See `Edit.isFirstAttempt`. */
  readonly isFirstAttempt: boolean
}

export function revisionOperation(fresh: NewRevision): Operation {
  const { target, object, actor, cause, at, changes, isFirstAttempt } = fresh
  const { family } = target.kind
  const rest = family === undefined ? besideSpec(object) : undefined
  const revision = object.metadata.revision ?? 1
  const holdsIt = holdsItsRevision(object)
  // one literal, whose absent members JSON leaves out: a set has thousands of them, and each spread costs as much as the rest
  const record: { readonly [K in keyof Written]: Written[K] | undefined } = {
    revision,
    generation: object.metadata.generation ?? 1,
    rest,
    by: actor.name,
    from: actor.from,
    at,
    cause,
    changes: changes.length === 0 ? changes : shortenedChanges(changes),
    apiVersion: family === undefined ? undefined : object.apiVersion,
    spec: holdsIt || family !== undefined ? undefined : ((object.spec ?? null) as Json),
    object: holdsIt || family === undefined ? undefined : snapshot(target.kind, object),
  }
  const put = { kind: 'put', key: revisionKey(target, revision), value: JSON.stringify(record) } as const
  return isFirstAttempt ? { ...put, expect: 0 } : put
}

/** True while the object's spec is that of its present revision. */
function holdsItsRevision({ metadata: { generation, revision } }: AnyResource): boolean {
  return revision !== undefined && revision === generation
}

/**
 * What a write that makes `next` of `live` must be committed with, so that the revision that is left keeps its spec.
 * `isFirstAttempt`: see `Edit`.
 */
export function keptSpec(
  target: Target,
  live: AnyResource,
  next: AnyResource,
  isFirstAttempt = false,
): readonly Operation[] {
  const { revision, generation } = live.metadata
  if (revision === undefined || !holdsItsRevision(live) || next.metadata.generation === generation) return []
  const content =
    target.kind.family === undefined ? (live.spec ?? null) : { [OBJECT]: snapshot(target.kind, live) }
  const key = revisionSpecKey(target, revision)
  const put = { kind: 'put', key, value: JSON.stringify(content) } as const
  return [isFirstAttempt ? { ...put, expect: 0 } : put]
}

/** The content that a revision holds. */
export function contentOfRevision(record: StoredRevision): Record<string, Json | undefined> {
  return { ...record.rest, ...(record.spec === null ? {} : { spec: record.spec }) }
}

/** Newest first. */
export async function readHistory(store: StoreReader, target: Target): Promise<readonly StoredRevision[]> {
  const key = objectKey(target)
  // in one snapshot, because the object may be about to move on; the few whose names begin alike are looked over
  const { entries } = await store.list([key, revisionPrefix(target)])
  const kept = new Map<number, Entry>()
  const records: Entry[] = []
  let object: Entry | undefined
  for (const entry of entries) {
    if (entry.key === key) object = entry
    else if (!entry.key.startsWith(revisionPrefix(target))) continue
    else if (isRevisionSpecKey(entry.key)) kept.set(revisionOfKey(entry.key), entry)
    else records.push(entry)
  }
  const entriesOf = (record: Entry) => ({ record, kept: kept.get(revisionOfKey(record.key)), object })
  if (target.kind.family !== undefined) return revisionsIn(target.kind, records.map(entriesOf)).toReversed()
  return records.map((record) => wholeRevision(entriesOf(record))).reverse()
}

/** A record with its spec, which stands in it, was kept beside it, or is the object's still. */
function wholeRevision(entries: RevisionEntries): StoredRevision {
  const record = decodeJson(entries.record) as unknown as Written
  if (record.spec !== undefined) return record as StoredRevision
  const content = contentOfRecord(record, entries) as unknown as AnyResource
  const spec = (content.spec ?? null) as Json
  const { apiVersion, object: _, ...others } = record
  if (apiVersion === undefined) return { ...others, spec }
  // made while the kind had several versions
  const rest = besideSpec(content)
  return { ...others, ...(rest === undefined ? {} : { rest }), spec }
}

/**
 * Deletes what is beyond the object's limit of old revisions. The one that its status calls stable stays however old it
 * is: it is what runs while a newer one is broken.
 */
export async function pruneOperations(
  store: StoreReader,
  target: Target,
  object: AnyResource,
): Promise<readonly Operation[]> {
  const newest = object.metadata.revision ?? 1
  const limit = historyLimit(object)
  if (newest <= limit + 1) return []
  const keys = await store.listKeys(revisionPrefix(target))
  const stable = object.status?.stableRevision
  const old = new Set(keys.map(revisionOfKey).filter((revision) => revision < newest))
  const surplus = [...old].slice(0, -limit || undefined).filter((revision) => revision !== stable)
  const going = new Set(surplus.slice(0, PRUNE_AT_ONCE))
  return keys.filter((key) => going.has(revisionOfKey(key))).map((key) => ({ kind: 'delete', key }))
}

function historyLimit(object: AnyResource): number {
  const limit = object.spec?.revisionHistoryLimit
  return typeof limit === 'number' && limit >= 0 ? limit : DEFAULT_HISTORY_LIMIT
}

/** Revisions: every change of content, kept to be shown and to be rolled back to. */
import type { Json, JsonObject } from '../core/json.ts'
import type { AnyResource } from '../resources/object.ts'
import type { Operation, StoreReader } from '../store/store.ts'
import type { Actor, FieldChange, RevisionRecord } from './api.ts'
import { contentOf } from './changes.ts'
import { decodeJson, withMember } from './codec.ts'
import { revisionKey, revisionOfKey, revisionPrefix, type Target } from './keys.ts'

/** Where the object does not say how many it wants kept. */
export const DEFAULT_HISTORY_LIMIT = 10
/** How many old ones a single change removes at most, so that no transaction grows with a lowered limit. */
const PRUNE_AT_ONCE = 32

/** As stored: what a kind has beside its spec is kept too, so that a rollback brings back all of it. */
export interface StoredRevision extends RevisionRecord {
  readonly rest?: JsonObject
}

export interface NewRevision {
  readonly target: Target
  /** As it will be stored: generation and revision are the new ones. */
  readonly object: AnyResource
  /** The JSON text of the object's spec, if it has one. */
  readonly specText: string | undefined
  readonly actor: Actor
  readonly cause: string
  readonly at: string
  readonly changes: readonly FieldChange[]
}

export function revisionOperation(fresh: NewRevision): Operation {
  const { target, object, specText = 'null', actor, cause, at, changes } = fresh
  const { spec: _, ...rest } = contentOf(object) as { spec?: Json } & Record<string, Json>
  const revision = object.metadata.revision ?? 1
  const record: Omit<StoredRevision, 'spec'> = {
    revision,
    generation: object.metadata.generation ?? 1,
    ...(Object.keys(rest).length === 0 ? {} : { rest }),
    by: actor.name,
    ...(actor.from === undefined ? {} : { from: actor.from }),
    at,
    cause,
    changes,
  }
  return {
    kind: 'put',
    key: revisionKey(target, revision),
    value: withMember(JSON.stringify(record), 'spec', specText),
  }
}

/** The content that a revision holds. */
export function contentOfRevision(record: StoredRevision): Record<string, Json | undefined> {
  return { ...record.rest, ...(record.spec === null ? {} : { spec: record.spec }) }
}

/** Newest first. */
export async function readHistory(store: StoreReader, target: Target): Promise<readonly StoredRevision[]> {
  const { entries } = await store.list([revisionPrefix(target)])
  return entries.map((entry) => decodeJson(entry) as unknown as StoredRevision).reverse()
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
  return keys
    .filter((key) => revisionOfKey(key) < newest)
    .slice(0, -limit || undefined)
    .filter((key) => revisionOfKey(key) !== stable)
    .slice(0, PRUNE_AT_ONCE)
    .map((key) => ({ kind: 'delete', key }))
}

function historyLimit(object: AnyResource): number {
  const limit = object.spec?.revisionHistoryLimit
  return typeof limit === 'number' && limit >= 0 ? limit : DEFAULT_HISTORY_LIMIT
}

/** What the entries of a revision hold, of kinds with one version and with several. */
import { NsctlError } from '../core/errors.ts'
import { isObject, type Json, type JsonObject } from '../core/json.ts'
import type { Kind } from '../resources/kinds.ts'
import type { AnyResource } from '../resources/object.ts'
import type { Entry } from '../store/store.ts'
import type { RevisionRecord } from './api.ts'
import { contentOf } from './changes.ts'
import { decodeJson, decodeObject } from './codec.ts'
import { isRevisionSpecKey } from './keys.ts'
import { asStored } from './versions.ts'

/** As stored: what a kind has beside its spec is kept too, so that a rollback brings back all of it. */
export interface StoredRevision extends RevisionRecord {
  readonly rest?: JsonObject
  /** Annotations in which a conversion keeps what the version cannot say; only of kinds with several versions. */
  readonly kept?: Readonly<Record<string, string>>
}

/**
 * As it lies in the store. Of a kind with several versions, `apiVersion` is that of `changes`, and in place of spec and rest stands
 * the object itself, as far as it is its content.
 */
export type Written = Omit<StoredRevision, 'spec'> & {
  readonly spec?: Json
  readonly apiVersion?: string
  readonly object?: JsonObject
}

/** Beside no spec stands such a member: what is kept of an object with several versions says which it is in. */
export const OBJECT = 'nsctl.dev/object'

/** What may hold the content of one revision. */
export interface RevisionEntries {
  readonly record: Entry
  /** What was kept beside the record. */
  readonly kept: Entry | undefined
  /** The object as it is now. */
  readonly object: Entry | undefined
}

/** Most kinds have nothing but their spec. */
export function besideSpec(object: AnyResource): JsonObject | undefined {
  let rest: Record<string, Json> | undefined
  const content = contentOf(object)
  for (const key in content) {
    if (key === 'spec') continue
    rest ??= {}
    rest[key] = content[key] as Json
  }
  return rest
}

/** The content of an object with several versions, in the stored one. */
export function snapshot(kind: Kind, object: AnyResource): JsonObject {
  const stored = asStored(kind, object)
  const kept = Object.entries(stored.metadata.annotations ?? {}).filter(([name, value]) =>
    kind.family?.keeps(name, value),
  )
  return {
    apiVersion: stored.apiVersion,
    ...(kept.length === 0 ? {} : { metadata: { annotations: Object.fromEntries(kept) } }),
    ...contentOf(stored),
  } as JsonObject
}

/** What an entry of a revision says of its object, with the version where it names one; undefined where it leaves that to the object. */
export function contentOfEntry(
  { key }: Pick<Entry, 'key'>,
  value: Json,
): Readonly<Record<string, Json | undefined>> | undefined {
  const members = isObject(value) ? (value as JsonObject) : {}
  if (isRevisionSpecKey(key))
    return isObject(members[OBJECT]) ? (members[OBJECT] as JsonObject) : { spec: value }
  if (isObject(members.object)) return members.object as JsonObject
  return members.spec === undefined ? undefined : { ...(members.rest as JsonObject), spec: members.spec }
}

/** What was kept for a record: the whole content, or the spec beside the record's rest. */
export function keptContent(record: Pick<Written, 'rest'>, kept: Entry): JsonObject {
  const content = contentOfEntry(kept, decodeJson(kept)) as JsonObject
  return content.apiVersion === undefined ? { ...(record.rest as JsonObject), ...content } : content
}

/**
 * The content that a revision holds: in its record, kept beside it, or the object's still. It names its version where it was made while
 * the kind had several.
 */
export function contentOfRecord(record: Written, entries: RevisionEntries): JsonObject {
  const own = contentOfEntry(entries.record, record as unknown as Json)
  if (own !== undefined) return own as JsonObject
  if (entries.kept !== undefined) return keptContent(record, entries.kept)
  const object = entries.object && decodeObject(entries.object)
  if (object?.metadata.generation === record.generation) return object as unknown as JsonObject
  throw specless(entries.record)
}

function specless(entry: Entry): NsctlError {
  return new NsctlError('StoreCorrupt', `the store has no spec of the revision under ${entry.key}`, {
    value: entry.key,
    next: 'restore the store from a backup; nsctl writes nothing like that',
  })
}

/** Who changed what: one record per transaction, written in that transaction. */
import { isObject } from '../core/json.ts'
import type { ObjectRef } from '../resources/object.ts'
import type { Entry, Operation } from '../store/store.ts'
import type { Actor, AuditRecord } from './api.ts'
import { decodeJson } from './codec.ts'
import type { Context } from './context.ts'
import { AUDIT_PREFIX, auditKey, namespaceOf, type Target } from './keys.ts'

const PAGE = 200
const DEFAULT_LIMIT = 1000

export function refOf({ kind, namespace, name }: Target): ObjectRef {
  return namespace === undefined ? { kind: kind.kind, name } : { kind: kind.kind, namespace, name }
}

/** An object that a transaction changes, and the revision that it makes of it. */
export interface Audited {
  readonly target: Target
  readonly revision?: number | undefined
}

/** As stored: one record per transaction, which may have changed many objects. */
export interface StoredAudit {
  readonly at: string
  readonly by: string
  readonly from?: string
  readonly verb: string
  readonly objects: readonly (ObjectRef & { readonly revision?: number })[]
}

/** The record of what one transaction changes; put it into that transaction. */
export function auditOperation(
  { clock, nextAuditSuffix }: Pick<Context, 'clock' | 'nextAuditSuffix'>,
  actor: Actor,
  verb: string,
  changed: readonly Audited[],
): Operation {
  const at = new Date(clock.now()).toISOString()
  const record: StoredAudit = {
    at,
    by: actor.name,
    ...(actor.from === undefined ? {} : { from: actor.from }),
    verb,
    objects: changed.map(({ target, revision }) => ({
      ...refOf(target),
      ...(revision === undefined ? {} : { revision }),
    })),
  }
  // saying that its key is new spares stores over the network reading it first
  return { kind: 'put', key: auditKey(at, nextAuditSuffix()), value: JSON.stringify(record), expect: 0 }
}

/** Until layout 2.0 a record named the one object that its transaction changed. Undefined for one that names several. */
export function namingSeveral(record: Readonly<Record<string, unknown>>): StoredAudit | undefined {
  if (!isObject(record.object)) return undefined
  const { object, revision, ...common } = record
  const only = { ...(object as object), ...(revision === undefined ? {} : { revision }) }
  return { ...common, objects: [only] } as unknown as StoredAudit
}

function recordsOf(entry: Entry): readonly AuditRecord[] {
  const record = decodeJson(entry) as Readonly<Record<string, unknown>>
  // a store that nobody has upgraded yet can be read
  const { objects, ...common } = namingSeveral(record) ?? (record as unknown as StoredAudit)
  return objects.map(({ revision, ...object }) => ({
    ...common,
    object,
    ...(revision === undefined ? {} : { revision }),
  }))
}

/** Newest first. Read in pages from the newest on, so that a short answer costs little of a long trail. */
export async function readAudit(
  { store, kinds }: Context,
  options: { readonly ref?: ObjectRef; readonly limit?: number } = {},
): Promise<readonly AuditRecord[]> {
  const { ref, limit = DEFAULT_LIMIT } = options
  const wanted = ref && { ...ref, namespace: namespaceOf(await kinds.find(ref.kind), ref.namespace) }
  const isMeant = ({ object }: AuditRecord) =>
    wanted === undefined ||
    (object.kind === wanted.kind && object.name === wanted.name && object.namespace === wanted.namespace)
  const keys = await store.listKeys(AUDIT_PREFIX)
  const records: AuditRecord[] = []
  for (let end = keys.length; end > 0 && records.length < limit; end -= PAGE) {
    const page = await store.getMany(keys.slice(Math.max(0, end - PAGE), end))
    // those of one revision, as of an import or of commits that share one, are in order of time by their keys
    const found = page
      .toReversed()
      .sort((a, b) => b.revision - a.revision)
      .flatMap(recordsOf)
    records.push(...found.filter(isMeant))
  }
  return records.slice(0, limit)
}

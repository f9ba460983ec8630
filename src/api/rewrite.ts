/** Writing everything of a kind in the version that is stored now, so that an earlier one can be taken out of its definition. */
import { NsctlError } from '../core/errors.ts'
import type { JsonObject } from '../core/json.ts'
import type { Kind } from '../resources/kinds.ts'
import type { AnyResource } from '../resources/object.ts'
import { loadKindRegistry } from '../resources/registry.ts'
import type { Entry, Operation, StoreReader, StoreWriter, Transaction } from '../store/store.ts'
import type { Wanted } from './admission/identify.ts'
import type { FieldChange } from './api.ts'
import { keptText, lastWanted } from './applied.ts'
import { decodeJson, decodeObject, encodeObject, storedOf } from './codec.ts'
import { storedVersions } from './definitions.ts'
import { isRevisionSpecKey, kindPrefixes, listPrefixes, SPEC_STEP } from './keys.ts'
import { contentOfEntry, keptContent, OBJECT, snapshot, type Written } from './revision-content.ts'
import { revisionsIn } from './revision-versions.ts'
import { asStored, storedIn } from './versions.ts'

/** What is to be written of one kind. */
export interface RewritePlan {
  /** Each by itself, and only where the store is still as it was read. */
  readonly transactions: readonly Transaction[]
  readonly objects: number
  readonly revisions: number
  readonly manifests: number
}

/** How much of a kind was, or in a dry run would be, written anew. */
export interface Rewritten extends Omit<RewritePlan, 'transactions'> {
  /** `gears.example.org`. */
  readonly definition: string
  readonly from: readonly string[]
  readonly to: string
}

/** @param entries all under `kindPrefixes` of `kind`, which has several versions. Pure */
export function planRewrite(kind: Kind, entries: readonly Entry[]): RewritePlan {
  const storage = kind.family?.storage ?? kind
  const byKey = new Map(entries.map((entry) => [entry.key, entry]))
  const changes = changesByRecord(storage, entries, byKey)
  const transactions: Transaction[] = []
  const counts = { objects: 0, revisions: 0, manifests: 0 }
  for (const entry of entries) {
    const [first] = entry.key.split('/')
    const operations =
      first === 'obj'
        ? rewriteObject(storage, entry, byKey)
        : first === 'applied'
          ? rewriteManifest(storage, entry)
          : isRevisionSpecKey(entry.key)
            ? rewriteKept(storage, entry, byKey)
            : rewriteRecord(storage, entry, changes.get(entry.key) ?? [])
    if (operations.length === 0) continue
    counts[first === 'obj' ? 'objects' : first === 'applied' ? 'manifests' : 'revisions']++
    transactions.push(operations)
  }
  return { transactions, ...counts }
}

function put({ key, revision }: Entry, value: string): Operation {
  return { kind: 'put', key, value, expect: revision }
}

function rewriteObject(storage: Kind, entry: Entry, byKey: ReadonlyMap<string, Entry>): Transaction {
  const stored = storedOf(entry)
  if (stored.object.apiVersion === storage.apiVersion) return []
  const live = storedIn(storage, stored)
  const key = `applied${entry.key.slice(entry.key.indexOf('/'))}`
  // the defaults that told the manifest are those of the version that goes
  const wanted = byKey.has(key) ? undefined : lastWanted(storage, live, undefined)
  return [
    put(entry, encodeObject(asStored(storage, live.object), undefined)),
    ...(wanted === undefined
      ? []
      : [{ kind: 'put', key, value: keptText(storage, wanted), expect: 0 } as const]),
  ]
}

function rewriteManifest(storage: Kind, entry: Entry): Transaction {
  const { apiVersion = storage.family?.firstStored, ...wanted } = decodeJson(entry) as Wanted & {
    apiVersion?: string
  }
  return apiVersion === storage.apiVersion ? [] : [put(entry, keptText(storage, wanted, apiVersion))]
}

/** What each revision changed, in the stored version: to be read when there is no other any more. */
function changesByRecord(
  storage: Kind,
  entries: readonly Entry[],
  byKey: ReadonlyMap<string, Entry>,
): ReadonlyMap<string, readonly FieldChange[]> {
  const objects = new Map<string, Entry[]>()
  for (const entry of entries) {
    if (!entry.key.startsWith('rev/') || isRevisionSpecKey(entry.key)) continue
    const key = `obj${entry.key.slice('rev'.length, entry.key.lastIndexOf('/'))}`
    objects.set(key, [...(objects.get(key) ?? []), entry])
  }
  const changes = new Map<string, readonly FieldChange[]>()
  for (const [key, records] of objects) {
    const object = byKey.get(key)
    const whole = records.map((record) => ({ record, kept: byKey.get(record.key + SPEC_STEP), object }))
    for (const [at, revision] of revisionsIn(storage, whole).entries())
      changes.set(records[at]!.key, revision.changes)
  }
  return changes
}

/** The content that was kept beside a record. */
function rewriteKept(storage: Kind, entry: Entry, byKey: ReadonlyMap<string, Entry>): Transaction {
  const record = byKey.get(entry.key.slice(0, -SPEC_STEP.length))
  const content = keptContent(record === undefined ? {} : (decodeJson(record) as unknown as Written), entry)
  if (content.apiVersion === storage.apiVersion) return []
  return [put(entry, JSON.stringify({ [OBJECT]: converted(storage, content) }))]
}

function rewriteRecord(storage: Kind, entry: Entry, changes: readonly FieldChange[]): Transaction {
  const value = decodeJson(entry)
  const { spec: _, rest, object: __, ...record } = value as unknown as Written
  const content = contentOfEntry(entry, value) as JsonObject | undefined
  const isPresent = content === undefined || content.apiVersion === storage.apiVersion
  if (isPresent && record.apiVersion === storage.apiVersion) return []
  // the spec that is kept beside a record may still need its rest
  const held = content === undefined ? { rest } : { object: converted(storage, content) }
  return [put(entry, JSON.stringify({ ...record, changes, apiVersion: storage.apiVersion, ...held }))]
}

function converted(storage: Kind, content: JsonObject): JsonObject {
  const { metadata = {} } = content
  const apiVersion = storage.family?.firstStored
  return snapshot(storage, { apiVersion, ...content, kind: storage.kind, metadata } as unknown as AnyResource)
}

const AT_ONCE = 64
const MAX_ATTEMPTS = 20

/**
 * Writes all objects, revisions and manifests of every kind with several versions in the one that is stored, and takes the others
 * out of its definition's status.storedVersions. What is right already costs a reading. May be ended and begun again at any time.
 *
 * @throws NsctlError Conflict where others write faster
 */
export async function rewriteStored(
  store: StoreReader & StoreWriter,
  options: { readonly dryRun?: boolean } = {},
): Promise<readonly Rewritten[]> {
  const registry = await loadKindRegistry()
  const definitions = await store.list(listPrefixes(registry.byKind('CustomResourceDefinition'), {}))
  const rewritten: Rewritten[] = []
  for (const { key } of definitions.entries) {
    const one = await rewriteKind(store, key, options.dryRun === true)
    if (one !== undefined) rewritten.push(one)
  }
  return rewritten
}

async function rewriteKind(
  store: StoreReader & StoreWriter,
  key: string,
  dryRun: boolean,
): Promise<Rewritten | undefined> {
  let done: Omit<RewritePlan, 'transactions'> | undefined
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const entry = await store.get(key)
    const definition = entry && decodeObject(entry)
    const kinds = definition && (await loadKindRegistry([definition]))
    const kind = kinds?.all().find(({ plural, group }) => `${plural}.${group}` === definition?.metadata.name)
    // a kind with one version has nothing else stored
    if (entry === undefined || definition === undefined || kind?.family === undefined) return undefined
    const from = storedVersions(definition)
    const { storage } = kind.family
    if (from.length === 1 && from[0] === storage.version) return undefined
    // after the definition: who writes from now on writes in its version
    const { entries } = await store.list(kindPrefixes(kind.group, kind.plural))
    const { transactions, ...planned } = planRewrite(kind, entries)
    const result = { definition: definition.metadata.name, from, to: storage.version }
    if (dryRun) return { ...result, ...planned }
    const lost = await commitAll(store, transactions)
    done ??= planned
    if (lost > 0) continue
    const status = { ...definition.status, storedVersions: [storage.version] }
    const value = encodeObject({ ...definition, status } as AnyResource, storedOf(entry).filled)
    const [outcome] = await store.commit([[put(entry, value)]])
    if (outcome?.kind === 'committed') return { ...result, ...done }
  }
  throw new NsctlError(
    'Conflict',
    `the objects of ${key.split('/').at(-1)} are changed faster than they can be written anew`,
    {
      next: 'try again',
    },
  )
}

/** How many lost to somebody else. */
async function commitAll(store: StoreWriter, transactions: readonly Transaction[]): Promise<number> {
  let lost = 0
  for (let at = 0; at < transactions.length; at += AT_ONCE) {
    const results = await store.commit(transactions.slice(at, at + AT_ONCE))
    lost += results.filter(({ kind }) => kind !== 'committed').length
  }
  return lost
}

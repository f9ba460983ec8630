/**
 * Stores as the nsctl before made them: SQLite's format 2, layout 1.0. Either out of one that is present, by the inverse of the
 * upgrade, or from entries that the nsctl of then has really written (layout-1.jsonl).
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { wantedOf } from '../../src/api/admission/identify.ts'
import { encodeObject, storedOf } from '../../src/api/codec.ts'
import { parseKey } from '../../src/api/parse-key.ts'
import { systemClock } from '../../src/core/clock.ts'
import { silentLogger } from '../../src/core/logger.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { createKindRegistry } from '../../src/resources/registry.ts'
import { withoutFilled } from '../../src/resources/validation/filled.ts'
import { LAYOUT_KEY } from '../../src/store/snapshot.ts'
import { openSqliteStore } from '../../src/store/sqlite/store.ts'
import type { Entry, Store, Transaction } from '../../src/store/store.ts'

const kinds = createKindRegistry()

/** What a store of layout 1.0 held: a namespace, three Services at their first and second revisions, scaled and labeled. */
export function formerEntries(): readonly Entry[] {
  const text = readFileSync(join(import.meta.dirname, '../api/upgrade/layout-1.jsonl'), 'utf8')
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

/** `entries` of layout 2.0 as layout 1.0 had them. */
export function toLayout1(entries: readonly Entry[]): readonly Transaction[] {
  return entries.flatMap((entry): readonly Transaction[] => {
    if (entry.key === LAYOUT_KEY) return [[{ kind: 'delete', key: entry.key }]]
    const known = parseKey(entry.key)
    if (known?.holds === 'audit') return ofOneObjectEach(entry)
    return known?.holds === 'object'
      ? [withManifest(entry)].filter((operations) => operations.length > 0)
      : []
  })
}

function ofOneObjectEach({ key, value }: Entry): readonly Transaction[] {
  const { objects, ...common } = JSON.parse(value)
  return objects.map(({ revision, ...object }: { readonly revision?: number }, at: number): Transaction => {
    const record = { ...common, object, ...(revision === undefined ? {} : { revision }) }
    return [{ kind: 'put', key: at === 0 ? key : `${key}-${at}`, value: JSON.stringify(record) }]
  })
}

function withManifest(entry: Entry): Transaction {
  const { object, filled } = storedOf(entry)
  if (filled === undefined) return []
  const kind = kinds.byApiVersion(object.apiVersion, object.kind)
  if (kind === undefined) throw new Error(`what is a ${object.kind}?`)
  const manifest = wantedOf(withoutFilled(object, filled) as AnyResource, kind)
  return [
    { kind: 'put', key: entry.key, value: encodeObject(object, undefined) },
    { kind: 'put', key: entry.key.replace(/^obj/, 'applied'), value: JSON.stringify(manifest) },
  ]
}

/** Makes a store of the layout before of one of the present layout. */
export async function downgrade(store: Store): Promise<void> {
  const { entries } = await store.list([''])
  await store.commit(toLayout1(entries))
}

/** The same with a SQLite file that nobody has open: its format goes back as well. */
export async function downgradeFile(path: string): Promise<void> {
  const store = await openSqliteStore({ path, clock: systemClock, logger: silentLogger })
  await downgrade(store)
  await store.close()
  setFormat(path, 2)
}

export function setFormat(path: string, format: number): void {
  const db = new DatabaseSync(path)
  db.exec(`PRAGMA user_version = ${format}`)
  db.close()
}

/** A SQLite file of format 2 with `entries`. */
export async function makeFormerFile(path: string, entries: readonly Entry[]): Promise<void> {
  const store = await openSqliteStore({ path, clock: systemClock, logger: silentLogger })
  await fillWith(store, entries)
  await store.close()
  setFormat(path, 2)
}

/** In the order in which they were written. */
export async function fillWith(store: Store, entries: readonly Entry[]): Promise<void> {
  const inOrder = entries.toSorted((a, b) => a.revision - b.revision)
  await store.commit(inOrder.map(({ key, value }) => [{ kind: 'put', key, value, expect: 0 }]))
}

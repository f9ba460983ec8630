/**
 * Stores as earlier nsctls made them: of layout 2.0, or of layout 1.0 and SQLite's format 2. Either out of one that is present, by the
 * inverse of the upgrade, or from entries that the nsctl of then has really written (layout-1.jsonl, layout-2.jsonl).
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
import { compileDefaults } from '../../src/resources/validation/defaults.ts'
import { type FilledNotes, filledText, withoutFilled } from '../../src/resources/validation/filled.ts'
import { LAYOUT_KEY } from '../../src/store/snapshot.ts'
import { openSqliteStore } from '../../src/store/sqlite/store.ts'
import type { Entry, Store, Transaction } from '../../src/store/store.ts'

const kinds = createKindRegistry()

export type FormerLayout = '1.0' | '2.0'

/** The format of SQLite's that went with it. */
const FORMATS: Readonly<Record<FormerLayout, number>> = { '1.0': 2, '2.0': 3 }

/**
 * What a store of that layout held. 1.0: a namespace, three Services at their first and second revisions, scaled and labeled. 2.0: the like,
 * with variables that have no value, and what a daemon has made of it: Instances, a Node, Events.
 */
export function formerEntries(layout: FormerLayout): readonly Entry[] {
  const text = readFileSync(join(import.meta.dirname, `../api/upgrade/layout-${layout[0]}.jsonl`), 'utf8')
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

/** Makes a store of that layout of one of the present layout. */
export async function downgrade(store: Store, layout: FormerLayout): Promise<void> {
  await store.commit(toLayout31((await store.list([''])).entries))
  await store.commit(toLayout2((await store.list([''])).entries))
  if (layout === '1.0') await store.commit(toLayout1((await store.list([''])).entries))
}

/** The same with a SQLite file that nobody has open: its format goes back as well. */
export async function downgradeFile(path: string, layout: FormerLayout): Promise<void> {
  const store = await openSqliteStore({ path, clock: systemClock, logger: silentLogger })
  await downgrade(store, layout)
  await store.close()
  setFormat(path, FORMATS[layout])
}

export function setFormat(path: string, format: number): void {
  const db = new DatabaseSync(path)
  db.exec(`PRAGMA user_version = ${format}`)
  db.close()
}

/** A SQLite file of that layout, with `formerEntries`. */
export async function makeFormerFile(path: string, layout: FormerLayout): Promise<void> {
  const store = await openSqliteStore({ path, clock: systemClock, logger: silentLogger })
  await fillWith(store, formerEntries(layout))
  await store.close()
  setFormat(path, FORMATS[layout])
}

/** In the order in which they were written. */
export async function fillWith(store: Store, entries: readonly Entry[]): Promise<void> {
  const inOrder = entries.toSorted((a, b) => a.revision - b.revision)
  await store.commit(inOrder.map(({ key, value }) => [{ kind: 'put', key, value, expect: 0 }]))
}

/** `entries` of layout 2.0 as layout 1.0 had them. */
function toLayout1(entries: readonly Entry[]): readonly Transaction[] {
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

/** `entries` of the present layout as layout 3.1 had them: a Node in one piece. */
export function toLayout31(entries: readonly Entry[]): readonly Transaction[] {
  return entries.flatMap((entry): readonly Transaction[] => {
    if (!entry.key.startsWith('objstatus/')) return []
    const whole = entries.find(({ key }) => key === entry.key.replace(/^objstatus/, 'obj'))
    if (whole === undefined) throw new Error(`${entry.key} is nobody's`)
    const { object, filled } = storedOf(whole, undefined)
    const value = encodeObject({ ...object, status: JSON.parse(entry.value) }, filled)
    return [
      [
        { kind: 'put', key: whole.key, value },
        { kind: 'delete', key: entry.key },
      ],
    ]
  })
}

const MARK_2 = '{"layout":"2.0","nsctl":"0.1.0"}'

/** What 2.0 did not know, wherever its name stands in a key. */
const NEW_KINDS =
  /^(?:(?:obj|applied|rev)\/nsctl\.dev|node\/[^/]+(?:\/status)?|at)\/(?:configs|secrets|recipients|deliveries)\//

/** `entries` of layout 3.1 as layout 2.0 had them. */
export function toLayout2(entries: readonly Entry[]): readonly Transaction[] {
  return entries.flatMap((entry): readonly Transaction[] => {
    const { key } = entry
    if (NEW_KINDS.test(key)) return [[{ kind: 'delete', key }]]
    const value = key === LAYOUT_KEY ? MARK_2 : valueOf2(entry)
    return value === entry.value ? [] : [[{ kind: 'put', key, value }]]
  })
}

function valueOf2(entry: Entry): string {
  const { key, value } = entry
  if (key.startsWith('obj/nsctl.dev/nodes/')) return withoutIdentity(entry)
  if (key.startsWith('obj/nsctl.dev/services/')) return withEmptyValues(entry)
  if (/^rev\/nsctl\.dev\/services\/.*\/spec$/.test(key))
    return JSON.stringify((fill2({ spec: JSON.parse(value) }) as { readonly spec: object }).spec)
  if (!/^node\/[^/]+\/instances\//.test(key)) return value
  const instance = JSON.parse(value)
  if (instance.spec.materials !== undefined) throw new Error(`${key} runs with what 2.0 did not know`)
  const { spec } = fill2({ spec: { template: instance.spec.template } }) as {
    readonly spec: { readonly template: object }
  }
  return JSON.stringify({ ...instance, spec: { ...instance.spec, template: spec.template } })
}

function withoutIdentity(entry: Entry): string {
  const { object, filled } = storedOf(entry)
  const { spec: { recipient: _, ...spec } = {}, status = {} } = object
  const { recipient: __, ...said } = status
  const conditions = (status.conditions ?? []) as readonly { readonly type: string }[]
  const kept = conditions.filter(({ type }) => type !== 'IdentityVerified')
  return encodeObject({ ...object, spec, status: { ...said, conditions: kept } } as AnyResource, filled)
}

/** A variable without a value had an empty one by default, which was noted like any other default. */
function withEmptyValues(entry: Entry): string {
  const { object, filled } = storedOf(entry)
  const notes: FilledNotes = []
  if (filled !== undefined) fill2(withoutFilled(object, filled), notes)
  return encodeObject(fill2(object) as AnyResource, filled === undefined ? undefined : filledText(notes))
}

/** Fills in the defaults that Services had, and that templates in Instances have from there. */
const fill2 = compileDefaults(serviceSchemaOf2()) ?? ((value: unknown) => value)

function serviceSchemaOf2() {
  const schema = JSON.parse(JSON.stringify(kinds.byKind('Service').schema))
  const template = schema.properties.spec.properties.template.properties
  for (const { env } of [template, template.programs.items.properties])
    env.items.properties.value.default = ''
  return schema
}

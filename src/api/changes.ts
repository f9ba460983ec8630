/** What changed between two states of an object, field by field. Pure. */
import { deepEqual, isObject, type Json, type Path } from '../core/json.ts'
import { identified, listIdentity, memberSchema } from '../resources/lists.ts'
import type { AnyResource } from '../resources/object.ts'
import type { JsonSchema } from '../resources/schema.ts'
import type { FieldChange } from './api.ts'

/** Members of an object that are not what it says of the world: what names it, what the server writes. */
const ENVELOPE: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata', 'status'])

/** All that an object says: spec, and whatever else its kind has beside it. Its changes move the generation. */
export function contentOf(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const content: Record<string, unknown> = {}
  for (const key in object) if (!ENVELOPE.has(key) && object[key] !== undefined) content[key] = object[key]
  return content
}

/** Changes of labels, annotations and content. */
export function changesBetween(
  before: AnyResource,
  after: AnyResource,
  schema: JsonSchema,
): readonly FieldChange[] {
  const changes: FieldChange[] = []
  for (const member of ['labels', 'annotations'] as const)
    collect(
      before.metadata[member] ?? {},
      after.metadata[member] ?? {},
      ['metadata', member],
      undefined,
      changes,
    )
  collect(contentOf(before), contentOf(after), [], schema, changes)
  return changes
}

/** Of `from` and `to` in a record: both stand in full in the revisions' specs. */
const MAX_VALUE_CHARACTERS = 200
/** Of all changes in a record, as JSON. */
const MAX_CHANGES_CHARACTERS = 4_096

/**
 * `changes` as a record keeps them, so that it stays small whatever changes: long values are cut, and where there are too many changes
 * they are told of what holds them.
 */
export function shortenedChanges(changes: readonly FieldChange[]): readonly FieldChange[] {
  let short = changes.map(shortened)
  for (let depth = deepest(changes); depth > 0 && isLong(short); depth--) short = toldAbove(short, depth - 1)
  return short
}

function isLong(changes: readonly FieldChange[]): boolean {
  return JSON.stringify(changes).length > MAX_CHANGES_CHARACTERS
}

function deepest(changes: readonly FieldChange[]): number {
  return changes.reduce((most, { path }) => Math.max(most, path.length), 0)
}

function shortened({ path, ...values }: FieldChange): FieldChange {
  const cut = Object.entries(values).map(([name, value]) => [name, shortenedValue(value)])
  return { path, ...Object.fromEntries(cut) }
}

function shortenedValue(value: Json): Json {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  if (text.length <= MAX_VALUE_CHARACTERS) return value
  return `${text.slice(0, MAX_VALUE_CHARACTERS)}… (${text.length} characters)`
}

/** Those that lie deeper than `depth` as one change of what holds them there. */
function toldAbove(changes: readonly FieldChange[], depth: number): FieldChange[] {
  const told = new Map<string, FieldChange>()
  for (const change of changes) {
    const path = change.path.slice(0, depth)
    const key = JSON.stringify(change.path.length > depth ? path : change.path)
    if (change.path.length <= depth) told.set(key, change)
    else told.set(key, { path, from: '…', to: '…' })
  }
  return [...told.values()]
}

/** Items of lists are compared along the list's keys where it has some, else by position. */
function collect(
  before: unknown,
  after: unknown,
  path: Path,
  schema: JsonSchema | undefined,
  changes: FieldChange[],
): void {
  if (deepEqual(before, after)) return
  if (isObject(before) && isObject(after)) {
    for (const key in before)
      collect(before[key], after[key], [...path, key], memberSchema(schema, key), changes)
    for (const key in after)
      if (before[key] === undefined) collect(undefined, after[key], [...path, key], undefined, changes)
    return
  }
  if (Array.isArray(before) && Array.isArray(after) && collectItems(before, after, path, schema, changes))
    return
  changes.push({
    path,
    ...(before === undefined ? {} : { from: before as Json }),
    ...(after === undefined ? {} : { to: after as Json }),
  })
}

/** False where the lists are better shown as a whole: lists of plain values. */
function collectItems(
  before: readonly unknown[],
  after: readonly unknown[],
  path: Path,
  schema: JsonSchema | undefined,
  changes: FieldChange[],
): boolean {
  const identify = listIdentity(schema)
  const old = identify && identified(before, identify)
  const fresh = identify && identified(after, identify)
  if (old !== undefined && fresh !== undefined) {
    const order = [...old.keys()].filter((identity) => fresh.has(identity))
    if (
      !deepEqual(
        order,
        [...fresh.keys()].filter((identity) => old.has(identity)),
      )
    )
      return false
    const positions = new Map([...old.keys(), ...fresh.keys()].map((identity) => [identity, 0]))
    for (const [index, identity] of [...old.keys()].entries()) positions.set(identity, index)
    for (const [index, identity] of [...fresh.keys()].entries()) positions.set(identity, index)
    for (const [identity, index] of positions)
      collect(old.get(identity), fresh.get(identity), [...path, index], schema?.items, changes)
    return true
  }
  if (![...before, ...after].every(isObject)) return false
  for (let index = 0; index < Math.max(before.length, after.length); index++)
    collect(before[index], after[index], [...path, index], schema?.items, changes)
  return true
}

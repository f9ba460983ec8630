/**
 * The three-way merge of apply: what was applied last × what is there × what the manifest says. Pure.
 *
 * After kubectl (client-side apply) and structured-merge-diff's list types:
 * - What the manifest says holds, recursively through maps.
 * - What was applied last and is not in the manifest any more goes, with all that is beneath it.
 * - What never was applied stays: it is a controller's, a default or another person's.
 * - An explicit null removes, whoever set it (unless the schema takes null for a value).
 * - Lists of type `map` merge item by item along their keys, in the manifest's order with the rest behind; lists of type
 *   `set` likewise; all others are replaced as a whole.
 */
import { isObject, setMember } from '../core/json.ts'
import { identified, listIdentity, memberSchema } from '../resources/lists.ts'
import type { JsonSchema } from '../resources/schema.ts'

type Members = Readonly<Record<string, unknown>>

/**
 * `live` after applying `wanted`, where `lastApplied` was applied before. Shares structure with its arguments, and changes
 * none of them. Undefined stands for "nothing there" in all three.
 */
export function mergeApplied(
  lastApplied: unknown,
  live: unknown,
  wanted: unknown,
  schema: JsonSchema | undefined,
): unknown {
  if (isObject(wanted) && isObject(live))
    return mergeMembers(isObject(lastApplied) ? lastApplied : {}, live, wanted, schema)
  if (Array.isArray(wanted) && Array.isArray(live)) {
    const last = Array.isArray(lastApplied) ? lastApplied : []
    const identify = listIdentity(schema)
    if (identify !== undefined) {
      const merged = mergeItems({ last, live, wanted, identify, schema: schema?.items })
      if (merged !== undefined) return merged
    }
  }
  return withoutNulls(wanted, schema)
}

/** `value` without members that are null where the schema knows no null; such a null says "not there". */
export function withoutNulls(value: unknown, schema: JsonSchema | undefined): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => withoutNulls(item, schema?.items))
    return items.some((item, index) => item !== value[index]) ? items : value
  }
  if (!isObject(value)) return value
  let copy: Record<string, unknown> | undefined
  for (const key in value) {
    const member = value[key]
    const inner = memberSchema(schema, key)
    const kept = removes(member, inner) ? undefined : withoutNulls(member, inner)
    if (kept === member) continue
    copy ??= { ...value }
    if (kept === undefined) delete copy[key]
    else setMember(copy, key, kept)
  }
  return copy ?? value
}

function mergeMembers(
  last: Members,
  live: Members,
  wanted: Members,
  schema: JsonSchema | undefined,
): Record<string, unknown> {
  const merged: Record<string, unknown> = {}
  for (const key in live) {
    if (live[key] === undefined) continue
    const inner = memberSchema(schema, key)
    if (!says(wanted, key)) {
      if (!says(last, key) || last[key] === null) setMember(merged, key, live[key])
    } else if (!removes(wanted[key], inner)) {
      setMember(merged, key, mergeApplied(own(last, key), live[key], wanted[key], inner))
    }
  }
  for (const key in wanted) {
    const inner = memberSchema(schema, key)
    if (says(live, key) || !says(wanted, key) || removes(wanted[key], inner)) continue
    setMember(merged, key, withoutNulls(wanted[key], inner))
  }
  return merged
}

interface Lists {
  readonly last: readonly unknown[]
  readonly live: readonly unknown[]
  readonly wanted: readonly unknown[]
  readonly identify: (item: unknown) => string | undefined
  readonly schema: JsonSchema | undefined
}

function mergeItems({ last, live, wanted, identify, schema }: Lists): unknown[] | undefined {
  const wantedItems = identified(wanted, identify)
  const liveItems = identified(live, identify)
  if (wantedItems === undefined || liveItems === undefined) return undefined
  const lastItems = identified(last, identify) ?? new Map<string, unknown>()
  const merged: unknown[] = []
  for (const [identity, item] of wantedItems)
    merged.push(mergeApplied(lastItems.get(identity), liveItems.get(identity), item, schema))
  for (const [identity, item] of liveItems)
    if (!wantedItems.has(identity) && !lastItems.has(identity)) merged.push(item)
  return merged
}

function removes(member: unknown, schema: JsonSchema | undefined): boolean {
  return member === null && schema?.nullable !== true
}

function says(members: Members, key: string): boolean {
  return Object.hasOwn(members, key) && members[key] !== undefined
}

function own(members: Members, key: string): unknown {
  return Object.hasOwn(members, key) ? members[key] : undefined
}

/**
 * Members that this process does not know. A newer one wrote them, which the store's layout allows by one minor version (layout.ts); they
 * are nobody's here to judge, and a write carries them along. Pure.
 */
import { isObject, setMember } from '../core/json.ts'
import { identified, listIdentity, memberSchema } from '../resources/lists.ts'
import type { ObjectMeta } from '../resources/object.ts'
import type { JsonSchema } from '../resources/schema.ts'
import { isClosed } from '../resources/validation/json-schema.ts'
import { isKnownMetadata } from '../resources/validation/metadata.ts'

/**
 * `next`, which is to take the place of `live`, with the members of `live` that `schema` does not know, wherever what they are in is
 * there still. Itself where there are none.
 */
export function carryUnknown(live: unknown, next: unknown, schema: JsonSchema | undefined): unknown {
  if (live === next || schema === undefined) return next
  if (Array.isArray(live) && Array.isArray(next)) return carryItems(live, next, schema)
  if (!isObject(live) || !isObject(next)) return next
  let copy: Record<string, unknown> | undefined
  for (const key in live) {
    const inner = memberSchema(schema, key)
    const isUnknown = inner === undefined && isClosed(schema)
    if (!Object.hasOwn(next, key) && !isUnknown) continue
    const member = Object.hasOwn(next, key) ? carryUnknown(live[key], next[key], inner) : live[key]
    if (member === next[key]) continue
    copy ??= { ...next }
    setMember(copy, key, member)
  }
  return copy ?? next
}

/** Items are matched by their keys; a list that has none is replaced as a whole. */
function carryItems(
  live: readonly unknown[],
  next: readonly unknown[],
  schema: JsonSchema,
): readonly unknown[] {
  const identify = listIdentity(schema)
  const known = identify && identified(live, identify)
  const items = next.map((item) => {
    const before = known?.get(identify?.(item) ?? '')
    return before === undefined ? item : carryUnknown(before, item, schema.items)
  })
  return items.some((item, at) => item !== next[at]) ? items : next
}

/** The members of an object's metadata that this process does not know. */
export function unknownMetadata(metadata: Partial<ObjectMeta>): Partial<ObjectMeta> {
  const members = Object.entries(metadata)
  if (members.every(([key]) => isKnownMetadata(key))) return {}
  return Object.fromEntries(members.filter(([key]) => !isKnownMetadata(key)))
}

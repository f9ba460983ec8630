/** How a schema tells the items of a list apart, and what it says of a member. Pure. */
import { isObject } from '../core/json.ts'
import type { JsonSchema } from './schema.ts'

/** The schema of the member `key`, if the schema says anything about it. */
export function memberSchema(schema: JsonSchema | undefined, key: string): JsonSchema | undefined {
  if (schema === undefined) return undefined
  if (schema.properties !== undefined && Object.hasOwn(schema.properties, key)) return schema.properties[key]
  return typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined
}

/**
 * How items of a list are told apart: by the keys of a `map`, by value in a `set`; undefined for atomic lists. The identity
 * of an item that has none is undefined.
 */
export function listIdentity(
  schema: JsonSchema | undefined,
): ((item: unknown) => string | undefined) | undefined {
  switch (schema?.['x-kubernetes-list-type']) {
    case 'set':
      return (item) => (typeof item === 'object' ? undefined : JSON.stringify(item))
    case 'map': {
      const keys = schema['x-kubernetes-list-map-keys'] ?? []
      const defaults = keys.map((key) => schema.items?.properties?.[key]?.default)
      return (item) => {
        if (!isObject(item)) return undefined
        const values = keys.map((key, index) => item[key] ?? defaults[index])
        return values.every((value) => value !== undefined) ? JSON.stringify(values) : undefined
      }
    }
    default:
      return undefined
  }
}

/** Items by identity, in order; undefined where one has none or two have the same: such a list merges as a whole. */
export function identified(
  items: readonly unknown[],
  identify: (item: unknown) => string | undefined,
): ReadonlyMap<string, unknown> | undefined {
  const found = new Map<string, unknown>()
  for (const item of items) {
    const identity = identify(item)
    if (identity === undefined || found.has(identity)) return undefined
    found.set(identity, item)
  }
  return found
}

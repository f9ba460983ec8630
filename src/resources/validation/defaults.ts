/** Fills in a schema's defaults. Compiled once per kind, so that what has no defaults below it costs nothing. */
import { clone, isObject } from '../../core/json.ts'
import type { JsonSchema } from '../schema.ts'

/** Fills in what is absent, in place. */
export type DefaultsFiller = (value: unknown) => void

/** Undefined where nothing in the schema has a default. As in Kubernetes, an explicit null stays null. */
export function compileDefaults(schema: JsonSchema): DefaultsFiller | undefined {
  const { items, additionalProperties } = schema
  if (items) return eachOf(compileDefaults(items), listItems)
  if (schema.properties) return fillMembers(schema.properties)
  if (typeof additionalProperties === 'object') return eachOf(compileDefaults(additionalProperties), members)
  return undefined
}

function fillMembers(properties: Readonly<Record<string, JsonSchema>>): DefaultsFiller | undefined {
  const steps = Object.entries(properties)
    .map(([key, schema]) => ({ key, initial: schema.default, fill: compileDefaults(schema) }))
    .filter(({ initial, fill }) => initial !== undefined || fill !== undefined)
  if (steps.length === 0) return undefined
  return (value) => {
    if (!isObject(value)) return
    for (const { key, initial, fill } of steps) {
      if (value[key] === undefined && initial !== undefined) value[key] = clone(initial)
      if (fill !== undefined && value[key] !== undefined) fill(value[key])
    }
  }
}

function eachOf(
  fill: DefaultsFiller | undefined,
  childrenOf: (value: unknown) => readonly unknown[],
): DefaultsFiller | undefined {
  return fill && ((value) => childrenOf(value).forEach(fill))
}

function listItems(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function members(value: unknown): readonly unknown[] {
  return isObject(value) ? Object.values(value) : []
}

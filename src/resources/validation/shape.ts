/** Whether a value is of the shape that a schema has, as far as what computes with it relies on that. Compiled once, for what is read by the thousand. */
import { isObject } from '../../core/json.ts'
import type { JsonSchema } from '../schema.ts'

export type ShapeCheck = (value: unknown) => boolean

/**
 * A check of types, bounds, patterns, times and what is required. Members and words that the schema does not know pass: they are those of a
 * later nsctl.
 */
export function compileShape(schema: JsonSchema): ShapeCheck {
  const check = checkOf(schema)
  return schema.nullable === true ? (value) => value === null || check(value) : check
}

function checkOf(schema: JsonSchema): ShapeCheck {
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema
  switch (schema.type) {
    case 'object':
      return objectCheck(schema)
    case 'array': {
      const item = compileShape(schema.items ?? {})
      return (value) => Array.isArray(value) && value.every(item)
    }
    case 'string':
      return textCheck(schema)
    case 'integer':
      return (value) =>
        Number.isSafeInteger(value) && (value as number) >= minimum && (value as number) <= maximum
    case 'number':
      return (value) => typeof value === 'number' && value >= minimum && value <= maximum
    case 'boolean':
      return (value) => typeof value === 'boolean'
    case undefined:
      return (value) => value !== null
  }
}

function textCheck({ pattern, format }: JsonSchema): ShapeCheck {
  const expression = pattern === undefined ? undefined : new RegExp(pattern)
  const isTime = format === 'date-time'
  return (value) => {
    if (typeof value !== 'string') return false
    if (isTime && Number.isNaN(Date.parse(value))) return false
    return expression === undefined || expression.test(value)
  }
}

function objectCheck({ properties = {}, additionalProperties, required = [] }: JsonSchema): ShapeCheck {
  const known = new Map(Object.entries(properties).map(([name, member]) => [name, compileShape(member)]))
  const others = isObject(additionalProperties) ? compileShape(additionalProperties as JsonSchema) : undefined
  return (value) => {
    if (!isObject(value)) return false
    for (const name of required) if (value[name] === undefined) return false
    for (const name in value) {
      const check = known.get(name) ?? others
      if (check !== undefined && !check(value[name])) return false
    }
    return true
  }
}

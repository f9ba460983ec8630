/**
 * From the schemas of CustomResourceDefinitions (OpenAPI v3, as Kubernetes restricts them) to JSON Schema for ajv. Used by
 * the generator for nsctl's own kinds and at run time for the user's.
 */
import type { JsonSchema } from '../schema.ts'

/** A JSON Schema document, ready for ajv. */
export type CompiledSchema = Readonly<Record<string, unknown>>

/** Keywords that mean the same in both. */
const COPIED = [
  'required',
  'enum',
  'pattern',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
  'uniqueItems',
  'multipleOf',
] as const

/** Formats that are checked, as patterns. Others are documentation, as in Kubernetes. */
export const FORMAT_PATTERNS: Readonly<Record<string, string>> = {
  'date-time':
    '^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])[Tt]([01]\\d|2[0-3]):[0-5]\\d:([0-5]\\d|60)(\\.\\d+)?([Zz]|[+-]([01]\\d|2[0-3]):[0-5]\\d)$',
  date: '^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])$',
  uuid: '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$',
}

export interface JsonSchemaOptions {
  /** Schemas (by identity) that stand under `#/definitions/<name>` and are referred to instead of repeated. */
  readonly shared?: ReadonlyMap<JsonSchema, string>
}

/**
 * The JSON Schema of a whole object of a kind. Its metadata is only an object here: `metadataIssues` judges it, with
 * better words than a schema has.
 */
export function objectSchema(schema: JsonSchema, options: JsonSchemaOptions = {}): CompiledSchema {
  const whole = toJsonSchema(
    {
      ...schema,
      type: 'object',
      properties: {
        ...schema.properties,
        apiVersion: { type: 'string' },
        kind: { type: 'string' },
        metadata: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      },
      required: ['apiVersion', 'kind', 'metadata', ...(schema.required ?? [])],
    },
    options,
  )
  const definitions: Record<string, unknown> = {}
  for (const [shared, name] of options.shared ?? []) definitions[name] = translate(shared, options, true)
  return Object.keys(definitions).length === 0 ? whole : { ...whole, definitions }
}

/** One schema. Objects are closed unless they say `additionalProperties` or preserve unknown fields. */
export function toJsonSchema(schema: JsonSchema, options: JsonSchemaOptions = {}): CompiledSchema {
  const name = options.shared?.get(schema)
  return name === undefined ? translate(schema, options, true) : { $ref: `#/definitions/${name}` }
}

/** @param closing false inside allOf, anyOf, oneOf and not: those restrict, the structure is said outside of them. */
function translate(schema: JsonSchema, options: JsonSchemaOptions, closing: boolean): CompiledSchema {
  const result: Record<string, unknown> = {}
  const type = schema['x-kubernetes-int-or-string'] ? ['integer', 'string'] : schema.type
  if (type !== undefined) result.type = schema.nullable ? [type, 'null'].flat() : type
  const source = schema as unknown as Record<string, unknown>
  for (const keyword of COPIED) if (source[keyword] !== undefined) result[keyword] = source[keyword]
  if (schema.exclusiveMinimum) swap(result, 'minimum', 'exclusiveMinimum')
  if (schema.exclusiveMaximum) swap(result, 'maximum', 'exclusiveMaximum')
  if (schema.nullable && schema.enum) result.enum = [...schema.enum, null]
  if (schema.pattern === undefined && schema.format !== undefined && FORMAT_PATTERNS[schema.format])
    result.pattern = FORMAT_PATTERNS[schema.format]
  const child = (one: JsonSchema) => (closing ? toJsonSchema(one, options) : translate(one, options, false))
  if (schema.properties) result.properties = mapValues(schema.properties, child)
  if (schema.items) result.items = child(schema.items)
  if (typeof schema.additionalProperties === 'object')
    result.additionalProperties = child(schema.additionalProperties)
  else if (closing && isClosed(schema)) result.additionalProperties = false
  for (const keyword of ['allOf', 'anyOf', 'oneOf'] as const)
    if (schema[keyword]) result[keyword] = schema[keyword].map((one) => translate(one, options, false))
  if (schema.not) result.not = translate(schema.not, options, false)
  return result
}

/** OpenAPI says `exclusiveMinimum: true` beside the minimum, JSON Schema has the number in it. */
function swap(schema: Record<string, unknown>, from: string, to: string): void {
  schema[to] = schema[from]
  delete schema[from]
}

/** True where an object may have no members but those in `properties`. */
export function isClosed(schema: JsonSchema): boolean {
  return (
    schema.type === 'object' &&
    !schema.additionalProperties &&
    schema['x-kubernetes-preserve-unknown-fields'] !== true
  )
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, map: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]))
}

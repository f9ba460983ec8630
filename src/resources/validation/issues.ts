/** Turns a validator's errors into faults that a person can act on. */
import { isObject, type Path, valueAt } from '../../core/json.ts'
import { nearest } from '../../core/nearest.ts'
import { type FieldIssue, UNKNOWN_FIELD } from '../kinds.ts'
import type { JsonSchema } from '../schema.ts'
import type { SchemaError } from './schema-errors.ts'
import { patternMessage, quote, typeIssue } from './words.ts'

/** More faults of one object are counted, not listed. */
const MAX_ISSUES = 50

/** Keywords that leave the object's shape sound, so that constraints between fields can still be judged. */
const SOUND = new Set(['additionalProperties', 'enum', 'minimum', 'maximum', 'maxLength'])

/** True where constraints may look at an object in spite of these errors. */
export function shapeIsSound(errors: readonly SchemaError[]): boolean {
  return errors.every((error) => SOUND.has(error.keyword))
}

export function schemaIssues(
  errors: readonly SchemaError[],
  object: unknown,
  schema: JsonSchema,
): readonly FieldIssue[] {
  // what failed inside an alternative is said by the alternative as a whole
  const outer = errors.filter((error) => !/\/(anyOf|oneOf|not)\//.test(error.schemaPath ?? ''))
  const faulty = new Map<string, FieldIssue>()
  for (const error of outer) {
    const issue = issueOf(error, object, schema)
    // one fault per place: that it has the wrong type makes its length or pattern no news
    const key = JSON.stringify(issue.path)
    if (!faulty.has(key) || error.keyword === 'type') faulty.set(key, issue)
  }
  const issues = [...faulty.values()]
  if (issues.length <= MAX_ISSUES) return issues
  const rest = issues.length - MAX_ISSUES
  return [...issues.slice(0, MAX_ISSUES), { path: [], message: `and ${rest} more faults` }]
}

function issueOf(error: SchemaError, object: unknown, root: JsonSchema): FieldIssue {
  const path = pathOf(error.instancePath, object)
  const value = valueAt(object, path)
  const schema = schemaAt(root, path) ?? {}
  const saying = (message: string): FieldIssue => ({ path, message, value })
  switch (error.keyword) {
    case 'required':
      return { path: [...path, String(error.params?.missingProperty)], message: 'is required' }
    case 'additionalProperties':
      return unknownField(path, String(error.params?.additionalProperty), schema)
    case 'type':
      return typeIssue(path, typesOf(schema, error), value, schema.pattern)
    case 'enum':
      return enumIssue(path, schema.enum ?? [], value)
    case 'pattern':
      return saying(patternMessage(patternOf(schema, error), value))
    case 'oneOf':
    case 'anyOf':
      return saying(alternativesMessage(error.keyword, schema))
    case 'not':
      return saying('must not be so: the kind excludes it')
    default:
      return saying(limitMessage(error, schema, value))
  }
}

function unknownField(parent: Path, name: string, schema: JsonSchema): FieldIssue {
  const known = Object.keys(schema.properties ?? {})
  if (parent.length === 0) known.push('apiVersion', 'kind', 'metadata')
  const [suggestion] = isOfSpec(parent, name, schema) ? [`spec.${name}`] : nearest(name, known, 1)
  const path = [...parent, name]
  return { path, message: UNKNOWN_FIELD, ...(suggestion === undefined ? {} : { suggestion }) }
}

/** Kubernetes has no spec in some of its kinds (PriorityClass), and what is in ours at the top. */
function isOfSpec(parent: Path, name: string, { properties }: JsonSchema): boolean {
  return parent.length === 0 && Object.hasOwn(properties?.spec?.properties ?? {}, name)
}

function enumIssue(path: Path, known: readonly unknown[], value: unknown): FieldIssue {
  const suggestion = typeof value === 'string' ? nearestValue(value, known.map(String)) : undefined
  const choice = known.length === 1 ? quote(known[0]) : `one of ${known.join(', ')}`
  const issue = { path, message: `must be ${choice}, not ${quote(value)}`, value }
  return suggestion === undefined ? issue : { ...issue, suggestion }
}

/** What Kubernetes calls what has another name here. */
const KUBERNETES_VALUES: Readonly<Record<string, string>> = { Container: 'Program', Pod: 'Instance' }

function nearestValue(value: string, known: readonly string[]): string | undefined {
  const ours = Object.hasOwn(KUBERNETES_VALUES, value) ? KUBERNETES_VALUES[value] : undefined
  return known.find((one) => one === ours) ?? nearest(value, known, 1)[0]
}

function typesOf(schema: JsonSchema, error: SchemaError): readonly string[] {
  if (schema['x-kubernetes-int-or-string']) return ['integer', 'string']
  if (schema.type !== undefined) return [schema.type]
  const said = error.params?.type
  return Array.isArray(said) ? said.map(String) : [String(said ?? 'object')]
}

function patternOf(schema: JsonSchema, error: SchemaError): string {
  return String(error.params?.pattern ?? schema.pattern ?? schema.format)
}

function limitMessage(error: SchemaError, schema: JsonSchema, value: unknown): string {
  const limit = error.params?.limit ?? (schema as Record<string, unknown>)[error.keyword]
  const size =
    typeof value === 'string' || Array.isArray(value) ? value.length : Object.keys(Object(value)).length
  switch (error.keyword) {
    case 'minimum':
      return `must be at least ${limit}, not ${quote(value)}`
    case 'maximum':
      return `must be at most ${limit}, not ${quote(value)}`
    case 'exclusiveMinimum':
      return `must be more than ${limit}, not ${quote(value)}`
    case 'exclusiveMaximum':
      return `must be less than ${limit}, not ${quote(value)}`
    case 'multipleOf':
      return `must be a multiple of ${schema.multipleOf}, not ${quote(value)}`
    case 'maxLength':
      return `must have at most ${limit} characters, not ${size}`
    case 'minLength':
      return size === 0 ? 'must not be empty' : `must have at least ${limit} characters, not ${size}`
    case 'maxItems':
      return `must have at most ${limit} items, not ${size}`
    case 'minItems':
      return size === 0 ? 'must not be empty' : `must have at least ${limit} items, not ${size}`
    case 'maxProperties':
      return `must have at most ${limit} members, not ${size}`
    case 'minProperties':
      return size === 0 ? 'must not be empty' : `must have at least ${limit} members, not ${size}`
    case 'uniqueItems':
      return 'must not have the same item twice'
    default:
      return `is not as its schema asks (${error.keyword})`
  }
}

/** The usual alternatives are "exactly one of these members"; any other is only named. */
function alternativesMessage(keyword: 'oneOf' | 'anyOf', schema: JsonSchema): string {
  const alternatives = schema[keyword] ?? []
  const members = alternatives.map((one) => one.required ?? [])
  const wanted = keyword === 'oneOf' ? 'exactly one' : 'at least one'
  if (alternatives.length > 0 && members.every((names) => names.length > 0))
    return `must have ${wanted} of ${members.map((names) => names.join(' with ')).join(', ')}`
  return `must match ${wanted} of the ${alternatives.length} alternatives of its schema`
}

/** A JSON pointer as a path: steps into lists are numbers. */
function pathOf(pointer: string, object: unknown): Path {
  const path: (string | number)[] = []
  let current = object
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
    const step = Array.isArray(current) ? Number(key) : key
    path.push(step)
    current = isObject(current) || Array.isArray(current) ? (current as never)[step] : undefined
  }
  return path
}

/** The schema of what stands at `path`, or undefined where the schema says nothing of it. */
export function schemaAt(root: JsonSchema, path: Path): JsonSchema | undefined {
  let schema: JsonSchema | undefined = root
  for (const step of path) {
    if (schema === undefined) return undefined
    if (typeof step === 'number') schema = schema.items
    else if (schema.properties && Object.hasOwn(schema.properties, step)) schema = schema.properties[step]
    else schema = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined
  }
  return schema
}

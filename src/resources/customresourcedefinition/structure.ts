/** Whether a user's schema is structural in Kubernetes' sense: every value has a type, and every keyword works. */
import { isObject, type Path } from '../../core/json.ts'
import { nearest } from '../../core/nearest.ts'
import type { FieldIssue } from '../kinds.ts'
import { quote } from '../validation/words.ts'

const TYPES = ['object', 'array', 'string', 'integer', 'number', 'boolean']
const ALTERNATIVES = ['allOf', 'anyOf', 'oneOf'] as const
const MAX_DEPTH = 64

/** Keywords and the type of their values. */
const KEYWORDS: Readonly<Record<string, 'any' | 'string' | 'number' | 'boolean' | 'list' | 'object'>> = {
  type: 'string',
  description: 'string',
  title: 'string',
  format: 'string',
  pattern: 'string',
  default: 'any',
  example: 'any',
  externalDocs: 'any',
  additionalProperties: 'any',
  properties: 'object',
  items: 'object',
  not: 'object',
  required: 'list',
  enum: 'list',
  allOf: 'list',
  anyOf: 'list',
  oneOf: 'list',
  minimum: 'number',
  maximum: 'number',
  multipleOf: 'number',
  minLength: 'number',
  maxLength: 'number',
  minItems: 'number',
  maxItems: 'number',
  minProperties: 'number',
  maxProperties: 'number',
  exclusiveMinimum: 'boolean',
  exclusiveMaximum: 'boolean',
  uniqueItems: 'boolean',
  nullable: 'boolean',
  'x-kubernetes-int-or-string': 'boolean',
  'x-kubernetes-preserve-unknown-fields': 'boolean',
  'x-kubernetes-list-type': 'string',
  'x-kubernetes-list-map-keys': 'list',
  'x-kubernetes-map-type': 'string',
}

/** Kubernetes has these; here nothing would heed them, so that a schema with them would promise too much. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  'x-kubernetes-validations': 'CEL rules are not supported; state what you can with patterns and bounds',
  'x-kubernetes-embedded-resource':
    'embedded resources are not validated here; use x-kubernetes-preserve-unknown-fields',
  $ref: 'references are not supported; write the schema out',
}

/** All that keeps `schema`, which stands at `path` of a definition, from being used. */
export function structureIssues(schema: unknown, path: Path): readonly FieldIssue[] {
  if (!isObject(schema)) return [{ path, message: 'must be a schema (an object)' }]
  const issues: FieldIssue[] = []
  if (schema.type !== 'object')
    issues.push({ path: [...path, 'type'], message: 'must be object: resources are', value: schema.type })
  visit(schema, path, { depth: 0, structural: true, issues })
  return issues
}

interface Visit {
  readonly depth: number
  /** False inside allOf, anyOf, oneOf and not, where no type is needed. */
  readonly structural: boolean
  readonly issues: FieldIssue[]
}

function visit(schema: unknown, path: Path, state: Visit): void {
  const { depth, structural, issues } = state
  if (!isObject(schema)) {
    issues.push({ path, message: `must be a schema (an object), not ${quote(schema)}` })
    return
  }
  if (depth > MAX_DEPTH) {
    issues.push({ path, message: `is nested more than ${MAX_DEPTH} levels deep` })
    return
  }
  const sound = keywordIssues(schema, path, issues)
  if (structural) checkType(schema, path, issues)
  if (!sound) return
  if (typeof schema.pattern === 'string') checkPattern(schema.pattern, path, issues)
  const inner = { ...state, depth: depth + 1 }
  for (const [name, child] of Object.entries((schema.properties as object | undefined) ?? {}))
    visit(child, [...path, 'properties', name], inner)
  if (schema.items !== undefined) visit(schema.items, [...path, 'items'], inner)
  if (isObject(schema.additionalProperties))
    visit(schema.additionalProperties, [...path, 'additionalProperties'], inner)
  const alternative = { ...inner, structural: false }
  for (const keyword of ALTERNATIVES)
    for (const [index, one] of ((schema[keyword] as unknown[] | undefined) ?? []).entries())
      visit(one, [...path, keyword, index], alternative)
  if (schema.not !== undefined) visit(schema.not, [...path, 'not'], alternative)
}

/** False where a keyword has a value that cannot be walked. */
function keywordIssues(schema: Record<string, unknown>, path: Path, issues: FieldIssue[]): boolean {
  let sound = true
  for (const [keyword, value] of Object.entries(schema)) {
    const wanted = Object.hasOwn(KEYWORDS, keyword) ? KEYWORDS[keyword] : undefined
    if (wanted === undefined) issues.push(unknownKeyword(keyword, path))
    else if (!isOf(wanted, value)) {
      sound = false
      issues.push({
        path: [...path, keyword],
        message: `must be ${wanted === 'object' ? 'an object' : `a ${wanted}`}, not ${quote(value)}`,
        value,
      })
    }
  }
  return sound
}

function unknownKeyword(keyword: string, path: Path): FieldIssue {
  const reason = Object.hasOwn(UNSUPPORTED, keyword) ? UNSUPPORTED[keyword] : undefined
  if (reason !== undefined) return { path: [...path, keyword], message: reason }
  const [suggestion] = nearest(keyword, Object.keys(KEYWORDS), 1)
  return {
    path: [...path, keyword],
    message: 'unknown schema keyword',
    ...(suggestion === undefined ? {} : { suggestion }),
  }
}

function isOf(wanted: string, value: unknown): boolean {
  if (wanted === 'any') return true
  if (wanted === 'list') return Array.isArray(value)
  return wanted === 'object' ? isObject(value) : typeof value === wanted
}

function checkType(schema: Record<string, unknown>, path: Path, issues: FieldIssue[]): void {
  const { type } = schema
  const free =
    schema['x-kubernetes-int-or-string'] === true || schema['x-kubernetes-preserve-unknown-fields'] === true
  if (type === undefined && !free) issues.push({ path, message: `needs a type (one of ${TYPES.join(', ')})` })
  else if (typeof type === 'string' && !TYPES.includes(type)) {
    const [suggestion] = nearest(type, TYPES, 1)
    issues.push({
      path: [...path, 'type'],
      message: `must be one of ${TYPES.join(', ')}, not ${quote(type)}`,
      value: type,
      ...(suggestion === undefined ? {} : { suggestion }),
    })
  }
  if (type === 'array' && schema.items === undefined)
    issues.push({ path, message: 'needs items: every value has a type' })
}

function checkPattern(pattern: string, path: Path, issues: FieldIssue[]): void {
  try {
    new RegExp(pattern)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    issues.push({
      path: [...path, 'pattern'],
      message: `is no regular expression: ${message}`,
      value: pattern,
    })
  }
}

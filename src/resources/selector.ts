/** Label selectors and field selectors, as kubectl's -l and --field-selector take them. Pure. */
import { NsctlError } from '../core/errors.ts'
import { formatPath, type Path, valueAt } from '../core/json.ts'
import type { AnyResource } from './object.ts'
import type { JsonSchema } from './schema.ts'
import { labelKeyFault } from './validation/metadata.ts'

/** A condition on an object. */
export type Selector = (object: AnyResource) => boolean

type Requirement = (labels: Readonly<Record<string, string>>) => boolean

const LABEL_SYNTAX = 'write it like app=web,tier!=cache,env in (dev,prod),!legacy'
const FIELD_SYNTAX = 'write it like metadata.name=web,status.phase!=Running'

/** `a=b,c==d,e!=f,g in (x,y),h notin (z),i,!j`: all must hold. Throws a Usage error. Empty text matches everything. */
export function parseSelector(text: string): Selector {
  const requirements = splitOutsideParentheses(text).map((part) => parseRequirement(part, text))
  return ({ metadata }) => requirements.every((holds) => holds(metadata.labels ?? {}))
}

/**
 * `metadata.name=web,status.phase!=Running`, on any field that holds a plain value. Throws a Usage error, also for a field that
 * none of the `schemas` has, where they are given.
 */
export function parseFieldSelector(text: string, schemas?: readonly JsonSchema[]): Selector {
  const requirements = text
    .split(/(?<!\\),/)
    .filter((part) => part.trim() !== '')
    .map((part) => {
      const match = /^\s*([^=!\s]+)\s*(==|=|!=)\s*(.*?)\s*$/s.exec(part)
      if (match === null)
        throw wrong('field selector', text, `${JSON.stringify(part.trim())} is no field=value`, FIELD_SYNTAX)
      const [, field, operator, value] = match as unknown as [string, string, string, string]
      const path = fieldPath(field, text)
      if (schemas !== undefined && !schemas.some((schema) => hasField(schema, path)))
        throw wrong(
          'field selector',
          text,
          `there is no field ${field}`,
          'nsctl explain TYPE lists the fields',
        )
      const wanted = value.replaceAll(/\\([\\,=])/g, '$1')
      return (object: AnyResource) => (plainText(object, path, text) === wanted) === (operator !== '!=')
    })
  return (object) => requirements.every((holds) => holds(object))
}

/** `app in (web,api),tier!=cache` → each part; commas in parentheses belong to a set. */
function splitOutsideParentheses(text: string): readonly string[] {
  const parts: string[] = []
  let depth = 0
  let from = 0
  for (let i = 0; i <= text.length; i++) {
    const letter = text[i]
    if (letter === '(') depth++
    else if (letter === ')') depth--
    else if (letter === undefined || (letter === ',' && depth === 0)) {
      parts.push(text.slice(from, i).trim())
      from = i + 1
    }
  }
  if (depth !== 0) throw wrong('label selector', text, 'a parenthesis is not closed', LABEL_SYNTAX)
  if (parts.length === 1 && parts[0] === '') return []
  return parts
}

function parseRequirement(part: string, text: string): Requirement {
  const failing = (why: string) => wrong('label selector', text, why, LABEL_SYNTAX)
  if (part === '') throw failing('a condition between commas is empty')
  const set = /^(\S+)\s+(in|notin)\s*\((.*)\)$/s.exec(part)
  if (set !== null) {
    const [, key, operator, list] = set as unknown as [string, string, string, string]
    const values = new Set(list.split(',').map((value) => value.trim()))
    checkKey(key, failing)
    for (const value of values) checkValue(value, failing)
    // as in Kubernetes, notin holds where the label is missing
    return operator === 'in'
      ? (labels) => has(labels, key) && values.has(labels[key]!)
      : (labels) => !has(labels, key) || !values.has(labels[key]!)
  }
  const equality = /^([^=!\s]+)\s*(==|=|!=)\s*(\S*)$/.exec(part)
  if (equality !== null) {
    const [, key, operator, value] = equality as unknown as [string, string, string, string]
    checkKey(key, failing)
    checkValue(value, failing)
    return operator === '!='
      ? (labels) => !has(labels, key) || labels[key] !== value
      : (labels) => has(labels, key) && labels[key] === value
  }
  const existence = /^(!?)\s*([^=!\s(),]+)$/.exec(part)
  if (existence === null) throw failing(`${JSON.stringify(part)} is no condition`)
  const [, not, key] = existence as unknown as [string, string, string]
  checkKey(key, failing)
  return (labels) => has(labels, key) === (not === '')
}

function has(labels: Readonly<Record<string, string>>, key: string): boolean {
  return Object.hasOwn(labels, key)
}

function checkKey(key: string, failing: (why: string) => NsctlError): void {
  const fault = labelKeyFault(key)
  if (fault !== undefined) throw failing(fault)
}

function checkValue(value: string, failing: (why: string) => NsctlError): void {
  if (value !== '' && !/^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/.test(value))
    throw failing(`${JSON.stringify(value)} cannot be a label's value`)
}

function fieldPath(field: string, text: string): Path {
  const steps = field
    .replace(/^\./, '')
    .split('.')
    .flatMap((step) => {
      const [name = '', ...indexes] = step.split(/\[(\d+)\]/).filter((part, i) => i === 0 || part !== '')
      return [name, ...indexes.map(Number)]
    })
  if (steps.some((step) => step === ''))
    throw wrong('field selector', text, `${JSON.stringify(field)} is no field`, FIELD_SYNTAX)
  return steps
}

/** True also where a schema leaves open what is there. What every object has stands in none. */
function hasField(root: JsonSchema, path: Path): boolean {
  if (['apiVersion', 'kind', 'metadata'].includes(String(path[0]))) return true
  let schema: JsonSchema | undefined = root
  for (const step of path) {
    if (schema?.['x-kubernetes-preserve-unknown-fields'] === true) return true
    if (typeof step === 'number') schema = schema?.items
    else if (Object.hasOwn(schema?.properties ?? {}, step)) schema = schema?.properties?.[step]
    else if (typeof schema?.additionalProperties === 'object') schema = schema.additionalProperties
    else return false
  }
  return schema !== undefined
}

/** What a field says as text; empty where it is missing, as in Kubernetes. */
function plainText(object: AnyResource, path: Path, text: string): string {
  const value = valueAt(object, path)
  if (value === undefined || value === null) return ''
  if (typeof value === 'object')
    throw wrong(
      'field selector',
      text,
      `${formatPath(path)} holds ${Array.isArray(value) ? 'a list' : 'an object'}, not one value`,
      FIELD_SYNTAX,
    )
  return String(value)
}

function wrong(what: string, text: string, why: string, next: string): NsctlError {
  return new NsctlError('Usage', `not a ${what}: ${JSON.stringify(text)}: ${why}`, { value: text, next })
}

/** What `nsctl explain` tells: one field of a kind with its neighbours, read off the kind's schema. */
import { NsctlError } from '../core/errors.ts'
import { nearest } from '../core/nearest.ts'
import type { Kind, KindRegistry } from './kinds.ts'
import type { JsonSchema } from './schema.ts'

export interface Explanation {
  readonly kind: Kind
  /** The field's steps beneath the object; empty for the kind itself. */
  readonly path: readonly string[]
  /** `string`, `[]object`, `map[string]string`, `integer or string` */
  readonly type: string
  readonly description: string
  readonly required: boolean
  readonly default?: unknown
  readonly enum?: readonly (string | number | boolean)[]
  /** Bounds in words: `at least 0`, `at most 63 characters`, `matches ^/`. */
  readonly limits: readonly string[]
  readonly children: readonly ExplainedField[]
}

export interface ExplainOptions {
  /** Fields of fields, too. */
  readonly recursive?: boolean
  /** `example.org/v1alpha1`, or `v1alpha1` alone; the preferred version where left out. */
  readonly apiVersion?: string
}

export interface ExplainedField {
  readonly name: string
  readonly type: string
  readonly description: string
  readonly required: boolean
  readonly default?: unknown
  readonly enum?: readonly (string | number | boolean)[]
  /** Filled in for --recursive. */
  readonly children: readonly ExplainedField[]
}

/** What every object has beside its kind's own fields. */
const ENVELOPE: Readonly<Record<string, JsonSchema>> = {
  apiVersion: { type: 'string', description: 'The group and version of the kind.' },
  kind: { type: 'string', description: 'What it is.' },
  metadata: {
    type: 'object',
    description: 'Its name and what else is known of every object.',
    required: ['name'],
    properties: {
      name: { type: 'string', description: 'Unique among its kind in its namespace. A DNS label.' },
      namespace: {
        type: 'string',
        description: 'The namespace; none for kinds of cluster scope. `default` by default.',
      },
      labels: {
        type: 'object',
        description: 'Words to select by.',
        additionalProperties: { type: 'string' },
      },
      annotations: {
        type: 'object',
        description: 'Anything else worth knowing; not selected by.',
        additionalProperties: { type: 'string' },
      },
      ownerReferences: {
        type: 'array',
        description: 'What it belongs to; it is deleted with the last of them.',
        items: { type: 'object' },
      },
      finalizers: {
        type: 'array',
        description: 'What must be done before it is gone for good.',
        items: { type: 'string' },
      },
      uid: { type: 'string', description: 'Tells it from others of the same name. Written by nsctl.' },
      resourceVersion: {
        type: 'string',
        description: "The store's revision when it was last written. In a manifest: a precondition.",
      },
      generation: { type: 'integer', description: 'Moves with any change of spec. Written by nsctl.' },
      revision: { type: 'integer', description: 'n of rN. Written by nsctl.' },
      creationTimestamp: {
        type: 'string',
        format: 'date-time',
        description: 'When it was made. Written by nsctl.',
      },
      deletionTimestamp: {
        type: 'string',
        format: 'date-time',
        description: 'When its deletion was asked for. Written by nsctl.',
      },
    },
  },
}

/**
 * The field that `text` names: `service.spec.template.resources`, `svc.spec.ports[]`; a kind alone is its top. Throws
 * NotFound for an unknown kind or field, with the nearest that is known.
 */
export function explain(kinds: KindRegistry, text: string, options: ExplainOptions = {}): Explanation {
  const resolved = resolveKind(kinds, text)
  const { steps } = resolved
  const kind = options.apiVersion === undefined ? resolved.kind : inVersion(resolved.kind, options.apiVersion)
  let schema: JsonSchema = { ...kind.schema, properties: { ...ENVELOPE, ...kind.schema.properties } }
  schema = { ...schema, required: ['apiVersion', 'kind', 'metadata', ...(schema.required ?? [])] }
  let required = true
  for (const [depth, step] of steps.entries()) {
    const parent = contentOf(schema)
    const child = childOf(parent, step)
    if (child === undefined) throw unknownField(kind, steps, depth, parent)
    required = parent.required?.includes(step) ?? false
    schema = child
  }
  return {
    kind,
    path: steps,
    ...describe(schema),
    description: steps.length === 0 ? kind.description : descriptionOf(schema),
    required,
    limits: limitsOf(schema),
    children: fieldsOf(schema, options.recursive === true),
  }
}

/** `services.nsctl.dev` has dots too: the longest beginning that names a kind is the kind. */
function resolveKind(
  kinds: KindRegistry,
  text: string,
): { readonly kind: Kind; readonly steps: readonly string[] } {
  const parts = text.split('.').map((part) => part.replaceAll(/\[\d*\]/g, ''))
  for (let length = parts.length; length > 0; length--) {
    const kind = kinds.byName(parts.slice(0, length).join('.'))
    if (kind) return { kind, steps: parts.slice(length).filter((step) => step !== '') }
  }
  const near = kinds.near(parts[0]!)
  throw new NsctlError('NotFound', `there is no kind ${JSON.stringify(parts[0])}`, {
    value: text,
    next: near.length > 0 ? `did you mean ${near.join(' or ')}?` : 'nsctl api-resources lists the kinds',
  })
}

function inVersion(kind: Kind, wanted: string): Kind {
  const served = kind.family?.versions.filter(({ isServed }) => isServed) ?? [kind]
  const found = served.find(({ apiVersion, version }) => apiVersion === wanted || version === wanted)
  if (found !== undefined) return found
  throw new NsctlError('NotFound', `there is no ${wanted} ${kind.kind}`, {
    value: wanted,
    next: `it is in ${served.map(({ apiVersion }) => apiVersion).join(', ')}`,
  })
}

/** Where a list's or map's own fields are: in its items. */
function contentOf(schema: JsonSchema): JsonSchema {
  if (schema.items) return contentOf(schema.items)
  if (!schema.properties && typeof schema.additionalProperties === 'object')
    return contentOf(schema.additionalProperties)
  return schema
}

function childOf(schema: JsonSchema, step: string): JsonSchema | undefined {
  return schema.properties && Object.hasOwn(schema.properties, step) ? schema.properties[step] : undefined
}

function unknownField(kind: Kind, steps: readonly string[], depth: number, parent: JsonSchema): NsctlError {
  const above = [kind.singular, ...steps.slice(0, depth)].join('.')
  const known = Object.keys(parent.properties ?? {})
  const [near] = nearest(steps[depth]!, known, 1)
  const listed = known.length === 0 ? `${above} has no fields` : `known: ${known.join(', ')}`
  return new NsctlError('NotFound', `${above} has no field ${JSON.stringify(steps[depth])}`, {
    value: steps[depth],
    next: near === undefined ? listed : `did you mean ${above}.${near}?`,
  })
}

function fieldsOf(schema: JsonSchema, recursive: boolean): readonly ExplainedField[] {
  const content = contentOf(schema)
  return Object.entries(content.properties ?? {}).map(([name, child]) => ({
    name,
    ...describe(child),
    description: descriptionOf(child),
    required: content.required?.includes(name) ?? false,
    children: recursive ? fieldsOf(child, true) : [],
  }))
}

function describe(schema: JsonSchema): Pick<ExplainedField, 'type' | 'default' | 'enum'> {
  const choices = schema.enum ?? schema.items?.enum
  return {
    type: typeText(schema),
    ...(schema.default === undefined ? {} : { default: schema.default }),
    ...(choices === undefined ? {} : { enum: choices }),
  }
}

function descriptionOf(schema: JsonSchema): string {
  return schema.description?.trim() ?? ''
}

/** kubectl's way: `[]string`, `map[string]string`. */
export function typeText(schema: JsonSchema): string {
  if (schema['x-kubernetes-int-or-string']) return 'integer or string'
  if (schema.type === 'array') return `[]${typeText(schema.items ?? {})}`
  if (!schema.properties && typeof schema.additionalProperties === 'object')
    return `map[string]${typeText(schema.additionalProperties)}`
  return schema.type ?? 'any'
}

function limitsOf(schema: JsonSchema): readonly string[] {
  const limits: string[] = []
  if (schema.minimum !== undefined) limits.push(`at least ${schema.minimum}`)
  if (schema.maximum !== undefined) limits.push(`at most ${schema.maximum}`)
  if (schema.minLength !== undefined) limits.push(`at least ${schema.minLength} characters`)
  if (schema.maxLength !== undefined) limits.push(`at most ${schema.maxLength} characters`)
  if (schema.minItems !== undefined) limits.push(`at least ${schema.minItems} items`)
  if (schema.maxItems !== undefined) limits.push(`at most ${schema.maxItems} items`)
  if (schema.pattern !== undefined) limits.push(`matches ${schema.pattern}`)
  if (schema.format !== undefined) limits.push(schema.format)
  return limits
}

/** Whether what one version says can be said in the stored one: types, required fields, defaults. Pure. */
import { setMember } from '../../core/json.ts'
import { typeText } from '../explain.ts'
import type { JsonSchema } from '../schema.ts'
import { compileValidator } from '../validation/compile.ts'
import { schemaIssues } from '../validation/issues.ts'
import { quote } from '../validation/words.ts'
import { isSameType, type Side } from './check-rules.ts'
import { EACH, overlap, type Steps, schemaAt, stepsText } from './paths.ts'
import type { Rule } from './rules.ts'
import { type Direction, pruned, transform } from './transform.ts'

/** One thing that does not fit, at a field of a version's schema. */
export interface Misfit {
  readonly steps: Steps
  readonly message: string
}

/** Fields of one name in both versions that no rule takes elsewhere, and that are of different types. */
export function typeMisfits(own: Side, stored: Side, rules: readonly Rule[]): readonly Misfit[] {
  const found: Misfit[] = []
  const visit = (a: JsonSchema, b: JsonSchema, steps: Steps) => {
    if (rules.some(({ from, to }) => isAt(from, steps) || isAt(to, steps))) return
    if (!isSameType(a, b)) {
      const message = `is ${typeText(a)} in ${own.version} and ${typeText(b)} in ${stored.version}: no conversion leads from one to the other`
      found.push({ steps, message })
      return
    }
    for (const [key, inner] of Object.entries(a.properties ?? {})) {
      const other = b.properties && Object.hasOwn(b.properties, key) ? b.properties[key] : undefined
      if (other !== undefined) visit(inner, other, [...steps, key])
    }
    if (a.items !== undefined && b.items !== undefined) visit(a.items, b.items, [...steps, EACH])
  }
  visit(own.schema, stored.schema, [])
  return found
}

function isAt(place: Steps | undefined, steps: Steps): boolean {
  return place !== undefined && place.length === steps.length && overlap(place, steps)
}

/** Fields that `target` requires and that nothing of `source` becomes. */
export function requiredMisfits(
  source: Side,
  target: Side,
  rules: readonly Rule[],
  direction: Direction,
): readonly Misfit[] {
  const sink = direction === 'forward' ? 'to' : 'from'
  const places = rules.map((rule) => rule[sink]).filter((one) => one !== undefined)
  const taken = rules
    .map((rule) => rule[direction === 'forward' ? 'from' : 'to'])
    .filter((one) => one !== undefined)
  const comes = (steps: Steps) =>
    (schemaAt(source.schema, steps) !== undefined && !taken.some((one) => isAt(one, steps))) ||
    places.some((one) => overlap(one, steps))
  const found: Misfit[] = []
  const visit = (schema: JsonSchema, steps: Steps) => {
    for (const key of schema.required ?? []) {
      const inner = schema.properties?.[key]
      if (inner === undefined || inner.default !== undefined || comes([...steps, key])) continue
      const text = stepsText([...steps, key])
      const message = `${text} is required in ${target.version}, and nothing of ${source.version} becomes it: declare set`
      found.push({ steps, message })
    }
    for (const [key, inner] of Object.entries(schema.properties ?? {}))
      if (comes([...steps, key])) visit(inner, [...steps, key])
    if (schema.items !== undefined) visit(schema.items, [...steps, EACH])
  }
  visit(target.schema, [])
  return found
}

/** Defaults of `source` that `target` would refuse. */
export function defaultMisfits(
  source: Side,
  target: Side,
  rules: readonly Rule[],
  direction: Direction,
): readonly Misfit[] {
  const defaults = defaultsOf(source.schema, [])
  if (defaults.length === 0) return []
  const validate = compileValidator(withoutRequired(target.schema))
  return defaults.flatMap(({ steps, value }) => {
    const content = nested(steps, value) as Record<string, unknown>
    const converted = pruned(transform(content, rules, direction), { ...target.schema, type: 'object' })
    const object = { apiVersion: '', kind: '', metadata: {}, ...(converted as object) }
    if (validate(object)) return []
    const [issue] = schemaIssues(validate.errors ?? [], object, target.schema)
    const message = `the default ${quote(value)} of ${stepsText(steps)} in ${source.version} is wrong in ${target.version}: ${issue?.message ?? 'it does not fit'}`
    return [{ steps, message }]
  })
}

function defaultsOf(
  schema: JsonSchema,
  steps: Steps,
): readonly { readonly steps: Steps; readonly value: unknown }[] {
  const below = [
    ...Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => defaultsOf(inner, [...steps, key])),
    ...(schema.items === undefined ? [] : defaultsOf(schema.items, [...steps, EACH])),
  ]
  return schema.default === undefined ? below : [{ steps, value: schema.default }, ...below]
}

/** The least content that has `value` at `steps`. */
function nested(steps: Steps, value: unknown): unknown {
  const [step, ...rest] = steps
  if (step === undefined) return value
  const inner = nested(rest, value)
  if (step === EACH) return [inner]
  const members: Record<string, unknown> = {}
  setMember(members, step, inner)
  return members
}

function withoutRequired(schema: JsonSchema): JsonSchema {
  const { required: _, properties, items, additionalProperties, ...rest } = schema
  return {
    ...rest,
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([key, inner]) => [key, withoutRequired(inner)]),
      ),
    }),
    ...(items && { items: withoutRequired(items) }),
    ...(additionalProperties !== undefined && {
      additionalProperties:
        typeof additionalProperties === 'object'
          ? withoutRequired(additionalProperties)
          : additionalProperties,
    }),
  }
}

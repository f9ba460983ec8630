/**
 * How the objects of one version differ from those of the version that is stored, as a CustomResourceDefinition declares it:
 * data, each rule readable in both directions. `from` is a place in the version, `to` one in the stored version.
 */
import type { JsonSchema } from '../schema.ts'
import { type Steps, schemaAt } from './paths.ts'

interface FromTo {
  readonly from: string
  readonly to: string
}

/** Exactly one member is there: `ruleIssues` sees to that. */
export interface DeclaredRule {
  /** A field that has another name or another place. */
  readonly move?: FromTo
  /** A field whose values have other names; it may have another place, too. */
  readonly values?: FromTo & { readonly map: Readonly<Record<string, unknown>> }
  /** One value in the version, a list in the stored one. */
  readonly wrap?: FromTo
  /** A list in the version, one value in the stored one. */
  readonly unwrap?: FromTo
  /** What only one of both has, and must have: `from` where that is the version, `to` where it is the stored one. */
  readonly set?: { readonly from?: string; readonly to?: string; readonly value: unknown }
}

export interface DeclaredConversion {
  readonly version: string
  readonly rules: readonly DeclaredRule[]
}

export const RULE_NAMES = ['move', 'values', 'wrap', 'unwrap', 'set'] as const

/** What becomes of a value on the way; undefined for none, both ways. */
type Translate = (value: unknown) => unknown

export interface Rule {
  /** In the version; undefined where it has no such field. */
  readonly from: Steps | undefined
  /** In the stored version; undefined where it has no such field. */
  readonly to: Steps | undefined
  readonly forward: Translate
  readonly backward: Translate
}

/** One or both paths of a rule, as declared. */
export interface RulePaths {
  readonly from?: string
  readonly to?: string
}

/** The member of `rule` that says what it is, and what it says. */
export function ruleKind(rule: DeclaredRule): (typeof RULE_NAMES)[number] | undefined {
  const found = RULE_NAMES.filter((name) => rule[name] !== undefined)
  return found.length === 1 ? found[0] : undefined
}

/** For rules that were found right. `schema` is that of the version: keys of a map of values are text, the values need not be. */
export function compileRule(
  declared: DeclaredRule,
  paths: { readonly from?: Steps; readonly to?: Steps },
  schema: JsonSchema,
): Rule {
  const places = { from: paths.from, to: paths.to }
  const { values, wrap, unwrap, set } = declared
  if (values !== undefined) {
    const type = paths.from && schemaAt(schema, paths.from)?.type
    return { ...places, ...mapping(Object.entries(values.map).map(([key, to]) => [keyValue(key, type), to])) }
  }
  if (wrap !== undefined) return { ...places, forward: listOf, backward: firstOf }
  if (unwrap !== undefined) return { ...places, forward: firstOf, backward: listOf }
  if (set !== undefined) {
    const given = () => set.value
    return set.to === undefined
      ? { ...places, forward: nothing, backward: given }
      : { ...places, forward: given, backward: nothing }
  }
  return { ...places, forward: same, backward: same }
}

/** A key of a map of values as the value that it stands for. */
export function keyValue(key: string, type: JsonSchema['type']): unknown {
  if (type === 'boolean' && (key === 'true' || key === 'false')) return key === 'true'
  if ((type === 'integer' || type === 'number') && key.trim() !== '' && Number.isFinite(Number(key)))
    return Number(key)
  return key
}

/** Forward, what has no counterpart stays as it is, for validation to name it; backward, it is left out and kept aside. */
function mapping(pairs: readonly (readonly [unknown, unknown])[]): Pick<Rule, 'forward' | 'backward'> {
  const forward = new Map(pairs)
  const backward = new Map(pairs.map(([from, to]) => [to, from]))
  return {
    forward: (value) => (forward.has(value) ? forward.get(value) : value),
    backward: (value) => (value === null ? null : backward.get(value)),
  }
}

function same(value: unknown): unknown {
  return value
}

function nothing(): undefined {
  return undefined
}

function listOf(value: unknown): unknown {
  return value === undefined || value === null ? value : [value]
}

function firstOf(value: unknown): unknown {
  return Array.isArray(value) ? value[0] : value
}

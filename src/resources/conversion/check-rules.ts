/** Whether declared rules can work: their paths exist, their values fit, no two of them meet. Pure. */
import type { Path } from '../../core/json.ts'
import { nearest } from '../../core/nearest.ts'
import { typeText } from '../explain.ts'
import type { FieldIssue } from '../kinds.ts'
import type { JsonSchema } from '../schema.ts'
import { quote } from '../validation/words.ts'
import { EACH, listPart, overlap, parseSteps, type Steps, schemaAt, stepsText } from './paths.ts'
import {
  compileRule,
  type DeclaredRule,
  keyValue,
  RULE_NAMES,
  type Rule,
  type RulePaths,
  ruleKind,
} from './rules.ts'

/** One of the two versions that rules lie between. */
export interface Side {
  readonly version: string
  readonly schema: JsonSchema
}

export interface CheckedRules {
  /** Those that are right. */
  readonly rules: readonly Rule[]
  readonly issues: readonly FieldIssue[]
}

interface Work {
  /** The version that the rules are of. */
  readonly own: Side
  readonly stored: Side
  readonly issues: FieldIssue[]
}

/** @param path where the rules stand */
export function checkRules(
  declared: readonly DeclaredRule[],
  own: Side,
  stored: Side,
  path: Path,
): CheckedRules {
  const work: Work = { own, stored, issues: [] }
  const rules: { readonly rule: Rule; readonly path: Path }[] = []
  for (const [index, one] of declared.entries()) {
    const place = [...path, index]
    const rule = readRule(one, place, work)
    if (rule !== undefined) rules.push({ rule, path: place })
  }
  for (const [index, one] of rules.entries()) {
    for (const earlier of rules.slice(0, index)) meeting(one, earlier, work)
    crossing(one, rules, work)
  }
  return { rules: rules.map(({ rule }) => rule), issues: work.issues }
}

function readRule(declared: DeclaredRule, path: Path, work: Work): Rule | undefined {
  const kind = ruleKind(declared)
  if (kind === undefined) {
    work.issues.push({ path, message: `must have exactly one of ${RULE_NAMES.join(', ')}` })
    return undefined
  }
  const said = declared[kind] as RulePaths
  const place = [...path, kind]
  if (kind === 'set' && (said.from === undefined) === (said.to === undefined)) {
    const message = `must have either from, a field of ${work.own.version}, or to, one of ${work.stored.version}`
    work.issues.push({ path: place, message })
    return undefined
  }
  const before = work.issues.length
  const from = readPath(said.from, [...place, 'from'], work.own, work)
  const to = readPath(said.to, [...place, 'to'], work.stored, work)
  if (work.issues.length > before) return undefined
  fits(kind, declared, { from, to }, place, work)
  if (work.issues.length > before) return undefined
  return compileRule(declared, { ...(from && { from }), ...(to && { to }) }, work.own.schema)
}

function readPath(text: string | undefined, path: Path, side: Side, { issues }: Work): Steps | undefined {
  if (text === undefined) return undefined
  const issue = (message: string, suggestion?: string) =>
    issues.push({ path, message, value: text, ...(suggestion === undefined ? {} : { suggestion }) })
  const steps = parseSteps(text)
  if (steps === undefined) {
    issue(`must be a path such as .spec.replicas or .spec.ports[*].name, not ${quote(text)}`)
    return undefined
  }
  if (['apiVersion', 'kind', 'metadata'].includes(steps[0]!)) {
    issue('apiVersion, kind and metadata are not converted by rules')
    return undefined
  }
  if (schemaAt(side.schema, steps) !== undefined) return steps
  const depth = steps.findIndex((_, at) => schemaAt(side.schema, steps.slice(0, at + 1)) === undefined)
  const siblings = Object.keys(schemaAt(side.schema, steps.slice(0, depth))?.properties ?? {})
  const [near] = nearest(steps[depth]!, siblings, 1)
  issue(
    `${side.version} has no ${text}`,
    near === undefined ? undefined : stepsText([...steps.slice(0, depth), near, ...steps.slice(depth + 1)]),
  )
  return undefined
}

type Places = { readonly from: Steps | undefined; readonly to: Steps | undefined }

function fits(
  kind: (typeof RULE_NAMES)[number],
  declared: DeclaredRule,
  { from, to }: Places,
  path: Path,
  work: Work,
): void {
  const { own, stored, issues } = work
  const left = from && schemaAt(own.schema, from)
  const right = to && schemaAt(stored.schema, to)
  if (kind === 'set') {
    fitsSet(declared, { from, to }, path, work)
    return
  }
  if (from === undefined || to === undefined || left === undefined || right === undefined) return
  if (stepsText(listPart(from)) !== stepsText(listPart(to))) {
    const message = `leads from ${stepsText(from)} to ${stepsText(to)}: both must be in the same list, or in none`
    issues.push({ path, message })
    return
  }
  if (kind === 'values') {
    fitsValues(declared, { left, right }, path, work)
    return
  }
  const [a, b] =
    kind === 'wrap' ? [left, itemsOf(right)] : kind === 'unwrap' ? [itemsOf(left), right] : [left, right]
  if (a !== undefined && b !== undefined && isSameType(a, b)) return
  const said = `${stepsText(from)} of ${own.version} is ${typeText(left)} and ${stepsText(to)} of ${stored.version} is ${typeText(right)}`
  const wanted = {
    move: 'both must be of one type',
    wrap: 'the latter must be a list of the former',
    unwrap: 'the former must be a list of the latter',
  }[kind]
  issues.push({ path, message: `${said}: ${wanted}` })
}

function itemsOf(schema: JsonSchema): JsonSchema | undefined {
  return schema.type === 'array' ? schema.items : undefined
}

/** True also where one of both leaves its type open. */
export function isSameType(a: JsonSchema, b: JsonSchema): boolean {
  if (a['x-kubernetes-int-or-string'] === true || b['x-kubernetes-int-or-string'] === true)
    return a['x-kubernetes-int-or-string'] === b['x-kubernetes-int-or-string']
  return a.type === undefined || b.type === undefined || a.type === b.type
}

/** What is set in a version must always be there in it, so that an object without it need not come back as it was. */
function fitsSet({ set }: DeclaredRule, { from, to }: Places, path: Path, work: Work): void {
  const { schema, version } = from === undefined ? work.stored : work.own
  const steps = from ?? to ?? []
  const last = steps.at(-1)!
  const isRequired = schemaAt(schema, steps.slice(0, -1))?.required?.includes(last) === true
  if (isRequired || schemaAt(schema, steps)?.default !== undefined) {
    if (work.issues.length === 0 && !takes(schemaAt(schema, steps)!, set?.value))
      work.issues.push({
        path: [...path, 'value'],
        message: `${quote(set?.value)} is no value of ${stepsText(steps)} in ${version}`,
        value: set?.value,
      })
    return
  }
  work.issues.push({
    path,
    message: `${stepsText(steps)} is neither required nor has a default in ${version}: leave it out, then it stays as it is`,
  })
}

/** By type and enumeration; what else a schema says is checked with the whole object. */
function takes(schema: JsonSchema, value: unknown): boolean {
  if (schema.enum !== undefined) return schema.enum.some((one) => one === value)
  switch (schema.type) {
    case 'string':
    case 'boolean':
    case 'number':
      return typeof value === schema.type
    case 'integer':
      return Number.isInteger(value)
    case 'array':
      return Array.isArray(value)
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value)
    default:
      return true
  }
}

/** Every value of the version has one counterpart, and no two have the same. */
function fitsValues(
  { values }: DeclaredRule,
  { left, right }: { readonly left: JsonSchema; readonly right: JsonSchema },
  path: Path,
  { own, stored, issues }: Work,
): void {
  const map = values?.map ?? {}
  const choices = left.type === 'boolean' ? [true, false] : left.enum
  if (choices === undefined) {
    const message = `${values?.from} of ${own.version} must be an enum or a boolean, so that every value has a counterpart`
    issues.push({ path: [...path, 'from'], message, value: values?.from })
    return
  }
  const taken = new Map<unknown, string>()
  for (const [key, value] of Object.entries(map)) {
    const place = [...path, 'map', key]
    const twin = taken.get(value)
    if (!choices.includes(keyValue(key, left.type) as string))
      issues.push({ path: place, message: `${quote(key)} is no value of ${values?.from} in ${own.version}` })
    else if (!takes(right, value))
      issues.push({
        path: place,
        message: `${quote(value)} is no value of ${values?.to} in ${stored.version}`,
        value,
      })
    else if (twin !== undefined)
      issues.push({ path: place, message: `${quote(value)} is what ${quote(twin)} becomes already`, value })
    taken.set(value, key)
  }
  const missing = choices.filter((choice) => !Object.hasOwn(map, String(choice)))
  if (missing.length > 0)
    issues.push({
      path: [...path, 'map'],
      message: `says nothing of ${missing.map(quote).join(', ')} of ${own.version}`,
    })
}

interface Placed {
  readonly rule: Rule
  readonly path: Path
}

/** Two rules that take, or fill, the same place. */
function meeting({ rule, path }: Placed, earlier: Placed, { own, stored, issues }: Work): void {
  for (const [side, version] of [
    ['from', own.version],
    ['to', stored.version],
  ] as const) {
    const [a, b] = [rule[side], earlier.rule[side]]
    if (a === undefined || b === undefined || !overlap(a, b)) continue
    const number = Number(earlier.path.at(-1)) + 1
    issues.push({
      path,
      message: `${stepsText(a)} of ${version} overlaps with ${stepsText(b)} of rule ${number}`,
    })
  }
}

/** A place that a rule fills, and that a field of the same name leads to as well because no rule takes it elsewhere. */
function crossing({ rule, path }: Placed, rules: readonly Placed[], { own, stored, issues }: Work): void {
  for (const [side, other, here, there] of [
    ['to', 'from', own, stored],
    ['from', 'to', stored, own],
  ] as const) {
    const place = rule[side]
    if (place === undefined || schemaAt(here.schema, place) === undefined) continue
    if (rules.some((one) => one.rule[other] !== undefined && overlap(one.rule[other], place))) continue
    const text = stepsText(place)
    issues.push({
      path,
      message: `${here.version} has a ${text} too, which leads to the same ${text} of ${there.version}: declare where it goes`,
    })
  }
}

/** The text of an item's step is not needed to name a property. */
export function propertyPath(steps: Steps): Path {
  return steps.flatMap((step) => (step === EACH ? ['items'] : ['properties', step]))
}

/** Rules at work on what an object says (all of it but apiVersion, kind and metadata). Pure. */
import { clone, isObject, setMember } from '../../core/json.ts'
import type { JsonSchema } from '../schema.ts'
import { isClosed } from '../validation/json-schema.ts'
import { EACH, type Steps } from './paths.ts'
import type { Rule } from './rules.ts'

type Members = Record<string, unknown>

/** Which way rules are read: `forward` to the stored version, `backward` from it. */
export type Direction = 'forward' | 'backward'

/** All rules at once: what one of them writes, another does not take for its own, so that two fields may swap their places. */
export function transform(content: Members, rules: readonly Rule[], direction: Direction): Members {
  const result = clone(content)
  run(result, rules, direction)
  return result
}

/** Changes `target`. */
function run(target: Members, rules: readonly Rule[], direction: Direction): void {
  const [source, sink] = direction === 'forward' ? (['from', 'to'] as const) : (['to', 'from'] as const)
  const inItems = new Map<string, { readonly list: Steps; readonly rules: Rule[] }>()
  const found: { readonly rule: Rule; readonly value: unknown }[] = []
  for (const rule of rules) {
    const at = (rule.from ?? rule.to ?? []).indexOf(EACH)
    if (at < 0) {
      const place = rule[source]
      found.push({ rule, value: place === undefined ? undefined : takeOut(target, place) })
      continue
    }
    const list = (rule.from ?? rule.to ?? []).slice(0, at)
    const group = inItems.get(list.join('.')) ?? { list, rules: [] }
    group.rules.push({ ...rule, from: rule.from?.slice(at + 1), to: rule.to?.slice(at + 1) })
    inItems.set(list.join('.'), group)
  }
  for (const { rule, value } of found) {
    const place = rule[sink]
    const next = rule[direction](value)
    if (place !== undefined && next !== undefined)
      putIn(target, place, clone(next), rule[source] !== undefined)
  }
  for (const { list, rules: inner } of inItems.values()) {
    const items = memberAt(target, list)
    if (Array.isArray(items)) for (const item of items) if (isObject(item)) run(item, inner, direction)
  }
}

function memberAt(target: Members, steps: Steps): unknown {
  let current: unknown = target
  for (const step of steps) {
    if (!isObject(current) || !Object.hasOwn(current, step)) return undefined
    current = current[step]
  }
  return current
}

/** What it empties goes with it, but for the topmost: an object without a spec would be another one. */
function takeOut(target: Members, steps: Steps): unknown {
  const parent = memberAt(target, steps.slice(0, -1))
  const last = steps.at(-1)!
  if (!isObject(parent) || !Object.hasOwn(parent, last)) return undefined
  const value = parent[last]
  delete parent[last]
  for (let depth = steps.length - 1; depth > 1; depth--) {
    const emptied = memberAt(target, steps.slice(0, depth))
    if (!isObject(emptied) || Object.keys(emptied).length > 0) break
    delete (memberAt(target, steps.slice(0, depth - 1)) as Members)[steps[depth - 1]!]
  }
  return value
}

/** @param making whether objects on the way are made where they are not there */
function putIn(target: Members, steps: Steps, value: unknown, making: boolean): void {
  let current = target
  for (const step of steps.slice(0, -1)) {
    const inner = Object.hasOwn(current, step) ? current[step] : undefined
    if (isObject(inner)) current = inner
    else if (making && (inner === undefined || inner === null)) {
      const made: Members = {}
      setMember(current, step, made)
      current = made
    } else return
  }
  setMember(current, steps.at(-1)!, value)
}

/** `value` without members that `schema` does not know, as Kubernetes prunes them, and with the others in its order. */
export function pruned(value: unknown, schema: JsonSchema | undefined): unknown {
  if (schema === undefined) return value
  if (Array.isArray(value)) return value.map((item) => pruned(item, schema.items))
  if (!isObject(value)) return value
  const isOpen = !isClosed(schema)
  const inMap = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined
  const { properties = {} } = schema
  const kept: Members = {}
  for (const key of Object.keys(properties))
    if (Object.hasOwn(value, key)) setMember(kept, key, pruned(value[key], properties[key]))
  for (const key of isOpen ? Object.keys(value) : [])
    if (!Object.hasOwn(properties, key)) setMember(kept, key, pruned(value[key], inMap))
  return kept
}

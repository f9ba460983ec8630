/**
 * What a version cannot say of an object, kept beside what it can: the difference between the object and what the rules alone
 * would make of it on the way back. So every round trip ends where it began, whatever the rules are. Pure.
 */
import { deepEqual, isObject, setMember } from '../../core/json.ts'
import { identified, listIdentity, memberSchema } from '../lists.ts'
import type { JsonSchema } from '../schema.ts'

/** A member of an object, or the item of a list with these keys. */
type Step = string | { readonly item: string }

/** One place. `shown` is what the rules make there, `value` what stands there; absent where there is nothing. */
export interface Remainder {
  readonly path: readonly Step[]
  readonly shown?: unknown
  readonly value?: unknown
}

/** Everything in which `original` differs from `shown`, what the rules make of its conversion. */
export function remainders(
  original: unknown,
  shown: unknown,
  schema: JsonSchema | undefined,
): readonly Remainder[] {
  const found: Remainder[] = []
  collect(original, shown, schema, [], found)
  return found
}

function collect(
  original: unknown,
  shown: unknown,
  schema: JsonSchema | undefined,
  path: readonly Step[],
  found: Remainder[],
): void {
  if (deepEqual(original, shown)) return
  if (isObject(original) && isObject(shown)) {
    for (const key of new Set([...Object.keys(original), ...Object.keys(shown)]))
      collect(own(original, key), own(shown, key), memberSchema(schema, key), [...path, key], found)
    return
  }
  const items = Array.isArray(original) && Array.isArray(shown) && pairs(original, shown, schema)
  if (items) {
    for (const [item, [a, b]] of items) collect(a, b, schema?.items, [...path, { item }], found)
    return
  }
  found.push({
    path,
    ...(shown === undefined ? {} : { shown }),
    ...(original === undefined ? {} : { value: original }),
  })
}

/** Items by their keys; undefined where both lists do not have the same ones in the same order, or where they have no keys. */
function pairs(
  a: readonly unknown[],
  b: readonly unknown[],
  schema: JsonSchema | undefined,
): ReadonlyMap<string, readonly [unknown, unknown]> | undefined {
  const identify = listIdentity(schema)
  const [left, right] = identify ? [identified(a, identify), identified(b, identify)] : []
  if (left === undefined || right === undefined) return undefined
  if (!deepEqual([...left.keys()], [...right.keys()])) return undefined
  return new Map([...left].map(([item, value]) => [item, [value, right.get(item)]]))
}

/**
 * `converted` with what was kept. Where something else stands by now than was shown, somebody has changed it since, and that
 * counts.
 */
export function restored(
  converted: Record<string, unknown>,
  kept: readonly Remainder[],
  schema: JsonSchema,
): Record<string, unknown> {
  return kept.reduce<unknown>(
    (value, remainder) => put(value, remainder, schema, remainder.path),
    converted,
  ) as Record<string, unknown>
}

function put(
  value: unknown,
  remainder: Remainder,
  schema: JsonSchema | undefined,
  path: readonly Step[],
): unknown {
  const [step, ...rest] = path
  if (step === undefined) return deepEqual(value, remainder.shown) ? remainder.value : value
  if (typeof step === 'string') {
    if (!isObject(value)) return value
    const next = put(own(value, step), remainder, memberSchema(schema, step), rest)
    const copy = { ...value }
    if (next === undefined) delete copy[step]
    else setMember(copy, step, next)
    return copy
  }
  const identify = listIdentity(schema)
  if (!Array.isArray(value) || identify === undefined) return value
  return value.map((item) =>
    identify(item) === step.item ? put(item, remainder, schema?.items, rest) : item,
  )
}

function own(members: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(members, key) ? members[key] : undefined
}

export function remaindersText(kept: readonly Remainder[]): string {
  return JSON.stringify(kept)
}

/** Undefined for what `remaindersText` did not write. */
export function parseRemainders(text: unknown): readonly Remainder[] | undefined {
  if (typeof text !== 'string') return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  return Array.isArray(value) && value.every(isRemainder) ? value : undefined
}

function isRemainder(value: unknown): value is Remainder {
  return isObject(value) && Array.isArray(value.path) && value.path.length > 0 && value.path.every(isStep)
}

function isStep(step: unknown): boolean {
  return typeof step === 'string' || (isObject(step) && typeof step.item === 'string')
}

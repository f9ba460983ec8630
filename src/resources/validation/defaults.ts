/** Fills in a schema's defaults. Compiled once per kind, so that what has no defaults below it costs nothing. */
import { clone, isObject, setMember } from '../../core/json.ts'
import type { JsonSchema } from '../schema.ts'
import { enterPiece, type FilledNotes, filledPiece, leave } from './filled.ts'

/**
 * The value with what is absent filled in, and a note of each; the value itself where nothing is. Copies only along what it
 * fills in.
 */
export type DefaultsFiller = (value: unknown, notes?: FilledNotes) => unknown

/** Undefined where nothing in the schema has a default. As in Kubernetes, an explicit null stays null. */
export function compileDefaults(schema: JsonSchema): DefaultsFiller | undefined {
  const { items, additionalProperties } = schema
  if (items) return fillItems(compileDefaults(items))
  if (schema.properties) return fillMembers(schema.properties)
  if (typeof additionalProperties === 'object') return fillValues(compileDefaults(additionalProperties))
  return undefined
}

interface Step {
  readonly key: string
  /** Pieces of the notes. */
  readonly filled: string
  readonly enter: string
  /** Shared by all objects that it is filled into, and therefore frozen. */
  readonly initial: unknown
  readonly fill: DefaultsFiller | undefined
}

function fillMembers(properties: Readonly<Record<string, JsonSchema>>): DefaultsFiller | undefined {
  const steps = Object.entries(properties)
    .map(([key, schema]) => stepOf(key, schema))
    .filter(({ initial, fill }) => initial !== undefined || fill !== undefined)
  if (steps.length === 0) return undefined
  return (value, notes) => {
    if (!isObject(value)) return value
    let filled: Record<string, unknown> | undefined
    // by index: this runs a thousand times before it is compiled, and until then iterators cost more than the work
    for (let at = 0; at < steps.length; at++) {
      const step = steps[at]!
      const { key, initial, fill } = step
      const member = value[key]
      if (member === undefined) {
        if (initial === undefined) continue
        notes?.push(step.filled)
        filled ??= { ...value }
        filled[key] = initial
      } else if (fill !== undefined) {
        const next = fillInside(member, fill, step.enter, notes)
        if (next === member) continue
        filled ??= { ...value }
        filled[key] = next
      }
    }
    return filled ?? value
  }
}

function stepOf(key: string, schema: JsonSchema): Step {
  const fill = compileDefaults(schema)
  const initial: unknown = schema.default === undefined ? undefined : clone(schema.default)
  const whole = freeze(fill === undefined ? initial : fill(initial))
  return { key, filled: filledPiece(key), enter: enterPiece(key), initial: whole, fill }
}

function fillInside(
  member: unknown,
  fill: DefaultsFiller,
  enter: string,
  notes: FilledNotes | undefined,
): unknown {
  if (notes === undefined) return fill(member)
  const at = notes.length
  notes.push(enter)
  const next = fill(member, notes)
  leave(notes, at)
  return next
}

function fillItems(fill: DefaultsFiller | undefined): DefaultsFiller | undefined {
  if (fill === undefined) return undefined
  return (value, notes) => {
    if (!Array.isArray(value)) return value
    let filled: unknown[] | undefined
    for (let index = 0; index < value.length; index++) {
      const next = fillInside(value[index], fill, enterPiece(index), notes)
      if (next === value[index]) continue
      filled ??= [...value]
      filled[index] = next
    }
    return filled ?? value
  }
}

function fillValues(fill: DefaultsFiller | undefined): DefaultsFiller | undefined {
  if (fill === undefined) return undefined
  return (value, notes) => {
    if (!isObject(value)) return value
    let filled: Record<string, unknown> | undefined
    for (const key in value) {
      const next = fillInside(value[key], fill, enterPiece(key), notes)
      if (next === value[key]) continue
      filled ??= { ...value }
      setMember(filled, key, next)
    }
    return filled ?? value
  }
}

function freeze(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  for (const member of Object.values(value)) freeze(member)
  return Object.freeze(value)
}

/** What `nsctl wait --for` can wait for, read from its text. Pure. */
import { NsctlError } from '../core/errors.ts'
import { compilePath, valueText } from '../resources/jsonpath.ts'
import type { AnyResource } from '../resources/object.ts'
import { mapsAt } from '../views/fields.ts'

/** Judges one object, which is undefined where there is none. */
export interface Goal {
  /** As typed, for messages. */
  readonly text: string
  readonly kind: 'condition' | 'jsonpath' | 'delete' | 'create'
  isMet(object: AnyResource | undefined): boolean
  /** What was there instead: `condition Ready is False: 1 of 2 instances ready`. */
  seen(object: AnyResource | undefined): string
  /** `condition met`, `deleted`, `created`. */
  readonly verdict: string
}

/** Reads --for. Usage where it is none of the four forms. */
export function parseGoal(text: string): Goal {
  if (text === 'delete') return deletion
  if (text === 'create') return creation
  const condition = /^condition=([^=]+)(?:=(.+))?$/.exec(text)
  if (condition?.[1] !== undefined) return conditionGoal(text, condition[1], condition[2] ?? 'True')
  const jsonpath = /^jsonpath=(.+)$/s.exec(text)
  if (jsonpath?.[1] !== undefined) return jsonPathGoal(text, jsonpath[1])
  throw new NsctlError('Usage', `not something to wait for: ${JSON.stringify(text)}`, {
    value: text,
    next: "write --for=condition=Ready, --for=condition=Ready=False, --for=jsonpath='{.status.ready}'=2/2, --for=delete or --for=create",
  })
}

const deletion: Goal = {
  text: 'delete',
  kind: 'delete',
  verdict: 'deleted',
  isMet: (object) => object === undefined,
  seen: (object) =>
    object?.metadata.deletionTimestamp === undefined
      ? 'it is still there and nobody asked for its deletion'
      : `it is being deleted and waits for ${(object.metadata.finalizers ?? []).join(', ') || 'nothing'}`,
}

const creation: Goal = {
  text: 'create',
  kind: 'create',
  verdict: 'created',
  isMet: (object) => object !== undefined,
  seen: () => 'it is not there',
}

function conditionGoal(text: string, type: string, status: string): Goal {
  const find = (object: AnyResource | undefined) =>
    mapsAt(object, 'status.conditions').find(
      (condition) => String(condition.type).toLowerCase() === type.toLowerCase(),
    )
  return {
    text,
    kind: 'condition',
    verdict: 'condition met',
    isMet(object) {
      const condition = find(object)
      if (condition === undefined || isOutdated(condition, object)) return false
      return String(condition.status).toLowerCase() === status.toLowerCase()
    },
    seen(object) {
      if (object === undefined) return 'it is not there'
      const condition = find(object)
      if (condition === undefined) return `it has no condition ${type}`
      const because = condition.message ?? condition.reason
      const outdated = isOutdated(condition, object) ? ' (of an earlier generation)' : ''
      return `condition ${type} is ${condition.status}${outdated}${because === undefined ? '' : `: ${because}`}`
    },
  }
}

/** A condition that was judged by an earlier generation says nothing of what is wanted now. */
function isOutdated(condition: Record<string, unknown>, object: AnyResource | undefined): boolean {
  const observed = condition.observedGeneration ?? object?.status?.observedGeneration
  return typeof observed === 'number' && observed < (object?.metadata.generation ?? 0)
}

/** `{.status.ready}=2/2`; without a value, that there is one. */
function jsonPathGoal(text: string, argument: string): Goal {
  const [path, wanted] = splitGoal(argument)
  const field = compilePath(path)
  const find = (object: AnyResource | undefined) => (object === undefined ? [] : field.find(object))
  return {
    text,
    kind: 'jsonpath',
    verdict: 'condition met',
    isMet(object) {
      const found = find(object)
      if (wanted === undefined) return found.length > 0
      return found.length === 1 && valueText(found[0]) === wanted
    },
    seen(object) {
      if (object === undefined) return 'it is not there'
      const found = find(object)
      if (found.length === 0) return `${path} is not there`
      return `${path} is ${found.map(valueText).join(' ')}`
    },
  }
}

/** The value begins behind the first = outside the braces: filters hold = too. */
function splitGoal(argument: string): readonly [string, string | undefined] {
  const end = argument.startsWith('{') ? argument.lastIndexOf('}') + 1 : argument.indexOf('=')
  if (end <= 0) return [argument, undefined]
  const rest = argument.slice(end)
  if (rest === '') return [argument, undefined]
  if (!rest.startsWith('='))
    throw new NsctlError('Usage', `not a JSONPath and a value: ${JSON.stringify(argument)}`, {
      value: argument,
      next: "write --for=jsonpath='{.status.ready}'=2/2",
    })
  return [argument.slice(0, end), rest.slice(1)]
}

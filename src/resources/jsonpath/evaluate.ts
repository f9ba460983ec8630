/** Finds what a path says in a value. Missing fields are no error: they find nothing. */
import { NsctlError } from '../../core/errors.ts'
import { deepEqual, isObject } from '../../core/json.ts'
import type { Condition, Operand, PathExpression, Step } from './syntax.ts'

/** Each `..` multiplies what is found; a few in a row would fill the memory. */
const MAX_VALUES = 1_000_000

/** @param root what `$` means; `current` is what a path starts from */
export function findValues(path: PathExpression, current: unknown, root: unknown): readonly unknown[] {
  let values: readonly unknown[] = [path.fromRoot ? root : current]
  for (const step of path.steps) {
    const found: unknown[] = []
    for (const value of values) {
      follow(step, value, root, found)
      if (found.length > MAX_VALUES)
        throw new NsctlError('Usage', `the JSONPath finds more than ${MAX_VALUES} values`, {
          next: 'use .. only once in a path',
        })
    }
    values = found
  }
  return values
}

function follow(step: Step, value: unknown, root: unknown, found: unknown[]): void {
  switch (step.kind) {
    case 'field':
      if (isObject(value) && Object.hasOwn(value, step.name) && value[step.name] !== undefined)
        found.push(value[step.name])
      return
    case 'wildcard':
      for (const child of childrenOf(value)) found.push(child)
      return
    case 'descend':
      descend(value, found)
      return
    case 'index': {
      if (!Array.isArray(value)) return
      const index = step.index < 0 ? value.length + step.index : step.index
      if (index >= 0 && index < value.length) found.push(value[index])
      return
    }
    case 'slice':
      if (Array.isArray(value)) slice(step, value, found)
      return
    case 'union':
      for (const one of step.steps) follow(one, value, root, found)
      return
    case 'filter':
      for (const child of childrenOf(value)) if (holds(step.condition, child, root)) found.push(child)
  }
}

/** The value and all beneath it, parents first; a stack rather than recursion, however deep the value. */
function descend(value: unknown, found: unknown[]): void {
  const stack = [value]
  while (stack.length > 0) {
    const current = stack.pop()
    found.push(current)
    stack.push(...childrenOf(current).toReversed())
  }
}

function slice(step: Extract<Step, { kind: 'slice' }>, list: readonly unknown[], found: unknown[]): void {
  const place = (index: number) => Math.min(Math.max(index < 0 ? list.length + index : index, 0), list.length)
  const end = place(step.end ?? list.length)
  for (let i = place(step.start ?? 0); i < end; i += step.step) found.push(list[i])
}

function childrenOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  return isObject(value) ? Object.values(value) : []
}

function holds(condition: Condition, current: unknown, root: unknown): boolean {
  switch (condition.kind) {
    case 'and':
      return condition.conditions.every((one) => holds(one, current, root))
    case 'or':
      return condition.conditions.some((one) => holds(one, current, root))
    case 'exists':
      return operandValues(condition.operand, current, root).length > 0
    case 'compare': {
      const left = operandValues(condition.left, current, root)
      const right = operandValues(condition.right, current, root)
      // as in kubectl, an operand that finds nothing or several values compares to nothing
      return left.length === 1 && right.length === 1 && compare(condition.operator, left[0], right[0])
    }
  }
}

function operandValues(operand: Operand, current: unknown, root: unknown): readonly unknown[] {
  return operand.kind === 'literal' ? [operand.value] : findValues(operand.path, current, root)
}

function compare(operator: string, left: unknown, right: unknown): boolean {
  if (operator === '==') return deepEqual(left, right)
  if (operator === '!=') return !deepEqual(left, right)
  const comparable =
    (typeof left === 'number' && typeof right === 'number') ||
    (typeof left === 'string' && typeof right === 'string')
  if (!comparable) return false
  if (operator === '<') return left < right
  if (operator === '<=') return left <= right
  return operator === '>' ? left > right : left >= right
}

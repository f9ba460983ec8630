/** What operators make of two values. */
import type { ExpressionValue } from './expression.ts'
import { describeValue, isList } from './functions.ts'
import type { BinaryOperator } from './node.ts'

interface Site {
  fail(what: string, side?: 'left' | 'right'): never
  spend(steps: number): void
}

type Strict = Exclude<BinaryOperator, '&&' | '||' | '??'>

/** Numbers are added, compared and so on with numbers, text with text. Whatever is no finite number fails. */
export function applyBinary(
  operator: Strict,
  left: ExpressionValue,
  right: ExpressionValue,
  site: Site,
): ExpressionValue {
  if (typeof left === 'number' && typeof right === 'number') return ofNumbers(operator, left, right, site)
  switch (operator) {
    case '==':
      return isEqual(left, right, site)
    case '!=':
      return !isEqual(left, right, site)
    case 'in':
      if (!isList(right)) return site.fail(`a list is needed, not ${describeValue(right)},`, 'right')
      site.spend(right.length)
      return right.some((item) => isSame(left, item, site))
  }
  if (typeof left === 'string' && typeof right === 'string') return ofTexts(operator, left, right, site)
  const wantsText = typeof left === 'string' || typeof right === 'string'
  const wrong = typeof left === (wantsText ? 'string' : 'number') ? 'right' : 'left'
  const value = wrong === 'left' ? left : right
  return site.fail(
    `${operator} needs ${wantsText ? 'text' : 'a number'}, not ${describeValue(value)},`,
    wrong,
  )
}

function ofNumbers(operator: Strict, left: number, right: number, site: Site): ExpressionValue {
  switch (operator) {
    case '==':
      return left === right
    case '!=':
      return left !== right
    case '<':
      return left < right
    case '>':
      return left > right
    case '<=':
      return left <= right
    case '>=':
      return left >= right
    case '+':
      return finite(left + right, site)
    case '-':
      return finite(left - right, site)
    case '*':
      return finite(left * right, site)
    case '**':
      return finite(left ** right, site)
    case '/':
      return right === 0 ? site.fail('division by zero') : finite(left / right, site)
    case '%':
      return right === 0 ? site.fail('division by zero') : left % right
    case '..':
      return range(left, right, site)
    case 'in':
      return site.fail('a list is needed, not a number,', 'right')
    default:
      return site.fail(`${operator} needs text, not a number,`, 'left')
  }
}

function ofTexts(operator: Strict, left: string, right: string, site: Site): ExpressionValue {
  site.spend((left.length + right.length) >> 6)
  switch (operator) {
    case '<':
      return left < right
    case '>':
      return left > right
    case '<=':
      return left <= right
    case '>=':
      return left >= right
    case '+':
      site.spend(left.length + right.length)
      return left + right
    case 'contains':
      return left.includes(right)
    case 'startsWith':
      return left.startsWith(right)
    case 'endsWith':
      return left.endsWith(right)
    default:
      return site.fail(`${operator} needs a number, not text,`, 'left')
  }
}

function finite(value: number, site: Site): number {
  return Number.isFinite(value) ? value : site.fail(`the result is ${value}, no number that counts,`)
}

/** Both ends included; empty where it would run down. */
function range(from: number, to: number, site: Site): readonly number[] {
  if (!Number.isSafeInteger(from)) return site.fail(`a whole number is needed, not ${from},`, 'left')
  if (!Number.isSafeInteger(to)) return site.fail(`a whole number is needed, not ${to},`, 'right')
  const length = Math.max(0, to - from + 1)
  site.spend(length)
  return Array.from({ length }, (_, i) => from + i)
}

/** Values of different types are no more unequal than they are equal: asking is a mistake, except about nil. */
function isEqual(left: ExpressionValue, right: ExpressionValue, site: Site): boolean {
  if (left === null || right === null) return left === right
  const sameType = typeof left === typeof right
  if (!sameType) return site.fail(`${describeValue(left)} cannot be compared with ${describeValue(right)}`)
  return isSame(left, right, site)
}

function isSame(left: ExpressionValue, right: ExpressionValue, site: Site): boolean {
  if (!isList(left) || !isList(right)) return left === right
  site.spend(left.length)
  return left.length === right.length && left.every((item, i) => isSame(item, right[i]!, site))
}

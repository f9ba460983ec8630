/** The functions of expressions: expr-lang's about numbers, lists and text, and the wall clock's. */

import type { WallTime } from '../timezone.ts'
import type { ExpressionValue, ResultType } from './expression.ts'

/** What a function may ask for while it is called. */
export interface Call {
  /** Throws, with the place of the call. */
  fail(what: string): never
  /** Counts against the budget of the evaluation. */
  spend(steps: number): void
  /** The predicate for one element; the element itself where the call has none. */
  test(element: ExpressionValue, index: number, accumulator?: ExpressionValue): ExpressionValue
  time(): WallTime
}

export interface Builtin {
  /** Parameters, the predicate counted among them (it is the second). */
  readonly least: number
  readonly most: number
  readonly predicate: 'none' | 'optional' | 'needed'
  readonly result: ResultType
  run(values: readonly ExpressionValue[], call: Call): ExpressionValue
}

type List = readonly ExpressionValue[]

/** Of numbers, given one by one or in lists. */
const MANY = Number.POSITIVE_INFINITY

export const BUILTINS: ReadonlyMap<string, Builtin> = new Map<string, Builtin>([
  ['abs', one('number', (value, call) => Math.abs(numberOf(value, call)))],
  ['ceil', one('number', (value, call) => Math.ceil(numberOf(value, call)))],
  ['floor', one('number', (value, call) => Math.floor(numberOf(value, call)))],
  ['round', one('number', (value, call) => awayFromZero(numberOf(value, call)))],
  ['int', one('number', (value, call) => Math.trunc(readNumber(value, call)))],
  ['float', one('number', readNumber)],
  ['string', one('string', (value, call) => (isList(value) ? textOf(value, call) : String(value ?? 'nil')))],
  ['max', many((numbers, call) => some(numbers, call).reduce((a, b) => Math.max(a, b)))],
  ['min', many((numbers, call) => some(numbers, call).reduce((a, b) => Math.min(a, b)))],
  ['mean', many((numbers, call) => total(some(numbers, call)) / numbers.length)],
  ['median', many((numbers, call) => middle(some(numbers, call)))],
  [
    'sum',
    over('optional', 'number', (list, call) =>
      total(list.map((item, i) => numberOf(call.test(item, i), call))),
    ),
  ],
  [
    'count',
    over('optional', 'number', (list, call) => list.filter((item, i) => holds(item, i, call)).length),
  ],
  ['all', over('needed', 'boolean', (list, call) => list.every((item, i) => holds(item, i, call)))],
  ['any', over('needed', 'boolean', (list, call) => list.some((item, i) => holds(item, i, call)))],
  ['none', over('needed', 'boolean', (list, call) => !list.some((item, i) => holds(item, i, call)))],
  [
    'one',
    over('needed', 'boolean', (list, call) => list.filter((item, i) => holds(item, i, call)).length === 1),
  ],
  ['filter', over('needed', 'list', (list, call) => list.filter((item, i) => holds(item, i, call)))],
  ['map', over('needed', 'list', (list, call) => list.map((item, i) => call.test(item, i)))],
  ['find', over('needed', 'any', (list, call) => list.find((item, i) => holds(item, i, call)) ?? null)],
  ['findIndex', over('needed', 'number', (list, call) => list.findIndex((item, i) => holds(item, i, call)))],
  ['reduce', { least: 2, most: 3, predicate: 'needed', result: 'any', run: reduce }],
  ['len', one('number', lengthOf)],
  ['first', one('any', (value, call) => listOf(value, call).at(0) ?? null)],
  ['last', one('any', (value, call) => listOf(value, call).at(-1) ?? null)],
  ['sort', { least: 1, most: 2, predicate: 'none', result: 'list', run: sort }],
  ['upper', one('string', (value, call) => textOf(value, call).toUpperCase())],
  ['lower', one('string', (value, call) => textOf(value, call).toLowerCase())],
  ['trim', one('string', (value, call) => textOf(value, call).trim())],
  ['hour', clock('number', (time) => time.hour)],
  ['minute', clock('number', (time) => time.minute)],
  ['weekday', clock('string', (time) => time.weekday)],
  ['day', clock('number', (time) => time.day)],
  ['month', clock('number', (time) => time.month)],
  ['year', clock('number', (time) => time.year)],
])

function one(result: ResultType, run: (value: ExpressionValue, call: Call) => ExpressionValue): Builtin {
  return { least: 1, most: 1, predicate: 'none', result, run: ([value], call) => run(value!, call) }
}

function many(run: (numbers: readonly number[], call: Call) => number): Builtin {
  return {
    least: 1,
    most: MANY,
    predicate: 'none',
    result: 'number',
    run: (values, call) => run(flatNumbers(values, call), call),
  }
}

function over(
  predicate: Builtin['predicate'],
  result: ResultType,
  run: (list: List, call: Call) => ExpressionValue,
): Builtin {
  const least = predicate === 'needed' ? 2 : 1
  return { least, most: 2, predicate, result, run: ([list], call) => run(listOf(list!, call), call) }
}

function clock(result: ResultType, read: (time: WallTime) => ExpressionValue): Builtin {
  return { least: 0, most: 0, predicate: 'none', result, run: (_values, call) => read(call.time()) }
}

function flatNumbers(values: readonly ExpressionValue[], call: Call): readonly number[] {
  call.spend(values.length)
  return values.flatMap((value) => (isList(value) ? flatNumbers(value, call) : [numberOf(value, call)]))
}

function holds(item: ExpressionValue, index: number, call: Call): boolean {
  const held = call.test(item, index)
  if (typeof held === 'boolean') return held
  return call.fail(`a predicate must say true or false, not ${describeValue(held)},`)
}

function reduce([value, initial]: List, call: Call): ExpressionValue {
  const list = listOf(value!, call)
  if (initial === undefined && list.length === 0)
    return call.fail('nothing to reduce and no value to begin with')
  let accumulator = initial === undefined ? list[0]! : initial
  for (let i = initial === undefined ? 1 : 0; i < list.length; i++)
    accumulator = call.test(list[i]!, i, accumulator)
  return accumulator
}

function sort([value, order = 'asc']: List, call: Call): ExpressionValue {
  const list = listOf(value!, call)
  call.spend(list.length)
  if (order !== 'asc' && order !== 'desc') return call.fail('the order must be "asc" or "desc"')
  const sign = order === 'asc' ? 1 : -1
  if (list.every((item) => typeof item === 'string'))
    return list.toSorted((a, b) => (a < b ? -sign : a > b ? sign : 0))
  return list.map((item) => numberOf(item, call)).toSorted((a, b) => sign * (a - b))
}

function lengthOf(value: ExpressionValue, call: Call): number {
  if (typeof value === 'string') return [...value].length
  return listOf(value, call).length
}

function some(numbers: readonly number[], call: Call): readonly number[] {
  return numbers.length > 0 ? numbers : call.fail('an empty list has no such number')
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0)
}

function middle(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}

function awayFromZero(value: number): number {
  return Math.sign(value) * Math.round(Math.abs(value))
}

function readNumber(value: ExpressionValue, call: Call): number {
  if (typeof value !== 'string') return numberOf(value, call)
  const number = value.trim() === '' ? Number.NaN : Number(value)
  return Number.isFinite(number) ? number : call.fail('this text is not a number')
}

function numberOf(value: ExpressionValue, call: Call): number {
  if (typeof value === 'number') return value
  return call.fail(`a number is needed, not ${describeValue(value)},`)
}

function textOf(value: ExpressionValue, call: Call): string {
  if (typeof value === 'string') return value
  return call.fail(`text is needed, not ${describeValue(value)},`)
}

function listOf(value: ExpressionValue, call: Call): List {
  if (isList(value)) return value
  return call.fail(`a list is needed, not ${describeValue(value)},`)
}

export function isList(value: ExpressionValue): value is List {
  return Array.isArray(value)
}

/** A value in an error: its kind and, of short ones, itself. */
export function describeValue(value: ExpressionValue): string {
  if (value === null) return 'nil'
  if (isList(value)) return `a list of ${value.length}`
  if (typeof value === 'string') return value.length > 40 ? 'text' : JSON.stringify(value)
  return String(value)
}

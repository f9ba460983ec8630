import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError, type NsctlError } from '../../../src/core/errors.ts'
import type { ExpressionValue } from '../../../src/resources/expression/expression.ts'
import { parseTree } from '../../../src/resources/expression/grammar.ts'
import { parseExpression } from '../../../src/resources/expression/parse.ts'
import { anyTree, printTree, withoutPlaces } from './trees.ts'

const VALUES: Readonly<Record<string, ExpressionValue>> = {
  cpu: 90,
  a: 5,
  zero: 0,
  nothing: null,
  list: [3, 1, 2],
  empty: [],
  yes: true,
  word: 'alpha',
  odd: Number.NaN,
  endless: Number.POSITIVE_INFINITY,
  'queue.lag': 2000,
  'queue-lag': 7,
  'redis-0': 12,
}

// a Tuesday, 02:30 in Berlin
const scope = {
  value: (name: string) => VALUES[name],
  wallMs: Date.parse('2026-11-17T01:30:20Z'),
  timezone: 'Europe/Berlin',
}

for (const [text, wanted] of [
  // KEDA's documentation of scalingModifiers and expr-lang's of its operators
  ['cpu > 2 ? cpu + a : 1', 95],
  ['(cpu + a)/2', 47.5],
  ['a / 2', 2.5],
  ['count([cpu, a, zero], {# > 1}) > 1 ? 5 : 0', 5],
  ['count([cpu,a,zero],{#>1})>2?5:0', 0],
  ['float(cpu < 2 ? 5 : 3)', 3],
  ['nothing ?? a', 5],
  ['zero ?? 9', 0],
  ['max(nothing ?? 0, a)', 5],
  ['1 + 2 * 3 ** 2 ^ 1', 19],
  ['-2 ** 2', -4],
  ['2 ** -1', 0.5],
  ['7 % 3 + -7 % 3', 0],
  ['7.5 % 2', 1.5],
  ['10 - 2 - 3', 5],
  ['2 ** 3 ** 2', 512],
  ['1_000 + 0x10 + 0b11 + 0o17 + .5 + 1e3', 2034.5],
  ['true || odd > 1', true],
  ['false && 1 / 0 > 1', false],
  ['not yes or yes and not false', true],
  ['!(a > 3)', false],
  ['1 < a <= 5', true],
  ['1 < a < 5', false],
  ['a == 5.0 and word != "beta"', true],
  ['nothing == nil', true],
  ['a != nil', true],
  ['a in [4, 5]', true],
  ['a not in [4, 5]', false],
  ['not (a in 1..3)', true],
  ['"5" in [5]', false],
  ["weekday() in ['sat','sun']", false],
  ['weekday()', 'tue'],
  ['hour() * 100 + minute()', 230],
  ['[year(), month(), day()]', [2026, 11, 17]],
  ['hour() >= 22 || hour() < 6', true],
  ['1..4', [1, 2, 3, 4]],
  ['4..1', []],
  ['list[0] + list[-1]', 5],
  ['list[1:]', [1, 2]],
  ['list[:1]', [3]],
  ['[1, 2,]', [1, 2]],
  ['[1, [2]] == [1, [2]]', true],
  ['filter(1..9, # % 2 == 0)', [2, 4, 6, 8]],
  ['map(list, {# * 2 + #index})', [6, 3, 6]],
  ['1..9 | filter(# > 5) | map(# * 2) | sum()', 60],
  ['reduce(1..4, #acc + #)', 10],
  ['reduce([], #acc + #, 1)', 1],
  ['all(list, # > 0) && any(list, # > 2) && none(list, # > 3) && one(list, # == 1)', true],
  ['find(list, # < 3) + findIndex(list, # == 2)', 3],
  ['count(map(list, map(1..#, # > 1)), any(#, #))', 2],
  ['min(list) + max(list, 7) + mean(list) + median([1, 2, 3, 10])', 12.5],
  ['sum(list, # * 2) + sum([])', 12],
  ['abs(-3) + ceil(1.2) + floor(1.8) + int(2.9)', 8],
  ['[round(1.5), round(-1.5), round(2.4)]', [2, -2, 2]],
  ['len(list) + len("äö")', 5],
  ['[first(list), last(list), first(empty)]', [3, 2, null]],
  ['sort(list)', [1, 2, 3]],
  ['sort(["b", "a"], "desc")', ['b', 'a']],
  ['upper("a") + lower("B") + trim(" c ")', 'Abc'],
  ['float("1.5") + int("2")', 3.5],
  ['string(5) + "%"', '5%'],
  ['word startsWith "al" and word endsWith "ha" and word contains "ph" and word not contains "x"', true],
  ['"b" > "a"', true],
  ['let x = a * 2; let y = x + 1; x * y', 110],
  ['queue.lag > 1000', true],
  ['queue["lag"]', 2000],
  ['$env["queue-lag"] + $env.a', 12],
  ['queue?.gone ?? 4', 4],
  ['/* why */ a // five\n + 1', 6],
  ["'it\\'s' + \"\\u00e4\\n\"", "it'sä\n"],
  ['`raw\\n`', 'raw\\n'],
] as const) {
  test(`${text} is ${JSON.stringify(wanted)}`, () => {
    assert.equal(parseExpression(text).evaluate(scope), wanted)
  })
}

for (const [text, place, message, next] of [
  ['', '1:1', /empty/, undefined],
  ['a >', '1:4', /expected a value, found the end/, undefined],
  ['a > > 1', '1:5', /expected a value, found ">"/, undefined],
  ['a = 1', '1:3', /found "="/, /==/],
  ['a | 1', '1:5', /expected a function/, /\|\|/],
  ['(a', '1:3', /expected "\)"/, undefined],
  ['a b', '1:3', /expected an operator or the end, found "b"/, undefined],
  ['a +\n  * 2', '2:3', /found "\*"/, undefined],
  ['a & 1', '1:3', /unexpected character "&"/, undefined],
  ['a 💥', '1:3', /unexpected character "💥"/, undefined],
  ['"abc', '1:1', /never closed/, undefined],
  ['1x', '1:2', /letter in a number/, undefined],
  ['1e999', '1:1', /cannot|not a number/, undefined],
  ['{a: 1}', '1:1', /maps are not supported/, undefined],
  ['a matches "x"', '1:3', /matches is not supported/, /contains/],
  ['a.foo()', '1:2', /methods/, undefined],
  ['# > 1', '1:1', /outside of a predicate/, undefined],
  ['hours() > 3', '1:1', /no function "hours"/, /hour\(\)/],
  ['max()', '1:1', /takes at least 1 parameters, not 0/, undefined],
  ['hour(1)', '1:1', /takes 0 parameters, not 1/, undefined],
  ['filter(list)', '1:1', /takes 2 parameters, not 1/, undefined],
  ['a ?? 1 + 2', '1:8', /brackets/, /\(a \?\? b\)/],
  ['!a > 80', '1:1', /> needs a number, not true or false/, /!\(a > b\)/],
  ['"a" * 2', '1:1', /\* needs a number, not text/, undefined],
  ['[1] > 2', '1:1', /> needs a number, not a list/, undefined],
  ['1 == "1"', '1:3', /never equal/, undefined],
  ['5 in 3', '1:6', /needs a list/, undefined],
  ['1 ? 2 : 3', '1:1', /\? needs true or false, not a number/, undefined],
  ['1 && true', '1:1', /needs true or false/, undefined],
  ['let hour = 1; hour', '1:5', /is a function/, undefined],
  [`${'('.repeat(65)}1${')'.repeat(65)}`, '1:65', /nested deeper than 64/, undefined],
  ['-'.repeat(100).concat('1'), '1:65', /nested deeper/, undefined],
] as const) {
  test(`refuses ${JSON.stringify(text.slice(0, 30))} at ${place}`, () => {
    const error = refusal(() => parseExpression(text))
    assert.match(error.message, message)
    assert.match(error.message, new RegExp(`at ${place}$`))
    assert.match(String(error.value), /^.*\n *\^$/)
    if (next !== undefined) assert.match(String(error.next), next)
  })
}

for (const [text, place, message] of [
  ['a / zero', '1:3', /division by zero/],
  ['1 + a % zero', '1:7', /division by zero/],
  ['nothing + 1', '1:1', /needs a number, not nil/],
  ['1 < nothing', '1:5', /needs a number, not nil/],
  ['-nothing', '1:2', /a number is needed, not nil/],
  ['max(a, nothing)', '1:1', /max\(\): a number is needed, not nil/],
  ['odd > 1', '1:1', /odd is NaN/],
  ['endless > 1', '1:1', /endless is Infinity/],
  ['10 ** 400', '1:4', /the result is Infinity/],
  ['(-8) ** 0.5', '1:6', /the result is NaN/],
  ['missing + 1', '1:1', /no value is named "missing"/],
  ['mean(empty)', '1:1', /empty list/],
  ['min([])', '1:1', /empty list/],
  ['reduce(empty, #acc + #)', '1:1', /nothing to reduce/],
  ['list[7]', '1:5', /no such one/],
  ['a and yes', '1:1', /true or false is needed, not 5/],
  ['a == word', '1:3', /cannot be compared/],
  ['count(list, #)', '1:1', /predicate must say true or false/],
  ['map(list, #acc)', '1:11', /outside of reduce/],
  ['1.5..3', '1:1', /whole number/],
  ['sum(1..1000000)', '1:6', /steps/],
  ['1..90000000000000000', '1:4', /whole number/],
  ['count(1..400, count(1..400, # > 1) > 1)', '1:7', /steps|more than/],
] as const) {
  test(`has no value: ${text}`, () => {
    const expression = parseExpression(text)
    const error = refusal(() => expression.evaluate(scope))
    assert.match(error.message, message)
    if (!String(message).includes('steps')) assert.match(error.message, new RegExp(`at ${place}$`))
  })
}

for (const [text, wanted] of [
  ['a > 1', 'boolean'],
  ['a * 2', 'number'],
  ['a', 'any'],
  ['a > 1 ? 1 : 2', 'number'],
  ['a > 1 ? 1 : true', 'any'],
  ['[a]', 'list'],
  ['weekday()', 'string'],
  ['nil', 'nil'],
  ['let x = a > 1; x', 'boolean'],
] as const)
  test(`${text} comes to ${wanted}`, () => assert.is(parseExpression(text).result, wanted))

test('names are told once each, in order, without variables', () => {
  const { names } = parseExpression('let x = cpu; x + queue.lag + queue?.age + cpu + count([b], # > c)')
  assert.equal(names, ['cpu', 'queue.lag', 'queue.age', 'b', 'c'])
})

test('a name that there is not is refused, with the nearest', () => {
  const names = ['cpu', 'queue.*', 'redis-0']
  const error = refusal(() => parseExpression('1 + cpuu', { names }))
  assert.match(error.message, /no value is named "cpuu" at 1:5/)
  assert.match(error.next ?? '', /cpu\?/)
  assert.match(refusal(() => parseExpression('hour > 3', { names })).next ?? '', /hour\(\)/)
  refusal(() => parseExpression('queue > 1', { names }))
  assert.ok(parseExpression('queue.lag > cpu', { names }))
})

test('a dash is part of a name that there is, unless its first part is a name too', () => {
  const both = (names: readonly string[]) => parseExpression('redis-0 - a', { names }).evaluate(scope)
  assert.is(both(['redis-0', 'a']), 7)
  assert.is(parseExpression('a-zero', { names: ['a', 'zero', 'a-zero'] }).evaluate(scope), 5)
  assert.equal(parseExpression('queue-lag.age', { names: ['queue-lag.*'] }).names, ['queue-lag.age'])
})

test('an unknown timezone is Invalid when it is asked for', () => {
  refusal(() => parseExpression('hour()').evaluate({ ...scope, timezone: 'Mars/Base' }))
})

test('a printed tree parses to itself', () => {
  fc.assert(
    fc.property(anyTree, (tree) => {
      const text = printTree(tree)
      assert.equal(withoutPlaces(parseTree(text, new Set())), withoutPlaces(tree))
    }),
    { numRuns: 500 },
  )
})

test('nothing but Invalid is thrown, whatever is written', () => {
  const piece = fc.constantFrom(
    ...[
      'a',
      'cpu',
      'nothing',
      'list',
      '1',
      '0',
      '.5',
      '"x"',
      '(',
      ')',
      '[',
      ']',
      '{',
      '}',
      ',',
      '.',
      '?.',
      '..',
    ],
    ...[
      '+',
      '-',
      '*',
      '/',
      '%',
      '**',
      '==',
      '<',
      '>=',
      '&&',
      '||',
      '!',
      'not',
      'in',
      '??',
      '?',
      ':',
      '|',
      '#',
    ],
    ...[
      '#acc',
      '#index',
      'let',
      '=',
      ';',
      'count(',
      'map(',
      'max(',
      'hour()',
      'true',
      'nil',
      'contains',
      ' ',
    ],
  )
  const written = fc.oneof(
    fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join(' ')),
    fc.string({ maxLength: 30 }),
    anyTree.map(printTree),
  )
  fc.assert(
    fc.property(written, (text) => {
      try {
        parseExpression(text).evaluate(scope)
      } catch (error) {
        assert.ok(isNsctlError(error, 'Invalid'), String(error))
      }
    }),
    { numRuns: 3000 },
  )
})

test('no formula keeps anyone waiting', () => {
  const inner = (depth: number): string => (depth === 0 ? '1' : `sum(map(1..300, ${inner(depth - 1)}))`)
  const doubled = `let a = 1..9000; let b = [a, a, a]; let c = [b, b, b]; let d = [c, c, c]; sum(d) + count(d, d == d)`
  const between = (depth: number): string =>
    depth === 0 ? 'a' : `0 < (${between(depth - 1)} < 9 ? 1 : 2) < 3`
  for (const text of [
    inner(5),
    between(30),
    doubled,
    `${'1+'.repeat(2000)}1`,
    `len(${'"aaaaaaaa"+'.repeat(300)}"a")`,
  ]) {
    const started = performance.now()
    try {
      parseExpression(text).evaluate(scope)
    } catch (error) {
      assert.ok(isNsctlError(error, 'Invalid'), String(error))
    }
    assert.ok(performance.now() - started < 1000)
  }
})

function refusal(act: () => unknown): NsctlError {
  try {
    act()
  } catch (error) {
    assert.ok(isNsctlError(error, 'Invalid'), String(error))
    return error
  }
  throw new Error('it was taken')
}

test.run()

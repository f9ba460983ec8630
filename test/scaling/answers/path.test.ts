import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../../src/core/errors.ts'
import { compileAnswerPath } from '../../../src/scaling/answers/path.ts'

// the document and most cases are those of gjson's description of its syntax
const DOCUMENT = {
  name: { first: 'Tom', last: 'Anderson' },
  age: 37,
  children: ['Sara', 'Alex', 'Jack'],
  'fav.movie': 'Deer Hunter',
  'a*b': 5,
  friends: [
    { first: 'Dale', last: 'Murphy', age: 44, nets: ['ig', 'fb', 'tw'] },
    { first: 'Roger', last: 'Craig', age: 68, nets: ['fb', 'tw'] },
    { first: 'Jane', last: 'Murphy', age: 47, nets: ['ig', 'tw'] },
  ],
  matrix: [[1, 2], [3]],
}

for (const [path, want] of [
  ['name.last', 'Anderson'],
  ['name.first', 'Tom'],
  ['age', 37],
  ['children.0', 'Sara'],
  ['children.1', 'Alex'],
  ['children.9', undefined],
  ['children.x', undefined],
  ['friends.1.first', 'Roger'],
  ['child*.2', 'Jack'],
  ['c?ildren.0', 'Sara'],
  ['fav\\.movie', 'Deer Hunter'],
  ['a\\*b', 5],
  ['children.#', 3],
  ['friends.#', 3],
  ['friends.#.age', [44, 68, 47]],
  ['friends.#.nets.#', [3, 2, 2]],
  ['friends.#.nets.0', ['ig', 'fb', 'ig']],
  ['friends.#.nothing', []],
  ['friends.#(last=="Murphy").first', 'Dale'],
  ['friends.#(last="Craig").age', 68],
  ['friends.#(age>45).age', 68],
  ['friends.#(age>45)#.last', ['Craig', 'Murphy']],
  ['friends.#(age>45)#|#', 2],
  ['friends.#(age>45)#|0.first', 'Roger'],
  ['friends.#(age<=44)#|#', 1],
  ['friends.#(first%"D*").last', 'Murphy'],
  ['friends.#(first!%"D*").last', 'Craig'],
  ['friends.#(first!="Dale").last', 'Craig'],
  ['friends.#(nets.#(=="fb"))#.first', ['Dale', 'Roger']],
  ['friends.#(age>100)', undefined],
  ['friends.#(age>"x")', undefined],
  ['children.#(!%"*a*")', 'Alex'],
  ['children.#(%"J*")', 'Jack'],
  ['children|@reverse|0', 'Jack'],
  ['name.@values.0', 'Tom'],
  ['name.@keys.#', 2],
  ['@this.age', 37],
  ['matrix.#.0', [1, 3]],
  ['age.#', undefined],
  ['__proto__', undefined],
  ['constructor.name', undefined],
  ['name.toString', undefined],
] as const)
  test(`${path} is ${JSON.stringify(want)}`, () => {
    assert.equal(compileAnswerPath(path)(DOCUMENT), want)
  })

for (const [answer, path, want] of [
  [[1, 2, 3], '#', 3],
  [[1, 2, 3], '1', 2],
  [[{ n: 4 }], '0.n', 4],
  [[{ n: 4 }], '#.n|0', 4],
  [5, '@this', 5],
  [null, 'a', undefined],
] as const)
  test(`${path} of ${JSON.stringify(answer)}`, () => {
    assert.equal(compileAnswerPath(path)(answer), want)
  })

for (const path of [
  '',
  'a..b',
  'a.',
  '.a',
  '#(a',
  '{a,b}',
  '[a]',
  '..#',
  'a.@pretty',
  '#x',
  '#(a==1)x',
  '!1',
])
  test(`${JSON.stringify(path)} is refused`, () => {
    assert.throws(
      () => compileAnswerPath(path),
      (error: unknown) => isNsctlError(error, 'Invalid') && error.value === 'valueLocation',
    )
  })

test('any text is a path or Invalid, and any path says something about any answer', () => {
  const letters = fc.constantFrom(...'ab01.#()|*?\\@"=<>!% ')
  fc.assert(
    fc.property(fc.string({ unit: letters, maxLength: 20 }), fc.jsonValue(), (text, answer) => {
      try {
        compileAnswerPath(text)(answer)
      } catch (error) {
        assert.ok(isNsctlError(error, 'Invalid'), String(error))
      }
    }),
    { numRuns: 3_000 },
  )
})

test('a pattern takes no more than its share of time', () => {
  const long = { ['a'.repeat(5_000)]: 1 }
  const begun = performance.now()
  assert.is(compileAnswerPath(`${'a*'.repeat(200)}b`)(long), undefined)
  assert.ok(performance.now() - begun < 1_000)
})

test.run()

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { compareKeys, matcherOf, rangesOf } from '../../src/store/keys.ts'

/** Few characters from where the orders differ, so that prefixes and near misses are common. */
const character = fc.constantFrom(
  'a',
  'b',
  '/',
  '\u007f',
  'é',
  '\ud7ff',
  '\ue000',
  'ｚ',
  '\uffff',
  '😀',
  '\u{10ffff}',
)
const key = fc.array(character, { maxLength: 5 }).map((parts) => parts.join(''))

test('compareKeys orders by the bytes of UTF-8', () => {
  fc.assert(
    fc.property(key, key, (a, b) => {
      assert.is(Math.sign(compareKeys(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)))
    }),
    { numRuns: 2_000 },
  )
})

test('rangesOf covers exactly what starts with a prefix, each key once, in order', () => {
  fc.assert(
    fc.property(fc.array(key, { maxLength: 4 }), key, (prefixes, one) => {
      const ranges = rangesOf(prefixes)
      const covering = ranges.filter(
        ({ from, to }) => compareKeys(one, from) >= 0 && (to === undefined || compareKeys(one, to) < 0),
      )
      const starts = prefixes.some((prefix) => one.startsWith(prefix))
      assert.is(covering.length, starts ? 1 : 0)
      assert.is(matcherOf(prefixes)(one), starts)
      for (const [i, { to }] of ranges.entries()) {
        const next = ranges[i + 1]
        if (next !== undefined) assert.ok(to !== undefined && compareKeys(to, next.from) <= 0)
      }
    }),
    { numRuns: 5_000 },
  )
})

for (const [prefix, to] of [
  ['', undefined],
  ['a', 'b'],
  ['a/', 'a0'],
  ['\ud7ff', '\ue000'],
  ['a\u{10ffff}', 'b'],
  ['\u{10ffff}\u{10ffff}', undefined],
] as const) {
  test(`the range of ${JSON.stringify(prefix)} ends before ${JSON.stringify(to)}`, () => {
    assert.equal(rangesOf([prefix]), [{ from: prefix, to }])
  })
}

test.run()

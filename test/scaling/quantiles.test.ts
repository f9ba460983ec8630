import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { added, quantileOf } from '../../src/scaling/quantiles.ts'

const Inf = Number.POSITIVE_INFINITY
const of = (...pairs: readonly (readonly [number, number])[]) => new Map(pairs)

for (const c of [
  { name: 'interpolates within a bucket', q: 0.5, buckets: of([1, 0], [2, 10], [Inf, 10]), want: 1.5 },
  { name: 'begins the lowest at 0', q: 0.5, buckets: of([0.2, 10], [1, 10], [Inf, 10]), want: 0.1 },
  { name: 'sorts what comes in any order', q: 0.9, buckets: of([Inf, 10], [2, 10], [1, 5]), want: 1.8 },
  { name: 'ends at the highest bound', q: 0.99, buckets: of([0.5, 1], [Inf, 100]), want: 0.5 },
  {
    name: 'skips buckets without any',
    q: 0.95,
    buckets: of([1, 90], [2, 90], [4, 100], [Inf, 100]),
    want: 3,
  },
  {
    name: 'takes the bound where the rank is on it',
    q: 0.9,
    buckets: of([1, 90], [2, 90], [4, 100], [Inf, 100]),
    want: 1,
  },
  { name: 'takes bounds below 0 as they are', q: 0.5, buckets: of([-1, 10], [1, 10], [Inf, 10]), want: -1 },
  { name: 'knows nothing without observations', q: 0.5, buckets: of([1, 0], [Inf, 0]), want: undefined },
  { name: 'knows nothing without an end', q: 0.5, buckets: of([1, 5], [2, 10]), want: undefined },
  { name: 'knows nothing with one bucket', q: 0.5, buckets: of([Inf, 10]), want: undefined },
  { name: 'evens out what shrinks', q: 0.5, buckets: of([1, 10], [2, 8], [Inf, 10]), want: 0.5 },
])
  test(`quantileOf ${c.name}`, () => assert.equal(quantileOf(c.q, c.buckets), c.want))

test('the quantile lies in the bucket of the observation of that rank', () => {
  const bounds = [0.1, 0.5, 1, 5, Inf]
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.001, max: 10, noNaN: true }), { minLength: 1, maxLength: 200 }),
      fc.double({ min: 0.01, max: 0.99, noNaN: true }),
      (values, q) => {
        const buckets = new Map(bounds.map((bound) => [bound, values.filter((one) => one <= bound).length]))
        const exact = [...values].sort((a, b) => a - b)[Math.ceil(q * values.length) - 1]!
        const upper = bounds.find((bound) => exact <= bound)!
        const lower = bounds[bounds.indexOf(upper) - 1] ?? 0
        const said = quantileOf(q, buckets)!
        assert.ok(said >= lower && said <= (upper === Inf ? 5 : upper), `${said} in (${lower}, ${upper}]`)
      },
    ),
  )
})

test('added counts what is new, and all of a series that begins anew', () => {
  assert.equal(added(of([1, 5], [Inf, 10]), of([1, 7], [Inf, 20])), of([1, 2], [Inf, 10]))
  assert.equal(added(of([1, 5], [Inf, 10]), of([1, 2], [Inf, 3])), of([1, 2], [Inf, 3]))
  assert.equal(added(of(), of([1, 2], [Inf, 3])), of([1, 2], [Inf, 3]))
})

test.run()

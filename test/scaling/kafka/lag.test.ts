import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { joined, type LagRules, lagOf } from '../../../src/scaling/kafka/lag.ts'
import { readPartitions } from '../../../src/scaling/kafka/settings.ts'

const RULES: LagRules = {
  lagThreshold: 10,
  offsetResetPolicy: 'latest',
  allowIdleConsumers: false,
  excludePersistentLag: false,
  scaleToZeroOnInvalidOffset: false,
  limitToPartitionsWithLag: false,
  ensureEvenDistribution: false,
}

/** Each `[committed, latest]`. */
const partitionsOf = (offsets: readonly (readonly [number, number])[]) =>
  offsets.map(([committed, latest], partition) => ({ topic: 'orders', partition, committed, latest }))

const lags = (...behind: readonly number[]) => behind.map((lag) => [100, 100 + lag] as const)

for (const { name, offsets, rules = {}, value, waiting = value } of [
  { name: 'nothing waits', offsets: lags(0, 0), value: 0 },
  { name: 'the sum of what waits', offsets: lags(3, 4), value: 7 },
  { name: 'no consumer without a partition', offsets: lags(500, 0), value: 20, waiting: 500 },
  {
    name: 'consumers without a partition',
    offsets: lags(500, 0),
    rules: { allowIdleConsumers: true },
    value: 500,
  },
  {
    name: 'no consumer without a partition that has a lag',
    offsets: lags(500, 0, 20, 0),
    rules: { limitToPartitionsWithLag: true },
    ...{ value: 20, waiting: 520 },
  },
  { name: 'a rest is not cut off', offsets: lags(25, 0), value: 25 },
  // factors of 8 are 1, 2, 4, 8
  ...[
    [15, 20],
    [31, 40],
    [41, 80],
    [900, 80],
  ].map(([lag = 0, value = 0]) => ({
    name: `as many consumers as divide 8 partitions, for ${lag}`,
    offsets: lags(lag, 0, 0, 0, 0, 0, 0, 0),
    rules: { ensureEvenDistribution: true },
    ...{ value, waiting: lag },
  })),
  {
    name: 'one message where nothing is committed',
    offsets: [[-1, 40] as const, [100, 105] as const],
    value: 6,
  },
  {
    name: 'none where nothing is committed, and that is wanted',
    offsets: [[-1, 40] as const],
    rules: { scaleToZeroOnInvalidOffset: true },
    value: 0,
  },
  {
    name: 'all that is there where nothing is committed, from the earliest',
    offsets: [[-1, 8] as const],
    rules: { offsetResetPolicy: 'earliest' as const },
    value: 8,
  },
  {
    name: 'none from the earliest, where that is wanted',
    offsets: [[-1, 8] as const],
    rules: { offsetResetPolicy: 'earliest' as const, scaleToZeroOnInvalidOffset: true },
    value: 0,
  },
  { name: 'never less than nothing, where a topic was made anew', offsets: [[100, 3] as const], value: 0 },
]) {
  test(`lagOf: ${name}`, () => {
    assert.equal(lagOf(partitionsOf(offsets), { ...RULES, ...rules }, new Map()), { value, waiting })
  })
}

test('lagOf leaves out what is where it was, and says that it waits', () => {
  const previous = new Map<string, number>()
  const rules = { ...RULES, excludePersistentLag: true }
  const look = (...offsets: readonly (readonly [number, number])[]) =>
    lagOf(partitionsOf(offsets), rules, previous)
  assert.equal(look([10, 15], [20, 20]), { value: 5, waiting: 5 })
  assert.equal(look([10, 18], [20, 22]), { value: 0, waiting: 10 })
  assert.equal(look([11, 18], [20, 22]), { value: 7, waiting: 9 })
})

test('lagOf asks for no more consumers than there are partitions, and for none of nothing', () => {
  const offset = fc.integer({ min: -1, max: 1_000 })
  const rules = fc.record({
    lagThreshold: fc.integer({ min: 1, max: 50 }),
    offsetResetPolicy: fc.constantFrom('latest' as const, 'earliest' as const),
    ...Object.fromEntries(
      ['excludePersistentLag', 'scaleToZeroOnInvalidOffset', 'limitToPartitionsWithLag'].map((name) => [
        name,
        fc.boolean(),
      ]),
    ),
  })
  fc.assert(
    fc.property(
      fc.array(fc.tuple(offset, offset.map(Math.abs)), { minLength: 1, maxLength: 9 }),
      rules,
      (offsets, some) => {
        const all = { ...RULES, ...some }
        const { value, waiting } = lagOf(partitionsOf(offsets), all, new Map())
        assert.ok(value >= 0 && value <= waiting)
        assert.ok(Math.floor(value / all.lagThreshold) <= offsets.length)
      },
    ),
  )
})

test('joined makes up no end of a partition', () => {
  const wanted = [{ topic: 'orders', partition: 1 }]
  assert.throws(() => joined(wanted, [], []), /does not tell the end of orders\/1/)
  const [found] = joined(wanted, [], [{ topic: 'orders', partition: 1, offset: 9 }])
  assert.equal(found, { topic: 'orders', partition: 1, committed: -1, latest: 9 })
})

for (const { text, want } of [
  { text: '1', want: [1] },
  { text: '1,3', want: [1, 3] },
  { text: '0, 2-4 ,9', want: [0, 2, 3, 4, 9] },
])
  test(`readPartitions reads ${text}`, () => assert.equal([...readPartitions(text)], want))

for (const text of ['', 'a', '1-', '-1', '3-1', '1,,2', '1-2-3', '1.5', '9999999'])
  test(`readPartitions refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => readPartitions(text), /neither a partition nor a range/)
  })

test.run()

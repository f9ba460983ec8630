/** HPA's documented cases of external metrics, and what is a whole number of instances. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ceilCount, isWithin, proposeAverage, proposeRatio } from '../../../src/scaling/decide/proposal.ts'

const TENTH = { up: 0.1, down: 0.1 }

for (const [name, value, target, current, ready, want] of [
  ['grows', 8600, 4400, 1, 1, 2],
  ['grows from those that are ready only', 8600, 4400, 3, 1, 2],
  ['grows from those that are ready only, and still grows', 50_000, 10_000, 3, 1, 5],
  ['shrinks', 8600, 14_334, 5, 5, 3],
  ['stays within tolerance', 8600, 8888, 3, 3, 3],
  ['begins at 0 with the ratio alone', 30, 10, 0, 0, 3],
  ['begins at 0 with what is begun', 1, 10, 0, 0, 1],
  ['stays at 0 with nothing', 0, 10, 0, 0, 0],
  ['cannot say where none is ready', 30, 10, 3, 0, undefined],
] as const)
  test(`proposeRatio ${name}`, () =>
    assert.is(proposeRatio(value, target, { current, ready }, TENTH)?.replicas, want))

for (const [name, value, target, present, want] of [
  ['grows', 8600, 2150, 3, 4],
  ['shrinks', 8600, 2867, 5, 3],
  ['stays within tolerance', 8600, 2900, 3, 3],
  ['stays within tolerance above', 20_166, 5000, 4, 4],
  ['begins at 0', 31, 10, 0, 4],
  ['has nothing to do', 0, 10, 0, 0],
  ['is exact where doubles are not', 1.1, 0.1, 1, 11],
  ['is beyond counting', 1e300, 1, 1, 2 ** 31 - 1],
  ['is never below none', -50, 10, 3, 0],
] as const)
  test(`proposeAverage ${name}`, () =>
    assert.is(proposeAverage(value, target, { current: present, present }, TENTH).replicas, want))

test('proposeAverage keeps what is wanted while an update has one more', () => {
  assert.is(proposeAverage(100, 10, { current: 10, present: 11 }, TENTH).replicas, 10)
  assert.is(
    proposeAverage(100, 10, { current: 12, present: 11 }, TENTH).replicas,
    11,
    'as HPA, while one is missing',
  )
})

test('proposeAverage begins anew at 0, whatever is ending still', () => {
  assert.is(proposeAverage(48, 10, { current: 0, present: 9 }, { up: 0.1, down: 0.9 }).replicas, 5)
})

test('ceilCount takes what doubles round away for whole', () => {
  assert.is(ceilCount(11.000000000000002), 11)
  assert.is(ceilCount(2.9999999999999996), 3)
  assert.is(ceilCount(11.0001), 12)
  assert.ok(Object.is(ceilCount(-0.2), 0))
})

test('a tolerance has two directions, both included', () => {
  const tolerance = { up: 0.5, down: 0 }
  for (const [ratio, want] of [
    [1.5, true],
    [1.51, false],
    [1, true],
    [0.99, false],
    [Number.NaN, false],
    [Number.POSITIVE_INFINITY, false],
  ] as const)
    assert.is(isWithin(ratio, tolerance), want, `${ratio}`)
})

test.run()

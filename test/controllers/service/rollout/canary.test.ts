import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { sizesAt } from '../../../../src/controllers/service/rollout/sizes.ts'
import { freshWeight } from '../../../../src/controllers/service/rollout/traffic.ts'
import type { ServiceStep, ServiceUpdate } from '../../../../src/resources/generated/types.ts'
import { Fleet } from './fleet.ts'

for (const c of [
  { name: 'a weight is rounded up', steps: [{ setWeight: 10 }], replicas: 4, want: [1, 3, 10] },
  { name: 'below 100 % one stays old', steps: [{ setWeight: 90 }], replicas: 4, want: [3, 1, 90] },
  { name: '100 % are all', steps: [{ setWeight: 100 }], replicas: 4, want: [4, 0, 100] },
  { name: '0 % are none', steps: [{ setWeight: 0 }], replicas: 4, want: [0, 4, 0] },
  { name: 'before a weight nothing is new', steps: [{ pause: {} }], replicas: 2, want: [0, 2, 0] },
  { name: 'of one, the old one stays beside it', steps: [{ setWeight: 10 }], replicas: 1, want: [1, 1, 10] },
  {
    name: 'of one without room beside it, it is new',
    steps: [{ setWeight: 10 }],
    replicas: 1,
    maxSurge: 0,
    want: [1, 0, 10],
  },
  {
    name: 'a number stands for itself, and the weight stays',
    steps: [{ setWeight: 10 }, { setCanaryScale: { replicas: '50%' } }],
    replicas: 5,
    want: [3, 2, 10],
  },
  {
    name: 'until the next weight',
    steps: [{ setCanaryScale: { replicas: 3 } }, { setWeight: 20 }],
    replicas: 5,
    want: [1, 4, 20],
  },
  { name: 'of nothing it is nothing', steps: [{ setWeight: 50 }], replicas: 0, want: [0, 0, 50] },
] as const)
  test(`sizesAt: ${c.name}`, () => {
    const { maxSurge = 1 } = c as { maxSurge?: number }
    const steps = c.steps as readonly ServiceStep[]
    const { fresh, rest, weight } = sizesAt(steps, steps.length - 1, { replicas: c.replicas, maxSurge })
    assert.equal([fresh, rest, weight], c.want)
  })

for (const c of [
  { name: 'nothing for what is not there', counts: [0, 4], weights: [0, 50], want: 0 },
  { name: 'all for what is alone', counts: [2, 0], weights: [10, 50], want: 100 },
  { name: 'its part on the way up', counts: [1, 3], weights: [10, 50], want: 25 },
  { name: 'no less than it has reached', counts: [1, 9], weights: [30, 50], want: 30 },
  { name: 'no more than it is to have', counts: [3, 1], weights: [10, 50], want: 50 },
  { name: 'less at once', counts: [3, 1], weights: [50, 10], want: 10 },
] as const)
  test(`freshWeight: ${c.name}`, () => {
    const [freshAvailable, restAvailable] = c.counts
    const counts = { fresh: freshAvailable, freshAvailable, rest: restAvailable, restAvailable }
    assert.is(freshWeight(counts, { reached: c.weights[0], wanted: c.weights[1] }), c.want)
  })

const prometheus = { address: 'http://p', query: 'errors' }
const analysis = (count: number, failureLimit = 0) => ({
  ...{ prometheus, successCondition: 'result < 1', interval: '1s' },
  ...{ count, failureLimit, inconclusiveLimit: 1 },
})
const good = { kind: 'value', value: 0 } as const
const bad = { kind: 'value', value: 7 } as const
const none = { kind: 'none', message: 'refused' } as const

const canary = (steps: readonly ServiceStep[], over: Partial<ServiceUpdate> = {}): ServiceUpdate => ({
  ...{ strategy: 'Canary', maxUnavailable: 0, maxSurge: 1, autoRollback: true },
  ...{ progressDeadline: '60s', minReadySeconds: 0, canary: { steps } },
  ...over,
})

/** Turns until nothing moves. */
function settle(fleet: Fleet, passMs = 0): void {
  for (let turn = 0; turn < 40; turn++) fleet.turn({ next: 0, passMs })
}

test('goes on as far as it may, and to the end', () => {
  const steps = [{ setWeight: 25 }, { pause: {} }, { setWeight: 50 }, { pause: { duration: '1m' } }]
  const fleet = new Fleet({ replicas: 4, update: canary(steps) })
  settle(fleet)
  assert.equal([fleet.count('new'), fleet.count('old'), fleet.size, fleet.step], [1, 3, 4, 1])
  assert.is(fleet.progress?.note?.message, 'step 2 of 4: waits for nsctl rollout promote')
  assert.equal(fleet.progress?.traffic, [
    { hash: 'old', weight: 75 },
    { hash: 'new', weight: 25 },
  ])
  fleet.turn({ next: 0, promote: true })
  settle(fleet)
  assert.equal([fleet.count('new'), fleet.count('old'), fleet.step], [2, 2, 3])
  assert.is(fleet.progress?.waitMs, 60_000)
  assert.not(fleet.progress?.finished)
  settle(fleet, 2_000)
  assert.equal([fleet.count('new'), fleet.size, fleet.progress?.finished], [4, 4, true])
  assert.equal(fleet.progress?.traffic, [{ hash: 'new', weight: 100 }])
})

test('a step that was promoted is not promoted twice', () => {
  const fleet = new Fleet({ replicas: 2, update: canary([{ pause: {} }, { pause: {} }]) })
  fleet.turn({ next: 0 })
  fleet.turn({ next: 0, promote: true })
  settle(fleet)
  assert.is(fleet.step, 1)
})

for (const c of [
  { name: 'enough good ones', count: 2, limit: 0, measured: [good, good], step: 2, failure: undefined },
  { name: 'too few', count: 2, limit: 0, measured: [good], step: 1, failure: undefined },
  {
    name: 'a bad one',
    count: 2,
    limit: 0,
    measured: [good, bad],
    step: undefined,
    failure: 'AnalysisFailed',
  },
  {
    name: 'a bad one that is put up with',
    count: 2,
    limit: 1,
    measured: [bad, good, good],
    step: 2,
    failure: undefined,
  },
  {
    name: 'none, however often',
    count: 1,
    limit: 0,
    measured: [none, none, none, none],
    step: 1,
    failure: undefined,
  },
  { name: 'none in between', count: 2, limit: 0, measured: [good, none, good], step: 2, failure: undefined },
])
  test(`an analysis with ${c.name}`, () => {
    const steps = [{ setWeight: 50 }, { analysis: analysis(c.count, c.limit) }, { pause: {} }]
    const fleet = new Fleet({ replicas: 2, update: canary(steps) })
    settle(fleet)
    assert.is(fleet.step, 1)
    for (const measured of c.measured) fleet.turn({ next: 0, measured })
    assert.equal([fleet.step, fleet.progress?.failure?.reason], [c.step, c.failure])
    if (c.failure === undefined) return
    settle(fleet)
    assert.equal([fleet.count('old'), fleet.size], [2, 2])
  })

test('says why, once it could not be measured too often', () => {
  const steps = [{ analysis: analysis(1) }]
  const fleet = new Fleet({ replicas: 1, update: canary(steps) })
  settle(fleet)
  for (let at = 0; at < 2; at++) fleet.turn({ next: 0, measured: none })
  assert.is(fleet.progress?.note?.trouble?.message, '2 measurements in a row came to nothing: refused')
  assert.is(fleet.progress?.note?.message, 'step 1 of 1: 0 of 1 measurement good, result < 1: refused')
  fleet.turn({ next: 0, measured: good })
  assert.is(fleet.progress?.finished, true)
})

test('a number of its own leaves the weight that was reached', () => {
  const steps = [{ setWeight: 50 }, { setCanaryScale: { replicas: 1 } }, { pause: {} }]
  const fleet = new Fleet({ replicas: 10, update: canary(steps) })
  for (let turn = 0; turn < 100; turn++) fleet.turn({ next: 0 })
  assert.equal([fleet.step, fleet.count('new'), fleet.count('old')], [2, 1, 9])
  assert.equal(
    fleet.progress?.traffic?.map(({ weight }) => weight),
    [50, 50],
  )
})

test('each analysis counts its own measurements', () => {
  const fleet = new Fleet({
    replicas: 1,
    update: canary([{ analysis: analysis(1) }, { analysis: analysis(2) }]),
  })
  settle(fleet)
  fleet.turn({ next: 0, measured: good })
  assert.is(fleet.step, 1)
  fleet.turn({ next: 0, measured: good })
  assert.is(fleet.step, 1)
  fleet.turn({ next: 0, measured: good })
  assert.is(fleet.step, 2)
})

test('with no instance at all no step is over', () => {
  const fleet = new Fleet({ replicas: 0, update: canary([{ setWeight: 50 }, { pause: { duration: '1s' } }]) })
  settle(fleet, 10_000)
  assert.equal([fleet.step, fleet.progress?.finished], [0, false])
})

const step: fc.Arbitrary<ServiceStep> = fc.oneof(
  fc.integer({ min: 0, max: 100 }).map((setWeight) => ({ setWeight })),
  fc.integer({ min: 0, max: 7 }).map((replicas) => ({ setCanaryScale: { replicas } })),
  fc.constantFrom<ServiceStep>({ pause: {} }, { pause: { duration: '10s' } }),
  fc.integer({ min: 1, max: 3 }).map((count) => ({ analysis: analysis(count, 1000) })),
)

const world = fc.record({
  replicas: fc.integer({ min: 1, max: 6 }),
  maxUnavailable: fc.integer({ min: 0, max: 2 }),
  surge: fc.integer({ min: 0, max: 2 }),
  exclusive: fc.boolean(),
  steps: fc.array(step, { minLength: 1, maxLength: 6 }),
  abortAt: fc.option(fc.integer({ min: 0, max: 100 })),
  happenings: fc.array(
    fc.record({
      next: fc.nat(20),
      promote: fc.boolean(),
      passMs: fc.integer({ min: 0, max: 4000 }),
      measured: fc.constantFrom(undefined, good, bad, none),
    }),
    { minLength: 150, maxLength: 150 },
  ),
})

test('a canary skips no step, keeps enough serving, ends in what is wanted, and goes back whenever it is aborted', () => {
  fc.assert(
    fc.property(world, (w) => {
      const maxSurge = w.maxUnavailable === 0 ? Math.max(1, w.surge) : w.surge
      const update = canary(w.steps, { maxSurge, maxUnavailable: w.maxUnavailable })
      const fleet = new Fleet({ replicas: w.replicas, update }, w.exclusive)
      let promoted = 0
      for (const [at, happening] of w.happenings.entries()) {
        if (at === w.abortAt) fleet.aborted = true
        const before = {
          step: fleet.step ?? 0,
          fresh: fleet.count('new'),
          old: fleet.liveOf('old'),
          serving: fleet.count('new') + fleet.count('old'),
        }
        fleet.turn(happening)
        const after = fleet.step ?? before.step
        assert.ok(after >= before.step, 'goes back a step')
        for (let passed = before.step; passed < after; passed++) {
          if (w.steps[passed]?.pause !== undefined && w.steps[passed]?.pause?.duration === undefined)
            promoted++
          const { fresh, rest } = sizesAt(w.steps, passed, { replicas: w.replicas, maxSurge })
          if (w.steps[passed]?.setWeight === undefined) continue
          assert.ok(before.fresh >= fresh && before.old <= rest, 'a weight was skipped')
        }
        if (!w.exclusive) {
          assert.ok(fleet.live <= Math.max(w.replicas + maxSurge), 'more than the surge')
          const serving = fleet.count('new') + fleet.count('old')
          assert.ok(serving >= Math.min(before.serving, w.replicas - w.maxUnavailable), 'too few serve')
        }
      }
      const orders = w.happenings.filter(({ promote }) => promote).length
      assert.ok(promoted <= orders, 'a pause ended by itself')
      // whatever was ordered or measured, from here on nothing stands in the way
      for (let turn = 0; turn < 120; turn++)
        fleet.turn({ next: 0, promote: true, passMs: 10_000, measured: good })
      const hash = fleet.aborted && fleet.status.failedHash === 'new' ? 'old' : 'new'
      assert.equal([fleet.count(hash), fleet.size], [w.replicas, w.replicas])
      if (fleet.aborted) assert.is(hash, 'old')
    }),
    { numRuns: 200 },
  )
})

test.run()

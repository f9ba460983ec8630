import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ServiceBlueGreen, ServiceUpdate } from '../../../../src/resources/generated/types.ts'
import { Fleet } from './fleet.ts'

const update = (over: Partial<ServiceBlueGreen> = {}): ServiceUpdate => ({
  ...{ strategy: 'BlueGreen', maxUnavailable: 0, maxSurge: 1, autoRollback: true },
  ...{ progressDeadline: '60s', minReadySeconds: 0 },
  blueGreen: { autoPromotionEnabled: true, autoPromotionSeconds: 0, scaleDownDelaySeconds: 30, ...over },
})

function settle(fleet: Fleet, turns = 40): void {
  for (let turn = 0; turn < turns; turn++) fleet.turn({ next: 0 })
}

const all = (hash: string) => [{ hash, weight: 100 }]

test('moves over when all are there, and ends the old ones later', () => {
  const fleet = new Fleet({ replicas: 3, update: update() })
  fleet.turn({ next: 0 })
  fleet.turn({ next: 0 })
  assert.equal([fleet.live, fleet.step], [6, 0])
  assert.equal(fleet.progress?.traffic, all('old'))
  settle(fleet)
  assert.equal([fleet.count('new'), fleet.count('old'), fleet.step], [3, 3, 2])
  assert.equal(fleet.progress?.traffic, all('new'))
  fleet.turn({ next: 0, passMs: 30_000 })
  settle(fleet)
  assert.equal([fleet.count('new'), fleet.size, fleet.progress?.finished], [3, 3, true])
})

test('waits to be promoted where it is to', () => {
  const fleet = new Fleet({ replicas: 2, update: update({ autoPromotionEnabled: false }) })
  settle(fleet)
  fleet.turn({ next: 0, passMs: 1e9 })
  assert.equal([fleet.step, fleet.progress?.traffic], [1, all('old')])
  assert.is(fleet.progress?.note?.message, 'step 2 of 3: waits for nsctl rollout promote')
  fleet.turn({ next: 0, promote: true })
  assert.equal([fleet.step, fleet.progress?.traffic], [2, all('new')])
})

test('is looked at for a while', () => {
  const fleet = new Fleet({ replicas: 2, update: update({ autoPromotionSeconds: 10 }) })
  settle(fleet)
  assert.equal([fleet.step, fleet.progress?.waitMs], [1, 10_000])
  fleet.turn({ next: 0, passMs: 10_000 })
  assert.is(fleet.step, 2)
})

for (const before of [0, 1, 2])
  test(`aborted at step ${before + 1}, the old ones serve at once`, () => {
    const fleet = new Fleet({ replicas: 2, update: update({ autoPromotionEnabled: before === 2 }) })
    if (before > 0) settle(fleet)
    else fleet.turn({ next: 0 })
    assert.is(fleet.step, before)
    fleet.aborted = true
    fleet.turn({ next: 0 })
    assert.is(fleet.count('old'), 2)
    settle(fleet)
    assert.equal([fleet.count('old'), fleet.size], [2, 2])
  })

test('is not moved over to what has lost one of its own, not even by a person', () => {
  const fleet = new Fleet({ replicas: 2, update: update({ autoPromotionEnabled: false }) })
  settle(fleet)
  fleet.lose('new')
  fleet.turn({ next: 0, promote: true })
  assert.equal([fleet.step, fleet.progress?.traffic], [0, all('old')])
  settle(fleet)
  assert.equal([fleet.step, fleet.count('new')], [1, 2])
})

const world = fc.record({
  replicas: fc.integer({ min: 1, max: 5 }),
  auto: fc.boolean(),
  abortAt: fc.option(fc.integer({ min: 0, max: 60 })),
  happenings: fc.array(
    fc.record({ next: fc.nat(20), promote: fc.boolean(), passMs: fc.integer({ min: 0, max: 4000 }) }),
    { minLength: 80, maxLength: 80 },
  ),
})

test('all of one side serve at any moment, and it ends on the side that is wanted', () => {
  fc.assert(
    fc.property(world, (w) => {
      const fleet = new Fleet({ replicas: w.replicas, update: update({ autoPromotionEnabled: w.auto }) })
      for (const [at, happening] of w.happenings.entries()) {
        if (at === w.abortAt) fleet.aborted = true
        fleet.turn(happening)
        assert.ok(fleet.live <= 2 * w.replicas, 'more than both sides')
        const [side] = fleet.progress?.traffic ?? []
        if (side !== undefined && fleet.status.failedHash === undefined)
          assert.is(fleet.count(side.hash), w.replicas, `${side.hash} does not serve in full`)
      }
      for (let turn = 0; turn < 60; turn++) fleet.turn({ next: 0, promote: true, passMs: 10_000 })
      const hash = fleet.status.failedHash === undefined ? 'new' : 'old'
      assert.equal([fleet.count(hash), fleet.size], [w.replicas, w.replicas])
    }),
    { numRuns: 200 },
  )
})

test.run()

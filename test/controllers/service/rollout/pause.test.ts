import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { RolloutInput } from '../../../../src/controllers/service/rollout/progress.ts'
import { rolloutProgress } from '../../../../src/controllers/service/rollout/rollout.ts'

const update = { strategy: 'Rolling', paused: true } as RolloutInput['spec']['update']
const counts = { fresh: 0, freshAvailable: 0, rest: 4, restAvailable: 4 }
const before = { stableHash: 'old', stableRevision: 1 }
const rollout = { hash: 'new', revision: 2, heldReplicas: 1, heldOf: 4 }
const input: RolloutInput = {
  ...{
    spec: { replicas: 4, update },
    before,
    hash: 'new',
    revision: 2,
    counts,
    measured: undefined,
    nowMs: 0,
  },
  ...{ orders: { promote: undefined, abort: false }, elapsedMs: () => 0 },
}

for (const c of [
  { name: 'nothing that is new', over: {}, want: [0, 4] },
  { name: 'what has it already', over: { counts: { ...counts, fresh: 2, rest: 2 } }, want: [2, 2] },
  {
    name: 'its part where it was scaled up',
    over: { spec: { replicas: 8, update }, before: { ...before, rollout } },
    want: [2, 6],
  },
  {
    name: 'nothing where its part is less than one',
    over: { spec: { replicas: 3, update }, before: { ...before, rollout } },
    want: [0, 3],
  },
  {
    name: 'that part, whatever has been lost',
    over: { counts, before: { ...before, rollout } },
    want: [1, 3],
  },
  {
    name: 'nothing of a change that came later',
    over: { before: { ...before, rollout: { ...rollout, hash: 'other' } } },
    want: [0, 4],
  },
  {
    name: 'nothing after it was scaled from nothing',
    over: { before: { ...before, rollout: { hash: 'new', revision: 2, heldReplicas: 0, heldOf: 0 } } },
    want: [0, 4],
  },
])
  test(`a paused change has ${c.name}`, () => {
    const { split, held, finished } = rolloutProgress({ ...input, ...c.over })
    assert.equal([split?.fresh, split?.rest], c.want)
    assert.equal([split?.baseHash, split?.keepsOthers, held, finished], ['old', true, false, false])
  })

test('what never was good cannot be made instead: nothing is started', () => {
  const { split, held, finished } = rolloutProgress({ ...input, before: undefined })
  assert.equal([split, held, finished], [undefined, true, false])
})

for (const status of [{ stableHash: 'new' }, { ...before, failedHash: 'new' }])
  test(`paused, ${JSON.stringify(status)} has nothing to hold`, () => {
    const { split, held, finished } = rolloutProgress({ ...input, before: status })
    assert.equal([split, held, finished], [undefined, false, true])
  })

test.run()

/** The judges hold no sound store guilty, and notice each planted fault in what eight clients saw of it. */
import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryStore } from '../../../src/store/memory/store.ts'
import { randomOf } from '../random.ts'
import { judge } from './judge.ts'
import { PLANTED, RENEWALS_FAIL, withDelays, withFault } from './planted.ts'
import { formatJudgement, storm } from './storm.ts'

const STORM = { clients: 8, pauseMs: 0, periodMs: 300, ttlMs: 240, holdMs: 500 }
const LASTS_MS = 900

for (const seed of [1, 2]) {
  test(`nothing is wrong with a sound store (${seed})`, async () => {
    const store = withDelays(createMemoryStore(), randomOf(seed))
    const judged = judge(await storm({ ...STORM, stores: [store], seed, harm: () => pause(LASTS_MS) }))
    assert.equal(judged.faults, [])
    assert.ok(judged.operations > 500 && judged.conflicts > 20 && judged.holds > 5, 'it shows nothing')
    console.log(formatJudgement('memory', 'none', judged))
  })
}

test('nothing is wrong where leases are lost and the fence holds', async () => {
  const losing = withFault(createMemoryStore(), randomOf(3), RENEWALS_FAIL)
  const stores = [withDelays(losing, randomOf(4))]
  const history = await storm({ ...STORM, stores, seed: 5, harm: () => pause(LASTS_MS) })
  const late = history.filter(
    ({ call, outcome }) => call.kind === 'write' && call.under !== undefined && outcome.kind === 'refused',
  )
  assert.equal(judge(history).faults, [])
  assert.ok(late.length > 0, 'nobody wrote late')
})

for (const planted of PLANTED) {
  test(`it is noticed when ${planted.name}`, async () => {
    const faulty = withFault(createMemoryStore(), randomOf(3), planted)
    const stores = [withDelays(faulty, randomOf(4))]
    const judged = judge(await storm({ ...STORM, stores, seed: 5, harm: () => pause(LASTS_MS) }))
    const kinds = new Set(judged.faults.map((fault) => fault.kind))
    assert.ok(
      planted.caughtAs.some((kind) => kinds.has(kind)),
      `found ${[...kinds].join(', ') || 'nothing'} in ${judged.operations} operations`,
    )
  })
}

test.run()

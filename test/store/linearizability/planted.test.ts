/** The judges hold no sound store guilty, and notice each planted fault in what eight clients saw of it. */
import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryStore } from '../../../src/store/memory/store.ts'
import { randomOf } from '../random.ts'
import { judge } from './judge.ts'
import { PLANTED, RENEWALS_FAIL, withDelays, withFault, withLosses } from './planted.ts'
import { formatJudgement, storm } from './storm.ts'

const STORM = { clients: 8, pauseMs: 0, periodMs: 300, ttlMs: 120, holdMs: 500 }
const LASTS_MS = 500
const ATTEMPTS = 6

for (const seed of [1, 2]) {
  test(`nothing is wrong with a sound store (${seed})`, async () => {
    const store = withDelays(createMemoryStore(), randomOf(seed))
    const judged = judge(await storm({ ...STORM, stores: [store], seed, harm: () => pause(LASTS_MS) }))
    assert.equal(judged.faults, [])
    assert.ok(judged.operations > 200 && judged.conflicts > 10 && judged.holds > 2, 'it shows nothing')
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

test('nothing is wrong where requests and answers are lost', async () => {
  let losses = 0
  const store = withLosses(createMemoryStore(), randomOf(3), () => losses++)
  const stores = [withDelays(store, randomOf(4))]
  const judged = judge(await storm({ ...STORM, stores, seed: 5, harm: () => pause(LASTS_MS) }))
  assert.equal(judged.faults, [])
  assert.ok(losses > 0 && judged.unknown > 0)
})

for (const planted of PLANTED) {
  test(`it is noticed when ${planted.name}`, async () => {
    const found = new Set<string>()
    // what strikes seldom may not strike at once on a busy machine
    for (let seed = 0; seed < ATTEMPTS && !planted.caughtAs.some((kind) => found.has(kind)); seed++) {
      const faulty = withFault(createMemoryStore(), randomOf(seed), planted)
      const stores = [withDelays(faulty, randomOf(seed + 1))]
      const history = await storm({ ...STORM, stores, seed, harm: () => pause(LASTS_MS) })
      for (const { kind } of judge(history).faults) found.add(kind)
    }
    assert.ok(
      planted.caughtAs.some((kind) => found.has(kind)),
      `found ${[...found].join(', ') || 'nothing'}`,
    )
  })
}

test.run()

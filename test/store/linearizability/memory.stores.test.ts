/** The memory store under the checker, over a network that delays and loses: nothing else can go wrong with it. */
import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryStore } from '../../../src/store/memory/store.ts'
import { randomOf } from '../random.ts'
import { judge } from './judge.ts'
import { CLIENTS, PACE, STORM_MS } from './pace.ts'
import { withDelays, withLosses } from './planted.ts'
import { assertTelling, formatJudgement, storm } from './storm.ts'

test('clients that lose requests and answers see one store', async () => {
  const random = randomOf(1)
  let losses = 0
  const store = withDelays(
    withLosses(createMemoryStore(), random, () => losses++),
    random,
  )
  const harm = () => pause(STORM_MS)
  const judged = judge(await storm({ ...PACE, stores: [store], clients: CLIENTS, seed: 1, harm }))
  console.log(formatJudgement('memory', `${losses} requests and answers lost`, judged))
  assert.equal(judged.faults, [])
  assertTelling(judged, STORM_MS)
})

test.run()

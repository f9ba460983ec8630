import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type AnalysisAt, Analyst } from '../../../../src/controllers/service/rollout/analyst.ts'
import { ManualClock } from '../../../../src/core/clock.ts'

const at: AnalysisAt = {
  analysis: {
    prometheus: { address: 'http://p', query: 'errors' },
    ...{ successCondition: 'result < 1', interval: '10s', count: 3, failureLimit: 0, inconclusiveLimit: 3 },
  },
  owner: { namespace: 'default', name: 'web' },
  step: 'new 2',
  lastAt: undefined,
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** An analyst whose numbers the test gives. */
function open() {
  const clock = new ManualClock()
  const asked: { signal: AbortSignal; answer: (value: number | Error) => void }[] = []
  const analyst = new Analyst(clock, (_, __, signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    asked.push({ signal, answer: (value) => (value instanceof Error ? reject(value) : resolve(value)) })
    return promise
  })
  return { clock, asked, analyst }
}

test('measures at once, tells each measurement once, and again after the interval', async () => {
  const { clock, asked, analyst } = open()
  assert.equal(analyst.look('web', at), { measured: undefined, waitMs: 200 })
  analyst.look('web', at)
  assert.is(asked.length, 1, 'it is asked again while it is asked')
  asked[0]?.answer(7)
  await turn()
  assert.equal(analyst.look('web', at), { measured: { kind: 'value', value: 7 }, waitMs: 10_000 })
  assert.is(analyst.look('web', at).measured, undefined)
  clock.advance(9_999)
  assert.is(analyst.look('web', at).waitMs, 1)
  clock.advance(1)
  analyst.look('web', at)
  assert.is(asked.length, 2)
})

test('what cannot be had is told as none, with why', async () => {
  const { asked, analyst } = open()
  analyst.look('web', at)
  asked[0]?.answer(new Error('connection refused'))
  await turn()
  assert.equal(analyst.look('web', at).measured, { kind: 'none', message: 'connection refused' })
})

for (const c of [
  { name: 'the rest of the interval', sinceMs: 4_000, waitMs: 6_000 },
  { name: 'no longer than that, where the wall clock has jumped back', sinceMs: -1e9, waitMs: 10_000 },
])
  test(`who follows another waits for ${c.name}`, () => {
    const { clock, asked, analyst } = open()
    const lastAt = new Date(clock.now() - c.sinceMs).toISOString()
    assert.equal(analyst.look('web', { ...at, lastAt }), { measured: undefined, waitMs: c.waitMs })
    assert.is(asked.length, 0)
  })

test('another step is measured anew, and what was asked for the one before counts for nothing', async () => {
  const { asked, analyst } = open()
  analyst.look('web', at)
  analyst.look('web', { ...at, step: 'new 4' })
  assert.is(asked[0]?.signal.aborted, true)
  asked[0]?.answer(7)
  await turn()
  assert.is(analyst.look('web', { ...at, step: 'new 4' }).measured, undefined)
  assert.is(asked.length, 2)
})

test('with nothing to analyse what is under way ends', () => {
  const { asked, analyst } = open()
  analyst.look('web', at)
  assert.equal(analyst.look('web', undefined), { measured: undefined, waitMs: undefined })
  assert.is(asked[0]?.signal.aborted, true)
})

test.run()

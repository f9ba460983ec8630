/** What decisions say, word for word: it is what `describe` shows. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatMeasure, formatNumber, formatSpan } from '../../../src/scaling/decide/format.ts'
import type { InstanceFacts, TriggerInput } from '../../../src/scaling/decision.ts'
import type { TriggerPolicy } from '../../../src/scaling/policy.ts'
import { timeOfDay } from '../../../src/scaling/time-of-day.ts'
import { cpu, decideOnce, failing, input, policy, ready, START, stepOf, trigger, value } from './scene.ts'

for (const [number, want] of [
  [0, '0'],
  [7, '7'],
  [999, '999'],
  [1310, '1,310'],
  [-1310, '-1,310'],
  [1234567, '1,234,567'],
  [61.5, '61.5'],
  [61.256, '61.26'],
  [1234.5, '1,234.5'],
  [0.00421, '0.00421'],
  [0.5, '0.5'],
  [99.999, '100'],
  [1e18, '1.00e+18'],
] as const)
  test(`formatNumber ${number}`, () => assert.is(formatNumber(number), want))

for (const [number, unit, want] of [
  [61, '%', '61 %'],
  [210, 'm', '210m'],
  [100_663_296, 'B', '96Mi'],
  [0.25, 's', '0.25 s'],
  [1310, '', '1,310'],
] as const)
  test(`formatMeasure ${number} ${unit}`, () => assert.is(formatMeasure(number, unit), want))

test('formatSpan', () => {
  assert.equal([15_000, 300_000, 500].map(formatSpan), ['15s', '5m', '500ms'])
})

test('timeOfDay is that of the zone, also across a change of its clocks', () => {
  const berlin = timeOfDay('Europe/Berlin')
  assert.is(berlin(Date.UTC(2026, 2, 29, 0, 59, 59)), '01:59:59')
  assert.is(berlin(Date.UTC(2026, 2, 29, 1, 0, 0)), '03:00:00')
  assert.is(berlin(Date.UTC(2026, 9, 25, 1, 0, 0)), '02:00:00')
  assert.is(timeOfDay('Asia/Kathmandu')(Date.UTC(2026, 0, 1, 23)), '04:45:00')
  assert.is(timeOfDay('UTC')(-1), '23:59:59')
})

function samples(...percents: readonly number[]): TriggerInput {
  return {
    reading: {
      kind: 'instances',
      samples: percents.map((percent, index) => ({
        instance: `web-${index}`,
        value: percent * 10,
        atMs: START,
        windowMs: 1000,
      })),
    },
    readAtMs: START,
    error: undefined,
    failures: 0,
  }
}

const started: InstanceFacts = { ...ready(1)[0]!, name: 'web-3', phase: 'pending', ready: false }

for (const { name, of, look, instances = ready(3), want } of [
  { name: 'a total for each', of: trigger('t', { target: 200 }), look: value(1310), want: '1,310 ÷ 200' },
  {
    name: 'a total in tolerance',
    of: trigger('t', { target: 200 }),
    look: value(610),
    want: '610 ÷ 200, in tolerance',
  },
  {
    name: 'a value for the whole',
    of: trigger('t', { metricType: 'Value', target: 50 }),
    look: value(120),
    want: '120 of 50 × 3 ready',
  },
  {
    name: 'a value in tolerance',
    of: trigger('t', { metricType: 'Value', target: 50 }),
    look: value(51),
    want: '51 of 50, in tolerance',
  },
  { name: 'a percentage', of: cpu(70, { key: 't' }), look: samples(61, 91, 91), want: '81 % of 70 %' },
  {
    name: 'a percentage in tolerance',
    of: cpu(70, { key: 't' }),
    look: samples(70, 71, 72),
    want: '71 % of 70 %, in tolerance',
  },
  {
    name: 'a percentage of some',
    of: cpu(50, { key: 't' }),
    look: samples(90, 90),
    want: '90 % of 50 %, 1 without samples',
  },
  {
    name: 'a percentage while one starts',
    of: cpu(50, { key: 't' }),
    look: samples(90, 90, 90),
    instances: [...ready(3), started],
    want: '90 % of 50 %, 1 starting',
  },
  {
    name: 'an amount',
    of: cpu(500, { key: 't', metricType: 'AverageValue', unit: 'm' }),
    look: samples(30, 30, 30),
    want: '300m of 500m',
  },
  {
    name: 'what cannot be read',
    of: trigger('t'),
    look: failing(2, 'connection refused'),
    want: 'cannot be read: connection refused',
  },
] satisfies readonly {
  readonly name: string
  readonly of: TriggerPolicy
  readonly look: TriggerInput
  readonly instances?: readonly InstanceFacts[]
  readonly want: string
}[])
  test(`a trigger says ${name}`, () => {
    const decision = decideOnce(policy({ triggers: [of] }), input(3, { t: look }, { instances }))
    assert.is(decision.triggers[0]?.text, want)
  })

test('a trigger says how old its reading is, and how often it failed', () => {
  const decision = decideOnce(policy(), input(3, { queue: value(30, { readAtMs: START - 4000 }) }))
  assert.is(decision.triggers[0]?.ageMs, 4000)
  assert.is(decideOnce(policy(), input(3, { queue: failing(2) })).triggers[0]?.failures, 2)
})

test('steps say what they did', () => {
  const held = decideOnce(policy({ triggers: [trigger('queue'), trigger('topic')] }), {
    ...input(5, { queue: value(20), topic: failing(1) }),
  })
  assert.is(stepOf(held, 'triggers').text, 'kept: topic: connection refused')
  const steady = decideOnce(policy(), input(9, { queue: value(30) }), {
    recommendations: [{ atMs: START - 60_000, replicas: 7 }],
    changes: [],
    lastActiveMs: START,
    rules: {},
    heldUntilMs: undefined,
  })
  assert.equal(stepOf(steady, 'stabilization'), {
    step: 'stabilization',
    from: 3,
    to: 7,
    reason: 'ScaleDownStabilized',
    text: 'highest wish of the last 5m was 7',
  })
  assert.is(steady.because, 'highest wish of the last 5m was 7')
  const leap = decideOnce(policy(), input(5, { queue: value(300) }))
  assert.is(leap.because, 'at most 10 now: twice as many in 15s, or 4')
  assert.is(stepOf(leap, 'bounds').text, '0–100')
})

test.run()

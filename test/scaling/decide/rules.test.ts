/** Rules of our own. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseExpression } from '../../../src/resources/expression/parse.ts'
import { parseSchedule } from '../../../src/resources/schedule.ts'
import type { Rule, ScaleStep } from '../../../src/scaling/policy.ts'
import { cpu, decideOnce, failing, input, policy, Scaler, START, stepOf, trigger, value } from './scene.ts'

function when(text: string, more: Partial<Rule> = {}, heldForMs = 0): Rule {
  const condition = { kind: 'when', expression: parseExpression(text), heldForMs } as const
  return { name: 'rule 1', condition, scale: undefined, min: undefined, max: undefined, ...more }
}

const by = (count: number): ScaleStep => ({ kind: 'by', count })
const CALM_WINDOWS = {
  up: { stabilizationMs: 0, select: 'Max', policies: [{ type: 'Percent', value: 900, periodMs: 1000 }] },
  down: { stabilizationMs: 0, select: 'Max', policies: [{ type: 'Percent', value: 100, periodMs: 1000 }] },
} as const

/** At 5, with nothing to steady. */
function scalerOf(...rules: readonly Rule[]): Scaler {
  const named = rules.map((rule, index) => ({ ...rule, name: `rule ${index + 1}` }))
  return new Scaler(policy({ rules: named, behavior: CALM_WINDOWS }), 5)
}

test('scale acts once, and what it came to holds while the rule does', () => {
  const scaler = scalerOf(when('queue > 45', { scale: by(3) }))
  assert.is(scaler.after(0, { queue: value(50) }), 8)
  assert.is(stepOf(scaler.last!, 'rules').text, 'rule 1 fired: 8')
  for (let round = 0; round < 5; round++) assert.is(scaler.after(15, { queue: value(50) }), 8)
  assert.is(stepOf(scaler.last!, 'rules').text, 'rule 1 holds: 8')
  assert.is(scaler.after(15, { queue: value(90) }), 9, 'triggers may want more')
  assert.is(scaler.after(15, { queue: value(50) }), 8, 'and never less than that')
  assert.is(scaler.after(15, { queue: value(40) }), 4, 'it holds no more')
  assert.is(scaler.after(15, { queue: value(50) }), 7, 'it fires again, from the size at that time')
})

test('heldFor is counted from when it became true, and starts over', () => {
  const scaler = scalerOf(when('queue > 45', { scale: by(3) }, 30_000))
  assert.is(scaler.after(0, { queue: value(50) }), 5)
  assert.is(scaler.after(29, { queue: value(50) }), 5)
  assert.is(scaler.after(1, { queue: value(44) }), 5)
  assert.is(scaler.after(1, { queue: value(50) }), 5)
  assert.is(scaler.after(29, { queue: value(50) }), 5)
  assert.is(scaler.after(1, { queue: value(50) }), 8)
})

for (const { name, scale, queue, want } of [
  { name: '-2 is a ceiling', scale: by(-2), queue: 50, want: 3 },
  { name: '-2 lets less through', scale: by(-2), queue: 20, want: 2 },
  { name: '-9 leaves one', scale: by(-9), queue: 50, want: 1 },
  { name: '+50% rounds up', scale: { kind: 'byPercent', percent: 50 }, queue: 50, want: 8 },
  { name: '-50% rounds down', scale: { kind: 'byPercent', percent: -50 }, queue: 50, want: 2 },
  { name: '7 is kept against less', scale: { kind: 'to', count: 7 }, queue: 20, want: 7 },
  { name: '7 is kept against more', scale: { kind: 'to', count: 7 }, queue: 90, want: 7 },
  { name: '0 is none', scale: { kind: 'to', count: 0 }, queue: 50, want: 0 },
  { name: 'no further than the maximum', scale: by(1000), queue: 50, want: 100 },
] satisfies readonly {
  readonly name: string
  readonly scale: ScaleStep
  readonly queue: number
  readonly want: number
}[])
  test(`scale ${name}`, () =>
    assert.is(scalerOf(when('true', { scale })).after(0, { queue: value(queue) }), want))

test('what pushes up counts before what pushes down, and two that fire at once do not add up', () => {
  const up = when('true', { scale: by(3) })
  assert.is(scalerOf(up, when('true', { scale: by(-3) })).after(0, { queue: value(50) }), 8)
  assert.is(scalerOf(up, up).after(0, { queue: value(50) }), 8)
})

test('what a rule came to is a wish: windows steady the way down from it', () => {
  const rules = [when('queue > 45', { scale: by(3) })]
  const scaler = new Scaler(policy({ rules }), 5)
  scaler.after(0, { queue: value(50) })
  assert.is(scaler.replicas, 8)
  assert.is(scaler.after(299, { queue: value(40) }), 8)
  assert.is(scaler.after(1, { queue: value(40) }), 4, 'the wish of 8 is five minutes old')
})

test('min and max are bounds while the rule holds; a floor counts before a ceiling', () => {
  const scaler = scalerOf(when('queue > 30', { min: 9 }), when('queue > 80', { max: 6 }))
  assert.is(scaler.after(0, { queue: value(40) }), 9)
  assert.is(scaler.last?.because, 'floor 9 (rule 1)')
  assert.is(scaler.after(15, { queue: value(150) }), 9)
  assert.is(scaler.after(15, { queue: value(20) }), 2)
  const night = scalerOf(when('hour() >= 12', { max: 2 }))
  assert.is(night.after(0, { queue: value(70) }), 2)
  assert.equal(night.last?.limited, { reason: 'TooManyReplicas', message: 'ceiling 2 (rule 1)' })
})

test('a floor never goes above maxReplicaCount, nor a ceiling below minReplicaCount', () => {
  const rules = [when('true', { min: 500 })]
  assert.is(decideOnce(policy({ rules }), input(5, { queue: value(50) })).to, 100)
  const low = policy({ rules: [when('true', { max: 2 })], minReplicas: 3 })
  assert.is(decideOnce(low, input(5, { queue: value(50) })).to, 3)
})

test('a floor holds while nothing is active, and a ceiling of 0 while something is', () => {
  assert.is(decideOnce(policy({ rules: [when('true', { min: 4 })] }), input(0, { queue: value(0) })).to, 4)
  assert.is(decideOnce(policy({ rules: [when('true', { max: 0 })] }), input(5, { queue: value(90) })).to, 0)
})

test('a schedule is a floor for as long as it lasts', () => {
  const condition = {
    kind: 'schedule',
    schedule: parseSchedule('0 8 * * 1-5', 'Europe/Berlin'),
    lastsMs: 36_000_000,
  } as const
  const rules = [{ ...when('true'), condition, min: 5 }]
  const of = policy({ rules, timezone: 'Europe/Berlin' })
  for (const [wall, want] of [
    [Date.UTC(2026, 5, 10, 5, 59, 59), 0],
    [Date.UTC(2026, 5, 10, 6), 5],
    [Date.UTC(2026, 5, 10, 15, 59, 59), 5],
    [Date.UTC(2026, 5, 10, 16), 0],
    [Date.UTC(2026, 5, 13, 10), 0],
  ] as const) {
    const time = { steadyMs: START, wallMs: wall }
    assert.is(decideOnce(of, input(0, { queue: value(0) }, { time })).to, want, new Date(wall).toISOString())
  }
})

test('a decision says which rule bounds it, until when, and what a rule keeps', () => {
  const schedule = parseSchedule('0 8 * * *', 'UTC')
  const weekdays = { kind: 'schedule', schedule, lastsMs: 36_000_000 } as const
  const floor = { ...when('true', { min: 5 }), name: 'weekdays', condition: weekdays }
  const held = decideOnce(
    policy({ rules: [floor], minReplicas: 2, maxReplicas: 20 }),
    input(7, { queue: value(70) }),
  )
  assert.is(stepOf(held, 'bounds').text, '2–20, floor 5 (weekdays, until 18:00:00)')
  const at5 = decideOnce(policy({ rules: [floor] }), input(5, { queue: value(50) }))
  assert.is(at5.outlook.down.text, 'at its floor of 5 (weekdays, until 18:00:00)')
  const long = { ...floor, condition: { ...weekdays, lastsMs: 10 * 86_400_000 } }
  const days = decideOnce(policy({ rules: [long] }), input(5, { queue: value(50) }))
  assert.is(days.outlook.down.text, 'at its floor of 5 (weekdays, for 9d more)')
  const scaler = scalerOf(when('queue > 45', { scale: by(3) }))
  scaler.after(0, { queue: value(50) })
  assert.is(scaler.last?.outlook.down.text, 'not below 8 while rule 1 holds')
  assert.is(scaler.last?.outlook.fewer, undefined)
  assert.is(scaler.last?.outlook.more?.text, '81 would make it 9')
})

test('what cannot be told leaves a rule as it was', () => {
  const scaler = new Scaler(
    policy({
      triggers: [trigger('queue'), trigger('lag')],
      rules: [when('lag > 10', { min: 7 })],
      behavior: CALM_WINDOWS,
    }),
    5,
  )
  assert.is(scaler.after(0, { queue: value(20), lag: failing(1) }), 5, 'it did not hold')
  assert.match(scaler.last?.faults[0] ?? '', /^rule 1: /)
  assert.is(scaler.after(15, { queue: value(20), lag: value(20) }), 7)
  assert.is(scaler.after(15, { queue: value(20), lag: failing(1) }), 7, 'it held')
  assert.is(scaler.after(15, { queue: value(20), lag: value(1) }), 2)
})

test('rules can name triggers and what there is of them, instances and bounds', () => {
  const of = (text: string) =>
    decideOnce(policy({ triggers: [trigger('queue'), cpu(70)], rules: [when(text, { min: 9 })] }), {
      ...input(5, {
        queue: value(50, { readAtMs: START - 4000 }),
        cpu: {
          reading: {
            kind: 'instances',
            samples: [0, 1, 2, 3, 4].map((index) => ({
              instance: `web-${index}`,
              value: 650,
              atMs: START,
              windowMs: 1,
            })),
          },
          readAtMs: START,
          error: undefined,
          failures: 0,
        },
      }),
    })
  for (const text of [
    'queue == 50',
    'queue.lag == 50 && queue.value == 50',
    'queue.target == 10',
    'queue.age == 4',
    'queue.active',
    'cpu == 65',
    'replicas == 5 && ready == 5 && min == 0 && max == 100',
    'hour() == 12 && weekday() == "wed"',
  ]) {
    const decision = of(text)
    assert.equal(decision.faults, [], text)
    assert.is(decision.to, 9, text)
  }
})

test('a rule that comes to no truth is said', () => {
  const { faults, to } = decideOnce(
    policy({ rules: [when('queue + 1', { min: 9 })] }),
    input(5, { queue: value(50) }),
  )
  assert.equal(faults, ['rule 1: 51 is neither true nor false'])
  assert.is(to, 5)
})

test.run()

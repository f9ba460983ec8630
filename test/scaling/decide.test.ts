/** The whole way of a number: what each case names is what decides it. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { TriggerInput } from '../../src/scaling/decision.ts'
import {
  CALM,
  decideOnce,
  failing,
  input,
  policy,
  Scaler,
  START,
  stepOf,
  trigger,
  value,
} from './decide/scene.ts'

test('a decision has every step in order, also those that did nothing', () => {
  const decision = decideOnce(policy(), input(5, { queue: value(70) }))
  assert.equal(
    decision.steps.map(({ step }) => step),
    [
      'triggers',
      'fallback',
      'modifiers',
      'activation',
      'stabilization',
      'policies',
      'rules',
      'protection',
      'bounds',
      'pause',
    ],
  )
  for (const [index, { from }] of decision.steps.entries())
    assert.is(from, index === 0 ? 5 : decision.steps[index - 1]?.to)
  assert.is(decision.to, 7)
  assert.is(decision.because, 'queue 70 ÷ 10')
  assert.is(decision.at, '2026-06-10T12:00:00.000Z')
})

test('a queue goes from 0 and back after its cooldown', () => {
  const scaler = new Scaler(policy(), 0)
  assert.is(scaler.after(0, { queue: value(0) }), 0)
  assert.is(scaler.after(15, { queue: value(35) }), 4, 'at once to what it wants')
  assert.is(scaler.after(15, { queue: value(100) }), 8, 'twice as many in 15 s')
  assert.is(scaler.after(15, { queue: value(100) }), 10)
  assert.is(scaler.after(15, { queue: value(0) }), 10)
  assert.is(scaler.last?.active, false)
  assert.match(stepOf(scaler.last!, 'activation').text, /to 0 at 12:05:45, after cooldownPeriod \(5m\)/)
  assert.is(scaler.after(284, { queue: value(0) }), 10)
  assert.is(scaler.after(1, { queue: value(0) }), 0)
  assert.is(scaler.last?.because, 'nothing is active since 12:00:45')
})

test('nothing known is nothing changed', () => {
  const looks: readonly Readonly<Record<string, TriggerInput>>[] = [
    {},
    { queue: failing(1) },
    { queue: value(Number.NaN) },
  ]
  for (const triggers of looks) {
    for (const replicas of [0, 1, 7]) {
      const decision = decideOnce(policy(), input(replicas, triggers), { ...CALM, lastActiveMs: 0 })
      assert.is(decision.to, replicas)
    }
  }
})

test('what fails holds back the way down, and not the way up', () => {
  const two = policy({ triggers: [trigger('queue'), trigger('topic')] })
  assert.is(decideOnce(two, input(5, { queue: value(20), topic: failing(1) })).to, 5)
  assert.is(decideOnce(two, input(5, { queue: value(80), topic: failing(1) })).to, 8)
})

test('a state from a clock that is ahead counts as one of now', () => {
  const aheadMs = START + 4_000
  const scaler = new Scaler(policy({ protection: { ...policy().protection, cooldownUpMs: 60_000 } }), 9, {
    recommendations: [{ atMs: aheadMs, replicas: 9 }],
    changes: [{ atMs: aheadMs, by: 4 }],
    lastActiveMs: aheadMs,
    rules: {},
    heldUntilMs: undefined,
  })
  assert.is(scaler.after(0, { queue: value(0) }), 9)
  assert.is(scaler.state.lastActiveMs, START)
  assert.is(scaler.after(59, { queue: value(200) }), 9)
  assert.is(scaler.after(1, { queue: value(200) }), 18)
  const falling = new Scaler(policy({ minReplicas: 1 }), 9, {
    ...CALM,
    recommendations: [{ atMs: aheadMs, replicas: 9 }],
  })
  assert.is(falling.after(0, { queue: value(10) }), 9)
  assert.is(falling.after(300, { queue: value(10) }), 1)
})

test('each metric of a trigger has a target of its own and wishes by itself', () => {
  const metrics = [
    { name: 'short', value: 30, target: 10 },
    { name: 'long', value: 900, target: 100 },
    { name: 'own', value: 20 },
  ]
  const reading = { kind: 'values', metrics, active: true } as const
  const decision = decideOnce(policy(), input(5, { queue: value(1, { reading }) }))
  assert.is(decision.to, 9)
  assert.equal(
    decision.triggers.map(({ metric, proposal, decides }) => [metric, proposal, decides]),
    [
      ['short', 3, false],
      ['long', 9, true],
      ['own', 2, false],
    ],
  )
})

test('a trigger whose target is nothing to compare with is said', () => {
  for (const target of [0, -1, Number.NaN, undefined]) {
    const of = policy({ triggers: [trigger('queue', { target })] })
    const decision = decideOnce(of, input(5, { queue: value(70) }))
    assert.is(decision.to, 5)
    assert.match(decision.triggers[0]?.error ?? '', /^its target is .*, and must be above 0$/)
  }
})

test.run()

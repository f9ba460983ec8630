/** Protection: cooldown both ways, flapping, the budget of an hour; and what it never holds. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseExpression } from '../../../src/resources/expression/parse.ts'
import type { Protection, ScalingPolicy } from '../../../src/scaling/policy.ts'
import { policy, Scaler, stepOf, value } from './scene.ts'

const NONE: Protection = {
  cooldownUpMs: 0,
  cooldownDownMs: 0,
  flapping: undefined,
  maxActionsPerHour: undefined,
}
const FAST = {
  up: { stabilizationMs: 0, select: 'Max', policies: [{ type: 'Pods', value: 100, periodMs: 1000 }] },
  down: { stabilizationMs: 0, select: 'Max', policies: [{ type: 'Percent', value: 100, periodMs: 1000 }] },
} as const

function scalerOf(protection: Partial<Protection>, more: Partial<ScalingPolicy> = {}, replicas = 5): Scaler {
  return new Scaler(policy({ behavior: FAST, protection: { ...NONE, ...protection }, ...more }), replicas)
}

test('cooldown down is counted from any change, up or down', () => {
  const scaler = scalerOf({ cooldownDownMs: 300_000 })
  assert.is(scaler.after(0, { queue: value(80) }), 8)
  assert.is(scaler.after(200, { queue: value(90) }), 9, 'up is not held')
  assert.is(scaler.after(299, { queue: value(20) }), 9)
  assert.equal(scaler.last?.limited, {
    reason: 'CooldownDown',
    message: 'held until 12:08:20: cooldown down is 5m after any change',
  })
  assert.is(scaler.after(1, { queue: value(20) }), 2)
  assert.is(scaler.after(299, { queue: value(10) }), 2)
  assert.is(scaler.after(1, { queue: value(10) }), 1)
})

test('cooldown up holds the way up', () => {
  const scaler = scalerOf({ cooldownUpMs: 15_000 })
  assert.is(scaler.after(0, { queue: value(80) }), 8)
  assert.is(scaler.after(14, { queue: value(200) }), 8)
  assert.is(scaler.last?.limited?.reason, 'CooldownUp')
  assert.is(scaler.after(1, { queue: value(200) }), 20)
})

test('cooldown down also holds the way to 0', () => {
  const scaler = scalerOf({ cooldownDownMs: 600_000 }, { cooldownMs: 60_000 })
  assert.is(scaler.after(0, { queue: value(80) }), 8)
  assert.is(scaler.after(599, { queue: value(0) }), 8)
  assert.is(scaler.after(1, { queue: value(0) }), 0)
})

test('too many changes of direction hold the number', () => {
  const scaler = scalerOf({ flapping: { changes: 3, withinMs: 600_000, holdMs: 300_000 } })
  assert.is(scaler.after(0, { queue: value(80) }), 8)
  assert.is(scaler.after(30, { queue: value(40) }), 4)
  assert.is(scaler.after(30, { queue: value(80) }), 8)
  assert.is(scaler.after(30, { queue: value(40) }), 4, 'the third turn')
  assert.is(scaler.after(30, { queue: value(80) }), 4)
  assert.equal(scaler.last?.limited, {
    reason: 'Flapping',
    message: 'held until 12:06:30: the direction changed 3 times within 10m',
  })
  assert.is(scaler.after(269, { queue: value(80) }), 4)
  assert.is(scaler.after(1, { queue: value(80) }), 8, 'held no longer')
  assert.is(scaler.after(1, { queue: value(40) }), 8, 'and held again: a fourth turn within ten minutes')
})

test('going one way is not flapping', () => {
  const scaler = scalerOf({ flapping: { changes: 2, withinMs: 600_000, holdMs: 300_000 } })
  for (const [queue, want] of [
    [60, 6],
    [70, 7],
    [80, 8],
    [90, 9],
  ] as const)
    assert.is(scaler.after(30, { queue: value(queue) }), want)
})

test('a budget holds what is beyond it until the first change of the hour is an hour old', () => {
  const scaler = scalerOf({ maxActionsPerHour: 2 })
  assert.is(scaler.after(0, { queue: value(60) }), 6)
  assert.is(scaler.after(60, { queue: value(90) }), 9)
  assert.is(scaler.after(60, { queue: value(200) }), 9)
  assert.equal(scaler.last?.limited, {
    reason: 'ActionBudget',
    message: 'held until 13:00:00: 2 changes within an hour',
  })
  assert.is(scaler.after(3479, { queue: value(200) }), 9)
  assert.is(scaler.after(1, { queue: value(200) }), 20)
  assert.is(scaler.after(59, { queue: value(300) }), 20)
  assert.is(scaler.after(1, { queue: value(300) }), 30)
})

test('nothing holds the way from 0', () => {
  const scaler = scalerOf(
    {
      cooldownUpMs: 3_600_000,
      cooldownDownMs: 0,
      maxActionsPerHour: 1,
      flapping: { changes: 1, withinMs: 3_600_000, holdMs: 3_600_000 },
    },
    { cooldownMs: 0 },
  )
  assert.is(scaler.after(0, { queue: value(80) }), 8)
  scaler.replicas = 0
  assert.is(scaler.after(10, { queue: value(30) }), 3)
  assert.is(stepOf(scaler.last!, 'protection').reason, 'Exempt')
  assert.is(scaler.after(10, { queue: value(90) }), 3)
})

test('bounds are exempt both ways', () => {
  const expression = (text: string) =>
    ({ kind: 'when', expression: parseExpression(text), heldForMs: 0 }) as const
  const rules = [
    { name: 'floor', condition: expression('queue == 51'), scale: undefined, min: 9, max: undefined },
    { name: 'ceiling', condition: expression('queue == 52'), scale: undefined, min: undefined, max: 2 },
  ]
  const scaler = scalerOf({ cooldownUpMs: 600_000, cooldownDownMs: 600_000, maxActionsPerHour: 1 }, { rules })
  assert.is(scaler.after(0, { queue: value(60) }), 6)
  assert.is(scaler.after(1, { queue: value(51) }), 9)
  assert.is(scaler.after(1, { queue: value(52) }), 2)
  assert.is(scaler.after(1, { queue: value(90) }), 2)
})

test.run()

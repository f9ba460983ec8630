/** When the number may change next, and what would change it; every answer is tried. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { MetricType } from '../../../src/resources/triggers/schema.ts'
import type { ScalingPolicy } from '../../../src/scaling/policy.ts'
import { CALM, decideOnce, failing, input, policy, Scaler, START, trigger, value } from './scene.ts'

test('it says what would make it more, and fewer', () => {
  const of = policy({
    triggers: [trigger('orders', { type: 'rabbitmq', label: 'rabbitmq/orders', target: 200 })],
  })
  const { outlook, because } = decideOnce(of, input(7, { orders: value(1310) }))
  assert.is(because, 'rabbitmq/orders 1,310 ÷ 200, in tolerance')
  assert.equal(outlook.more, {
    trigger: 'rabbitmq/orders',
    value: 1541,
    replicas: 8,
    text: '1,541 would make it 8',
  })
  assert.equal(outlook.fewer, {
    trigger: 'rabbitmq/orders',
    value: 1200,
    replicas: 6,
    text: '1,200 would make it 6',
  })
})

test('what would be fewer is left out where something else would keep it', () => {
  const of = policy({ triggers: [trigger('queue'), trigger('topic')] })
  const { outlook } = decideOnce(of, input(5, { queue: value(90), topic: value(90) }))
  assert.is(outlook.fewer, undefined)
  assert.is(outlook.more?.text, '91 would make it 10')
})

test('what is wanted already and held by something else has no value that would do', () => {
  const grown = decideOnce(
    policy({ triggers: [trigger('queue')], maxReplicas: 50 }),
    input(1, { queue: value(400) }),
  )
  assert.is(grown.to, 4, 'held by the policy')
  assert.is(grown.outlook.more, undefined)
  assert.match(grown.outlook.up.text, /^no earlier than /)
  const shrinking = new Scaler(policy({ triggers: [trigger('queue')] }), 5)
  shrinking.after(0, { queue: value(50) })
  assert.is(shrinking.after(15, { queue: value(20) }), 5, 'held by the window')
  assert.is(shrinking.last?.outlook.fewer, undefined)
})

test('every answer is the smallest change, by trying', () => {
  const given = fc.record({
    current: fc.integer({ min: 1, max: 40 }),
    target: fc.integer({ min: 1, max: 50 }),
    number: fc.integer({ min: 1, max: 1500 }),
    metricType: fc.constantFrom<MetricType>('AverageValue', 'Value'),
    up: fc.constantFrom(0, 0.1, 0.5),
    down: fc.constantFrom(0, 0.1, 0.5),
  })
  const free = {
    up: { stabilizationMs: 0, select: 'Max', policies: [{ type: 'Pods', value: 1e6, periodMs: 1000 }] },
    down: { stabilizationMs: 0, select: 'Max', policies: [{ type: 'Percent', value: 100, periodMs: 1000 }] },
  } as const
  fc.assert(
    fc.property(given, ({ current, target, number, metricType, up, down }) => {
      const of: ScalingPolicy = policy({
        triggers: [trigger('queue', { target, metricType })],
        tolerance: { up, down },
        behavior: free,
        maxReplicas: 1_000_000,
      })
      const wants = (queue: number) => decideOnce(of, input(current, { queue: value(queue) })).to
      const { outlook, to } = decideOnce(of, input(current, { queue: value(number) }))
      const { more, fewer } = outlook
      if (more !== undefined) {
        assert.is(wants(more.value), more.replicas)
        assert.ok(more.replicas > to)
        assert.ok(wants(more.value - 1) <= to, `${more.value} is not the smallest`)
      }
      if (fewer !== undefined) {
        assert.is(wants(fewer.value), fewer.replicas)
        assert.ok(fewer.replicas < to)
        assert.ok(wants(fewer.value + 1) >= to, `${fewer.value} is not the largest`)
      }
      assert.ok(more !== undefined)
    }),
    { numRuns: 500 },
  )
})

for (const { name, of, current, queue, up, down } of [
  {
    name: 'calm',
    of: {},
    current: 5,
    queue: 50,
    up: 'at once',
    down: 'no earlier than 12:05:00 (highest wish of the last 5m was 5)',
  },
  {
    name: 'at the maximum',
    of: { maxReplicas: 5 },
    current: 5,
    queue: 90,
    up: 'at its ceiling of 5 (maxReplicaCount)',
    down: 'no earlier than 12:05:00 (highest wish of the last 5m was 9)',
  },
  {
    name: 'at the minimum',
    of: { minReplicas: 2 },
    current: 2,
    queue: 0,
    up: 'at once',
    down: 'at its floor of 2 (minReplicaCount)',
  },
  {
    name: 'at one',
    of: {},
    current: 1,
    queue: 10,
    up: 'at once',
    down: 'to 0 5m after nothing is active any more (cooldownPeriod)',
  },
  {
    name: 'after a leap',
    of: {},
    current: 5,
    queue: 500,
    up: 'no earlier than 12:00:15 (twice as many in 15s, or 4)',
    down: 'no earlier than 12:05:00 (highest wish of the last 5m was 50)',
  },
  {
    name: 'paused',
    of: { pause: { kind: 'all', replicas: undefined } },
    current: 5,
    queue: 50,
    up: 'paused',
    down: 'paused',
  },
  { name: 'idle', of: {}, current: 0, queue: 0, up: 'at once', down: 'none runs' },
  {
    name: 'cooled down',
    of: {
      protection: {
        cooldownUpMs: 60_000,
        cooldownDownMs: 600_000,
        flapping: undefined,
        maxActionsPerHour: undefined,
      },
    },
    current: 5,
    queue: 70,
    up: 'held until 12:01:00: cooldown up is 1m after any change',
    down: 'held until 12:10:00: cooldown down is 10m after any change',
  },
] satisfies readonly {
  readonly name: string
  readonly of: Partial<ScalingPolicy>
  readonly current: number
  readonly queue: number
  readonly up: string
  readonly down: string
}[])
  test(`next: ${name}`, () => {
    const { outlook } = decideOnce(policy(of), input(current, { queue: value(queue) }))
    // spans are spelled as they are everywhere: 60s, 5m
    assert.is(outlook.up.text, up.replace('1m', '60s'))
    assert.is(outlook.down.text, down)
  })

test('next: not down while something cannot be read', () => {
  const of = policy({ triggers: [trigger('queue'), trigger('topic')] })
  const { outlook } = decideOnce(of, input(5, { queue: value(90), topic: failing(1) }), CALM)
  assert.equal(outlook.down, { notBeforeMs: undefined, text: 'not while a trigger cannot be read' })
})

test('what is foretold for the way down comes true to the millisecond', () => {
  const scaler = new Scaler(policy(), 9)
  scaler.after(0, { queue: value(90) })
  scaler.after(60, { queue: value(30) })
  const notBeforeMs = scaler.last?.outlook.down.notBeforeMs ?? 0
  assert.is(notBeforeMs, START + 300_000)
  assert.is(scaler.after((notBeforeMs - 1 - scaler.steadyMs) / 1000, { queue: value(30) }), 9)
  assert.is(scaler.after(0.001, { queue: value(30) }), 3)
})

test('next: a cooldown that ends before a window does is what goes to 0', () => {
  const scaler = new Scaler(policy({ cooldownMs: 60_000 }), 9)
  scaler.after(0, { queue: value(90) })
  scaler.after(10, { queue: value(0) })
  const { down } = scaler.last?.outlook ?? {}
  assert.equal(down, { notBeforeMs: START + 60_000, text: 'to 0 no earlier than 12:01:00 (cooldownPeriod)' })
  assert.is(scaler.after(49.999, { queue: value(0) }), 9)
  assert.is(scaler.after(0.001, { queue: value(0) }), 0)
})

test.run()

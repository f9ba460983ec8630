/** KEDA's fallback: when it is in force, and what each behaviour makes of it. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Fallback } from '../../../src/scaling/policy.ts'
import { cpu, decideOnce, failing, input, policy, stepOf, trigger, value } from './scene.ts'

function fallback(more: Partial<Fallback> = {}): Fallback {
  return { failureThreshold: 3, replicas: 10, behavior: 'static', ...more }
}

for (const { name, of, current, failures, want, inForce } of [
  { name: 'not at the threshold', of: fallback(), current: 5, failures: 3, want: 5, inForce: false },
  { name: 'beyond the threshold', of: fallback(), current: 5, failures: 4, want: 10, inForce: true },
  {
    name: 'at once with a threshold of 0',
    of: fallback({ failureThreshold: 0 }),
    current: 5,
    failures: 1,
    want: 10,
    inForce: true,
  },
  {
    name: 'static, with more than that',
    of: fallback({ replicas: 3 }),
    current: 5,
    failures: 4,
    want: 3,
    inForce: true,
  },
  {
    name: 'currentReplicas',
    of: fallback({ behavior: 'currentReplicas' }),
    current: 5,
    failures: 4,
    want: 5,
    inForce: true,
  },
  {
    name: 'currentReplicasIfHigher, with more',
    of: fallback({ behavior: 'currentReplicasIfHigher', replicas: 4 }),
    current: 5,
    failures: 4,
    want: 5,
    inForce: true,
  },
  {
    name: 'currentReplicasIfHigher, with fewer',
    of: fallback({ behavior: 'currentReplicasIfHigher' }),
    current: 5,
    failures: 4,
    want: 10,
    inForce: true,
  },
  {
    name: 'currentReplicasIfLower, with more',
    of: fallback({ behavior: 'currentReplicasIfLower', replicas: 4 }),
    current: 5,
    failures: 4,
    want: 4,
    inForce: true,
  },
  {
    name: 'currentReplicasIfLower, with fewer',
    of: fallback({ behavior: 'currentReplicasIfLower' }),
    current: 5,
    failures: 4,
    want: 5,
    inForce: true,
  },
  { name: 'to 0 leaves one', of: fallback({ replicas: 0 }), current: 5, failures: 4, want: 1, inForce: true },
  { name: 'wakes from 0', of: fallback({ replicas: 2 }), current: 0, failures: 4, want: 2, inForce: true },
  {
    name: 'currentReplicas wakes one from 0',
    of: fallback({ behavior: 'currentReplicas' }),
    current: 0,
    failures: 4,
    want: 1,
    inForce: true,
  },
  {
    name: 'scalingModifiers without a formula',
    of: fallback({ behavior: 'scalingModifiers' }),
    current: 5,
    failures: 4,
    want: 5,
    inForce: false,
  },
])
  test(`fallback ${name}`, () => {
    const decision = decideOnce(policy({ fallback: of }), input(current, { queue: failing(failures) }))
    assert.is(decision.to, want)
    assert.is(decision.fallback, inForce)
    if (inForce) {
      assert.is(decision.active, true)
      assert.is(stepOf(decision, 'fallback').reason, 'Fallback')
      assert.match(decision.triggers[0]?.text ?? '', /^cannot be read: connection refused; fallback \d+$/)
      assert.is(decision.triggers[0]?.decides, true)
    }
  })

test('a fallback is one wish among others', () => {
  const two = policy({ triggers: [trigger('queue'), trigger('topic')], fallback: fallback({ replicas: 6 }) })
  const high = decideOnce(two, input(5, { queue: failing(4), topic: value(80) }))
  assert.is(high.to, 8)
  assert.is(high.because, 'topic 80 ÷ 10')
  assert.is(high.fallback, true)
  assert.is(decideOnce(two, input(5, { queue: failing(4), topic: value(20) })).to, 6)
})

test('a fallback lets the number go down where all else is known', () => {
  const two = policy({ triggers: [trigger('queue'), trigger('topic')], fallback: fallback({ replicas: 2 }) })
  assert.is(decideOnce(two, input(5, { queue: failing(4), topic: value(30) })).to, 3)
  assert.is(
    decideOnce(two, input(5, { queue: failing(4), topic: failing(1) })).to,
    5,
    'the other may want more',
  )
})

test('a fallback also stands in for what is measured by instance', () => {
  const decision = decideOnce(
    policy({ triggers: [cpu(70)], fallback: fallback() }),
    input(5, { cpu: failing(4) }),
  )
  assert.is(decision.to, 10)
})

test('what is measured by instance wakes nothing where it cannot be read', () => {
  const of = policy({ triggers: [trigger('queue'), cpu(70)], fallback: fallback() })
  assert.is(decideOnce(of, input(0, { queue: value(0), cpu: failing(9) })).to, 0)
})

test('a fallback goes as fast as policies let it', () => {
  const decision = decideOnce(
    policy({ fallback: fallback({ replicas: 50 }) }),
    input(5, { queue: failing(4) }),
  )
  assert.is(decision.to, 10)
  assert.is(decision.limited?.reason, 'ScaleUpLimit')
})

test.run()

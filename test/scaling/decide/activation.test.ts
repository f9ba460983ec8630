/** KEDA's part: from 0 and idle, and back; and pausing. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ScalingPolicy } from '../../../src/scaling/policy.ts'
import {
  CALM,
  cpu,
  decideOnce,
  failing,
  input,
  policy,
  ready,
  Scaler,
  START,
  trigger,
  value,
} from './scene.ts'

for (const { name, of, current, queue, want } of [
  { name: 'wakes with what is wanted', of: {}, current: 0, queue: 35, want: 4 },
  { name: 'wakes one at least', of: {}, current: 0, queue: 1, want: 1 },
  { name: 'wakes minReplicaCount at least', of: { minReplicas: 3 }, current: 0, queue: 1, want: 3 },
  { name: 'stays at 0', of: {}, current: 0, queue: 0, want: 0 },
  {
    name: 'has minReplicaCount while nothing is active',
    of: { minReplicas: 3 },
    current: 0,
    queue: 0,
    want: 3,
  },
  { name: 'never leaves minReplicaCount', of: { minReplicas: 3 }, current: 3, queue: 0, want: 3 },
  { name: 'goes to 0 where nothing was ever active', of: {}, current: 5, queue: 0, want: 0 },
  { name: 'goes to idle', of: { minReplicas: 3, idleReplicas: 1 }, current: 5, queue: 0, want: 1 },
  { name: 'stays idle', of: { minReplicas: 3, idleReplicas: 1 }, current: 1, queue: 0, want: 1 },
  { name: 'rises to idle', of: { minReplicas: 3, idleReplicas: 1 }, current: 0, queue: 0, want: 1 },
  {
    name: 'leaves idle for the minimum',
    of: { minReplicas: 3, idleReplicas: 1 },
    current: 1,
    queue: 5,
    want: 3,
  },
  { name: 'leaves idle for more', of: { minReplicas: 3, idleReplicas: 0 }, current: 0, queue: 40, want: 4 },
  { name: 'never goes beyond the maximum', of: { maxReplicas: 3 }, current: 0, queue: 400, want: 3 },
  { name: 'has none where none may be', of: { maxReplicas: 0 }, current: 0, queue: 400, want: 0 },
  { name: 'comes down to the maximum at once', of: { maxReplicas: 3 }, current: 20, queue: 400, want: 3 },
  { name: 'is active by force', of: { forceActive: true }, current: 0, queue: 0, want: 1 },
] satisfies readonly {
  readonly name: string
  readonly of: Partial<ScalingPolicy>
  readonly current: number
  readonly queue: number
  readonly want: number
}[])
  test(`it ${name}`, () =>
    assert.is(decideOnce(policy(of), input(current, { queue: value(queue) })).to, want))

const asked = (agoMs: number | undefined) => ({
  requests: { atMs: agoMs === undefined ? undefined : START - agoMs, through: 'n1' },
})

for (const { name, of, current, queue, agoMs, want } of [
  { name: 'wakes one that nothing else would', of: {}, current: 0, queue: 0, agoMs: 0, want: 1 },
  {
    name: 'wakes minReplicaCount',
    of: { minReplicas: 3, idleReplicas: 0 },
    current: 0,
    queue: 0,
    agoMs: 0,
    want: 3,
  },
  { name: 'wakes no more than a trigger wants', of: {}, current: 0, queue: 35, agoMs: 0, want: 4 },
  { name: 'keeps one awake', of: {}, current: 1, queue: 0, agoMs: 19_000, want: 1 },
  { name: 'keeps none awake for ever', of: {}, current: 1, queue: 0, agoMs: 21_000, want: 0 },
  { name: 'wakes nothing where none came', of: {}, current: 0, queue: 0, agoMs: undefined, want: 0 },
  {
    name: 'moves nothing that never sleeps',
    of: { minReplicas: 2 },
    current: 2,
    queue: 0,
    agoMs: 0,
    want: 2,
  },
] satisfies readonly {
  readonly name: string
  readonly of: Partial<ScalingPolicy>
  readonly current: number
  readonly queue: number
  readonly agoMs: number | undefined
  readonly want: number
}[])
  test(`a request from outside ${name}`, () =>
    assert.is(decideOnce(policy(of), input(current, { queue: value(queue) }, asked(agoMs))).to, want))

test('a request wakes also where no trigger can be read, and the decision says through whom it came', () => {
  const decision = decideOnce(policy(), input(0, { queue: failing(9) }, asked(0)))
  assert.is(decision.to, 1)
  assert.is(decision.because, 'requests come in through n1, so 1 at least')
  assert.ok(decision.active)
})

for (const { name, of, requests, want } of [
  { name: 'is never at 0 where nobody hears of requests', of: {}, requests: {}, want: 3 },
  { name: 'sleeps where none come in', of: {}, requests: asked(undefined), want: 0 },
  { name: 'does not where some do', of: {}, requests: asked(5_000), want: 3 },
  {
    name: 'does not where nobody wrote that it may',
    of: { sleepsWhereAsked: false },
    requests: asked(undefined),
    want: 3,
  },
])
  test(`what is scaled by cpu alone ${name}`, () => {
    const of80 = policy({ ...of, triggers: [cpu(80)] })
    const samples = ready(3).map(({ name: instance }) => ({
      instance,
      value: 800,
      atMs: START,
      windowMs: 15_000,
    }))
    const reading = { kind: 'instances', samples } as const
    assert.is(decideOnce(of80, input(3, { cpu: value(0, { reading }) }, requests)).to, want)
  })

test('below its activation a trigger wakes nothing, whatever its number', () => {
  const reading = { kind: 'values', metrics: [{ name: '', value: 35 }], active: false } as const
  assert.is(decideOnce(policy(), input(0, { queue: value(0, { reading }) })).to, 0)
})

test('cooldownPeriod is counted from the last activity, and jumps windows and policies', () => {
  const scaler = new Scaler(policy({ cooldownMs: 60_000 }), 0)
  assert.is(scaler.after(0, { queue: value(35) }), 4)
  assert.is(scaler.after(30, { queue: value(35) }), 4)
  assert.is(scaler.after(59, { queue: value(0) }), 4)
  assert.is(scaler.after(1, { queue: value(0) }), 0)
})

test('what was wanted before it was idle is forgotten', () => {
  const scaler = new Scaler(policy({ cooldownMs: 60_000 }), 4)
  scaler.after(0, { queue: value(40) })
  assert.is(scaler.after(60, { queue: value(0) }), 0)
  assert.is(scaler.after(30, { queue: value(5) }), 1)
})

test('initialCooldownPeriod is counted from when the object was made', () => {
  const scaler = new Scaler(policy({ initialCooldownMs: 120_000, cooldownMs: 10_000 }), 3)
  scaler.createdMs = START
  assert.is(scaler.after(0, { queue: value(0) }), 3)
  assert.is(scaler.after(119, { queue: value(0) }), 3)
  assert.is(scaler.after(1, { queue: value(0) }), 0)
})

test('nothing goes to 0 while anything cannot be read', () => {
  const two = policy({ triggers: [trigger('queue'), trigger('topic')] })
  const long = { ...CALM, lastActiveMs: START - 3_600_000 }
  assert.is(decideOnce(two, input(5, { queue: value(0), topic: failing(9) }), long).to, 5)
  assert.is(decideOnce(two, input(5, { queue: value(0) }), long).to, 5, 'never read')
  assert.is(decideOnce(two, input(5, { queue: value(0), topic: value(0) }), long).to, 0)
})

test('what is measured by instance neither wakes nor puts to sleep', () => {
  const alone = policy({ triggers: [cpu(70)] })
  const idle = {
    reading: { kind: 'instances', samples: [] } as const,
    readAtMs: START,
    error: undefined,
    failures: 0,
  }
  const decision = decideOnce(alone, input(0, { cpu: idle }))
  assert.is(decision.to, 1, 'alone it would never come back')
  assert.is(decision.triggers[0]?.text, 'nothing runs to measure')
  const both = policy({ triggers: [trigger('queue'), cpu(70)] })
  assert.is(decideOnce(both, input(0, { queue: value(0), cpu: idle })).to, 0)
  assert.is(
    decideOnce(both, input(5, { queue: value(0), cpu: idle })).to,
    0,
    'samples are missing, work is not',
  )
  assert.is(decideOnce(both, input(5, { queue: value(0), cpu: failing(1) })).to, 5)
})

for (const { name, pause, current, queue, want, reason } of [
  {
    name: 'all',
    pause: { kind: 'all', replicas: undefined },
    current: 5,
    queue: 90,
    want: 5,
    reason: 'Paused',
  },
  {
    name: 'all, above the maximum',
    pause: { kind: 'all', replicas: undefined },
    current: 500,
    queue: 90,
    want: 500,
    reason: 'Paused',
  },
  {
    name: 'all, at a number',
    pause: { kind: 'all', replicas: 0 },
    current: 5,
    queue: 90,
    want: 0,
    reason: 'Paused',
  },
  {
    name: 'in, on the way down',
    pause: { kind: 'in', replicas: undefined },
    current: 5,
    queue: 0,
    want: 5,
    reason: 'ScaleInPaused',
  },
  {
    name: 'in, on the way up',
    pause: { kind: 'in', replicas: undefined },
    current: 5,
    queue: 90,
    want: 9,
    reason: undefined,
  },
  {
    name: 'out, on the way up',
    pause: { kind: 'out', replicas: undefined },
    current: 5,
    queue: 90,
    want: 5,
    reason: 'ScaleOutPaused',
  },
  {
    name: 'out, from 0',
    pause: { kind: 'out', replicas: undefined },
    current: 0,
    queue: 90,
    want: 0,
    reason: 'ScaleOutPaused',
  },
  {
    name: 'out, on the way down',
    pause: { kind: 'out', replicas: undefined },
    current: 5,
    queue: 0,
    want: 0,
    reason: undefined,
  },
] as const)
  test(`paused: ${name}`, () => {
    const decision = decideOnce(policy({ pause }), input(current, { queue: value(queue) }))
    assert.is(decision.to, want)
    assert.is(decision.limited?.reason, reason)
  })

test.run()

/** How often it is told how far a rollout is. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { StatusPace } from '../../../src/controllers/service/pace.ts'
import { ManualClock } from '../../../src/core/clock.ts'
import type { Service, ServiceStatus } from '../../../src/resources/generated/types.ts'

function status(ready: number, over: object = {}, reason = 'RollingOut'): ServiceStatus {
  return {
    replicas: 200,
    readyReplicas: ready,
    updatedReplicas: ready,
    availableReplicas: ready,
    ready: `${ready}/200`,
    nodes: ready > 10 ? 'n1,n2' : 'n1',
    url: `http://10.0.0.1:${ready}`,
    currentHash: 'b',
    stableHash: 'a',
    conditions: [
      { type: 'Ready', status: 'False', reason: 'TooFewReady', message: `${ready} of 200 instances ready` },
      { type: 'Progressing', status: 'True', reason, message: `${ready} of 200 instances of r2 available` },
    ],
    ...over,
  } as unknown as ServiceStatus
}

const service = (before: ServiceStatus | undefined, replicas = 200) =>
  ({ metadata: { uid: 'u1', name: 'web' }, spec: { replicas }, status: before }) as unknown as Service

function begun() {
  const clock = new ManualClock()
  const pace = new StatusPace(clock)
  pace.wrote(service(undefined), status(1))
  return { clock, pace }
}

test('how far a rollout of many is, is told twice a second', () => {
  const { clock, pace } = begun()
  clock.advance(100)
  assert.is(pace.waitMs(service(status(1)), status(2)), 400)
  clock.advance(400)
  assert.is(pace.waitMs(service(status(1)), status(20)), undefined)
  pace.wrote(service(status(1)), status(20))
  clock.advance(1)
  assert.is(pace.waitMs(service(status(20)), status(21)), 499)
})

for (const [what, before, after, replicas] of [
  ['the rollout is over', status(1), status(200, {}, 'Complete')],
  ['it begins', status(200, {}, 'Complete'), status(1)],
  ['it is another one', status(1), status(2, { currentHash: 'c' })],
  ['what it runs has proven itself', status(1), status(2, { stableHash: 'b' })],
  ['something goes wrong', status(1), status(2, { summary: 'CrashLoop: web-3' })],
  ['it is the first word', undefined, status(1)],
  ['the instances are few', status(1), status(2), 19],
] as const)
  test(`it is told at once where ${what}`, () => {
    assert.is(begun().pace.waitMs(service(before, replicas), after), undefined)
  })

test('a condition that turns is told at once, and so is what comes after the end of a rollout', () => {
  const { pace } = begun()
  const turned = status(2)
  const conditions = turned.conditions?.map((one) =>
    one.type === 'Ready' ? { ...one, status: 'True' } : one,
  )
  assert.is(pace.waitMs(service(status(1)), { ...turned, conditions } as ServiceStatus), undefined)
  pace.wrote(service(status(1)), status(200, {}, 'Complete'))
  assert.is(pace.waitMs(service(status(1)), status(2)), undefined)
})

test.run()

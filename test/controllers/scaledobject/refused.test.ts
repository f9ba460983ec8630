/** A number that the Service cannot have. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { findCondition } from '../../../src/resources/conditions.ts'
import type { AnyResource } from '../../../src/resources/object.ts'
import { describeObject } from '../../../src/views/describe/describe.ts'
import { entriesOf, type Stage, startStage } from './stage.ts'

async function on(run: (stage: Stage) => Promise<void>): Promise<void> {
  const stage = await startStage()
  try {
    await run(stage)
  } finally {
    await stage.stop()
  }
}

async function ready(stage: Stage) {
  return findCondition((await stage.scaler())?.status?.conditions, 'Ready')
}

/** More than a Service may have: one instance for each 10. */
const TOO_MANY = 200_000
const spec = { maxReplicaCount: 100_000, pollingInterval: 5 }

test('a number that is refused is said with the reason, and no more once one can be written', () =>
  on(async (stage) => {
    const queue = stage.queue('web')
    queue.value = 20
    await stage.putBoth('web', spec)
    await stage.until(async () => assert.is(await stage.replicas(), 2))
    queue.value = TOO_MANY
    await stage.pass(20_000)
    const refused = await ready(stage)
    assert.equal([refused?.status, refused?.reason], ['False', 'ScaleRefused'])
    assert.match(refused?.message ?? '', /^20000 replicas are refused: service\/web: spec\.replicas: .*10000/)
    const { status } = (await stage.scaler()) ?? {}
    assert.equal([status?.replicas, status?.desiredReplicas], [2, 20_000])
    assert.is(findCondition(status?.conditions, 'Active')?.status, 'True')
    assert.equal(status?.decision?.to, 2, 'what was not written has not happened')
    assert.is(await stage.replicas(), 2)
    queue.value = 50
    await stage.pass(20_000)
    assert.is(await stage.replicas(), 5)
    assert.equal([(await ready(stage))?.status, (await ready(stage))?.reason], ['True', 'Acting'])
    const changes = await entriesOf(stage.history, { kind: 'decision' })
    assert.equal(changes.map(({ content }) => (content as { readonly to: number }).to).slice(0, 2), [5, 2])
    const told = (await stage.events()).filter((text) => /^ScaledObject .*(ScaleRefused|Acting)/.test(text))
    assert.is(told.length, 2, told.join('\n'))
  }))

test('it goes as well when nothing is to be written any more', () =>
  on(async (stage) => {
    const queue = stage.queue('web')
    queue.value = 20
    await stage.putBoth('web', spec)
    await stage.until(async () => assert.is(await stage.replicas(), 2))
    queue.value = TOO_MANY
    await stage.pass(20_000)
    assert.is((await ready(stage))?.reason, 'ScaleRefused')
    queue.value = 20
    await stage.pass(20_000)
    assert.is((await ready(stage))?.reason, 'Acting')
  }))

test('describe says it, and which number is refused', () =>
  on(async (stage) => {
    stage.queue('web').value = TOO_MANY
    await stage.putBoth('web', spec)
    await stage.pass(20_000)
    const object = await stage.scaler()
    assert.ok(object)
    const nowMs = stage.clock.now()
    const kind = stage.api.kinds.byKind('ScaledObject')
    const around = {
      events: [],
      revisions: [],
      instances: [],
      volumes: [],
      services: [],
      deliveries: [],
      recipients: [],
    }
    const text = await describeObject({ kind, object: object as unknown as AnyResource, nowMs, ...around })
    assert.match(text, /now 1 of 0–100000, wanted 20000 +not Ready/)
    assert.match(text, /not Ready, ScaleRefused, since \d+s: 20000 replicas are refused/)
  }))

test('refused over and over it is written once', () =>
  on(async (stage) => {
    stage.queue('web').value = TOO_MANY
    await stage.putBoth('web', spec)
    await stage.pass(20_000)
    const before = (await stage.scaler())?.metadata.resourceVersion
    await stage.pass(300_000, 1_000)
    assert.is((await stage.scaler())?.metadata.resourceVersion, before)
  }))

test.run()

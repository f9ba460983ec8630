/** The loop with the algorithm itself. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Json } from '../../../src/core/json.ts'
import { findCondition } from '../../../src/resources/conditions.ts'
import type { AnyResource } from '../../../src/resources/object.ts'
import { compilePolicy } from '../../../src/scaling/compile.ts'
import { decide, initialState } from '../../../src/scaling/decide.ts'
import type { Entry } from '../../../src/store/store.ts'
import { type Stage, startStage } from './stage.ts'

const decider = { compile: compilePolicy, initialState, decide }

async function on(run: (stage: Stage) => Promise<void>): Promise<void> {
  const stage = await startStage({ decider })
  try {
    await run(stage)
  } finally {
    await stage.stop()
  }
}

const queueOf10 = {
  pollingInterval: 5,
  cooldownPeriod: 60,
  triggers: [{ type: 'redis', metadata: { listName: 'web', listLength: '10', address: 'here:6379' } }],
}

test('0 → N → 0, with the cooldown in between', () =>
  on(async (stage) => {
    const queue = stage.queue('web')
    await stage.putBoth('web', queueOf10)
    // an object that is new has no activity to wait for
    await stage.until(async () => assert.is(await stage.replicas(), 0))
    queue.value = 35
    await stage.pass(12_000)
    assert.is(await stage.replicas(), 4)
    queue.value = 0
    await stage.pass(50_000)
    assert.is(await stage.replicas(), 4)
    await stage.pass(20_000)
    assert.is(await stage.replicas(), 0)
  }))

test('a thousand sources that fail at once change nothing, and all say it', () =>
  on(async (stage) => {
    const names = Array.from({ length: 1_000 }, (_, index) => `web-${index}`)
    for (const name of names)
      await stage.putBoth(name, {
        ...queueOf10,
        triggers: [{ type: 'redis', metadata: { listName: 'web', listLength: '10', address: 'here:6379' } }],
      })
    const queue = stage.queue('web')
    queue.value = 30
    await stage.pass(15_000, 250)
    for (const name of names) assert.is(await stage.replicas(name), 3, name)
    queue.error = 'connect ECONNREFUSED'
    await stage.pass(200_000, 1_000)
    for (const name of names) {
      assert.is(await stage.replicas(name), 3, name)
      const { conditions } = (await stage.scaler(name))?.status ?? {}
      assert.is(findCondition(conditions, 'Ready')?.reason, 'TriggerError', name)
    }
    queue.error = undefined
    queue.value = 50
    await stage.pass(20_000, 500)
    for (const name of names) assert.is(await stage.replicas(name), 5, name)
  }))

test('requests wake what sleeps and keep it awake, though no trigger sees them; a restart wakes nothing', () =>
  on(async (stage) => {
    const { api } = stage
    await stage.putBoth('web', { ...queueOf10, minReplicaCount: 0, cooldownPeriod: 30, pollingInterval: 5 })
    await stage.pass(60_000)
    assert.is(await stage.replicas(), 0)
    const { uid = '' } = (await stage.service())?.metadata ?? {}
    const route = {
      ...{ apiVersion: 'nsctl.dev/v1alpha1', kind: 'Route' },
      metadata: {
        ...{ name: 'web-n1', namespace: 'default' },
        ownerReferences: [
          { apiVersion: 'nsctl.dev/v1alpha1', kind: 'Service', name: 'web', uid, controller: true },
        ],
      },
      spec: {
        ...{
          node: 'n1',
          service: 'web',
          url: '',
          hosts: [],
          path: '/',
          listen: ':80',
          tls: 'off',
          affinity: 'none',
        },
        ...{ scaled: true, backends: [] },
      },
    }
    await api.createOwned([route as unknown as AnyResource])
    await stage.pass(10_000)
    assert.is(await stage.replicas(), 0)
    const say = (status: object) =>
      api.updateStatus({ kind: 'Route', namespace: 'default', name: 'web-n1' }, {
        ...{ phase: 'Led', ledGeneration: 1, backends: 0 },
        ...status,
      } as Json)
    // whatever that machine's clock says
    await say({ heldAt: '2031-01-01T00:00:00.000Z' })
    await stage.until(async () => assert.is(await stage.replicas(), 1))
    assert.match((await stage.events()).join('\n'), /requests come in through n1, so 1 at least/)
    for (let told = 1; told <= 8; told++) {
      await say({ requestedAt: `2031-01-01T00:01:0${told}.000Z` })
      await stage.pass(10_000)
      assert.is(await stage.replicas(), 1, `${told}`)
    }
    // on a busy machine the last of them may be heard of a look later
    await stage.pass(25_000)
    assert.is(await stage.replicas(), 1, 'cooldownPeriod is counted from when it was last asked')
    await stage.pass(45_000)
    assert.is(await stage.replicas(), 0)
    await stage.restart()
    await stage.pass(30_000)
    assert.is(await stage.replicas(), 0)
  }))

test('a floor of a schedule holds at its time, though nothing is looked at then', () =>
  on(async (stage) => {
    await stage.putBoth('web', {
      ...queueOf10,
      pollingInterval: 86_400,
      // the stage begins at ten
      rules: [{ schedule: '5 10 * * *', lasts: '10m', min: 3 }],
    })
    await stage.until(async () => assert.is(await stage.replicas(), 0))
    const looks = stage.queue('web').looks.length
    await stage.pass(299_000, 1_000)
    assert.is(await stage.replicas(), 0)
    await stage.pass(2_000, 500)
    assert.is(await stage.replicas(), 3)
    assert.ok(stage.queue('web').looks.length - looks <= 1)
  }))

test('the wall clock jumps, and nothing goes down or is looked at for that', () =>
  on(async (stage) => {
    const queue = stage.queue('web')
    queue.value = 40
    await stage.putBoth('web', queueOf10)
    await stage.until(async () => assert.is(await stage.replicas(), 4))
    queue.value = 0
    await stage.pass(10_000)
    const looks = queue.looks.length
    for (const jumpMs of [86_400_000, -172_800_000, 86_400_000]) {
      stage.clock.jumpWall(jumpMs)
      await stage.pass(10_000)
      assert.is(await stage.replicas(), 4)
    }
    assert.ok(queue.looks.length - looks <= 8, `${queue.looks.length - looks} looks in 30 s`)
    await stage.pass(40_000)
    assert.is(await stage.replicas(), 0)
  }))

test('a successor goes on with the cooldown that had begun', () =>
  on(async (stage) => {
    const queue = stage.queue('web')
    queue.value = 40
    await stage.putBoth('web', queueOf10)
    await stage.until(async () => assert.is(await stage.replicas(), 4))
    queue.value = 0
    await stage.pass(40_000)
    await stage.restart()
    await stage.pass(10_000)
    assert.is(await stage.replicas(), 4)
    await stage.pass(25_000)
    assert.is(await stage.replicas(), 0)
  }))

test('what somebody sets below the floor goes back to it at once', () =>
  on(async (stage) => {
    await stage.putBoth('web', { ...queueOf10, minReplicaCount: 2 })
    await stage.until(async () => assert.is(await stage.replicas(), 2))
    await stage.api.scale({ kind: 'Service', namespace: 'default', name: 'web' }, 0, {
      actor: { name: 'ada' },
    })
    await stage.until(async () => assert.is(await stage.replicas(), 2))
  }))

test('what an event leads to is done when it is due, however long it is until the next look', () =>
  on(async (stage) => {
    const queue = stage.queue('web')
    await stage.putBoth('web', {
      pollingInterval: 86_400,
      cooldownPeriod: 60,
      triggers: [{ type: 'webhook', metadata: { listName: 'web', value: '10' } }],
    })
    await stage.until(async () => assert.is(await stage.replicas(), 0))
    await stage.until(() => assert.is(queue.listeners.size, 1))
    queue.push(200)
    await stage.until(async () => assert.is(await stage.replicas(), 4))
    // no more than twice as many in 15 s
    await stage.pass(40_000, 500)
    assert.is(await stage.replicas(), 16)
    await stage.pass(20_000, 500)
    assert.is(await stage.replicas(), 20)
    queue.push(0)
    await stage.pass(50_000, 1_000)
    assert.is(await stage.replicas(), 20)
    await stage.pass(15_000, 1_000)
    assert.is(await stage.replicas(), 0)
    assert.ok(queue.looks.length < 40, `${queue.looks.length} looks`)
  }))

test('a Service that no number can be written of, because nobody would take it as it stands, is said, and scaled once it is mended', () =>
  on(async (stage) => {
    const queue = stage.queue('web')
    await stage.putBoth('web', queueOf10)
    await stage.until(async () => assert.is(await stage.replicas(), 0))
    await spoil(stage)
    queue.value = 35
    await stage.pass(20_000)
    const ready = async () => findCondition((await stage.scaler())?.status?.conditions, 'Ready')
    assert.equal([(await ready())?.status, (await ready())?.reason], ['False', 'ScaleRefused'])
    assert.match(
      (await ready())?.message ?? '',
      /^4 replicas are refused: service\/web: spec\.template\.source\.command/,
    )
    assert.is(await stage.replicas(), 0)
    await stage.put('Service', 'web', { template: { source: { command: ['/bin/true'] } } })
    await stage.pass(20_000)
    assert.is(await stage.replicas(), 4)
    assert.is((await ready())?.status, 'True')
  }))

/** As an nsctl may have written it that allowed more. */
async function spoil({ store }: Stage): Promise<void> {
  const { entries } = await store.list(['obj/nsctl.dev/services/default/web'])
  const [{ key, value, revision }] = entries as [Entry]
  const spoiled = value.replace('["/bin/true"]', '[]')
  assert.not(spoiled === value)
  await store.commit([[{ kind: 'put', key, value: spoiled, expect: revision }]])
}

test.run()

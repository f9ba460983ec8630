import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { findCondition } from '../../../src/resources/conditions.ts'
import type { AnyResource } from '../../../src/resources/object.ts'
import { type Stage, type StageOptions, startStage } from './stage.ts'

async function on(run: (stage: Stage) => Promise<void>, options?: StageOptions): Promise<void> {
  const stage = await startStage(options)
  try {
    await run(stage)
  } finally {
    await stage.stop()
  }
}

const condition = async (stage: Stage, type: string, name = 'web') =>
  findCondition((await stage.scaler(name))?.status?.conditions, type)

test('a new object is looked at at once, takes its Service over, and scales it', () =>
  on(async (stage) => {
    stage.queue('web').value = 55
    await stage.putBoth()
    await stage.until(async () => assert.is(await stage.replicas(), 6))
    const status = await stage.until(async () => {
      const { status } = (await stage.scaler()) ?? {}
      assert.is(status?.replicas, 6)
      return status
    })
    assert.is(status?.originalReplicaCount, 1)
    assert.is(status?.desiredReplicas, 6)
    assert.is(status?.targetText, 'service/web')
    assert.is(status?.activeText, 'yes')
    assert.is(status?.decidedBy, 'queue 55 ÷ 10')
    assert.is(status?.decision?.to, 6)
    assert.is((await condition(stage, 'Ready'))?.status, 'True')
    const { managedFields } = (await stage.service())?.metadata ?? {}
    assert.equal(managedFields, [{ manager: 'scaledobject/web', fields: ['spec.replicas'] }])
    const events = await stage.events()
    assert.ok(events.includes('Service Normal ScaledUp 1 → 6: queue 55 ÷ 10'), events.join('\n'))
    assert.ok(events.includes('ScaledObject Normal ScaledUp 1 → 6: queue 55 ÷ 10'), events.join('\n'))
  }))

test('it is looked at again in its own interval, five per cent more or less', () =>
  on(async (stage) => {
    await stage.putBoth()
    await stage.until(async () => assert.is(stage.queue('web').looks.length, 1))
    await stage.pass(600_000, 250)
    const { looks } = stage.queue('web')
    assert.ok(looks.length >= 19 && looks.length <= 22, `${looks.length} looks`)
    // the first phase is random
    for (let index = 2; index < looks.length; index++) {
      const gapMs = looks[index]! - looks[index - 1]!
      assert.ok(gapMs >= 28_000 && gapMs <= 32_000, `a gap of ${gapMs}`)
    }
  }))

test('two looks at one object are never under way at once, and an order to look meanwhile is carried out afterwards', () =>
  on(async (stage) => {
    await stage.putBoth()
    const queue = stage.queue('web')
    await stage.until(() => assert.is(queue.looks.length, 1))
    const gate = Promise.withResolvers<void>()
    queue.gate = gate.promise
    await stage.put('ScaledObject', 'web', {
      scaleTargetRef: { name: 'web' },
      maxReplicaCount: 50,
      triggers: [{ type: 'redis', metadata: { listName: 'web', address: 'here:6379' } }],
    })
    await stage.until(() => assert.is(queue.underWay, 1))
    await stage.api.patch(
      { kind: 'ScaledObject', namespace: 'default', name: 'web' },
      'merge',
      { spec: { maxReplicaCount: 51 } },
      { actor: { name: 'test' } },
    )
    await stage.pass(90_000, 5_000)
    assert.is(queue.underWay, 1)
    gate.resolve()
    queue.gate = undefined
    await stage.until(() => assert.is(queue.looks.length, 3))
    assert.is(queue.mostUnderWay, 1)
  }))

test('an event scales without waiting for a poll, and a burst of them ends at the last', () =>
  on(async (stage) => {
    await stage.putBoth('web', {
      triggers: [{ type: 'push', metadata: { listName: 'web' } }],
    })
    const queue = stage.queue('web')
    await stage.until(() => assert.is(queue.listeners.size, 1))
    await stage.settle()
    for (const value of [10, 200, 30, 70]) queue.push(value)
    await stage.until(async () => assert.is(await stage.replicas(), 7))
    assert.is(queue.looks.length, 1)
  }))

test('what somebody scales meanwhile is seen, and decided from', () =>
  on(async (stage) => {
    stage.queue('web').value = 20
    await stage.putBoth()
    await stage.until(async () => assert.is(await stage.replicas(), 2))
    const ref = { kind: 'Service', namespace: 'default', name: 'web' }
    const { warnings } = await stage.api.scale(ref, 9, { actor: { name: 'ada' } })
    assert.equal(warnings, ['spec.replicas is owned by scaledobject/web, which may change it again'])
    await stage.until(async () => assert.is(await stage.replicas(), 2))
    const trail = await stage.api.audit({ ref })
    const scales = trail.filter(({ verb }) => verb === 'scale').map(({ by }) => by)
    assert.equal(scales, ['scaledobject/web', 'ada', 'scaledobject/web'])
  }))

test('a source that fails changes nothing, says so once, and says when it is over', () =>
  on(async (stage) => {
    const queue = stage.queue('web')
    queue.value = 40
    await stage.putBoth()
    await stage.until(async () => assert.is(await stage.replicas(), 4))
    queue.error = 'connect ECONNREFUSED 127.0.0.1:6379'
    await stage.pass(200_000, 1_000)
    assert.is(await stage.replicas(), 4)
    const ready = await condition(stage, 'Ready')
    assert.is(ready?.reason, 'TriggerError')
    assert.match(ready?.message ?? '', /redis-0: connect ECONNREFUSED/)
    assert.is((await stage.scaler())?.status?.health?.['redis-0']?.status, 'Failing')
    queue.error = undefined
    queue.value = 0
    await stage.pass(60_000, 1_000)
    assert.is(await stage.replicas(), 0)
    assert.is((await condition(stage, 'Ready'))?.status, 'True')
    const events = await stage.events()
    const told = events.filter((one) => /Trigger(Failed|Recovered)/.test(one)).sort()
    assert.equal(told, [
      'ScaledObject Normal TriggerRecovered redis-0 can be read again',
      'ScaledObject Warning TriggerFailed redis-0: connect ECONNREFUSED 127.0.0.1:6379',
    ])
  }))

test('credentials that are refused are asked for anew', () =>
  on(async (stage) => {
    const queue = stage.queue('web')
    await stage.putBoth()
    await stage.until(() => assert.is(queue.looks.length, 1))
    Object.assign(queue, { error: 'WRONGPASS', code: 'Denied' })
    await stage.pass(100_000, 1_000)
    assert.is((await condition(stage, 'Ready'))?.reason, 'AuthenticationFailed')
    assert.ok(queue.opened >= 3, `opened ${queue.opened} times`)
    assert.is(queue.opened - queue.closed <= 1, true)
  }))

test('without its Service it waits, and acts when that comes', () =>
  on(async (stage) => {
    stage.queue('web').value = 30
    await stage.put('ScaledObject', 'web', {
      scaleTargetRef: { name: 'web' },
      triggers: [{ type: 'redis', metadata: { listName: 'web', address: 'here:6379' } }],
    })
    await stage.until(async () => assert.is((await condition(stage, 'Ready'))?.reason, 'TargetNotFound'))
    assert.is(stage.queue('web').looks.length, 0)
    await stage.putBoth()
    await stage.until(async () => assert.is(await stage.replicas(), 3))
    await stage.api.delete(
      { kind: 'Service', namespace: 'default', name: 'web' },
      { actor: { name: 'test' } },
    )
    await stage.until(async () => assert.is((await condition(stage, 'Ready'))?.reason, 'TargetTerminating'))
    const before = stage.queue('web').looks.length
    await stage.pass(90_000, 5_000)
    assert.is(stage.queue('web').looks.length, before)
  }))

test('a Service with one instance on each node has no number to scale', () =>
  on(async (stage) => {
    await stage.putBoth()
    const source = { command: ['/usr/bin/env'], workingDir: '/' }
    await stage.put('Service', 'web', { template: { source }, placement: { strategy: 'perNode' } })
    await stage.until(async () => {
      const ready = await condition(stage, 'Ready')
      assert.is(ready?.reason, 'UnsupportedTarget')
      assert.match(ready?.message ?? '', 'service/web has one instance on each node')
    })
  }))

test('what cannot act says why and what to do', () =>
  on(async (stage) => {
    const table = [
      [{ triggers: [{ type: 'couchdb', metadata: { a: 'b' } }] }, 'UnsupportedTrigger', /type couchdb/],
      [{ scaleTargetRef: { name: 'web', kind: 'Rollout' } }, 'UnsupportedTarget', /kind Rollout/],
    ] as const
    for (const [spec, reason, text] of table) {
      await stage.putBoth('web', spec)
      await stage.until(async () => assert.is((await condition(stage, 'Ready'))?.reason, reason))
      assert.match((await condition(stage, 'Ready'))?.message ?? '', text)
      assert.match((await stage.scaler())?.status?.summary ?? '', new RegExp(`^${reason}: `))
      assert.is(await stage.replicas(), 1)
    }
  }))

test('a trigger whose parameters cannot be read is said so, and holds nothing else up', () =>
  on(async (stage) => {
    stage.queue('web').value = 50
    await stage.putBoth('web', {
      triggers: [
        { type: 'redis', metadata: { listName: 'web', address: 'here:6379' } },
        { type: 'push', name: 'other', metadata: { path: 'x' } },
      ],
    })
    await stage.until(async () => assert.is(await stage.replicas(), 5))
    const ready = await stage.until(async () => {
      const found = await condition(stage, 'Ready')
      assert.is(found?.reason, 'InvalidTrigger')
      return found
    })
    assert.is(ready?.message, 'other: metadata.listName is missing')
  }))

test('paused it neither looks nor changes anything, and goes on at once when it is not', () =>
  on(async (stage) => {
    const queue = stage.queue('web')
    queue.value = 30
    await stage.putBoth()
    await stage.until(async () => assert.is(await stage.replicas(), 3))
    const annotate = (value: string | null) =>
      stage.api.patch(
        { kind: 'ScaledObject', namespace: 'default', name: 'web' },
        'merge',
        { metadata: { annotations: { 'autoscaling.keda.sh/paused': value } } },
        { actor: { name: 'test' } },
      )
    await annotate('true')
    await stage.until(async () => assert.is((await condition(stage, 'Paused'))?.status, 'True'))
    assert.is((await stage.scaler())?.status?.activeText, 'paused')
    queue.value = 80
    const looks = queue.looks.length
    await stage.pass(120_000, 5_000)
    assert.is(queue.looks.length, looks)
    assert.is(await stage.replicas(), 3)
    await annotate(null)
    await stage.until(async () => assert.is(await stage.replicas(), 8))
    await stage.until(async () => assert.is((await condition(stage, 'Paused'))?.status, 'False'))
  }))

test('a request to look now is answered with its own time', () =>
  on(async (stage) => {
    await stage.putBoth()
    const queue = stage.queue('web')
    await stage.until(async () => assert.is((await stage.scaler())?.status?.replicas, 0))
    queue.value = 90
    const ref = { kind: 'ScaledObject', namespace: 'default', name: 'web' }
    const stored = (await stage.scaler())!
    const annotations = { ...stored.metadata.annotations, 'nsctl.dev/poll-requested': '2026-11-20T10:00:01Z' }
    const object = { ...stored, metadata: { ...stored.metadata, annotations } } as never
    await stage.api
      .replace(object, { actor: { name: 'ada' } })
      .catch(() => stage.api.patch(ref, 'merge', { metadata: { annotations } }, { actor: { name: 'ada' } }))
    await stage.until(async () => {
      const { status } = (await stage.scaler()) ?? {}
      assert.is(status?.polledFor, '2026-11-20T10:00:01Z')
      assert.is(status?.desiredReplicas, 9)
    })
  }))

test('of two on one Service the older acts, and the younger when that is gone', () =>
  on(async (stage) => {
    stage.queue('first').value = 20
    stage.queue('second').value = 70
    await stage.put('Service', 'web', { replicas: 1, template: { source: { command: ['/bin/true'] } } })
    const on = (listName: string) => ({
      scaleTargetRef: { name: 'web' },
      triggers: [{ type: 'redis', metadata: { listName, address: 'here:6379' } }],
    })
    await stage.put('ScaledObject', 'first', on('first'))
    await stage.until(async () => assert.is(await stage.replicas(), 2))
    stage.clock.advance(2_000)
    const second = {
      apiVersion: 'nsctl.dev/v1alpha1',
      kind: 'ScaledObject',
      metadata: { name: 'second', namespace: 'default' },
      spec: on('second'),
    }
    // admission refuses it; two at once can get past it
    await stage.api.ensure(second as never)
    await stage.until(async () =>
      assert.is((await condition(stage, 'Ready', 'second'))?.reason, 'TargetTaken'),
    )
    const { message = '' } = (await condition(stage, 'Ready', 'second')) ?? {}
    assert.match(message, /scaledobject\/first.*scaledobject\/second/)
    assert.is(await stage.replicas(), 2)
    await stage.api.delete(
      { kind: 'ScaledObject', namespace: 'default', name: 'first' },
      { actor: { name: 'test' } },
    )
    await stage.until(async () => assert.is(await stage.replicas(), 7))
    const { managedFields } = (await stage.service())?.metadata ?? {}
    assert.equal(
      managedFields?.map(({ manager }) => manager),
      ['scaledobject/second'],
    )
  }))

for (const restores of [true, false])
  test(`deleted, it gives the number ${restores ? 'and what it was' : 'as it is'} back`, () =>
    on(async (stage) => {
      stage.queue('web').value = 60
      await stage.putBoth('web', { advanced: { restoreToOriginalReplicaCount: restores } })
      await stage.until(async () => assert.is((await stage.scaler())?.status?.replicas, 6))
      await stage.api.delete(
        { kind: 'ScaledObject', namespace: 'default', name: 'web' },
        { actor: { name: 'test' } },
      )
      await stage.until(async () => assert.is(await stage.scaler(), undefined))
      assert.is(await stage.replicas(), restores ? 1 : 6)
      assert.is((await stage.service())?.metadata.managedFields?.length ?? 0, 0)
      assert.is(stage.queue('web').opened, stage.queue('web').closed)
    }))

test('it goes with its Service and with its namespace', () =>
  on(async (stage) => {
    stage.queue('web').value = 60
    await stage.putBoth('web', { advanced: { restoreToOriginalReplicaCount: true } })
    await stage.until(async () => assert.is((await stage.scaler())?.status?.replicas, 6))
    for (const kind of ['Service', 'ScaledObject'])
      await stage.api.delete({ kind, namespace: 'default', name: 'web' }, { actor: { name: 'test' } })
    await stage.until(async () => assert.is(await stage.scaler(), undefined))
    assert.is(stage.queue('web').opened, stage.queue('web').closed)
  }))

test('another target is taken over, and the first given back', () =>
  on(async (stage) => {
    stage.queue('web').value = 40
    await stage.putBoth()
    await stage.until(async () => assert.is(await stage.replicas(), 4))
    await stage.put('Service', 'other', { replicas: 2, template: { source: { command: ['/bin/true'] } } })
    await stage.put('ScaledObject', 'web', {
      scaleTargetRef: { name: 'other' },
      triggers: [{ type: 'redis', metadata: { listName: 'web', address: 'here:6379' } }],
    })
    await stage.until(async () => assert.is(await stage.replicas('other'), 4))
    await stage.until(async () => assert.is((await stage.service())?.metadata.managedFields?.length ?? 0, 0))
    assert.is((await stage.scaler())?.status?.originalReplicaCount, 2)
  }))

test('two that swap their Services in one set scale the other one each from then on', () =>
  on(async (stage) => {
    stage.queue('web').value = 40
    stage.queue('api').value = 70
    await stage.putBoth('web')
    await stage.putBoth('api')
    await stage.until(async () => assert.equal([await stage.replicas(), await stage.replicas('api')], [4, 7]))
    const swapped = [
      ['web', 'api'],
      ['api', 'web'],
    ].map(([name, target]) => ({
      source: 'test',
      object: {
        apiVersion: 'nsctl.dev/v1alpha1',
        kind: 'ScaledObject',
        metadata: { name, namespace: 'default' },
        spec: {
          scaleTargetRef: { name: target },
          triggers: [{ type: 'redis', metadata: { listName: name, address: 'here:6379' } }],
        },
      } as unknown as AnyResource,
    }))
    await stage.api.apply(swapped, { actor: { name: 'test' } })
    await stage.until(async () => assert.equal([await stage.replicas(), await stage.replicas('api')], [7, 4]))
    await stage.until(async () => {
      for (const [service, owner] of [
        ['web', 'api'],
        ['api', 'web'],
      ] as const) {
        assert.equal((await stage.service(service))?.metadata.managedFields, [
          { manager: `scaledobject/${owner}`, fields: ['spec.replicas'] },
        ])
        assert.is((await condition(stage, 'Ready', owner))?.reason, 'Acting')
      }
    })
  }))

test('new credentials begin anew, and a look that they interrupt is no failure', () =>
  on(async (stage) => {
    const queue = stage.queue('web')
    queue.value = 10
    await stage.put('Config', 'broker', { data: { password: 'one' } })
    await stage.put('TriggerAuthentication', 'broker', {
      configMapTargetRef: [{ parameter: 'password', name: 'broker', key: 'password' }],
    })
    const authenticationRef = { name: 'broker' }
    await stage.putBoth('web', {
      triggers: [{ type: 'redis', authenticationRef, metadata: { listName: 'web', address: 'here:6379' } }],
    })
    await stage.until(async () => assert.is((await stage.scaler())?.status?.replicas, 1))
    assert.is(queue.opened, 1)
    queue.value = 70
    await stage.put('Config', 'broker', { data: { password: 'two' } })
    await stage.until(async () => assert.is(await stage.replicas(), 7))
    assert.is(queue.opened, 2)
    assert.is(queue.closed, 1)
    assert.is((await stage.scaler())?.status?.health, undefined)
  }))

test('another environment of its Service begins anew what is read of it, and nothing else does', () =>
  on(async (stage) => {
    const [web, other] = [stage.queue('web'), stage.queue('other')]
    await stage.putBoth('web', {
      triggers: [{ type: 'redis', metadata: { listName: 'web', addressFromEnv: 'REDIS' } }],
    })
    await stage.putBoth('other')
    await stage.until(() => assert.equal([web.opened, other.opened], [1, 1]))
    for (const name of ['web', 'other'])
      await stage.put('Service', name, {
        template: { source: { command: ['/bin/true'] }, env: [{ name: 'REDIS', value: 'there:6379' }] },
      })
    await stage.until(() => assert.is(web.opened, 2))
    await stage.pass(40_000, 1_000)
    assert.equal([web.opened, other.opened], [2, 1])
  }))

test('polls that change nothing write nothing', () =>
  on(async (stage) => {
    stage.queue('web').value = 20
    await stage.putBoth()
    await stage.until(async () => assert.is((await stage.scaler())?.status?.replicas, 2))
    await stage.pass(1_000)
    const { revision } = await stage.store.list([''])
    await stage.pass(300_000, 5_000)
    assert.ok(stage.queue('web').looks.length > 9)
    assert.is((await stage.store.list([''])).revision, revision)
  }))

test('a condition that goes to and fro costs a few writes and no more', () =>
  on(async (stage) => {
    await stage.putBoth('web', { minReplicaCount: 1, pollingInterval: 5 })
    const queue = stage.queue('web')
    await stage.until(() => assert.is(queue.looks.length, 1))
    await stage.pass(1_000)
    const before = Number((await stage.scaler())?.metadata.resourceVersion)
    const versions = new Set<string | undefined>()
    for (let poll = 0; poll < 60; poll++) {
      queue.value = queue.value === 0 ? 5 : 0
      await stage.pass(5_300, 2_650)
      versions.add((await stage.scaler())?.metadata.resourceVersion)
    }
    assert.ok(before > 0)
    assert.ok(versions.size <= 12, `${versions.size} versions of the status in 60 polls`)
  }))

test('a restart begins with what was known, and with nothing goes down before it has looked', () =>
  on(async (stage) => {
    const queue = stage.queue('web')
    queue.value = 50
    await stage.putBoth()
    await stage.until(async () => assert.is((await stage.scaler())?.status?.replicas, 5))
    await stage.pass(120_000, 1_000)
    const gate = Promise.withResolvers<void>()
    Object.assign(queue, { gate: gate.promise, value: 10 })
    const looks = queue.looks.length
    await stage.restart()
    await stage.pass(20, 5)
    await stage.until(() => assert.is(queue.looks.length, looks + 1))
    // what wakes it before its triggers have answered changes nothing
    await stage.put('Service', 'web', { template: { source: { command: ['/bin/false'] } } })
    await stage.settle()
    assert.is(await stage.replicas(), 5)
    gate.resolve()
    await stage.until(async () => assert.is(await stage.replicas(), 1))
  }))

test.run()

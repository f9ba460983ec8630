import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { serviceController } from '../../../src/controllers/service/controller.ts'
import { systemClock } from '../../../src/core/clock.ts'
import type { Service, ServiceStatus } from '../../../src/resources/generated/types.ts'
import type { AnyResource } from '../../../src/resources/object.ts'
import { templateHash } from '../../../src/resources/template.ts'
import { assertReady, conditionsOf, specOf, startWorld, type World } from '../world.ts'

const test = suite<{ world: World }>('service')
test.before.each(async (context) => {
  context.world = await startWorld()
})
test.after.each(async ({ world }) => world.stop())

const actor = { name: 'test' }
const ref = { kind: 'Service', namespace: 'default', name: 'web' }
const crash = (atMs: number) => ({ reason: 'exit-code' as const, exitCode: 78, atMs })

async function settle(world: World, ready: string): Promise<void> {
  await world.until(async () => {
    const service = await world.service()
    assertReady(service, ready)
    assert.is(conditionsOf(service).Progressing, 'False Complete')
  })
}

test('runs what is applied and says that it is ready', async ({ world }) => {
  await world.apply(specOf({ replicas: 3 }))
  await settle(world, '3/3')
  assert.is(world.runtime.running().length, 3)
  const service = await world.service()
  assert.is(conditionsOf(service).Ready, 'True EnoughReady')
  assert.is(conditionsOf(service).Degraded, 'False AsExpected')
  assert.is(service?.status?.revisionName, 'r1')
  const took = service?.status?.conditions?.find((one) => one.type === 'Progressing')?.message
  const seconds = /^rollout of r1 \(\w{10}\) took (\d+\.\d) s$/.exec(took ?? '')?.[1]
  assert.ok(Number(seconds) >= 0.1, `an unprobed instance counts after 100 ms: ${took}`)
  assert.is(service?.status?.stableHash, service?.status?.currentHash)
})

test('scales up and down without replacing anything', async ({ world }) => {
  await world.apply(specOf({ replicas: 2 }))
  await settle(world, '2/2')
  const before = (await world.instances()).map((one) => one.metadata.uid)
  await world.api.scale(ref, 4, { actor })
  await settle(world, '4/4')
  await world.api.scale(ref, 2, { actor })
  await settle(world, '2/2')
  assert.equal((await world.instances()).map((one) => one.metadata.uid).sort(), [...before].sort())
  assert.is((await world.service())?.metadata.revision, 1)
})

test('tells a change once, however often it looks before the cache has its own writes', async ({ world }) => {
  await world.apply(specOf({ replicas: 1 }))
  await settle(world, '1/1')
  const settled = await world.service()
  const stale = { ...settled, spec: { ...settled?.spec, replicas: 4 } }
  const told: string[] = []
  const { reconciler } = serviceController({
    cache: {
      get: () => stale,
      byOwner: () => [],
      list: () => [],
      index: () => ({ get: () => [] }),
      onChange: () => () => {},
    },
    api: {
      updateStatus: async () => {},
      recordEvent: async (event: { readonly reason: string }) => void told.push(event.reason),
    },
    clock: systemClock,
  } as unknown as Parameters<typeof serviceController>[0])
  const signal = new AbortController().signal
  for (let i = 0; i < 3; i++) await reconciler.reconcile(ref, signal)
  assert.equal(told.filter((reason) => reason === 'Scaled').length, 1, told.join(' '))
})

test('does not forget that it abandoned a template while the cache lags behind', async ({ world }) => {
  await world.apply(specOf({ replicas: 1 }))
  await settle(world, '1/1')
  const good = (await world.service()) as Service
  const history = await world.api.history(ref)
  const { template } = good.spec
  const stale = {
    ...good,
    spec: { ...good.spec, template: { ...template, env: [{ name: 'A', value: 'b' }] } },
  }
  const bad = {
    kind: 'Instance',
    metadata: { name: 'web-0-aaaaa', namespace: 'default' },
    spec: {
      service: 'web',
      ordinal: 0,
      templateHash: templateHash(stale.spec.template, stale.spec.storage),
      template: stale.spec.template,
    },
    status: { phase: 'Failed', message: 'no such program' },
  }
  let owned: readonly unknown[] = [bad]
  const written: ServiceStatus[] = []
  const { reconciler } = serviceController({
    cache: {
      get: () => stale,
      byOwner: () => owned,
      list: () => [],
      index: () => ({ get: () => [] }),
      onChange: () => () => {},
    },
    api: {
      history: async () => history,
      updateStatus: async (_: unknown, status: ServiceStatus) => void written.push(status),
      requestDelete: async () => {},
      recordEvent: async () => {},
    },
    clock: systemClock,
  } as unknown as Parameters<typeof serviceController>[0])
  const signal = new AbortController().signal
  await reconciler.reconcile(ref, signal)
  owned = []
  await reconciler.reconcile(ref, signal)
  const wanted = bad.spec.templateHash
  assert.equal(new Set(written.map((status) => status.failedHash)), new Set([wanted]))
})

test('replaces instances one by one when the template changes', async ({ world }) => {
  await world.apply(specOf({ replicas: 2 }))
  await settle(world, '2/2')
  const before = new Set(world.runtime.running())
  await world.apply(specOf({ replicas: 2 }, { env: [{ name: 'A', value: 'b' }] }))
  await settle(world, '2/2')
  assert.ok(world.runtime.running().every((key) => !before.has(key)))
  // the first new one runs before the first old one is stopped
  const calls = world.runtime.calls.slice(2)
  assert.ok(calls[0]?.startsWith('start'), calls.join('\n'))
})

test('keeps the last good template where the new one crashes, and says why', async ({ world }) => {
  await world.apply(specOf({ replicas: 2 }))
  await settle(world, '2/2')
  const good = world.runtime.running()
  let atMs = Date.now()
  world.runtime.onStart = (spec) => (spec.env.BAD === '1' ? crash(atMs++) : 'run')
  await world.apply(
    specOf({ replicas: 2, update: { progressDeadline: '2s' } }, { env: [{ name: 'BAD', value: '1' }] }),
  )
  await world.until(async () => {
    const service = await world.service()
    assert.is(conditionsOf(service).Degraded, 'True RolledBack')
    assert.is((await world.instances()).length, 2)
  })
  const service = await world.service()
  assert.equal([...world.runtime.running()].sort(), [...good].sort())
  assert.is(service?.status?.failedHash, service?.status?.currentHash)
  assert.is(service?.status?.revisionName, 'r1')
  assert.is(service?.spec.template.env?.[0]?.name, 'BAD', 'the spec is not rewritten')
  assert.is(conditionsOf(service).Ready, 'True EnoughReady')
  assert.ok((await world.events()).some((event) => event.startsWith('RolledBack')))
})

test('goes on with the next template after one was abandoned', async ({ world }) => {
  await world.apply(specOf())
  await settle(world, '1/1')
  let atMs = Date.now()
  world.runtime.onStart = (spec) => (spec.env.BAD === '1' ? crash(atMs++) : 'run')
  await world.apply(specOf({ update: { progressDeadline: '1s' } }, { env: [{ name: 'BAD', value: '1' }] }))
  await world.until(async () => assert.is(conditionsOf(await world.service()).Degraded, 'True RolledBack'))
  await world.apply(specOf({}, { env: [{ name: 'BAD', value: '0' }] }))
  await settle(world, '1/1')
  const service = await world.service()
  assert.is(conditionsOf(service).Degraded, 'False AsExpected')
  assert.is(service?.status?.failedHash, undefined)
})

test('a first template that fails is tried on, and the service is degraded', async ({ world }) => {
  world.runtime.onStart = () => crash(Date.now())
  await world.apply(specOf())
  await world.until(async () =>
    assert.match(conditionsOf(await world.service()).Degraded ?? '', /^True CrashLoop/),
  )
  world.runtime.onStart = () => 'run'
  await settle(world, '1/1')
})

test('a crash loop is told once, not at every start between two crashes', async ({ world }) => {
  await world.apply(specOf())
  await settle(world, '1/1')
  const [key = ''] = world.runtime.running()
  for (let round = 0; round < 6; round++) {
    world.runtime.restart(key, { reason: 'exit-code', exitCode: 7, atMs: 1_700_000_000_000 + round })
    await world.until(async () => assert.is((await world.instances())[0]?.status?.restarts, round + 1))
    await world.until(async () => assert.match(conditionsOf(await world.service()).Degraded ?? '', /^True/))
  }
  assert.equal(
    (await world.events()).filter((event) => event.startsWith('Recovered')),
    [],
  )
  await world.until(async () => assert.is(conditionsOf(await world.service()).Degraded, 'False AsExpected'))
  assert.is((await world.events()).filter((event) => event.startsWith('Recovered')).length, 1)
})

test('replaces an instance that a user deletes', async ({ world }) => {
  await world.apply(specOf())
  await settle(world, '1/1')
  const [first] = await world.instances()
  assert.ok(first)
  await world.api.delete({ kind: 'Instance', namespace: 'default', name: first.metadata.name }, { actor })
  await world.until(async () => {
    const now = await world.instances()
    assert.is(now.length, 1)
    assert.is.not(now[0]?.metadata.uid, first.metadata.uid)
    assert.is(now[0]?.status?.ready, true)
  })
})

test('never runs two of one ordinal where there is storage', async ({ world }) => {
  const storage = [{ name: 'data', path: '/var/lib/web' }]
  world.runtime.stopsAtOnce = false
  await world.apply(specOf({ replicas: 2, storage }))
  await settle(world, '2/2')
  await world.apply(specOf({ replicas: 2, storage }, { env: [{ name: 'A', value: 'b' }] }))
  await world.until(() => assert.ok(world.runtime.calls.some((call) => call.startsWith('stop'))))
  assert.is(
    world.runtime.calls.filter((call) => call.startsWith('start')).length,
    2,
    'starts before the old one is gone',
  )
  const finish = setInterval(() => {
    for (const [key, seen] of world.runtime.observe()) {
      if (seen.state === 'stopping')
        world.runtime.end(key, { reason: 'success', exitCode: 0, atMs: Date.now() })
    }
  }, 20)
  await settle(world, '2/2').finally(() => clearInterval(finish))
  assert.is((await world.volumes()).length, 2)
})

test('deletes what it owns, keeps its data, and takes it up again', async ({ world }) => {
  const storage = [{ name: 'data', path: '/var/lib/web' }]
  await world.apply(specOf({ storage }))
  await settle(world, '1/1')
  assert.not.ok((await world.events()).some((event) => event.startsWith('StorageAdopted')))
  await world.api.delete(ref, { actor })
  await world.until(async () => {
    assert.is(await world.service(), undefined)
    assert.is((await world.instances()).length, 0)
  })
  assert.equal(world.runtime.running(), [])
  assert.is((await world.volumes()).length, 1)
  await world.apply(specOf({ storage }))
  await settle(world, '1/1')
  assert.ok((await world.events()).some((event) => event.startsWith('StorageAdopted')))
})

test('nothing runs on data that is being removed: it starts on fresh data, once that is gone', async ({
  world,
}) => {
  const storage = [{ name: 'data', path: '/var/lib/web' }]
  await world.apply(specOf({ storage }))
  await settle(world, '1/1')
  await world.api.delete(ref, { actor })
  await world.until(async () => assert.is(await world.service(), undefined))
  const [old] = await world.volumes()
  const removing = Promise.withResolvers<void>()
  let asked = false
  world.runtime.purgeStorage = async (volume) => {
    asked = true
    await removing.promise
    world.runtime.calls.push(`purge ${volume.ordinal}`)
  }
  const volume = { kind: 'Volume', namespace: 'default', name: 'web-data-0' }
  await world.api.delete(volume, { actor, purge: true })
  try {
    await world.until(() => assert.ok(asked))
    await world.apply(specOf({ storage }))
    await world.until(async () =>
      assert.is(conditionsOf(await world.service()).Progressing, 'True RollingOut'),
    )
    assert.equal(world.runtime.running(), [])
  } finally {
    removing.resolve()
  }
  await settle(world, '1/1')
  assert.match(world.runtime.calls.slice(-2).join(), /^purge 0,start /)
  const [fresh] = await world.volumes()
  assert.is.not(fresh?.metadata.uid, old?.metadata.uid)
  assert.is(fresh?.metadata.deletionTimestamp, undefined)
})

test('delete --purge removes the data too', async ({ world }) => {
  await world.apply(specOf({ replicas: 2, storage: [{ name: 'data', path: '/var/lib/web' }] }))
  await settle(world, '2/2')
  await world.api.delete(ref, { actor, purge: true })
  await world.until(async () => {
    assert.is(await world.service(), undefined)
    assert.is((await world.volumes()).length, 0)
  })
  assert.equal(world.runtime.purged.map((one) => one.ordinal).sort(), [0, 1])
})

test('goes on where it was after a restart of nsctl', async ({ world }) => {
  await world.apply(specOf({ replicas: 2 }, { ports: [{ name: 'http' }] }))
  await settle(world, '2/2')
  const [running, ports] = [
    world.runtime.running(),
    (await world.instances()).map((one) => one.status?.portsText).sort(),
  ]
  await world.restart()
  await world.api.scale(ref, 3, { actor })
  await settle(world, '3/3')
  assert.ok(running.every((key) => world.runtime.running().includes(key)))
  const after = (await world.instances()).map((one) => one.status?.portsText)
  assert.is(new Set(after).size, 3, `ports ${after}`)
  assert.ok(ports.every((port) => after.includes(port)))
})

test('a deleted namespace takes its services along', async ({ world }) => {
  await world.api.apply(
    [
      {
        object: { apiVersion: 'nsctl.dev/v1alpha1', kind: 'Namespace', metadata: { name: 'shop' } },
        source: 'test',
      },
    ],
    { actor },
  )
  const object = {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'shop' },
    spec: specOf(),
  }
  await world.api.apply([{ object, source: 'test' }], { actor })
  await world.until(() => assert.is(world.runtime.running().length, 1))
  await world.api.delete({ kind: 'Namespace', name: 'shop' }, { actor })
  await world.until(async () =>
    assert.is(await world.api.get({ kind: 'Namespace', name: 'shop' }), undefined),
  )
  assert.equal(world.runtime.running(), [])
})

test('data that a service left can be removed, but not while the service is there', async ({ world }) => {
  await world.apply(specOf({ storage: [{ name: 'data', path: '/var/lib/web' }] }))
  await settle(world, '1/1')
  const volume = { kind: 'Volume', namespace: 'default', name: 'web-data-0' }
  const refused = async (purge: boolean) => {
    try {
      await world.api.delete(volume, { actor, purge })
    } catch (error) {
      return (error as Error).message
    }
    throw new Error('was not refused')
  }
  assert.match(await refused(true), /is the data of service\/web, which is there/)
  await world.api.delete(ref, { actor })
  await world.until(async () => assert.is(await world.service(), undefined))
  assert.match(await refused(false), /is data, and nothing else keeps it/)
  await world.api.delete(volume, { actor, purge: true })
  await world.until(async () => assert.is((await world.volumes()).length, 0))
  assert.is(world.runtime.purged.length, 1)
})

for (const purge of [false, true]) {
  test(`a deleted namespace ${purge ? 'takes its data along with --purge' : 'keeps its data'}`, async ({
    world,
  }) => {
    const namespace = 'shop'
    const inShop = (object: object) => ({ object: object as never, source: 'test' })
    const apiVersion = 'nsctl.dev/v1alpha1'
    await world.api.apply(
      [
        inShop({ apiVersion, kind: 'Namespace', metadata: { name: namespace } }),
        inShop({
          apiVersion,
          kind: 'Service',
          metadata: { name: 'web', namespace },
          spec: specOf({ storage: [{ name: 'data', path: '/data' }] }),
        }),
      ],
      { actor },
    )
    await world.until(() => assert.is(world.runtime.running().length, 1))
    await world.api.delete({ kind: 'Namespace', name: namespace }, { actor, purge })
    await world.until(async () =>
      assert.is(await world.api.get({ kind: 'Namespace', name: namespace }), undefined),
    )
    assert.is((await world.volumes()).length, purge ? 0 : 1)
    assert.is(world.runtime.purged.length, purge ? 1 : 0)
  })
}

const node = (status: object) =>
  ({
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Node',
    metadata: { name: 'n' },
    status,
  }) as unknown as AnyResource
for (const c of [
  { name: 'that was ready and is not', old: { phase: 'Ready' }, now: { phase: 'NotReady' }, wakes: true },
  { name: 'that is new', old: undefined, now: { phase: 'Ready' }, wakes: true },
  { name: 'with another address', old: { addresses: ['a'] }, now: { addresses: ['b'] }, wakes: true },
  { name: 'that has an instance more', old: { instances: 1 }, now: { instances: 2 }, wakes: false },
] as const) {
  test(`a Node ${c.name} wakes ${c.wakes ? 'every Service' : 'none'}`, () => {
    const cache = {
      list: () => [{ kind: 'Service', metadata: { namespace: 'default', name: 'web' } }],
      index: () => ({ get: () => [] }),
    }
    const { watches } = serviceController({ cache, api: {}, clock: systemClock } as unknown as Parameters<
      typeof serviceController
    >[0])
    const watch = watches.find(({ kind }) => kind === 'Node')
    const woken = watch?.toKeys(node(c.now), c.old && node(c.old)) ?? []
    assert.is(woken.length, c.wakes ? 1 : 0)
  })
}

test.run()

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { JsonObject } from '../../../src/core/json.ts'
import { assertReady, conditionsOf, specOf, startWorld, type World } from '../world.ts'

const test = suite<{ world: World }>('dependencies')
test.before.each(async (context) => {
  context.world = await startWorld()
})
test.after.each(async ({ world }) => world.stop())

const actor = { name: 'test' }
const on = (...services: readonly string[]) => ({ dependsOn: services.map((service) => ({ service })) })
const version = (value: string) => ({ env: [{ name: 'VERSION', value }] })

async function settle(world: World, name: string, ready = '1/1'): Promise<void> {
  await world.until(async () => {
    const service = await world.service(name)
    assertReady(service, ready)
    assert.is(conditionsOf(service).Progressing, 'False Complete')
  })
}

async function waits(world: World, name: string, summary: RegExp): Promise<void> {
  await world.until(async () => {
    const service = await world.service(name)
    assert.is(conditionsOf(service).Progressing, 'True WaitingForDependencies')
    assert.match(service?.status?.summary ?? '', summary)
  })
}

async function namesOfInstances(world: World): Promise<readonly string[]> {
  return (await world.instances()).map(({ spec }) => spec.service).sort()
}

const patch = (world: World, name: string, spec: JsonObject) =>
  world.api.patch({ kind: 'Service', namespace: 'default', name }, 'merge', { spec }, { actor })

test('a service starts when those it depends on are ready, in order', async ({ world }) => {
  await world.apply(specOf(on('cache', 'default/db')), 'web')
  await waits(
    world,
    'web',
    /^WaitingForDependencies: waits for service\/cache, .*not there, service\/db, .*not there$/,
  )
  await world.apply(specOf(on('db')), 'cache')
  await waits(world, 'cache', /waits for service\/db, which is not there$/)
  assert.equal(await namesOfInstances(world), [])
  await world.apply(specOf(), 'db')
  for (const name of ['db', 'cache', 'web']) await settle(world, name)
  const starts = world.runtime.calls
    .filter((call) => call.startsWith('start'))
    .map((call) => call.split('/')[1])
  assert.equal(starts, ['db', 'cache', 'web'])
  assert.is(conditionsOf(await world.service('web')).Degraded, 'False AsExpected')
})

test('one that is not ready holds a new template back, and neither what runs nor its number', async ({
  world,
}) => {
  let isUp = true
  world.runtime.onExec = () => (isUp ? 0 : 1)
  const readiness = { exec: { command: ['ready'] }, period: '50ms', failureThreshold: 1 }
  await world.apply(specOf({}, { readiness }), 'db')
  await settle(world, 'db')
  await world.apply(specOf(on('db'), version('1')), 'web')
  await settle(world, 'web')
  isUp = false
  await world.until(async () => assert.is((await world.service('db'))?.status?.readyReplicas, 0))
  await settle(world, 'web')
  await world.apply(specOf({ ...on('db') }, version('2')), 'web')
  await waits(world, 'web', /waits for service\/db$/)
  await world.api.scale({ kind: 'Service', namespace: 'default', name: 'web' }, 3, { actor })
  await world.until(async () => {
    const mine = (await world.instances()).filter(({ spec }) => spec.service === 'web')
    assert.equal(
      mine.map(({ spec, status }) => [spec.template.env?.[0]?.value, status?.ready]),
      [
        ['1', true],
        ['1', true],
        ['1', true],
      ],
    )
  })
  isUp = true
  await settle(world, 'web', '3/3')
  const mine = (await world.instances()).filter(({ spec }) => spec.service === 'web')
  assert.equal(new Set(mine.map(({ spec }) => spec.template.env?.[0]?.value)).size, 1)
  assert.is(mine[0]?.spec.template.env?.[0]?.value, '2')
})

test('a circle is refused, with its name: in a set, over several applies, and by a patch', async ({
  world,
}) => {
  const object = (name: string, spec: JsonObject) => ({
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Service',
    metadata: { name },
    spec,
  })
  const refused = async (change: Promise<unknown>, cycle: RegExp) => {
    const error = await change.then(
      () => undefined,
      (thrown: Error) => thrown,
    )
    assert.match(error?.message ?? 'nothing was refused', cycle)
  }
  const set = [object('a', specOf(on('b'))), object('b', specOf(on('c'))), object('c', specOf(on('a')))]
  await refused(
    world.api.apply(
      set.map((one) => ({ object: one as never, source: 'test' })),
      { actor },
    ),
    /^3 faults/,
  )
  assert.equal((await world.api.list(world.api.kinds.byKind('Service'))).items, [])
  await world.apply(specOf(on('b')), 'a')
  await world.apply(specOf(on('c')), 'b')
  await refused(world.apply(specOf(on('a')), 'c'), /wait for each other in a circle: c → a → b → c/)
  await world.apply(specOf(), 'c')
  await refused(patch(world, 'c', on('a')), /circle: c → a → b → c/)
  await refused(world.apply(specOf(on('c')), 'c'), /cannot be the service itself/)
})

test('a circle that two changes close at one moment is named by both, and ends when it is broken', async ({
  world,
}) => {
  await Promise.all([world.apply(specOf(on('db')), 'web'), world.apply(specOf(on('web')), 'db')])
  for (const [name, cycle] of [
    ['web', 'waits for itself: web → db → web'],
    ['db', 'waits for itself: db → web → db'],
  ] as const)
    await world.until(async () => {
      const service = await world.service(name)
      assert.is(conditionsOf(service).Degraded, 'True DependencyCycle')
      assert.is(service?.status?.summary, `DependencyCycle: ${cycle}`)
    })
  // what is about something else is let through
  await world.api.scale({ kind: 'Service', namespace: 'default', name: 'web' }, 2, { actor })
  await world.apply(specOf({ ...on('db'), replicas: 1 }), 'web')
  await patch(world, 'db', { dependsOn: null })
  await settle(world, 'db')
  await settle(world, 'web')
})

test.run()

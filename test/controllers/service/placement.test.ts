/** Where the Service controller puts instances, on several nodes. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Fleet, nodesOf, startFleet } from '../fleet.ts'
import { assertReady, conditionsOf } from '../world.ts'

const test = suite<{ fleet: Fleet }>('service placement')
test.before.each(async (context) => {
  context.fleet = await startFleet()
})
test.after.each(async ({ fleet }) => fleet.stop())

const SPOT = { key: 'spot', effect: 'NoSchedule' }

async function settled(fleet: Fleet, ready: string, name = 'web'): Promise<void> {
  await fleet.until(async () => {
    const service = await fleet.service(name)
    assertReady(service, ready)
    assert.is(conditionsOf(service).Progressing, 'False Complete')
  })
}

async function blocked(fleet: Fleet, message: string, name = 'web'): Promise<void> {
  await fleet.until(async () => {
    const service = await fleet.service(name)
    assert.is(conditionsOf(service).Progressing, 'False Unschedulable')
    assert.is(service?.status?.summary, `Unschedulable: ${message}`)
  })
}

test('spreads over nodes, and packs onto one where asked to', async ({ fleet }) => {
  for (const name of ['n1', 'n2', 'n3']) await fleet.node(name)
  await fleet.apply('web', { replicas: 6 })
  await settled(fleet, '6/6')
  assert.is(nodesOf(await fleet.instances()), 'n1:2 n2:2 n3:2')
  await fleet.apply('batch', { replicas: 4, placement: { strategy: 'pack' } })
  await settled(fleet, '4/4', 'batch')
  assert.is(
    (await fleet.instances('batch')).map(({ spec }) => spec.node).filter((one, _, all) => one === all[0])
      .length,
    4,
  )
})

for (const how of [
  { strategy: 'Rolling' },
  { strategy: 'BlueGreen', blueGreen: { scaleDownDelaySeconds: 0 } },
  { strategy: 'Canary', canary: { steps: [{ setWeight: 50 }] } },
])
  test(`a change by ${how.strategy} that finds no node has not come further in time: it is said, not given up`, async ({
    fleet,
  }) => {
    const update = { ...how, progressDeadline: '400ms' }
    const small = { resources: { memory: '100Mi' } }
    await fleet.node('n1', { memory: '256Mi' })
    await fleet.apply('web', { replicas: 2, update }, small)
    await settled(fleet, '2/2')
    const before = (await fleet.service())?.status?.stableHash
    await fleet.apply('web', { replicas: 2, update }, { ...small, env: [{ name: 'A', value: 'b' }] })
    await blocked(fleet, '0/1 nodes: 1 lacks memory')
    await fleet.until(async () => {
      const service = await fleet.service()
      const why = 'it came no further for 0.4 s: 0/1 nodes: 1 lacks memory'
      assert.is(service?.status?.summary, `DeadlineExceeded: ${why}`)
      const { Progressing, Degraded, Ready } = conditionsOf(service)
      assert.equal(
        [Progressing, Degraded, Ready],
        ['False DeadlineExceeded', 'True DeadlineExceeded', 'True EnoughReady'],
      )
      // nothing was tried, so that nothing was found wanting
      assert.equal([service?.status?.stableHash, service?.status?.failedHash], [before, undefined])
    })
    await fleet.node('n2')
    await settled(fleet, '2/2')
    assert.not.equal((await fleet.service())?.status?.stableHash, before)
  })

test('is as even after a rollout as before', async ({ fleet }) => {
  for (const name of ['n1', 'n2', 'n3']) await fleet.node(name)
  await fleet.apply('web', { replicas: 3 })
  await settled(fleet, '3/3')
  await fleet.apply('web', { replicas: 3 }, { env: [{ name: 'A', value: 'b' }] })
  await fleet.until(async () => assert.is((await fleet.service())?.status?.revisionName, 'r2'))
  await settled(fleet, '3/3')
  assert.is(nodesOf(await fleet.instances()), 'n1:1 n2:1 n3:1')
})

test('takes away where there are most, so that what is left is even', async ({ fleet }) => {
  await fleet.node('n1')
  await fleet.apply('web', { replicas: 3 })
  await settled(fleet, '3/3')
  await fleet.node('n2')
  const ref = { kind: 'Service', namespace: 'default', name: 'web' }
  for (const [replicas, nodes] of [
    [4, 'n1:3 n2:1'],
    [2, 'n1:1 n2:1'],
  ] as const) {
    await fleet.api.scale(ref, replicas, { actor: { name: 'test' } })
    await settled(fleet, `${replicas}/${replicas}`)
    assert.is(nodesOf(await fleet.instances()), nodes)
  }
})

test('says why no node will do, tells it, and goes on once one does', async ({ fleet }) => {
  await fleet.node('n1', { memory: '1Gi' })
  await fleet.node('n2', { memory: '1Gi' })
  await fleet.node('n3', { spec: { taints: [SPOT] } })
  await fleet.apply('web', { replicas: 1 }, { resources: { memory: '2Gi' } })
  await blocked(fleet, '0/3 nodes: 2 lack memory, 1 tainted spot')
  assert.ok((await fleet.events()).includes('FailedScheduling: 0/3 nodes: 2 lack memory, 1 tainted spot'))
  await fleet.node('n4', { memory: '1Gi' })
  await blocked(fleet, '0/4 nodes: 3 lack memory, 1 tainted spot')
  assert.is((await fleet.events()).filter((event) => event.startsWith('FailedScheduling')).length, 1)
  await fleet.node('n3', { spec: { taints: [] } })
  await settled(fleet, '1/1')
  assert.is(nodesOf(await fleet.instances()), 'n3:1')
})

test('takes the room that another service leaves', async ({ fleet }) => {
  await fleet.node('n1', { memory: '3Gi' })
  await fleet.apply('other', { replicas: 1 }, { resources: { memory: '2Gi' } })
  await settled(fleet, '1/1', 'other')
  await fleet.apply('web', { replicas: 1 }, { resources: { memory: '2Gi' } })
  await blocked(fleet, '0/1 nodes: 1 lacks memory')
  await fleet.api.scale({ kind: 'Service', namespace: 'default', name: 'other' }, 0, {
    actor: { name: 'test' },
  })
  await settled(fleet, '1/1')
})

test('never promises the same memory to two services that come at once', async ({ fleet }) => {
  await fleet.node('n1', { memory: '4Gi' })
  await fleet.node('n2', { memory: '4Gi' })
  const names = Array.from({ length: 8 }, (_, index) => `s${index}`)
  await Promise.all(names.map((name) => fleet.apply(name, { replicas: 1 }, { resources: { memory: '2Gi' } })))
  await fleet.until(async () => {
    const services = await Promise.all(names.map((name) => fleet.service(name)))
    const reasons = services.map((service) => conditionsOf(service).Progressing)
    assert.is(reasons.filter((one) => one === 'False Complete').length, 4, reasons.join('\n'))
    assert.is(reasons.filter((one) => one === 'False Unschedulable').length, 4, reasons.join('\n'))
  })
  const all = (await Promise.all(names.map((name) => fleet.instances(name)))).flat()
  assert.is(nodesOf(all), 'n1:2 n2:2')
})

test('keeps an ordinal where its data is, and waits for that node', async ({ fleet }) => {
  await fleet.node('n1')
  const spec = { replicas: 1, storage: [{ name: 'data', path: '/var/lib/web' }] }
  await fleet.apply('web', spec)
  await settled(fleet, '1/1')
  await fleet.node('n2')
  await fleet.apply('web', spec, { env: [{ name: 'A', value: 'b' }] })
  await fleet.until(async () => assert.is((await fleet.service())?.status?.revisionName, 'r2'))
  await settled(fleet, '1/1')
  assert.is(nodesOf(await fleet.instances()), 'n1:1')
  await fleet.apply('web', { ...spec, replicas: 0 }, { env: [{ name: 'A', value: 'b' }] })
  await fleet.until(async () => assert.is((await fleet.instances()).length, 0))
  await fleet.node('n1', { phase: 'NotReady' })
  await fleet.apply('web', { ...spec, replicas: 1 }, { env: [{ name: 'A', value: 'b' }] })
  await blocked(fleet, 'its storage is on n1, which is not ready')
  await fleet.node('n1')
  await settled(fleet, '1/1')
  assert.is(nodesOf(await fleet.instances()), 'n1:1')
})

test('ends nothing that serves where its successor would have no node', async ({ fleet }) => {
  await fleet.node('n1', { memory: '4Gi' })
  const spec = { replicas: 1, storage: [{ name: 'data', path: '/var/lib/web' }] }
  await fleet.apply('web', spec, { resources: { memory: '3Gi' } })
  await settled(fleet, '1/1')
  const [before] = await fleet.instances()
  await fleet.apply('web', spec, { resources: { memory: '5Gi' } })
  await blocked(fleet, 'its storage is on n1, which lacks memory: 5Gi asked for, 4Gi of 4Gi free')
  assert.equal(
    (await fleet.instances()).map(({ metadata }) => [metadata.name, metadata.deletionTimestamp]),
    [[before?.metadata.name, undefined]],
  )
  await fleet.node('n1', { memory: '8Gi' })
  await fleet.until(async () =>
    assert.is.not((await fleet.instances())[0]?.metadata.name, before?.metadata.name),
  )
  await settled(fleet, '1/1')
})

test('nor all of them, where all would have to end first', async ({ fleet }) => {
  await fleet.node('n1', { memory: '4Gi' })
  const spec = { replicas: 2, update: { strategy: 'Recreate' } }
  await fleet.apply('web', spec, { resources: { memory: '1Gi' } })
  await settled(fleet, '2/2')
  await fleet.apply('web', spec, { resources: { memory: '3Gi' } })
  await blocked(fleet, '0/1 nodes: 1 lacks memory')
  assert.is(
    (await fleet.instances()).filter(({ metadata }) => metadata.deletionTimestamp === undefined).length,
    2,
  )
  await fleet.apply('web', spec, { resources: { memory: '2Gi' } })
  await fleet.until(async () => assert.is((await fleet.service())?.status?.revisionName, 'r3'))
  await settled(fleet, '2/2')
})

test('has one of a fixed port on each node, whosever it is', async ({ fleet }) => {
  await fleet.node('n1')
  await fleet.node('n2')
  const ports = [{ name: 'http', port: 8080 }]
  await fleet.apply('web', { replicas: 3 }, { ports })
  await blocked(fleet, '0/2 nodes: 2 have port 8080 taken')
  await fleet.apply('other', { replicas: 1 }, { ports })
  await blocked(fleet, '0/2 nodes: 2 have port 8080 taken', 'other')
  await fleet.node('n3')
  await fleet.until(async () => {
    const instances = [...(await fleet.instances()), ...(await fleet.instances('other'))]
    assert.is(nodesOf(instances), 'n1:1 n2:1 n3:1')
  })
})

test('keeps away from a service that says so later, and comes when it no longer does', async ({ fleet }) => {
  await fleet.node('n1')
  const away = { antiAffinity: { service: { required: [{ service: 'web' }] } } }
  await fleet.apply('loud', { replicas: 1, placement: away })
  await settled(fleet, '1/1', 'loud')
  await fleet.apply('web', { replicas: 1 })
  await blocked(fleet, '0/1 nodes: 1 avoided by service/default/loud')
  await fleet.apply('loud', { replicas: 1, placement: {} })
  await settled(fleet, '1/1')
})

const DAEMON = { placement: { strategy: 'perNode', nodeSelector: { pool: 'web' } } }
const POOL = { pool: 'web' }

test('has one on each node that matches, as nodes come and go', async ({ fleet }) => {
  await fleet.node('n1', { labels: POOL })
  await fleet.node('n2', { labels: POOL, spec: { unschedulable: true } })
  await fleet.node('n3')
  await fleet.apply('web', DAEMON)
  await settled(fleet, '2/2')
  assert.is((await fleet.service())?.status?.desiredReplicas, 2)
  assert.is(nodesOf(await fleet.instances()), 'n1:1 n2:1')
  await fleet.node('n4', { labels: POOL })
  await settled(fleet, '3/3')
  assert.is(nodesOf(await fleet.instances()), 'n1:1 n2:1 n4:1')
  await fleet.node('n1', { labels: { pool: 'other' } })
  await settled(fleet, '2/2')
  assert.is(nodesOf(await fleet.instances()), 'n2:1 n4:1')
  await fleet.node('n4', { labels: POOL, spec: { taints: [{ key: 'dead', effect: 'NoExecute' }] } })
  await settled(fleet, '1/1')
  assert.is(nodesOf(await fleet.instances()), 'n2:1')
})

test('replaces what is on each node there, one after the other', async ({ fleet }) => {
  for (const name of ['n1', 'n2', 'n3']) await fleet.node(name, { labels: POOL })
  await fleet.apply('web', DAEMON)
  await settled(fleet, '3/3')
  const before = (await fleet.instances()).map(({ metadata }) => metadata.name)
  await fleet.apply('web', DAEMON, { env: [{ name: 'A', value: 'b' }] })
  await fleet.until(async () => assert.is((await fleet.service())?.status?.revisionName, 'r2'))
  await settled(fleet, '3/3')
  const after = await fleet.instances()
  assert.is(nodesOf(after), 'n1:1 n2:1 n3:1')
  assert.ok(after.every(({ metadata }) => !before.includes(metadata.name)))
})

test('says which node has no room for its own', async ({ fleet }) => {
  await fleet.node('n1', { labels: POOL, memory: '4Gi' })
  await fleet.node('n2', { labels: POOL, memory: '1Gi' })
  await fleet.apply('web', DAEMON, { resources: { memory: '2Gi' } })
  await blocked(fleet, 'n2 lacks memory: 2Gi asked for, 1Gi of 1Gi free')
  assert.is(nodesOf(await fleet.instances()), 'n1:1')
  await fleet.node('n2', { labels: POOL, memory: '4Gi' })
  await settled(fleet, '2/2')
})

test('keeps the data of each node on it', async ({ fleet }) => {
  const spec = { ...DAEMON, storage: [{ name: 'data', path: '/var/lib/web' }] }
  for (const name of ['n1', 'n2', 'n3']) await fleet.node(name, { labels: POOL })
  await fleet.apply('web', spec)
  await settled(fleet, '3/3')
  const where = async () =>
    new Map((await fleet.instances()).map(({ spec: { node, ordinal } }) => [node, ordinal]))
  const before = await where()
  await fleet.node('n1', { labels: {} })
  await settled(fleet, '2/2')
  await fleet.node('n4', { labels: POOL })
  await settled(fleet, '3/3')
  await fleet.node('n1', { labels: POOL })
  await settled(fleet, '4/4')
  const after = await where()
  for (const [node, ordinal] of before) assert.is(after.get(node), ordinal, node)
  assert.is(new Set(after.values()).size, 4)
})

test.run()

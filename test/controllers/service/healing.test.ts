/** What the Service controller does about nodes that are lost, come back, and are to be left. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Fleet, nodesOf, startFleet } from '../fleet.ts'
import { assertReady, conditionsOf } from '../world.ts'

const test = suite<{ fleet: Fleet }>('service healing')
test.before.each(async (context) => {
  context.fleet = await startFleet()
})
test.after.each(async ({ fleet }) => fleet.stop())

async function settled(fleet: Fleet, ready: string, nodes: string): Promise<void> {
  await fleet.until(async () => {
    const service = await fleet.service()
    assertReady(service, ready)
    assert.is(conditionsOf(service).Progressing, 'False Complete')
    assert.is(nodesOf(await fleet.instances()), nodes)
  })
}

const unready = (fleet: Fleet) =>
  fleet.until(async () => assert.is(conditionsOf(await fleet.service()).Ready, 'False TooFewReady'))

async function open(fleet: Fleet, spec = {}, template = {}, names = ['n1', 'n2', 'n3']): Promise<void> {
  for (const name of names) await fleet.node(name)
  await fleet.apply('web', { replicas: 3, ...spec }, template)
}

const uidsOn = async (fleet: Fleet, node: string) =>
  (await fleet.instances()).filter(({ spec }) => spec.node === node).map(({ metadata }) => metadata.uid)

test('what was on a lost node is replaced elsewhere, and its surplus ends when the node is back', async ({
  fleet,
}) => {
  await open(fleet)
  await settled(fleet, '3/3', 'n1:1 n2:1 n3:1')
  const [lost] = await uidsOn(fleet, 'n1')
  await fleet.judge('n1', 'NodeLost')
  await fleet.until(async () => {
    assert.is((await fleet.instances()).length, 4)
    assertReady(await fleet.service(), '3/3')
    assert.is(conditionsOf(await fleet.service()).Progressing, 'False Complete')
  })
  assert.equal(await uidsOn(fleet, 'n1'), [lost], 'it stays on record as it is')
  const told = (await fleet.events()).filter((one) => one.startsWith('NodeLost: '))
  assert.is(told.length, 1)
  assert.match(told[0]!, /^NodeLost: web-\d-\w{5} was on node\/n1, which is lost: replaced on node\/n[23]$/)
  const left = (await fleet.instances()).find(({ metadata }) => metadata.uid === lost)
  assert.is(left?.metadata.deletionTimestamp, undefined)
  await fleet.judge('n1')
  await fleet.until(async () => {
    assert.equal(await uidsOn(fleet, 'n1'), [])
    assert.is((await fleet.instances()).length, 3)
  })
  assert.equal((await fleet.instances()).map(({ spec }) => spec.ordinal).sort(), [0, 1, 2])
})

test('a node that is only silent, or back and settling, moves nothing', async ({ fleet }) => {
  await open(fleet)
  await settled(fleet, '3/3', 'n1:1 n2:1 n3:1')
  await fleet.judge('n1', 'NodeSilent')
  await unready(fleet)
  assert.is((await fleet.instances()).length, 3)
  await fleet.judge('n1', 'NodeLost')
  await fleet.until(async () => assert.is((await fleet.instances()).length, 4))
  await fleet.judge('n1', 'NodeSettling')
  await fleet.until(async () => assertReady(await fleet.service(), '3/3'))
  assert.is((await fleet.instances()).length, 4)
})

test('an instance with storage waits for its node, and says so', async ({ fleet }) => {
  await open(fleet, { replicas: 1, storage: [{ name: 'data', path: '/var/lib/web' }] }, {}, ['n1'])
  await settled(fleet, '1/1', 'n1:1')
  await fleet.node('n2')
  await fleet.judge('n1', 'NodeLost')
  await fleet.until(async () => {
    const service = await fleet.service()
    assert.is(service?.status?.summary, 'Blocked: web-0 waits for node/n1, which is lost and has its data')
    assert.is(conditionsOf(service).Ready, 'False TooFewReady')
    assert.is(service?.status?.ready, '0/1')
  })
  assert.is(nodesOf(await fleet.instances()), 'n1:1')
  await fleet.judge('n1')
  await settled(fleet, '1/1', 'n1:1')
})

test('a rollout does not wait for a lost node, nor is its silence the template’s fault', async ({
  fleet,
}) => {
  await open(fleet, { update: { progressDeadline: '300ms' } })
  await settled(fleet, '3/3', 'n1:1 n2:1 n3:1')
  await fleet.judge('n1', 'NodeLost')
  await fleet.apply(
    'web',
    { replicas: 3, update: { progressDeadline: '300ms' } },
    { env: [{ name: 'A', value: 'b' }] },
  )
  await fleet.until(async () => {
    const service = await fleet.service()
    assert.is(service?.status?.revisionName, 'r2')
    assert.is(conditionsOf(service).Progressing, 'False Complete')
    assert.is(conditionsOf(service).Degraded, 'False AsExpected')
  })
  await fleet.judge('n1')
  await fleet.until(async () => {
    const instances = await fleet.instances()
    assert.is(instances.length, 3)
    assert.is(new Set(instances.map(({ spec }) => spec.templateHash)).size, 1)
  })
})

test('draining replaces before it ends, with no instance too few at any time', async ({ fleet }) => {
  await open(fleet, { replicas: 4 }, {}, ['n1', 'n2'])
  await settled(fleet, '4/4', 'n1:2 n2:2')
  await fleet.node('n1', { spec: { unschedulable: true, drain: {} } })
  let fewest = 4
  await fleet.until(async () => {
    const live = (await fleet.instances()).filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    fewest = Math.min(fewest, live.filter(({ status }) => status?.ready === true).length)
    assert.is(nodesOf(await fleet.instances()), 'n2:4')
  })
  assert.is(fewest, 4)
  assertReady(await fleet.service(), '4/4')
  await fleet.node('n1', { spec: {} })
  await settled(fleet, '4/4', 'n2:4')
})

test('where no other node will do nothing is ended for draining, unless by force', async ({ fleet }) => {
  await open(fleet, { replicas: 1 }, {}, ['n1'])
  await settled(fleet, '1/1', 'n1:1')
  await fleet.node('n1', { spec: { unschedulable: true, drain: {} } })
  await fleet.until(async () =>
    assert.match((await fleet.service())?.status?.summary ?? '', 'Unschedulable: 0/1 nodes'),
  )
  assert.is(nodesOf(await fleet.instances()), 'n1:1')
  assertReady(await fleet.service(), '1/1')
  await fleet.node('n1', { spec: { unschedulable: true, drain: { force: true } } })
  await fleet.until(async () => assert.is((await fleet.instances()).length, 0))
  await fleet.node('n1', { spec: {} })
  await settled(fleet, '1/1', 'n1:1')
})

test('what has a fixed port is moved where it can be had, and kept where not; what has data ends and waits', async ({
  fleet,
}) => {
  const ports = { ports: [{ name: 'http', port: 8080 }] }
  const draining = { spec: { unschedulable: true, drain: {} } }
  await open(fleet, { replicas: 1, placement: { nodeSelector: { web: 'yes' } } }, ports, [])
  await fleet.node('n1', { labels: { web: 'yes' } })
  await settled(fleet, '1/1', 'n1:1')
  await fleet.apply('data', { replicas: 1, storage: [{ name: 'data', path: '/d' }] })
  await fleet.until(async () => assert.is(nodesOf(await fleet.instances('data')), 'n1:1'))
  await fleet.node('n1', { labels: { web: 'yes' }, ...draining })
  await fleet.until(async () => assert.is((await fleet.instances('data')).length, 0))
  await fleet.until(async () =>
    assert.match((await fleet.service())?.status?.summary ?? '', 'Unschedulable: '),
  )
  assert.is(nodesOf(await fleet.instances()), 'n1:1')
  await fleet.node('n2', { labels: { web: 'yes' } })
  await settled(fleet, '1/1', 'n2:1')
  assert.match((await fleet.service('data'))?.status?.summary ?? '', 'its storage is on n1')
  await fleet.node('n1', { labels: { web: 'yes' }, spec: {} })
  await fleet.until(async () => assert.is(nodesOf(await fleet.instances('data')), 'n1:1'))
})

test('a NoExecute taint drives away what does not tolerate it', async ({ fleet }) => {
  await open(fleet)
  const tolerations = [{ key: 'spot', operator: 'Exists' }]
  await fleet.apply('calm', { replicas: 1, placement: { tolerations, nodeSelector: { zone: 'a' } } })
  await fleet.node('n1', { labels: { zone: 'a' } })
  await fleet.until(async () => assert.is(nodesOf(await fleet.instances('calm')), 'n1:1'))
  await settled(fleet, '3/3', 'n1:1 n2:1 n3:1')
  await fleet.node('n1', { labels: { zone: 'a' }, spec: { taints: [{ key: 'spot', effect: 'NoExecute' }] } })
  await fleet.until(async () => {
    const nodes = nodesOf(await fleet.instances())
    assert.ok(nodes === 'n2:1 n3:2' || nodes === 'n2:2 n3:1', nodes)
  })
  assert.is(nodesOf(await fleet.instances('calm')), 'n1:1')
})

test('an instance whose Node is gone counts as gone', async ({ fleet }) => {
  await open(fleet)
  await settled(fleet, '3/3', 'n1:1 n2:1 n3:1')
  await fleet.api.requestDelete({ kind: 'Node', name: 'n1' })
  await fleet.api.removeFinalizer({ kind: 'Node', name: 'n1' }, 'nsctl.dev/node')
  await fleet.until(async () => {
    const there = (await fleet.instances()).filter(({ spec }) => spec.node !== 'n1')
    assert.is(there.length, 3)
    assertReady(await fleet.service(), '3/3')
  })
})

test.run()

/** Room for what is more important: who waits goes first, what is less important ends, and nobody takes the room meanwhile. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { JsonObject } from '../../src/core/json.ts'
import type { Job } from '../../src/resources/generated/types.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { type Fleet, nodesOf, startFleet } from './fleet.ts'
import { assertReady, conditionsOf } from './world.ts'

const test = suite<{ fleet: Fleet }>('preemption')
test.before.each(async (context) => {
  context.fleet = await startFleet()
})
test.after.each(async ({ fleet }) => fleet.stop())

const actor = { name: 'test' }
const apiVersion = 'nsctl.dev/v1alpha1'

async function put({ api }: Fleet, kind: string, name: string, spec: JsonObject): Promise<void> {
  const object = { apiVersion, kind, metadata: { name }, spec } as AnyResource
  await api.apply([{ object, source: 'test' }], { actor })
}

const high = (fleet: Fleet, more: JsonObject = {}) =>
  put(fleet, 'PriorityClass', 'high', { value: 1000, ...more })
const HIGH = { placement: { priorityClassName: 'high' } }
const memory = (amount: string) => ({ resources: { memory: amount } })

async function settled(fleet: Fleet, ready: string, name: string): Promise<void> {
  await fleet.until(async () => {
    const service = await fleet.service(name)
    assertReady(service, ready)
    assert.is(conditionsOf(service).Progressing, 'False Complete')
  })
}

test('ends as little as it takes of what is least important, and says so on both sides', async ({
  fleet,
}) => {
  await fleet.node('n1', { memory: '3Gi' })
  await high(fleet)
  await put(fleet, 'PriorityClass', 'low', { value: -5 })
  await fleet.apply('batch', { replicas: 1, placement: { priorityClassName: 'low' } }, memory('1Gi'))
  await settled(fleet, '1/1', 'batch')
  await fleet.apply('usual', { replicas: 2 }, memory('1Gi'))
  await settled(fleet, '2/2', 'usual')
  const [victim] = await fleet.instances('batch')
  await fleet.apply('web', { replicas: 1, ...HIGH }, memory('1Gi'))
  await settled(fleet, '1/1', 'web')
  assert.is((await fleet.instances('web'))[0]?.spec.priority, 1000)
  await settled(fleet, '2/2', 'usual')
  const name = victim!.metadata.name
  await fleet.until(async () => {
    const batch = await fleet.service('batch')
    assert.is(batch?.status?.summary, 'Unschedulable: 0/1 nodes: 1 lacks memory')
    assert.is(conditionsOf(batch).Degraded, 'True Preempted')
    assert.equal(batch?.status?.preempted, { instance: name, node: 'n1', for: 'service/web' })
  })
  const events = await fleet.events()
  const web = (await fleet.instances('web'))[0]?.metadata.name
  assert.ok(
    events.includes(`Preempting: ends ${name} on node/n1, less important, to make room for ${web}`),
    events.join('\n'),
  )
  assert.ok(
    events.includes(`Preempted: ${name} on node/n1 made room for service/web, which is more important`),
    events.join('\n'),
  )
  assert.is((await fleet.service('web'))?.status?.nominations, undefined, 'over')
  await fleet.node('n2', { memory: '1Gi' })
  await settled(fleet, '1/1', 'batch')
  assert.is((await fleet.service('batch'))?.status?.preempted, undefined)
})

test('what is as important is left alone, and so is everything where the class says Never', async ({
  fleet,
}) => {
  await fleet.node('n1', { memory: '1Gi' })
  await high(fleet)
  await put(fleet, 'PriorityClass', 'patient', { value: 5000, preemptionPolicy: 'Never' })
  await fleet.apply('first', { replicas: 1, ...HIGH }, memory('1Gi'))
  await settled(fleet, '1/1', 'first')
  await fleet.apply('second', { replicas: 1, ...HIGH }, memory('1Gi'))
  await fleet.apply('third', { replicas: 1, placement: { priorityClassName: 'patient' } }, memory('1Gi'))
  await fleet.until(async () => {
    for (const name of ['second', 'third'])
      assert.is((await fleet.service(name))?.status?.summary, 'Unschedulable: 0/1 nodes: 1 lacks memory')
  })
  assert.is(nodesOf(await fleet.instances('first')), 'n1:1')
})

test('of what waits the most important gets the room, whoever came first', async ({ fleet }) => {
  await fleet.node('n1', { memory: '1Gi' })
  await put(fleet, 'PriorityClass', 'patient', { value: 5000, preemptionPolicy: 'Never' })
  await fleet.apply('holder', { replicas: 1 }, memory('1Gi'))
  await settled(fleet, '1/1', 'holder')
  for (const name of ['a', 'b', 'c']) await fleet.apply(name, { replicas: 1 }, memory('1Gi'))
  await fleet.apply('z', { replicas: 1, placement: { priorityClassName: 'patient' } }, memory('1Gi'))
  await fleet.until(async () => {
    for (const name of ['a', 'b', 'c', 'z'])
      assert.is(conditionsOf(await fleet.service(name)).Progressing, 'False Unschedulable')
  })
  await fleet.api.scale({ kind: 'Service', namespace: 'default', name: 'holder' }, 0, { actor })
  await settled(fleet, '1/1', 'z')
  for (const name of ['a', 'b', 'c']) assert.is((await fleet.instances(name)).length, 0)
})

test('a class that is not there is waited for', async ({ fleet }) => {
  await fleet.node('n1')
  await fleet.apply('web', { replicas: 1, ...HIGH })
  await fleet.until(async () =>
    assert.is((await fleet.service())?.status?.summary, 'NoPriorityClass: priorityclass/high is not there'),
  )
  await high(fleet)
  await settled(fleet, '1/1', 'web')
})

test('what names no class has the global default', async ({ fleet }) => {
  await fleet.node('n1')
  await put(fleet, 'PriorityClass', 'usual', { value: 7, globalDefault: true })
  await fleet.apply('web', { replicas: 1 })
  await settled(fleet, '1/1', 'web')
  assert.is((await fleet.instances())[0]?.spec.priority, 7)
})

test('a Job makes room and gives it, and what it is ended for is no failure of its run', async ({
  fleet,
}) => {
  await fleet.node('n1', { memory: '1Gi' })
  await high(fleet)
  const template = { source: { command: ['/usr/bin/env', 'true'], workingDir: '/' }, ...memory('1Gi') }
  await put(fleet, 'Job', 'load', { template })
  const load = async () => fleet.api.get<Job>({ kind: 'Job', namespace: 'default', name: 'load' })
  await fleet.until(async () => assert.is((await fleet.instances('job-load-')).length, 1))
  await fleet.apply('web', { replicas: 1, ...HIGH }, memory('1Gi'))
  await fleet.until(async () => {
    const [run] = await fleet.instances('job-load-')
    assert.ok(run?.metadata.deletionTimestamp !== undefined)
  })
  assert.ok(
    (await fleet.events()).some((one) =>
      /^Preempted: load-0-\w+ on node\/n1 made room for service\/web/.test(one),
    ),
  )
  const [run] = await fleet.instances('job-load-')
  const ref = { kind: 'Instance', namespace: 'default', name: run!.metadata.name }
  await fleet.api.updateStatus(ref, { phase: 'Stopped', ready: false })
  await settled(fleet, '1/1', 'web')
  await fleet.until(async () =>
    assert.is((await load())?.status?.summary, 'Unschedulable: 0/1 nodes: 1 lacks memory'),
  )
  assert.is((await load())?.status?.failed, 0)
})

test('where a budget holds on one node and not on another, the other gives the room', async ({ fleet }) => {
  await fleet.node('n1', { memory: '1Gi' })
  await fleet.apply('kept', { replicas: 1, disruption: { maxUnavailable: 0 } }, memory('1Gi'))
  await settled(fleet, '1/1', 'kept')
  await fleet.node('n2', { memory: '1Gi' })
  await fleet.apply('free', { replicas: 1 }, memory('1Gi'))
  await settled(fleet, '1/1', 'free')
  await high(fleet)
  await fleet.apply('web', { replicas: 1, ...HIGH }, memory('1Gi'))
  await settled(fleet, '1/1', 'web')
  assert.is(nodesOf(await fleet.instances('web')), 'n2:1')
  await settled(fleet, '1/1', 'kept')
})

test('another leader goes on with the room that was being made', async ({ fleet }) => {
  await fleet.node('n1', { memory: '1Gi' })
  await high(fleet)
  await fleet.apply('batch', { replicas: 1 }, memory('1Gi'))
  await settled(fleet, '1/1', 'batch')
  await fleet.apply('web', { replicas: 1, ...HIGH }, memory('1Gi'))
  // nobody tends the agents meanwhile: the victim is told, and lives
  await fleet.quietly(async () => {
    const [batch] = await fleet.instances('batch')
    assert.ok(batch?.metadata.deletionTimestamp !== undefined)
    assert.equal(
      (await fleet.service('web'))?.status?.nominations?.map(({ node }) => node),
      ['n1'],
    )
  })
  await fleet.restart()
  await settled(fleet, '1/1', 'web')
  assert.is((await fleet.instances('batch')).length, 0)
  assert.is((await fleet.events()).filter((one) => one.startsWith('Preempting')).length, 1)
})

test.run()

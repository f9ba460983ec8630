/** Quotas and LimitRanges where instances are made: Services and Jobs, at once and one after the other. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { JsonObject } from '../../src/core/json.ts'
import type { Job, ResourceQuota } from '../../src/resources/generated/types.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { type Fleet, startFleet } from './fleet.ts'
import { assertReady, conditionsOf } from './world.ts'

const test = suite<{ fleet: Fleet }>('quotas')
test.before.each(async (context) => {
  context.fleet = await startFleet()
  await context.fleet.node('n1', { cpu: '64', memory: '64Gi' })
})
test.after.each(async ({ fleet }) => fleet.stop())

const actor = { name: 'test' }
const apiVersion = 'nsctl.dev/v1alpha1'

async function put({ api }: Fleet, kind: string, name: string, spec: JsonObject): Promise<void> {
  const object = { apiVersion, kind, metadata: { name }, spec } as AnyResource
  await api.apply([{ object, source: 'test' }], { actor })
}

const quota = (fleet: Fleet, hard: JsonObject) => put(fleet, 'ResourceQuota', 'team', { hard })

async function usedText({ api }: Fleet): Promise<string | undefined> {
  const found = await api.get<ResourceQuota>({ kind: 'ResourceQuota', namespace: 'default', name: 'team' })
  return found?.status?.usedText
}

async function settled(fleet: Fleet, ready: string, name = 'web'): Promise<void> {
  await fleet.until(async () => {
    const service = await fleet.service(name)
    assertReady(service, ready)
    assert.is(conditionsOf(service).Progressing, 'False Complete')
  })
}

async function refusedAs(fleet: Fleet, summary: string, name = 'web'): Promise<void> {
  await fleet.until(async () => assert.is((await fleet.service(name))?.status?.summary, summary))
}

test('what is beyond the quota waits, is told once, and comes when the quota is raised', async ({
  fleet,
}) => {
  await quota(fleet, { instances: 2 })
  await fleet.apply('web', { replicas: 4 })
  await refusedAs(fleet, 'QuotaExceeded: resourcequota/team: instances 2 of 2 used, 1 more asked for')
  await fleet.until(async () => assert.is((await fleet.service())?.status?.readyReplicas, 2))
  assert.is((await fleet.instances()).length, 2)
  assert.is((await fleet.events()).filter((one) => one.startsWith('QuotaExceeded: ')).length, 1)
  await fleet.until(async () => assert.is(await usedText(fleet), 'instances 2/2'))
  await quota(fleet, { instances: 4 })
  await settled(fleet, '4/4')
  await fleet.until(async () => assert.is(await usedText(fleet), 'instances 4/4'))
})

test('what ends makes room for who waits', async ({ fleet }) => {
  await quota(fleet, { cpu: 2 })
  const template = { resources: { cpu: '1' } }
  await fleet.apply('other', { replicas: 2 }, template)
  await settled(fleet, '2/2', 'other')
  await fleet.apply('web', { replicas: 1 }, template)
  await refusedAs(fleet, 'QuotaExceeded: resourcequota/team: cpu 2 of 2 used, 1 more asked for')
  await fleet.api.scale({ kind: 'Service', namespace: 'default', name: 'other' }, 1, { actor })
  await settled(fleet, '1/1')
})

test('never promises the same to services that come at once', async ({ fleet }) => {
  await quota(fleet, { 'requests.memory': '5Gi', instances: 100 })
  const names = Array.from({ length: 10 }, (_, at) => `s${at}`)
  await Promise.all(names.map((name) => fleet.apply(name, { replicas: 2 }, { resources: { memory: '1Gi' } })))
  await fleet.until(async () => {
    const services = await Promise.all(names.map((name) => fleet.service(name)))
    assert.is(
      services.reduce((sum, one) => sum + (one?.status?.readyReplicas ?? 0), 0),
      5,
    )
    const waiting = services.filter((one) => conditionsOf(one).Progressing === 'False QuotaExceeded')
    assert.ok(waiting.length >= 7, `${waiting.length}`)
  })
  const all = (await Promise.all(names.map((name) => fleet.instances(name)))).flat()
  assert.is(all.length, 5)
})

test('where cpu is limited every program has to state it, and a LimitRange does', async ({ fleet }) => {
  await quota(fleet, { cpu: 2 })
  await fleet.apply('web', { replicas: 1 })
  await refusedAs(
    fleet,
    'QuotaExceeded: resourcequota/team: resources.cpu is not stated, and cpu is limited: state it, or have a LimitRange give it',
  )
  await put(fleet, 'LimitRange', 'usual', { limits: [{ type: 'Program', defaultRequest: { cpu: '500m' } }] })
  await settled(fleet, '1/1')
  assert.equal((await fleet.instances())[0]?.spec.template.resources, { cpu: '500m' })
  const service = await fleet.service()
  assert.is(service?.spec.template.resources, undefined, 'what the user wrote stays')
  await fleet.until(async () => assert.is(await usedText(fleet), 'cpu 500m/2'))
})

test('a change of a LimitRange replaces nothing: of a template all get the same', async ({ fleet }) => {
  const usual = (memory: string) =>
    put(fleet, 'LimitRange', 'usual', { limits: [{ type: 'Program', default: { memory } }] })
  await usual('64Mi')
  await fleet.apply('web', { replicas: 1 })
  await settled(fleet, '1/1')
  const [first] = await fleet.instances()
  await usual('128Mi')
  await fleet.apply('web', { replicas: 2 })
  await settled(fleet, '2/2')
  const both = await fleet.instances()
  assert.ok(both.some((one) => one.metadata.uid === first?.metadata.uid))
  assert.equal(
    both.map(({ spec }) => spec.template.resources?.memory),
    ['64Mi', '64Mi'],
  )
  await fleet.apply('web', { replicas: 2 }, { env: [{ name: 'A', value: 'b' }] })
  await fleet.until(async () => {
    const memory = (await fleet.instances()).map(({ spec }) => spec.template.resources?.memory)
    assert.equal(memory, ['128Mi', '128Mi'])
  })
})

test('what is outside a LimitRange is not made, and nothing is ended for it', async ({ fleet }) => {
  const storage = [{ name: 'data', path: '/var/lib/web' }]
  await fleet.apply('web', { replicas: 1, storage }, { resources: { memory: '64Mi' } })
  await settled(fleet, '1/1')
  const [first] = await fleet.instances()
  await put(fleet, 'LimitRange', 'small', { limits: [{ type: 'Instance', max: { memory: '100Mi' } }] })
  await fleet.apply('web', { replicas: 1, storage }, { resources: { memory: '1Gi' } })
  await refusedAs(
    fleet,
    'OutsideLimitRange: limitrange/small: resources.memory 1Gi is more than the max of 100Mi',
  )
  assert.equal(
    (await fleet.instances()).map(({ metadata }) => metadata.uid),
    [first?.metadata.uid],
  )
  assert.is((await fleet.service())?.status?.readyReplicas, 1)
  await put(fleet, 'LimitRange', 'small', { limits: [{ type: 'Instance', max: { memory: '2Gi' } }] })
  await fleet.until(async () => {
    const now = await fleet.instances()
    assert.equal(
      now.map(({ spec }) => spec.template.resources?.memory),
      ['1Gi'],
    )
  })
})

test('a rollout at a full quota says what it lacks, and goes on by itself where it may do without', async ({
  fleet,
}) => {
  await quota(fleet, { instances: 2 })
  await fleet.apply('web', { replicas: 2 })
  await settled(fleet, '2/2')
  const changed = { env: [{ name: 'A', value: 'b' }] }
  await fleet.apply('web', { replicas: 2 }, changed)
  await refusedAs(
    fleet,
    'QuotaExceeded: resourcequota/team: instances 2 of 2 used, 1 more asked for; a change can do without more: update.maxSurge 0 and update.maxUnavailable 1',
  )
  assert.is((await fleet.service())?.status?.readyReplicas, 2, 'what serves goes on')
  await fleet.apply('web', { replicas: 2, update: { maxSurge: 0, maxUnavailable: 1 } }, changed)
  await fleet.until(async () => assert.is((await fleet.service())?.status?.updatedReplicas, 2))
  await settled(fleet, '2/2')
})

test('draining at a full quota says what it lacks, and goes on where what leaves may go first', async ({
  fleet,
}) => {
  await quota(fleet, { instances: 2 })
  await fleet.apply('web', { replicas: 2 })
  await settled(fleet, '2/2')
  await fleet.node('n2', { cpu: '64', memory: '64Gi' })
  await fleet.node('n1', {
    cpu: '64',
    memory: '64Gi',
    spec: { unschedulable: true, drain: {} },
  })
  await refusedAs(
    fleet,
    'QuotaExceeded: resourcequota/team: instances 2 of 2 used, 1 more asked for; what is to leave its node can do so first: disruption.maxUnavailable 1',
  )
  await fleet.apply('web', { replicas: 2, disruption: { maxUnavailable: 1 } })
  await fleet.until(async () =>
    assert.equal(
      (await fleet.instances()).map(({ spec }) => spec.node),
      ['n2', 'n2'],
    ),
  )
  await settled(fleet, '2/2')
})

test('what is on a lost node does not count: its successors have the room', async ({ fleet }) => {
  await quota(fleet, { instances: 1 })
  await fleet.apply('web', { replicas: 1 })
  await settled(fleet, '1/1')
  await fleet.node('n2')
  await fleet.judge('n1', 'NodeLost')
  await fleet.until(async () => assert.ok((await fleet.instances()).some(({ spec }) => spec.node === 'n2')))
})

test('runs of Jobs count until they are over', async ({ fleet }) => {
  await quota(fleet, { instances: 1 })
  const template = { source: { command: ['/usr/bin/env', 'true'], workingDir: '/' } }
  await put(fleet, 'Job', 'load', { template, parallelism: 2, completions: 2 })
  const summary = async () =>
    (await fleet.api.get<Job>({ kind: 'Job', namespace: 'default', name: 'load' }))?.status?.summary
  await fleet.until(async () => {
    assert.is(await summary(), 'QuotaExceeded: resourcequota/team: instances 1 of 1 used, 1 more asked for')
    assert.is((await fleet.instances('job-load-')).length, 1)
  })
  const { namespace, name, uid } = (await fleet.instances('job-load-'))[0]!.metadata
  await fleet.api.updateStatus(
    { kind: 'Instance', namespace, name, uid },
    { phase: 'Succeeded', ready: false },
  )
  await fleet.until(async () => {
    assert.is(await summary(), undefined)
    assert.is((await fleet.instances('job-load-')).length, 2)
  })
})

test('who waits for room is left alone: nothing is written until something changes', async ({ fleet }) => {
  await quota(fleet, { instances: 1 })
  await fleet.apply('web', { replicas: 3 })
  await fleet.until(async () => {
    assert.is((await fleet.service())?.status?.readyReplicas, 1)
    assert.is(conditionsOf(await fleet.service()).Progressing, 'False QuotaExceeded')
    assert.is(await usedText(fleet), 'instances 1/1')
  })
  const seen = async () => {
    const found = await fleet.api.get<ResourceQuota>({
      kind: 'ResourceQuota',
      namespace: 'default',
      name: 'team',
    })
    return [(await fleet.service())?.metadata.resourceVersion, found?.metadata.resourceVersion]
  }
  // what was under way may still be written
  await new Promise((resolve) => setTimeout(resolve, 1_200))
  const before = await seen()
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  assert.equal(await seen(), before)
})

test.run()

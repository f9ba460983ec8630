/** Where the Job controller puts runs, on several nodes. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { JsonObject } from '../../../src/core/json.ts'
import type { Job } from '../../../src/resources/generated/types.ts'
import type { AnyResource } from '../../../src/resources/object.ts'
import { type Fleet, nodesOf, startFleet } from '../fleet.ts'
import { assertReady } from '../world.ts'

const test = suite<{ fleet: Fleet }>('job placement')
test.before.each(async (context) => {
  context.fleet = await startFleet()
})
test.after.each(async ({ fleet }) => fleet.stop())

const actor = { name: 'test' }
const GROUP = 'job-load-'

async function apply({ api }: Fleet, spec: JsonObject, resources: JsonObject = {}): Promise<void> {
  const template = { source: { command: ['/usr/bin/env', 'true'], workingDir: '/' }, resources }
  const apiVersion = 'nsctl.dev/v1alpha1'
  const object = { apiVersion, kind: 'Job', metadata: { name: 'load' }, spec: { template, ...spec } }
  await api.apply([{ object: object as AnyResource, source: 'test' }], { actor })
}

async function summary({ api }: Fleet): Promise<string | undefined> {
  return (await api.get<Job>({ kind: 'Job', namespace: 'default', name: 'load' }))?.status?.summary
}

test('spreads its runs over the nodes that it tolerates', async ({ fleet }) => {
  await fleet.node('n1')
  await fleet.node('n2', { spec: { taints: [{ key: 'spot', effect: 'NoSchedule' }] } })
  await fleet.node('n3', { spec: { unschedulable: true } })
  const tolerations = [{ key: 'spot', operator: 'Exists' }]
  await apply(fleet, { parallelism: 4, completions: 4, placement: { tolerations } })
  await fleet.until(async () => assert.is(nodesOf(await fleet.instances(GROUP)), 'n1:2 n2:2'))
})

test('waits for room, and takes it when another run has ended', async ({ fleet }) => {
  await fleet.node('n1', { memory: '4Gi' })
  await fleet.apply('web', { replicas: 1 }, { resources: { memory: '2Gi' } })
  await fleet.until(async () => assertReady(await fleet.service(), '1/1'))
  await apply(fleet, { parallelism: 2, completions: 2 }, { memory: '2Gi' })
  await fleet.until(async () => {
    assert.is(await summary(fleet), 'Unschedulable: 0/1 nodes: 1 lacks memory')
    assert.is((await fleet.instances(GROUP)).length, 1)
  })
  const [first] = await fleet.instances(GROUP)
  const { namespace, name, uid } = first!.metadata
  await fleet.api.updateStatus(
    { kind: 'Instance', namespace, name, uid },
    { phase: 'Succeeded', ready: false },
  )
  await fleet.until(async () => {
    assert.is((await fleet.instances(GROUP)).length, 2)
    assert.is(await summary(fleet), undefined)
  })
})

test('does not have one on each node', async ({ fleet }) => {
  try {
    await apply(fleet, { placement: { strategy: 'perNode' } })
    assert.unreachable()
  } catch (error) {
    assert.match(
      String(error),
      'spec.placement.strategy: cannot be perNode: a Job has as many runs as it says',
    )
  }
})

test.run()

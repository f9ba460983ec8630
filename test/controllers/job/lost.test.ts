/** What becomes of a Job's runs on nodes that are lost. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Job } from '../../../src/resources/generated/types.ts'
import type { AnyResource } from '../../../src/resources/object.ts'
import { startFleet } from '../fleet.ts'

test('a run on a lost node has failed, and ends when the node is back; one that has succeeded has not', async () => {
  const fleet = await startFleet()
  const apply = async (name: string) => {
    const template = { source: { command: ['/usr/bin/env', 'true'], workingDir: '/' } }
    const object = {
      ...{ apiVersion: 'nsctl.dev/v1alpha1', kind: 'Job', metadata: { name } },
      spec: { template, backoffLimit: 0 },
    }
    await fleet.api.apply([{ object: object as AnyResource, source: 'test' }], { actor: { name: 'test' } })
  }
  const job = (name: string) => fleet.api.get<Job>({ kind: 'Job', namespace: 'default', name })
  const conditionOf = async (name: string, type: string) =>
    (await job(name))?.status?.conditions?.find((one) => one.type === type)
  try {
    await fleet.node('n1')
    await apply('done')
    await apply('load')
    await fleet.until(async () => assert.is((await fleet.instances('job-load-')).length, 1))
    await fleet.until(async () => assert.is((await fleet.instances('job-done-')).length, 1))
    const [done] = await fleet.instances('job-done-')
    const { namespace, name, uid } = done!.metadata
    await fleet.api.updateStatus(
      { kind: 'Instance', namespace, name, uid },
      { phase: 'Succeeded', ready: false },
    )
    await fleet.judge('n1', 'NodeLost')
    await fleet.until(async () => {
      const failed = await conditionOf('load', 'Failed')
      assert.is(failed?.reason, 'BackoffLimitExceeded')
      assert.match(failed?.message ?? '', 'was on node/n1, which is lost')
      assert.is((await conditionOf('done', 'Complete'))?.status, 'True')
    })
    const [run] = await fleet.instances('job-load-')
    assert.ok(run?.metadata.deletionTimestamp)
    await fleet.judge('n1')
    await fleet.until(async () => assert.is((await fleet.instances('job-load-')).length, 0))
    assert.is((await conditionOf('load', 'Failed'))?.status, 'True')
  } finally {
    await fleet.stop()
  }
})

test.run()

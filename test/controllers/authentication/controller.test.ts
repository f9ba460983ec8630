import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { authenticationController } from '../../../src/controllers/authentication/controller.ts'
import { systemClock } from '../../../src/core/clock.ts'
import type { TriggerAuthentication } from '../../../src/resources/generated/types.ts'
import type { AnyResource } from '../../../src/resources/object.ts'
import { startWorld, type World } from '../world.ts'

const actor = { name: 'test' }
const clock = systemClock

function open(): Promise<World> {
  return startWorld(clock, undefined, undefined, (manager, api) => {
    manager.add(authenticationController({ cache: manager.cache, api, clock }))
  })
}

function apply({ api }: World, kind: string, name: string, spec: object, namespace?: string) {
  const metadata = { name, ...(namespace !== undefined && { namespace }) }
  const object = { apiVersion: 'nsctl.dev/v1alpha1', kind, metadata, spec } as unknown as AnyResource
  return api.apply([{ object, source: 'test.yaml' }], { actor })
}

function scaler(world: World, name: string, ref: object | undefined) {
  const metadata = { address: 'redis:6379', listName: 'work' }
  const trigger = { type: 'redis', metadata, ...(ref && { authenticationRef: ref }) }
  return apply(world, 'ScaledObject', name, { scaleTargetRef: { name }, triggers: [trigger] }, 'default')
}

async function statusOf(
  { api }: World,
  kind: string,
  name: string,
): Promise<TriggerAuthentication['status']> {
  const ref = kind === 'TriggerAuthentication' ? { kind, name, namespace: 'default' } : { kind, name }
  return (await api.get(ref))?.status as TriggerAuthentication['status']
}

test('it says what is missing until it is there, and who uses it', async () => {
  const world = await open()
  try {
    const configMapTargetRef = [{ parameter: 'password', name: 'settings', key: 'password' }]
    await apply(world, 'TriggerAuthentication', 'redis', { configMapTargetRef }, 'default')
    const says = (reason: string, summary: string | undefined) =>
      world.until(async () => {
        const status = await statusOf(world, 'TriggerAuthentication', 'redis')
        assert.is(status?.conditions?.[0]?.reason, reason)
        assert.is(status?.summary, summary)
      })
    await says('MissingConfig', 'config/settings is not there')
    await apply(world, 'Config', 'settings', { data: { other: 'a' } }, 'default')
    await says('MissingKey', 'config/settings has no key password')
    await apply(world, 'Config', 'settings', { data: { password: 'a' } }, 'default')
    await says('Found', undefined)

    const usedBy = (wanted: string | undefined) =>
      world.until(async () =>
        assert.is((await statusOf(world, 'TriggerAuthentication', 'redis'))?.usedBy, wanted),
      )
    for (const name of ['worker', 'web', 'api', 'mail']) await scaler(world, name, { name: 'redis' })
    await usedBy('api, mail, web and 1 more')
    await scaler(world, 'web', undefined)
    await usedBy('api, mail, worker')
  } finally {
    await world.stop()
  }
})

test('what cannot act is said, and a cluster’s names users with their namespaces', async () => {
  const world = await open()
  try {
    await apply(world, 'ClusterTriggerAuthentication', 'cloud', { podIdentity: { provider: 'aws' } })
    await scaler(world, 'web', { kind: 'ClusterTriggerAuthentication', name: 'cloud' })
    await world.until(async () => {
      const status = await statusOf(world, 'ClusterTriggerAuthentication', 'cloud')
      assert.is(status?.conditions?.[0]?.reason, 'Unsupported')
      assert.is(status?.summary, 'podIdentity cannot act here')
      assert.is(status?.usedBy, 'default/web')
    })
  } finally {
    await world.stop()
  }
})

test.run()

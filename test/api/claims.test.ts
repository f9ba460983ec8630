/** One scaler for each Service. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Manifest, ResourceApi } from '../../src/api/api.ts'
import { checkEntries } from '../../src/api/check/check.ts'
import { repairFindings } from '../../src/api/check/repair.ts'
import { isNsctlError } from '../../src/core/errors.ts'
import { createKindRegistry } from '../../src/resources/registry.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'
import type { Store } from '../../src/store/store.ts'
import { manifest, openBench, options, refused, STORES } from './support.ts'

function scaler(
  name: string,
  target: string | Record<string, unknown> = 'web',
  namespace = 'default',
): Manifest {
  const scaleTargetRef = typeof target === 'string' ? { name: target } : target
  const triggers = [{ type: 'redis', metadata: { address: 'redis:6379', listName: 'work' } }]
  return manifest('ScaledObject', { name, namespace }, { spec: { scaleTargetRef, triggers } })
}

async function scalersOf(api: ResourceApi): Promise<readonly string[]> {
  return (await api.list(api.kinds.byKind('ScaledObject'), {})).items.map(({ metadata }) => metadata.name)
}

const TAKEN =
  /service\/web is scaled by scaledobject\/first already: scaledobject\/second cannot scale it, too/

for (const { name, use } of STORES)
  test(`a second scaler of a Service is refused and both are named, over ${name}`, async () =>
    use(async (store) => {
      const { api } = await openBench(store)
      await api.apply([scaler('first')], options)
      const error = await refused('Conflict', () => api.apply([scaler('second')], options))
      assert.match(error.message, TAKEN)
      assert.match(error.next ?? '', 'nsctl delete scaledobject/first -n default')
      await refused('Conflict', () => api.apply([scaler('second')], { ...options, dryRun: true }))
      assert.equal(await scalersOf(api), ['first'])
    }))

test('two of one set on the same Service are refused', async () => {
  const { api } = await openBench()
  const error = await refused('Conflict', () => api.apply([scaler('first'), scaler('second')], options))
  assert.match(error.message, TAKEN)
  assert.equal(await scalersOf(api), [])
})

test('a scaler goes to another Service, and leaves the one before free', async () => {
  const { api } = await openBench()
  await api.apply([scaler('first')], options)
  await api.apply([scaler('first', 'api')], options)
  await api.apply([scaler('second')], options)
  const error = await refused('Conflict', () => api.apply([scaler('second', 'api')], options))
  assert.match(error.message, 'service/api is scaled by scaledobject/first already')
  const edit = api.patch(
    { kind: 'ScaledObject', namespace: 'default', name: 'second' },
    'merge',
    { spec: { scaleTargetRef: { name: 'api' } } },
    options,
  )
  assert.ok(
    isNsctlError(
      await edit.then(
        () => undefined,
        (reason: unknown) => reason,
      ),
      'Conflict',
    ),
  )
})

test('a scaler that is removed leaves its Service free, and one that is applied again keeps it', async () => {
  const { api, store } = await openBench()
  await api.apply([scaler('first')], options)
  await api.apply([scaler('first')], options)
  await api.delete({ kind: 'ScaledObject', namespace: 'default', name: 'first' }, options)
  assert.equal(await store.listKeys('claim/'), [])
  await api.apply([scaler('second')], options)
  assert.equal(await store.listKeys('claim/'), ['claim/scale/default/web'])
})

test('what cannot be scaled is claimed by nobody, and other namespaces are others', async () => {
  const { api } = await openBench()
  const rollout = { name: 'web', kind: 'Rollout', apiVersion: 'argoproj.io/v1alpha1' }
  await api.apply([manifest('Namespace', { name: 'far' })], options)
  await api.apply(
    [scaler('a', rollout), scaler('b', rollout), scaler('c'), scaler('d', 'web', 'far')],
    options,
  )
  assert.is((await scalersOf(api)).length, 4)
})

for (const { name, use } of STORES)
  test(`of many that want one Service at once one gets it, over ${name}`, async () =>
    use(async (store) => {
      const apis = await Promise.all([1, 2, 3, 4].map(async () => (await openBench(store)).api))
      const outcomes = await Promise.allSettled(
        apis.map((api, index) => api.apply([scaler(`scaler-${index}`)], options)),
      )
      assert.is(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
      for (const outcome of outcomes)
        if (outcome.status === 'rejected')
          assert.ok(isNsctlError(outcome.reason, 'Conflict'), String(outcome.reason))
      assert.is((await scalersOf(apis[0]!)).length, 1)
    }))

async function findings(store: Store) {
  const { entries } = await store.list([''])
  return checkEntries(entries, createKindRegistry())
}

test('a claim of nobody is found and removed', async () => {
  const store = createMemoryStore()
  const { api } = await openBench(store)
  await api.apply([scaler('first')], options)
  await store.commit([[{ kind: 'put', key: 'claim/scale/default/lost', value: 'gone', expect: 0 }]])
  await store.commit([[{ kind: 'put', key: 'claim/scale/default/other', value: 'first', expect: 0 }]])
  const found = await findings(store)
  assert.equal(
    found.map(({ key }) => key),
    ['claim/scale/default/lost', 'claim/scale/default/other'],
  )
  await repairFindings(store, found)
  assert.equal(await findings(store), [])
  assert.equal(await store.listKeys('claim/'), ['claim/scale/default/web'])
})

test.run()

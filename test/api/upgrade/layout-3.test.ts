/** From layout 2.0 to 3.0, on what the nsctl of then and its daemon have really written. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkEntries } from '../../../src/api/check/check.ts'
import { decodeObject, storedOf } from '../../../src/api/codec.ts'
import { openApi } from '../../../src/api/open.ts'
import { walk } from '../../../src/api/upgrade/chain.ts'
import { toLayout3 } from '../../../src/api/upgrade/layout-3.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { isNsctlError } from '../../../src/core/errors.ts'
import { randomIds } from '../../../src/core/ids.ts'
import type { Instance, Service } from '../../../src/resources/generated/types.ts'
import { createKindRegistry } from '../../../src/resources/registry.ts'
import { templateHash } from '../../../src/resources/template.ts'
import { createMemoryStore } from '../../../src/store/memory/store.ts'
import { differingKeys } from '../../../src/store/snapshot.ts'
import type { Entry } from '../../../src/store/store.ts'
import { downgrade, fillWith, formerEntries } from '../../store/previous-format.ts'

const kinds = createKindRegistry()
const former = formerEntries('2.0')
const plan = (entries: readonly Entry[]) => toLayout3.plan?.(entries, kinds) ?? []
const actor = { name: 'ada' }

/** What was applied last when the fixture was made. */
const service = (name: string, template: object, more: object = {}, metadata: object = {}) => ({
  object: {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Service',
    metadata: { name, ...metadata },
    spec: { ...more, template },
  } as never,
  source: 'shop.yaml',
})
const sleep = (seconds: string) => ({ command: ['sleep', seconds], workingDir: '/' })
const cron = (variable: object = {}) =>
  service('cron', { source: sleep('999994'), env: [{ name: 'TOKEN', ...variable }] })
const web = (variable: object = {}) =>
  service(
    'web',
    {
      ports: [{ name: 'http' }],
      env: [{ name: 'TOKEN' }],
      programs: [
        { name: 'front', source: sleep('999992'), env: [{ name: 'PASSWORD', ...variable }] },
        { name: 'back', source: sleep('999993') },
      ],
    },
    {},
    { namespace: 'shop', labels: { app: 'web' } },
  )
const mail = service(
  'mail',
  {
    source: sleep('999991'),
    env: [{ name: 'MODE' }, { name: 'LEVEL', value: 'warn' }, { name: 'PREFIX', value: '' }],
  },
  { replicas: 3 },
)

/** An api over a store of the fixture. */
async function upgraded() {
  const store = createMemoryStore()
  await fillWith(store, walk([toLayout3], former, kinds)[0]?.entries ?? [])
  return openApi({ store, clock: systemClock, ids: randomIds })
}

test('nothing that is there is rewritten, and all of it is as it should be', () => {
  assert.equal(plan(former), [])
  assert.equal(checkEntries(former, kinds), [])
})

test('every template has the hash that its instances were started with', () => {
  const objects = (prefix: RegExp) => former.filter(({ key }) => prefix.test(key)).map(decodeObject)
  const services = objects(/^obj\/nsctl\.dev\/services\//) as unknown as readonly Service[]
  assert.is(services.length, 3)
  for (const { metadata, spec, status } of services)
    assert.is(templateHash(spec.template, spec.storage), status?.currentHash, metadata.name)
  const instances = objects(/^node\/ash\/instances\//) as unknown as readonly Instance[]
  assert.is(instances.length, 5)
  for (const { metadata, spec } of instances)
    assert.is(templateHash(spec.template as Service['spec']['template']), spec.templateHash, metadata.name)
})

test('the same manifests change nothing', async () => {
  const { results } = await (await upgraded()).apply([mail, web(), cron()], { actor })
  assert.equal(
    results.map(({ verdict }) => verdict),
    ['unchanged', 'unchanged', 'unchanged'],
  )
})

test('a variable that had no value, and so an empty one, may come from a Secret now', async () => {
  const api = await upgraded()
  const valueFrom = { secretKeyRef: { name: 'db', key: 'password' } }
  const { results } = await api.apply([web({ valueFrom }), cron({ valueFrom })], { actor })
  assert.equal(
    results.map(({ verdict, changes }) => [verdict, ...changes.map(({ path }) => path.join('.'))]),
    [
      ['configured', 'spec.template.programs.0.env.0.valueFrom'],
      ['configured', 'spec.template.env.0.valueFrom'],
    ],
  )
  // and back to what was written by the nsctl of then
  const ref = { kind: 'Service', namespace: 'default', name: 'cron' }
  await api.rollback(ref, { actor, toRevision: 1 })
  const { spec, status } = (await api.get(ref)) as unknown as Service
  assert.is(templateHash(spec.template), status?.currentHash)
  const again = await api.apply([cron({ valueFrom })], { actor })
  assert.is(again.results[0]?.verdict, 'configured')
})

test('a kind that a user has called as one of ours is called now stands in the way', () => {
  const defined = (group: string, kind: string): Entry => ({
    key: `obj/nsctl.dev/customresourcedefinitions/_/things.${group}`,
    revision: 1,
    value: JSON.stringify({ spec: { group, names: { kind, plural: 'things' } } }),
  })
  for (const kind of ['Config', 'Secret', 'Recipient', 'Delivery'])
    assert.throws(
      () => plan([...former, defined('shop.example', kind)]),
      (error: unknown) =>
        isNsctlError(error, 'Conflict') &&
        error.message.includes(`a kind ${kind} of its own (things.shop.example)`),
    )
  assert.equal(plan([defined('shop.example', 'Parcel'), { ...defined('b.example', 'x'), value: '{' }]), [])
})

test('the way back gives what the nsctl of then writes', async () => {
  const store = createMemoryStore()
  const api = await openApi({ store, clock: systemClock, ids: randomIds })
  const shop = { apiVersion: 'nsctl.dev/v1alpha1', kind: 'Namespace', metadata: { name: 'shop' } } as never
  await api.apply([{ object: shop, source: 'shop.yaml' }, mail, web(), cron()], { actor })
  await downgrade(store, '2.0')
  for (const name of ['default/cron', 'default/mail', 'shop/web']) {
    const key = `obj/nsctl.dev/services/${name}`
    const [made, written] = [await store.get(key), former.find((entry) => entry.key === key)]
    if (made === undefined || written === undefined) throw new Error(`${key} is not there`)
    assert.equal(storedOf(made).object.spec, storedOf(written).object.spec)
    if (name === 'default/cron') assert.is(storedOf(made).filled, storedOf(written).filled)
  }
  const same = createMemoryStore()
  await fillWith(same, former)
  await downgrade(same, '2.0')
  assert.equal(differingKeys(former, (await same.list([''])).entries), [])
})

test.run()

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Manifest } from '../../src/api/api.ts'
import { valueAt } from '../../src/core/json.ts'
import type { Node } from '../../src/resources/generated/types.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import {
  actor,
  keysOf,
  lastApplied,
  manifest,
  openBench,
  options,
  refused,
  STORES,
  service,
  web,
} from './support.ts'

for (const { name, use } of STORES) {
  test(`apply creates, configures and leaves alone (${name})`, () =>
    use(async (store) => {
      const { api } = await openBench(store)
      const [created] = (await api.apply([service('web', { replicas: 2 })], options)).results
      assert.is(created?.verdict, 'created')
      assert.equal(created?.changes, [])
      const { metadata } = created!.object
      assert.is(metadata.generation, 1)
      assert.is(metadata.revision, 1)
      assert.match(metadata.uid ?? '', /^[0-9a-f-]{36}$/)
      assert.is(metadata.creationTimestamp, '2026-01-01T00:00:00Z')
      assert.equal(await api.get(web), created!.object)
      assert.is(valueAt(created!.object, ['spec', 'update', 'strategy']), 'Rolling')

      const [configured] = (await api.apply([service('web', { replicas: 3 })], options)).results
      assert.is(configured?.verdict, 'configured')
      assert.equal(configured?.changes, [{ path: ['spec', 'replicas'], from: 2, to: 3 }])
      assert.equal(configured?.before, created!.object)
      assert.is(configured?.object.metadata.uid, metadata.uid)
      assert.is(configured?.object.metadata.generation, 2)
      assert.is(configured?.object.metadata.revision, 2)

      const revision = (await store.list([''])).revision
      const [unchanged] = (await api.apply([service('web', { replicas: 3 })], options)).results
      assert.is(unchanged?.verdict, 'unchanged')
      assert.equal(unchanged?.object, configured?.object)
      assert.is((await store.list([''])).revision, revision, 'nothing was written')
    }))

  test(`what get prints can be applied and is unchanged (${name})`, () =>
    use(async (store) => {
      const { api } = await openBench(store)
      await api.apply([service('web', { replicas: 2 }, { labels: { tier: 'front' } })], options)
      await api.updateStatus(web, { readyReplicas: 1 })
      const printed = (await api.get(web)) as AnyResource
      const [again] = (await api.apply([{ object: printed, source: 'stdin' }], options)).results
      assert.is(again?.verdict, 'unchanged')
      assert.equal(await api.get(web), printed)
      assert.is((await api.history(web)).length, 1)
    }))
}

test('a manifest that equals the last applied repairs what was changed by hand', async () => {
  const { api } = await openBench()
  await api.apply([service('web', { replicas: 2 })], options)
  await api.patch(web, 'merge', { spec: { replicas: 9, revisionHistoryLimit: 5 } }, options)
  const [repaired] = (await api.apply([service('web', { replicas: 2 })], options)).results
  assert.is(repaired?.verdict, 'configured')
  assert.is(repaired?.object.spec?.replicas, 2)
  assert.is(repaired?.object.spec?.revisionHistoryLimit, 5, 'what it never said stays')
})

test('a field that is removed from the manifest goes back to its default, one that was never in it stays', async () => {
  const { api } = await openBench()
  await api.apply([service('web', { replicas: 4 }, { labels: { a: '1', b: '2' } })], options)
  await api.patch(web, 'merge', { metadata: { labels: { hand: 'x' } } }, options)
  const [result] = (await api.apply([service('web', {}, { labels: { a: '1' } })], options)).results
  assert.is(result?.object.spec?.replicas, 1)
  assert.equal(result?.object.metadata.labels, { a: '1', hand: 'x' })
  assert.equal(
    result?.changes.map(({ path, from, to }) => [path.join('.'), from, to]),
    [
      ['metadata.labels.b', '2', undefined],
      ['spec.replicas', 4, 1],
    ],
  )
})

test('the last applied manifest is kept as it was written, also where the object does not change', async () => {
  const { api, store } = await openBench()
  await api.apply([service('web')], options)
  assert.equal(await lastApplied(api, store), {
    metadata: {},
    spec: { template: { source: { command: ['true'] } } },
  })
  const [result] = (await api.apply([service('web', { replicas: 1 })], options)).results
  assert.is(result?.verdict, 'unchanged')
  assert.is((await api.get(web))?.metadata.resourceVersion, result?.object.metadata.resourceVersion)
  assert.is(valueAt(await lastApplied(api, store), ['spec', 'replicas']), 1)
})

test('an explicit null removes what somebody else set', async () => {
  const { api } = await openBench()
  await api.apply([service('web', {}, { annotations: { mine: '1' } })], options)
  await api.patch(web, 'merge', { metadata: { annotations: { hand: '2' } } }, options)
  await api.apply([service('web', { replicas: null }, { annotations: { mine: '1', hand: null } })], options)
  const object = await api.get(web)
  assert.equal(object?.metadata.annotations, { mine: '1' })
  assert.is(object?.spec?.replicas, 1)
})

test('labels alone move neither generation nor revision', async () => {
  const { api } = await openBench()
  await api.apply([service('web')], options)
  const [result] = (await api.apply([service('web', {}, { labels: { a: '1' } })], options)).results
  assert.is(result?.verdict, 'configured')
  assert.is(result?.object.metadata.generation, 1)
  assert.is(result?.object.metadata.revision, 1)
})

test('fields that a controller owns stay, and apply says so', async () => {
  const { api } = await openBench()
  await api.apply([service('web', { replicas: 2 })], options)
  await api.takeFields(web, 'scaledobject/web', ['spec.replicas'])
  await api.scale(web, 7, options)
  const [kept] = (await api.apply([service('web', { replicas: 2 })], options)).results
  assert.is(kept?.verdict, 'unchanged')
  assert.is(kept?.object.spec?.replicas, 7)
  assert.equal(kept?.warnings, ['spec.replicas is owned by scaledobject/web and stays 7'])
  const [silent] = (await api.apply([service('web')], options)).results
  assert.is(silent?.object.spec?.replicas, 7)
  assert.equal(silent?.warnings, [], 'a manifest that does not mention it is told nothing')
  await api.takeFields(web, 'scaledobject/web', [])
  const [back] = (await api.apply([service('web', { replicas: 2 })], options)).results
  assert.is(back?.object.spec?.replicas, 2)
})

test('resourceVersion is a precondition, and moot where nothing changes', async () => {
  const { api } = await openBench()
  await api.apply([service('web')], options)
  const old = (await api.get(web))?.metadata.resourceVersion
  await api.updateStatus(web, { readyReplicas: 1 })
  const [same] = (await api.apply([service('web', {}, { resourceVersion: old })], options)).results
  assert.is(same?.verdict, 'unchanged')
  const error = await refused('Conflict', () =>
    api.apply([service('web', { replicas: 2 }, { resourceVersion: old })], options),
  )
  assert.match(
    error.message,
    new RegExp(`service/web was read at resourceVersion ${old} and has changed since`),
  )
  const gone = await refused('Conflict', () =>
    api.apply([service('new', {}, { resourceVersion: '1' })], options),
  )
  assert.match(gone.message, 'is not there any more')
  const now = (await api.get(web))?.metadata.resourceVersion
  const [done] = (await api.apply([service('web', { replicas: 2 }, { resourceVersion: now })], options))
    .results
  assert.is(done?.verdict, 'configured')
})

test('other fields of the server in a manifest are ignored', async () => {
  const { api } = await openBench()
  const metadata = {
    uid: 'mine',
    generation: 77,
    revision: 9,
    creationTimestamp: null,
    deletionTimestamp: '2020-01-01T00:00:00Z',
    managedFields: [{ manager: 'me', fields: ['spec'] }],
  }
  const document = service('web', {}, metadata)
  const status = { readyReplicas: 99 }
  const [result] = (await api.apply([{ ...document, object: { ...document.object, status } }], options))
    .results
  const { uid, generation, revision, deletionTimestamp, managedFields } = result!.object.metadata
  assert.is.not(uid, 'mine')
  assert.equal([generation, revision, deletionTimestamp, managedFields], [1, 1, undefined, undefined])
  assert.is(result?.object.status, undefined)
})

test('a dry run says what would be and writes nothing', async () => {
  const { api, store } = await openBench()
  const { results } = await api.apply([service('web')], { actor, dryRun: true })
  assert.is(results[0]?.verdict, 'created')
  assert.is(results[0]?.object.spec?.replicas, 1)
  assert.equal(await keysOf(store), [])
  await refused('Invalid', () => api.apply([service('web', { replicas: -1 })], { actor, dryRun: true }))
})

test('one wrong document keeps all others out', async () => {
  const { api, store } = await openBench()
  const error = await refused('Invalid', () =>
    api.apply(
      [service('web'), service('mail', { replicas: -1 }), manifest('Servce', { name: 'x' })],
      options,
    ),
  )
  assert.is(error.issues.length, 2)
  assert.match(error.issues[0] ?? '', 'web.yaml: spec.replicas: must be at least 0, not -1')
  assert.match(error.issues[1] ?? '', 'there is no kind "nsctl.dev/v1alpha1 Servce"; did you mean "Service"?')
  assert.match(error.next ?? '', /^nothing was applied\. See: nsctl explain service\.spec/)
  assert.equal(await keysOf(store), [])
})

test('partial applies what is right and hands back what is not', async () => {
  const { api } = await openBench()
  const { results, failed } = await api.apply(
    [service('bad', { replicas: -1 }), service('web'), service('far', {}, { namespace: 'nowhere' })],
    { actor, partial: true },
  )
  assert.equal(
    results.map((result) => result.object.metadata.name),
    ['web'],
  )
  assert.equal(
    failed.map(({ manifest: one, error }) => [one.object.metadata.name, error.message]),
    [
      ['bad', 'web.yaml: spec.replicas: must be at least 0, not -1'],
      ['far', 'web.yaml: there is no namespace "nowhere"'],
    ],
  )
})

test('errors point into the document', async () => {
  const { api } = await openBench()
  const located: Manifest = {
    ...service('web', { replcas: 2 }),
    locate: (path, onKey) => ({
      line: 14,
      column: 9,
      excerpt: `   14 |   ${path.at(-1)}${onKey ? '' : ': value'}\n         ^^^^^^`,
    }),
  }
  const error = await refused('Invalid', () => api.apply([located], options))
  assert.is(error.message, 'web.yaml:14:9: spec.replcas: unknown field')
  assert.equal(error.issues, [
    'web.yaml:14:9: spec.replcas: unknown field\n   14 |   replcas\n         ^^^^^^ did you mean "replicas"?',
  ])
  assert.is(error.next, 'nothing was applied. See: nsctl explain service.spec')
})

test('the same object twice in a set is refused, and both places are named', async () => {
  const { api } = await openBench()
  const at = (line: number): Manifest => ({
    ...service('web'),
    source: 'shop.yaml',
    locate: () => ({ line, column: 1, excerpt: 'x' }),
  })
  const error = await refused('Invalid', () => api.apply([at(3), service('other'), at(30)], options))
  assert.is(
    error.message,
    'shop.yaml:30:1: service/web in namespace default stands twice: first at shop.yaml:3',
  )
  await api.apply([manifest('Namespace', { name: 'shop' })], options)
  const { results } = await api.apply([service('web'), service('web', {}, { namespace: 'shop' })], options)
  assert.is(results.length, 2)
})

for (const kind of ['Instance', 'Event', 'Volume'])
  test(`a ${kind} in a manifest is refused`, async () => {
    const { api } = await openBench()
    const error = await refused('Invalid', () => api.apply([manifest(kind, { name: 'x' })], options))
    assert.match(error.message, `${kind} is written by nsctl only`)
  })

test('people say what a Node is labelled and tainted with, and what its agent and the control plane wrote stays', async () => {
  const { api } = await openBench()
  await api.ensure(
    manifest('Node', { name: 'alpha', labels: { 'kubernetes.io/arch': 'amd64' } }, { spec: {} }).object,
  )
  await api.updateOwned({ kind: 'Node', name: 'alpha' }, (spec) => ({ ...spec, recipient: 'age1qqq' }))
  await api.updateStatus({ kind: 'Node', name: 'alpha' }, { phase: 'Ready' })
  const taints = [{ key: 'pool', value: 'spot', effect: 'NoSchedule' }]
  const wanted = manifest('Node', { name: 'alpha', labels: { zone: 'a' } }, { spec: { taints } })
  assert.is((await api.apply([wanted], options)).results[0]?.verdict, 'configured')
  const node = (await api.get<Node>({ kind: 'Node', name: 'alpha' })) as Node
  assert.equal(node.spec, { recipient: 'age1qqq', taints })
  assert.equal(node.metadata.labels, { 'kubernetes.io/arch': 'amd64', zone: 'a' })
  assert.is(node.status?.phase, 'Ready')
  await api.apply([manifest('Node', { name: 'alpha', labels: {} }, { spec: {} })], options)
  const bare = (await api.get<Node>({ kind: 'Node', name: 'alpha' })) as Node
  assert.equal(
    [bare.spec, bare.metadata.labels],
    [{ recipient: 'age1qqq' }, { 'kubernetes.io/arch': 'amd64' }],
  )
})

test('labels of nsctl.dev are refused unless they are as stored', async () => {
  const { api } = await openBench()
  const labels = { 'nsctl.dev/service': 'web' }
  const error = await refused('Invalid', () => api.apply([service('web', {}, { labels })], options))
  assert.match(error.message, 'metadata.labels["nsctl.dev/service"]')
  await api.ensure(service('web', {}, { labels, namespace: 'default' }).object)
  const [result] = (await api.apply([service('web', {}, { labels })], options)).results
  assert.is(result?.verdict, 'unchanged')
})

test('an object beyond 124 KiB is refused', async () => {
  const { api, store } = await openBench()
  const env = Array.from({ length: 3 }, (_, i) => ({ name: `V${i}`, value: 'x'.repeat(50_000) }))
  const error = await refused('TooLarge', () =>
    api.apply([service('web', { template: { source: { command: ['true'] }, env } })], options),
  )
  assert.match(error.message, /service\/web has 15\d{4} bytes, more than the 124KiB/)
  assert.equal(await keysOf(store), [])
})

test('namespaces: default is made, one of the same set counts in any order, a missing one is refused', async () => {
  const { api, store } = await openBench()
  const error = await refused('Invalid', () =>
    api.apply([service('web', {}, { namespace: 'shop' })], options),
  )
  assert.match(error.message, 'there is no namespace "shop"')
  assert.match(error.next ?? '', 'nsctl create namespace shop')
  const { results } = await api.apply(
    [service('web', {}, { namespace: 'shop' }), manifest('Namespace', { name: 'shop' })],
    options,
  )
  assert.equal(
    results.map((result) => `${result.kind.singular} ${result.verdict}`),
    ['service created', 'namespace created'],
  )
  assert.is(await api.get({ kind: 'Namespace', name: 'default' }), undefined)
  await api.apply([service('web')], options)
  assert.is((await api.get({ kind: 'Namespace', name: 'default' }))?.metadata.generation, 1)
  assert.is((await keysOf(store, 'obj/nsctl.dev/namespaces/')).length, 2)
})

test('namespaces: options name that of documents that name none', async () => {
  const { api } = await openBench()
  await api.apply([manifest('Namespace', { name: 'shop' })], { actor, namespace: 'elsewhere' })
  await api.apply([service('web')], { actor, namespace: 'shop' })
  assert.ok(await api.get({ kind: 'Service', namespace: 'shop', name: 'web' }))
})

test('a terminating namespace takes nothing new', async () => {
  const { api } = await openBench()
  const shop = { namespace: 'shop' }
  await api.apply([manifest('Namespace', { name: 'shop' }), service('web', {}, shop)], options)
  await api.delete({ kind: 'Namespace', name: 'shop' }, options)
  const error = await refused('Terminating', () => api.apply([service('new', {}, shop)], options))
  assert.match(error.message, 'namespace "shop" is being deleted and takes nothing new')
  const [still] = (await api.apply([service('web', { replicas: 2 }, shop)], options)).results
  assert.is(still?.verdict, 'configured', 'what is there still obeys')
})

test('what is being deleted cannot be applied', async () => {
  const { api } = await openBench()
  await api.apply([service('web')], options)
  await api.delete(web, options)
  const error = await refused('Terminating', () => api.apply([service('web')], options))
  assert.match(error.next ?? '', 'nsctl wait --for=delete service/web')
})

test("nsctl's own finalizers in a manifest are ignored, others are set and stay", async () => {
  const { api } = await openBench()
  const finalizers = ['nsctl.dev/purge', 'example.org/mine']
  await api.apply([service('web', {}, { finalizers })], options)
  assert.equal((await api.get(web))?.metadata.finalizers, ['example.org/mine'])
  await api.delete(web, options)
  assert.equal((await api.get(web))?.metadata.finalizers, ['example.org/mine', 'nsctl.dev/children'])
})

for (const [what, document, message] of [
  [
    'a namespace on a kind that is in none',
    manifest('Namespace', { name: 'a', namespace: 'b' }),
    'metadata.namespace',
  ],
  ['a namespace that is no text', service('web', {}, { namespace: 5 }), 'metadata.namespace'],
  ['an unknown member of metadata', service('web', {}, { lables: {} }), 'metadata.lables: unknown field'],
  ['labels that are a list', service('web', {}, { labels: ['a'] }), 'metadata.labels'],
  ['a name that is no DNS label', service('Web_1'), 'metadata.name: must be a DNS label'],
  ['a name that is too long', service('w'.repeat(53)), 'metadata.name: must have at most 52'],
  ['no name', service(undefined as never), 'metadata.name: is required'],
  ['no metadata', manifest('Service', undefined as never), 'metadata: is required'],
  ['no spec', manifest('Service', { name: 'web' }), 'spec'],
  ['a list for a spec', manifest('Service', { name: 'web' }, { spec: [] }), 'spec'],
] as const)
  test(`apply refuses ${what}`, async () => {
    const { api, store } = await openBench()
    const error = await refused('Invalid', () => api.apply([document], options))
    assert.match(error.message, message)
    assert.equal(await keysOf(store), [])
    await api.apply([service('web')], options)
    await refused('Invalid', () => api.apply([document], options))
  })

test('create refuses what is there and keeps no last applied manifest', async () => {
  const { api, store } = await openBench()
  const created = await api.create(service('web', { replicas: 2 }), options)
  assert.is(created.verdict, 'created')
  assert.is(await lastApplied(api, store), undefined)
  await refused('AlreadyExists', () => api.create(service('web'), options))
  assert.equal(
    (await api.history(web)).map(({ cause, by, from }) => [cause, by, from]),
    [['created', 'ada', 'file web.yaml']],
  )
})

test.run()

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { manifest, openBench, options, refused, service, widget, widgetDefinition } from './support.ts'

const small = { kind: 'Widget', namespace: 'default', name: 'small' } as const

test('a kind and its objects are applied together, in any order', async () => {
  const { api } = await openBench()
  const { results } = await api.apply([widget('small'), widgetDefinition()], options)
  assert.equal(
    results.map(({ kind, verdict }) => `${kind.kind} ${verdict}`),
    ['Widget created', 'CustomResourceDefinition created'],
  )
  assert.equal((await api.get(small))?.spec, { size: 1 })
  assert.is(api.kinds.byName('widgets')?.kind, 'Widget')
  assert.is((await api.history(small)).length, 1, 'users kinds keep revisions too')
})

test('another process learns of a kind when it is asked for it', async () => {
  const { api, store } = await openBench()
  await api.apply([widgetDefinition(), widget('small')], options)
  const other = (await openBench(store)).api
  assert.is(other.kinds.byName('widget'), undefined)
  assert.equal((await other.get(small))?.spec, { size: 1 })
  assert.ok(other.kinds.byName('widget'))
  const third = (await openBench(store)).api
  const { kinds } = third
  await third.refreshKinds()
  assert.ok(kinds.byName('widget'), 'whoever holds the registry holds the newest')
  const fourth = (await openBench(store)).api
  assert.is((await fourth.apply([widget('other')], options)).results[0]?.verdict, 'created')
})

test('a kind that another process has changed is obeyed as it is now', async () => {
  const { api, store } = await openBench()
  await api.apply([widgetDefinition(), widget('small')], options)
  const other = (await openBench(store)).api
  await other.apply([widgetDefinition(3)], options)
  const error = await refused('Invalid', () => api.apply([widget('small', { size: 7 })], options))
  assert.match(error.message, 'spec.size: must be at most 3, not 7')
})

test('a watch of definitions keeps the kinds up to date', async () => {
  const { api, store } = await openBench()
  const other = (await openBench(store)).api
  const stop = new AbortController()
  const batches = other.watch([other.kinds.byKind('CustomResourceDefinition')], 1, stop.signal)
  await api.apply([widgetDefinition()], options)
  for await (const batch of batches) if (batch.kind === 'changes' && batch.changes.length > 0) break
  assert.ok(other.kinds.byName('widget'))
  stop.abort()
})

test('a kind of Kubernetes is stored as ours', async () => {
  const { api } = await openBench()
  const definition = widgetDefinition().object
  const foreign = { ...definition, apiVersion: 'apiextensions.k8s.io/v1' }
  const [result] = (await api.apply([{ object: foreign, source: 'crd.yaml' }], options)).results
  assert.is(result?.object.apiVersion, 'nsctl.dev/v1alpha1')
  assert.is((await api.apply([widgetDefinition()], options)).results[0]?.verdict, 'unchanged')
})

test('an object of a kind without a status is replaced', async () => {
  const { api } = await openBench()
  await api.apply([widgetDefinition(), widget('small')], options)
  const read = await api.get(small)
  const { verdict, object } = await api.replace({ ...read!, spec: { size: 2 } }, options)
  assert.equal([verdict, object.spec], ['edited', { size: 2 }])
})

test('unknown kinds: the nearest name, or the right apiVersion', async () => {
  const { api } = await openBench()
  const near = await refused('Invalid', () => api.apply([manifest('Servise', { name: 'x' })], options))
  assert.match(near.issues[0] ?? '', 'did you mean "Service"?')
  const web = service('web').object
  const wrong = { object: { ...web, apiVersion: 'apps/v1' }, source: 'web.yaml' }
  const version = await refused('Invalid', () => api.apply([wrong], options))
  assert.match(
    version.issues[0] ?? '',
    'apiVersion: there is no "apps/v1 Service"; did you mean "nsctl.dev/v1alpha1"?',
  )
})

test('a wrong definition is refused, and its objects with it', async () => {
  const { api, store } = await openBench()
  const wrong = {
    ...widgetDefinition(),
    object: { ...widgetDefinition().object, metadata: { name: 'gadgets.example.org' } },
  }
  await refused('Invalid', () => api.apply([wrong, widget('small')], options))
  assert.equal(await store.listKeys(''), [])
})

test('a definition whose names another one has is refused, wherever that one is', async () => {
  const { api, store } = await openBench()
  const { object } = widgetDefinition()
  const spec = { ...object.spec, group: 'other.org' }
  const twin = { ...widgetDefinition(), object: { ...object, metadata: { name: 'widgets.other.org' }, spec } }
  const together = await refused('Invalid', () => api.apply([widgetDefinition(), twin], options))
  assert.match(together.issues[0] ?? '', 'is taken by Widget (example.org)')
  assert.equal(await store.listKeys(''), [])
  await api.apply([widgetDefinition()], options)
  await refused('Invalid', () => api.apply([twin], options))
  const { results, failed } = await api.apply([twin, widget('small')], { ...options, partial: true })
  assert.equal([results.length, failed.length], [1, 1])
})

test.run()

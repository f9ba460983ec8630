import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FINALIZERS } from '../../src/api/api.ts'
import {
  actor,
  instance,
  keysOf,
  manifest,
  openBench,
  options,
  refused,
  STORES,
  service,
  web,
  widget,
  widgetDefinition,
} from './support.ts'

const { children, purge, runtime } = FINALIZERS

for (const { name, use } of STORES) {
  test(`a service is marked, and gone with its last finalizer, with all that is kept beside it (${name})`, () =>
    use(async (store) => {
      const { api } = await openBench(store)
      await api.apply([service('web'), service('web-2')], options)
      const { verdict, object } = await api.delete(web, options)
      assert.is(verdict, 'deleted')
      assert.equal(object.metadata.finalizers, [children])
      assert.is(object.metadata.deletionTimestamp, '2026-01-01T00:00:00Z')
      assert.equal(await api.get(web), object)
      await api.removeFinalizer(web, children)
      assert.is(await api.get(web), undefined)
      const left = (await keysOf(store)).filter((key) => key.includes('/web') && !key.startsWith('audit/'))
      assert.ok(left.length > 0 && left.every((key) => key.includes('web-2')), left.join())
    }))
}

test('deleting twice is fine, and the second time may ask for more', async () => {
  const { api } = await openBench()
  await api.apply([service('web')], options)
  const first = await api.delete(web, options)
  assert.equal((await api.delete(web, options)).object, first.object)
  const { object } = await api.delete(web, { actor, purge: true })
  assert.equal(object.metadata.finalizers, [children, purge])
  await api.removeFinalizer(web, children)
  assert.ok(await api.get(web), 'its data goes first')
  await api.removeFinalizer(web, purge)
  await refused('NotFound', () => api.delete(web, options))
})

test('a service made again is a new one: r1, another uid, and no last applied manifest', async () => {
  const { api } = await openBench()
  const [old] = (await api.apply([service('web', { replicas: 4 })], options)).results
  await api.delete(web, options)
  await api.removeFinalizer(web, children)
  const [made] = (await api.apply([service('web')], options)).results
  assert.is(made?.object.metadata.revision, 1)
  assert.is.not(made?.object.metadata.uid, old?.object.metadata.uid)
  await refused('Conflict', () => api.delete(web, { actor, uid: old?.object.metadata.uid ?? '' }))
  await api.delete(web, { actor, uid: made?.object.metadata.uid ?? '' })
})

test('namespaces: default stays, others wait for what is in them', async () => {
  const { api } = await openBench()
  await api.apply([manifest('Namespace', { name: 'shop' }), service('web')], options)
  const error = await refused('Invalid', () => api.delete({ kind: 'Namespace', name: 'default' }, options))
  assert.match(error.message, 'cannot be deleted')
  const { object } = await api.delete({ kind: 'Namespace', name: 'shop' }, { actor, purge: true })
  assert.equal(object.metadata.finalizers, [children, purge])
  await refused('Unsupported', () =>
    api.delete({ kind: 'Namespace', name: 'shop' }, { actor, cascade: 'orphan' }),
  )
})

test('of what nsctl writes, only instances can be deleted', async () => {
  const { api } = await openBench()
  const finalizers = [runtime]
  await api.createOwned([instance('web-0-x', 'alpha', { finalizers }), instance('web-1-x')])
  const { object } = await api.delete({ kind: 'Instance', name: 'web-0-x' }, options)
  assert.equal(object.metadata.finalizers, finalizers)
  assert.ok(object.metadata.deletionTimestamp)
  await api.delete({ kind: 'Instance', name: 'web-1-x' }, options)
  assert.is(await api.get({ kind: 'Instance', name: 'web-1-x' }), undefined)
  for (const ref of [
    { kind: 'Event', name: 'x' },
    { kind: 'Volume', name: 'x' },
  ])
    await refused('Invalid', () => api.delete(ref, options))
})

test('kinds that own nothing go at once', async () => {
  const { api, store } = await openBench()
  await api.apply([widgetDefinition(), widget('a'), widget('b', {})], options)
  const b = { kind: 'Widget', name: 'b' }
  await api.patch(b, 'merge', { metadata: { finalizers: ['example.org/mine'] } }, options)
  await api.delete({ kind: 'Widget', name: 'a' }, options)
  assert.is(await api.get({ kind: 'Widget', name: 'a' }), undefined)
  await api.delete(b, options)
  assert.equal((await api.get(b))?.metadata.finalizers, ['example.org/mine'])
  await api.removeFinalizer(b, 'example.org/mine')
  assert.is(await api.get(b), undefined)
  assert.equal(await keysOf(store, 'applied/example.org/'), [])
})

test('orphan: what it owns stays without it, and both happen at once', async () => {
  const { api, store } = await openBench()
  const { object } = await api.create(service('web'), options)
  const owner = {
    apiVersion: object.apiVersion,
    kind: 'Service',
    name: 'web',
    uid: object.metadata.uid ?? '',
  }
  const other = { ...owner, name: 'other', uid: 'another' }
  await api.createOwned([instance('web-0-x', 'alpha', { ownerReferences: [other, owner] }), instance('y')])
  const { revision } = await store.list([''])
  await api.delete(web, { actor, cascade: 'orphan' })
  assert.is((await store.list([''])).revision, revision + 1)
  assert.is(await api.get(web), undefined)
  assert.equal((await api.get({ kind: 'Instance', name: 'web-0-x' }))?.metadata.ownerReferences, [other])
})

test('deletions are audited', async () => {
  const { api } = await openBench()
  await api.apply([service('web')], options)
  await api.delete(web, { actor, purge: true })
  assert.equal(
    (await api.audit({ ref: web })).map(({ verb }) => verb),
    ['purge', 'apply'],
  )
})

test.run()

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FINALIZERS, type ResourceBatch } from '../../src/api/api.ts'
import { openApi } from '../../src/api/open.ts'
import { seenRef } from '../../src/api/seen.ts'
import { ManualClock } from '../../src/core/clock.ts'
import { randomIds } from '../../src/core/ids.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'
import type { Operation, Store } from '../../src/store/store.ts'
import { instance, manifest, openBench, options, refused, STORES, service, web } from './support.ts'

const first = { kind: 'Instance', namespace: 'default', name: 'web-0-x' } as const
const revisionOf = async (store: Store) => (await store.list([''])).revision

for (const { name, use } of STORES) {
  test(`instances are made in one go, and one that is there is left alone (${name})`, () =>
    use(async (store) => {
      const { api } = await openBench(store)
      await api.createOwned([instance('web-0-x', 'alpha'), instance('web-1-x', 'beta')])
      const made = await api.get(first)
      assert.is(made?.metadata.generation, 1)
      assert.is(made?.metadata.revision, undefined)
      await api.createOwned([instance('web-0-x', 'alpha', { labels: { a: 'b' } }), instance('web-2-x')])
      assert.equal(await api.get(first), made)
      const { items } = await api.list(api.kinds.byKind('Instance'))
      assert.equal(
        items.map(({ metadata }) => metadata.name),
        ['web-0-x', 'web-1-x', 'web-2-x'],
      )
    }))

  test(`status lies apart from what it is about, and they are read as one (${name})`, () =>
    use(async (store) => {
      const { api } = await openBench(store)
      await api.createOwned([instance('web-0-x'), instance('web-1-x')])
      const before = await api.get(first)
      await api.updateStatus(first, { phase: 'Running', ready: true })
      const after = await api.get(first)
      assert.equal(after?.status, { phase: 'Running', ready: true })
      assert.ok(Number(after?.metadata.resourceVersion) > Number(before?.metadata.resourceVersion))
      const spec = await store.get('node/alpha/instances/default/web-0-x')
      assert.is(String(spec?.revision), before?.metadata.resourceVersion, 'status never touches the spec')
      assert.equal(
        JSON.parse((await store.get('node/alpha/status/instances/default/web-0-x'))?.value ?? ''),
        after?.status,
      )
      assert.equal((await api.list(api.kinds.byKind('Instance'))).items[0], after)
      const revision = await revisionOf(store)
      await api.updateStatus(first, { ready: true, phase: 'Running' })
      assert.is(await revisionOf(store), revision, 'an equal status is no write')
      await api.takeFields(first, 'x', ['spec.attempt'])
      assert.equal((await api.get(first))?.status, after?.status, 'and the other way round')
    }))
}

test('a Node keeps its status apart as well: who may write the one need not touch the other', async () => {
  const store = createMemoryStore()
  const { api } = await openBench(store)
  const [ref, kind] = [{ kind: 'Node', name: 'alpha' }, api.kinds.byKind('Node')]
  const made = await api.ensure(manifest('Node', { name: 'alpha' }, { spec: {} }).object)
  const from = await revisionOf(store)
  const stop = new AbortController()
  const seen: ResourceBatch[] = []
  const watching = (async () => {
    for await (const batch of api.watch([kind], from, stop.signal)) seen.push(batch)
  })()
  await api.updateStatus(ref, { phase: 'Ready' })
  const spec = await store.get('obj/nsctl.dev/nodes/_/alpha')
  assert.is(String(spec?.revision), made.metadata.resourceVersion)
  assert.not.match(spec?.value ?? '', 'Ready')
  assert.is((await store.get('objstatus/nsctl.dev/nodes/_/alpha'))?.value, '{"phase":"Ready"}')
  await api.updateOwned(ref, (before) => ({ ...before, recipient: 'age1x' }))
  const options = { actor: { name: 'ada' } }
  const labelled = await api.trustNode('alpha', () => 'age1y', options)
  assert.equal(labelled.object.status, { phase: 'Ready' })
  assert.not.match((await store.get('obj/nsctl.dev/nodes/_/alpha'))?.value ?? '', 'Ready')
  const node = await api.get(ref)
  assert.equal([node?.spec, node?.status], [{ recipient: 'age1y' }, { phase: 'Ready' }])
  assert.equal((await api.list(kind)).items, [node])
  for (let left = 100; left > 0 && !seen.some(isWhole); left--)
    await new Promise((resolve) => setTimeout(resolve, 10))
  assert.ok(seen.some(isWhole), 'a watcher sees both halves')
  stop.abort()
  await watching
  await api.requestDelete(ref)
  for (const finalizer of (await api.get(ref))?.metadata.finalizers ?? [])
    await api.removeFinalizer(ref, finalizer)
  assert.equal(await store.listKeys('obj'), [])
})

/** Of a batch that has the Node with its spec and its status. */
function isWhole(batch: ResourceBatch): boolean {
  const [change] = batch.kind === 'changes' ? batch.changes : []
  return (
    change?.kind === 'put' && change.object.spec?.recipient === 'age1y' && change.object.status !== undefined
  )
}

test('a Node that was applied keeps its status, its defaults and its versions', async () => {
  const store = createMemoryStore()
  const { api } = await openBench(store)
  const ref = { kind: 'Node', name: 'alpha' }
  const document = (labels: object) => manifest('Node', { name: 'alpha', labels }, { spec: {} })
  await api.apply([document({ a: 'b' })], options)
  await api.updateStatus(ref, { phase: 'Ready' })
  const read = await api.get(ref)
  assert.equal(Object.keys(read ?? {}).sort(), ['apiVersion', 'kind', 'metadata', 'spec', 'status'])
  const unchanged = await api.apply([document({ a: 'b' })], options)
  assert.is(unchanged.results[0]?.verdict, 'unchanged')
  const { labels, ...metadata } = read?.metadata ?? { name: '' }
  const again = { ...document({}).object, metadata: { ...metadata, labels: { a: 'c' } } } as never
  const { results } = await api.apply([{ object: again, source: 'x' }], options)
  assert.is(results[0]?.verdict, 'configured', 'the version that was read is the version that is there')
  const after = await api.get(ref)
  assert.equal([after?.metadata.labels, after?.status], [{ a: 'c' }, { phase: 'Ready' }])
  assert.not.match((await store.get('obj/nsctl.dev/nodes/_/alpha'))?.value ?? '', 'Ready')
})

test('of several who amend one status none takes away what another wrote', async () => {
  const { api } = await openBench()
  await api.createOwned([instance('web-0-x')])
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  await Promise.all(
    names.map((name) =>
      api.amendStatus(first, (status) => ({
        ...(status as Record<string, string> | undefined),
        [name]: name,
      })),
    ),
  )
  assert.equal((await api.get(first))?.status, Object.fromEntries(names.map((name) => [name, name])))
})

test('a name is there once, whatever the node', async () => {
  const { api } = await openBench()
  await api.createOwned([instance('web-0-x', 'alpha')])
  await api.createOwned([instance('web-0-x', 'beta')])
  assert.is((await api.get(first))?.spec?.node, 'alpha')
  assert.is((await api.list(api.kinds.byKind('Instance'))).items.length, 1)
  await api.requestDelete(first)
  await api.createOwned([instance('web-0-x', 'beta')])
  assert.is((await api.get(first))?.spec?.node, 'beta')
})

test('an object that was seen is written where it was seen, without looking for it', async () => {
  const store = createMemoryStore()
  const { api } = await openBench(store)
  await api.createOwned([instance('web-0-x', 'alpha')])
  const seen = seenRef(await api.get(first))
  assert.is(seen.node, 'alpha')
  const asked: string[] = []
  const { get } = store
  store.get = (key) => {
    asked.push(key)
    return get.call(store, key)
  }
  await api.updateStatus(seen, { phase: 'Running' })
  assert.equal(asked, [])
  assert.equal((await api.get(first))?.status, { phase: 'Running' })
  // a later one of its name is elsewhere, and another
  await api.requestDelete(seen)
  await api.createOwned([instance('web-0-x', 'beta')])
  await api.updateStatus(seen, { phase: 'Stopped' })
  assert.is((await api.get(first))?.status, undefined)
  await api.updateStatus({ ...first, node: 'alpha' }, { phase: 'Starting' })
  assert.equal((await api.get(first))?.status, { phase: 'Starting' }, 'without a uid nothing was seen')
})

test('a status whose object is gone, or is another one, is ignored and goes with it', async () => {
  const { api, store } = await openBench()
  await api.createOwned([instance('web-0-x')])
  await api.updateStatus(first, { phase: 'Running' })
  await api.updateStatus({ ...first, uid: 'another' }, { phase: 'Failed' })
  assert.equal((await api.get(first))?.status, { phase: 'Running' })
  await api.requestDelete({ ...first, uid: 'another' })
  assert.ok(await api.get(first))
  await api.requestDelete(first)
  assert.equal(await store.listKeys(''), [])
  await api.updateStatus(first, { phase: 'Running' })
  await api.removeFinalizer(first, 'x')
  await api.requestDelete(first)
  assert.equal(await store.listKeys(''), [])
})

test('the spec of what nsctl makes is changed without a revision, and its status stays', async () => {
  const { api, store } = await openBench()
  await api.createOwned([instance('web-0-x')])
  await api.updateStatus(first, { phase: 'Running' })
  const materials = [{ kind: 'Secret', name: 'db', version: 'bbbbbbbbbb' }]
  await api.updateOwned(first, (spec) => ({ ...spec, materials }))
  const after = await api.get(first)
  assert.equal(after?.spec?.materials, materials)
  assert.equal(after?.status, { phase: 'Running' })
  assert.is(after?.metadata.generation, 2)
  const revision = await revisionOf(store)
  await api.updateOwned(first, (spec) => ({ ...spec, materials: [...materials] }))
  await api.updateOwned({ ...first, uid: 'another' }, (spec) => ({ ...spec, attempt: 7 }))
  await api.updateOwned({ ...first, name: 'gone' }, (spec) => ({ ...spec, attempt: 7 }))
  assert.is(await revisionOf(store), revision, 'nothing changed is no write')
  await api.apply([service('web')], options)
  await refused('Bug', () => api.updateOwned(web, (spec) => ({ ...spec, replicas: 7 })))
})

test('lists are narrowed to a node and to a namespace', async () => {
  const { api } = await openBench()
  const names = async (scope: object) =>
    (await api.list(api.kinds.byKind('Instance'), scope)).items.map(({ metadata }) => metadata.name)
  await api.createOwned([
    instance('a', 'alpha'),
    instance('b', 'beta'),
    instance('c', 'alpha', { namespace: 'shop' }),
  ])
  assert.equal(await names({ node: 'alpha' }), ['a', 'c'])
  assert.equal(await names({ namespace: 'default' }), ['a', 'b'])
  assert.equal(await names({ node: 'alpha', namespace: 'shop' }), ['c'])
  assert.equal(await names({ node: 'nowhere' }), [])
})

test('listAll takes several kinds out of one snapshot, in the order asked for', async () => {
  const { api } = await openBench()
  await api.apply([service('web'), manifest('Namespace', { name: 'shop' })], options)
  await api.createOwned([instance('web-0-x')])
  const kinds = ['Instance', 'Namespace', 'Volume', 'Service'].map((kind) => api.kinds.byKind(kind))
  const { lists, revision } = await api.listAll(kinds)
  assert.equal(
    lists.map((list) => list.map(({ kind, metadata }) => `${kind} ${metadata.name}`)),
    [['Instance web-0-x'], ['Namespace default', 'Namespace shop'], [], ['Service web']],
  )
  assert.ok(revision > 0)
})

test('finalizers: deletion waits for the last one', async () => {
  const { api } = await openBench()
  const finalizers = [FINALIZERS.runtime, 'other']
  await api.createOwned([instance('web-0-x', 'alpha', { finalizers })])
  await api.requestDelete(first)
  await api.requestDelete(first)
  assert.is((await api.get(first))?.metadata.deletionTimestamp, '2026-01-01T00:00:00Z')
  await api.removeFinalizer(first, 'unknown')
  await api.removeFinalizer(first, 'other')
  assert.equal((await api.get(first))?.metadata.finalizers, [FINALIZERS.runtime])
  await api.removeFinalizer(first, FINALIZERS.runtime)
  assert.is(await api.get(first), undefined)
})

test('a finalizer of what nobody deletes is removed and the object stays', async () => {
  const { api } = await openBench()
  await api.createOwned([instance('web-0-x', 'alpha', { finalizers: ['x'] })])
  await api.removeFinalizer(first, 'x')
  assert.equal((await api.get(first))?.metadata.finalizers, [])
})

test('ensure makes what is missing, mends what it says and leaves the rest', async () => {
  const { api, store } = await openBench()
  const node = manifest('Node', { name: 'alpha', labels: { os: 'linux' } }, { spec: {} }).object
  const made = await api.ensure(node)
  assert.is(made.metadata.generation, 1)
  assert.equal(await api.get({ kind: 'Node', name: 'alpha' }), made)
  const revision = await revisionOf(store)
  assert.equal(await api.ensure(node), made)
  assert.is(await revisionOf(store), revision)
  const more = await api.ensure(
    manifest('Node', { name: 'alpha', labels: { arch: 'x64' } }, { spec: {} }).object,
  )
  assert.equal(more.metadata.labels, { os: 'linux', arch: 'x64' })
  assert.is(more.metadata.uid, made.metadata.uid)
  assert.is(more.metadata.generation, 1)
})

test('a fence refuses every write once another holds the lease', async () => {
  const { api, store } = await openBench()
  await api.apply([service('web')], options)
  await store.commit([[{ kind: 'put', key: 'lease/leader', value: '1' }]])
  const held = (await store.get('lease/leader'))?.revision ?? 0
  const fence: Extract<Operation, { kind: 'check' }> = { kind: 'check', key: 'lease/leader', expect: held }
  const leader = api.fenced([fence])
  await leader.createOwned([instance('web-0-x', 'alpha', { finalizers: ['x'] })])
  await leader.updateStatus(web, { replicas: 1 })
  await store.commit([[{ kind: 'put', key: 'lease/leader', value: '2' }]])
  const revision = await revisionOf(store)
  for (const write of [
    () => leader.createOwned([instance('web-1-x')]),
    () => leader.updateStatus(web, { replicas: 2 }),
    () => leader.updateStatus(first, { phase: 'Running' }),
    () => leader.amendStatus(web, () => ({ replicas: 3 })),
    () => leader.updateOwned(first, (spec) => ({ ...spec, attempt: 3 })),
    () => leader.requestDelete(first),
    () => leader.removeFinalizer(first, 'x'),
    () => leader.takeFields(web, 'x', ['spec.replicas']),
    () => leader.ensure(manifest('Node', { name: 'alpha' }).object),
    () => leader.apply([service('web', { replicas: 3 })], options),
    () => leader.scale(web, 9, options),
    () => leader.delete(web, options),
  ])
    await refused('Fenced', write)
  assert.is(await revisionOf(store), revision)
  await api.updateStatus(web, { replicas: 2 })
  assert.equal((await api.get(web))?.status, { replicas: 2 }, 'the api without the fence is as before')
})

async function watching(api: Awaited<ReturnType<typeof openBench>>['api'], kinds: string[], scope?: object) {
  const stop = new AbortController()
  const { revision } = await api.listAll(kinds.map((kind) => api.kinds.byKind(kind)))
  const batches = api.watch(
    kinds.map((kind) => api.kinds.byKind(kind)),
    revision,
    stop.signal,
    scope,
  )
  const iterator = batches[Symbol.asyncIterator]()
  const seen: string[] = []
  return {
    stop: () => stop.abort(),
    /** What is reported until a change that contains `last` comes. */
    async until(last: string): Promise<readonly string[]> {
      while (!seen.some((line) => line.includes(last))) {
        const { value, done } = (await iterator.next()) as IteratorResult<ResourceBatch>
        if (done) throw new Error(`the watch ended before ${last}; it said ${seen.join('; ')}`)
        if (value.kind === 'relist') seen.push('relist')
        else
          for (const change of value.changes)
            seen.push(
              change.kind === 'delete'
                ? `delete ${change.ref.kind} ${change.ref.namespace ?? ''}/${change.ref.name}`
                : `put ${change.ref.kind} ${change.ref.namespace ?? ''}/${change.ref.name} ${JSON.stringify(change.object.status ?? null)}`,
            )
      }
      return seen.splice(0)
    },
  }
}

for (const { name, use } of STORES)
  test(`a watch reports whole objects of the kinds asked for (${name})`, () =>
    use(async (store) => {
      const { api } = await openBench(store)
      await api.createOwned([instance('old')])
      const watch = await watching(api, ['Service', 'Instance'])
      await api.apply([service('web'), manifest('Namespace', { name: 'shop' })], options)
      assert.equal(await watch.until('Service'), ['put Service default/web null'])
      await api.createOwned([instance('web-0-x')])
      assert.equal(await watch.until('web-0-x'), ['put Instance default/web-0-x null'])
      await api.updateStatus(first, { phase: 'Running' })
      assert.equal(await watch.until('Running'), ['put Instance default/web-0-x {"phase":"Running"}'])
      await api.requestDelete(first)
      assert.equal(await watch.until('delete'), ['delete Instance default/web-0-x'])
      watch.stop()
    }))

test('a watch of a node hears of nothing else', async () => {
  const { api } = await openBench()
  const watch = await watching(api, ['Instance'], { node: 'alpha' })
  await api.createOwned([instance('b', 'beta'), instance('a', 'alpha')])
  await api.updateStatus({ kind: 'Instance', name: 'b' }, { phase: 'Failed' })
  await api.updateStatus({ kind: 'Instance', name: 'a' }, { phase: 'Running' })
  const seen = await watch.until('Running')
  assert.ok(
    seen.every((line) => line.includes('default/a')),
    seen.join('; '),
  )
  watch.stop()
})

test('a watch from too long ago says that it starts over', async () => {
  const store = createMemoryStore({ historyRevisions: 5 })
  const api = await openApi({ store, clock: new ManualClock(), ids: randomIds })
  await api.apply([service('web')], options)
  for (let i = 2; i < 30; i++) await api.scale(web, i, options)
  const stop = new AbortController()
  for await (const batch of api.watch([api.kinds.byKind('Service')], 1, stop.signal)) {
    assert.is(batch.kind, 'relist')
    break
  }
})

test.run()

/** What is known need not be read, and what is known wrongly does no harm. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type EventInput, FINALIZERS, type ResourceBatch } from '../../src/api/api.ts'
import { seenRef } from '../../src/api/seen.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'
import { Recall } from '../../src/store/recall.ts'
import type { Store } from '../../src/store/store.ts'
import { instance, openBench } from './support.ts'

const REF = { kind: 'Instance', namespace: 'default', name: 'web-0-x' } as const
const SPEC = 'node/alpha/instances/default/web-0-x'
const STATUS = 'node/alpha/status/instances/default/web-0-x'

/** `store`, of which is told what was read. */
function counting(store: Store): { readonly store: Store; readonly read: string[] } {
  const read: string[] = []
  const get: Store['get'] = (key) => {
    read.push(key)
    return store.get(key)
  }
  const getMany: Store['getMany'] = (keys) => {
    read.push(...keys)
    return store.getMany(keys)
  }
  return { store: Object.assign(Object.create(store), bound(store), { get, getMany }), read }
}

/** Private members are the store's own. */
function bound(store: Store): Partial<Store> {
  const names = ['list', 'listKeys', 'commit', 'watch', 'stats', 'close'] as const
  return Object.fromEntries(names.map((name) => [name, (store[name] as () => unknown).bind(store)]))
}

/** A store that remembers of some keys what they hold now, and goes on remembering that. */
async function remembering(store: Store, keys: readonly string[]) {
  const recall = new Recall()
  for (const { key, value, revision } of await store.getMany(keys)) recall.set(key, value, revision)
  const counted = counting(store)
  const known = (key: string) => {
    const found = recall.get(key)
    return found && { key, ...found }
  }
  return { ...counted, store: Object.assign(counted.store, { recall: known }) }
}

async function scene(metadata: object = {}) {
  const store = createMemoryStore()
  const { api } = await openBench(store)
  await api.createOwned([instance('web-0-x', 'alpha', metadata)])
  await api.updateStatus(REF, { phase: 'Starting' })
  const seen = seenRef(await api.get(REF), REF)
  return { store, api, seen }
}

test('a status is written over what is known, unread', async () => {
  const { store, seen } = await scene()
  const known = await remembering(store, [SPEC, STATUS])
  const { api } = await openBench(known.store)
  await api.updateStatus(seen, { phase: 'Running' })
  assert.equal(known.read, [])
  assert.is((await store.get(STATUS))?.value, '{"phase":"Running"}')
})

test('the first status of what was seen without one is written unread; one that it has since is not lost', async () => {
  for (const hasSince of [false, true]) {
    const store = createMemoryStore()
    const { api: other } = await openBench(store)
    await other.createOwned([instance('web-0-x', 'alpha')])
    const seen = seenRef(await other.get(REF), REF)
    assert.is(seen.isWithoutStatus, true)
    const known = await remembering(store, [SPEC])
    if (hasSince) await other.updateStatus(REF, { phase: 'Starting', restarts: 3 })
    const { api } = await openBench(known.store)
    await api.amendStatus(seen, (status) => ({ ...(status as object), phase: 'Running' }))
    assert.equal(
      (await other.get(REF))?.status,
      hasSince ? { phase: 'Running', restarts: 3 } : { phase: 'Running' },
    )
    assert.is(known.read.length, hasSince ? 2 : 0)
  }
})

test('an end is asked for and made over what is known, unread, and over what it is where that has changed', async () => {
  for (const hasChanged of [false, true]) {
    const { store, api: other, seen } = await scene({ finalizers: [FINALIZERS.runtime] })
    const placement = 'at/instances/default/web-0-x'
    const { api } = await openBench((await remembering(store, [SPEC, STATUS])).store)
    if (hasChanged) await other.updateOwned(REF, (spec) => ({ ...spec, attempt: 7 }))
    await api.requestDelete(seen)
    const marked = await other.get(REF)
    assert.ok(marked?.metadata.deletionTimestamp)
    assert.is(marked.spec?.attempt, hasChanged ? 7 : 0)
    const known = await remembering(store, [SPEC, STATUS, placement])
    if (hasChanged) await other.updateStatus(REF, { phase: 'Stopped' })
    const { api: later } = await openBench(known.store)
    await later.removeFinalizer(seen, FINALIZERS.runtime)
    assert.equal(known.read, hasChanged ? [SPEC, STATUS] : [])
    assert.equal(await store.getMany([SPEC, STATUS, placement]), [])
  }
})

test('what has changed since is read, and nothing of it is lost', async () => {
  const { store, api: other, seen } = await scene()
  const known = await remembering(store, [SPEC, STATUS])
  await other.updateOwned(REF, (spec) => ({ ...spec, attempt: 7 }))
  await other.updateStatus(REF, { phase: 'Backoff' })
  const { api } = await openBench(known.store)
  const before: unknown[] = []
  await api.amendStatus(seen, (status) => {
    before.push(status)
    return { phase: 'Running' }
  })
  assert.equal(before, [{ phase: 'Starting' }, { phase: 'Backoff' }])
  const now = await other.get(REF)
  assert.equal([now?.status, now?.spec?.attempt], [{ phase: 'Running' }, 7])
})

test('that there is nothing to write is believed only of what was read', async () => {
  const { store, api: other, seen } = await scene()
  const known = await remembering(store, [SPEC, STATUS])
  await other.updateStatus(REF, { phase: 'Backoff' })
  const { api } = await openBench(known.store)
  await api.updateStatus(seen, { phase: 'Starting' })
  assert.equal((await other.get(REF))?.status, { phase: 'Starting' })
})

test('an object that was made anew under the name of the one that is known is left alone', async () => {
  const { store, api: other, seen } = await scene()
  const known = await remembering(store, [SPEC, STATUS])
  await other.requestDelete(REF)
  for (const finalizer of (await other.get(REF))?.metadata.finalizers ?? [])
    await other.removeFinalizer(REF, finalizer)
  await other.createOwned([instance('web-0-x', 'alpha')])
  const { api } = await openBench(known.store)
  await api.updateStatus(seen, { phase: 'Running' })
  assert.is((await other.get(REF))?.status, undefined)
})

test('an event that others have recorded is counted with theirs, though it is not known here', async () => {
  const event: EventInput = {
    ...{ about: REF, type: 'Warning', reason: 'CrashLoop', message: 'exits with 1', source: 'agent' },
  }
  const { store, api: other } = await scene()
  await other.recordEvent(event)
  await other.flush()
  const { api } = await openBench((await remembering(store, [])).store)
  await api.recordEvent(event)
  await api.flush()
  const { items } = await other.list(other.kinds.byKind('Event'))
  assert.equal(
    items.map(({ count }) => count),
    [2],
  )
})

test('an event that others are faster with three times is tried as often as where all is read', async () => {
  const store = createMemoryStore()
  let refused = 0
  const commit: Store['commit'] = async (transactions) => {
    const [first] = transactions[0] ?? []
    if (!first?.key.includes('/events/') || refused === 3) return store.commit(transactions)
    refused++
    return transactions.map(() => ({ kind: 'conflict', key: first.key, actual: 9 }))
  }
  const known = await remembering(store, [])
  const { api } = await openBench(Object.assign(known.store, { commit }))
  await api.recordEvent({ about: REF, type: 'Warning', reason: 'CrashLoop', message: 'x', source: 'agent' })
  await api.flush()
  assert.is(refused, 3)
  assert.is((await api.list(api.kinds.byKind('Event'))).items.length, 1)
})

test('a watch reads no status of what is said to be new, and tells of the one that comes later', async () => {
  const store = createMemoryStore()
  const { api: writer } = await openBench(store)
  const watched = counting(store)
  const isMade = (key: string) => key === SPEC
  const watch: Store['watch'] = async function* (...args) {
    for await (const batch of store.watch(...args))
      yield batch.kind === 'relist'
        ? batch
        : {
            ...batch,
            changes: batch.changes.map((one) =>
              one.kind === 'put' && isMade(one.key) ? { ...one, isNew: true } : one,
            ),
          }
  }
  const { api } = await openBench(Object.assign(watched.store, { watch }))
  const { revision } = await api.listAll([api.kinds.byKind('Instance')])
  const stop = new AbortController()
  const batches = api.watch([api.kinds.byKind('Instance')], revision, stop.signal)[Symbol.asyncIterator]()
  const next = async () => {
    const { value } = (await batches.next()) as IteratorResult<ResourceBatch, never>
    return value.kind === 'changes' && value.changes.map((one) => one.kind === 'put' && one.object.status)
  }
  await writer.createOwned([instance('web-0-x', 'alpha')])
  assert.equal(await next(), [undefined])
  await writer.updateStatus(seenRef(await writer.get(REF), REF), { phase: 'Running' })
  assert.equal(await next(), [{ phase: 'Running' }])
  assert.equal(watched.read, [])
  stop.abort()
})

test('a watch reads a half that it has not heard of once, and composes from then on', async () => {
  const { store, api: writer, seen } = await scene()
  const watched = counting(store)
  const { api } = await openBench(watched.store)
  const { revision } = await api.listAll([api.kinds.byKind('Instance')])
  const stop = new AbortController()
  const batches = api.watch([api.kinds.byKind('Instance')], revision, stop.signal)[Symbol.asyncIterator]()
  const next = async () => {
    const { value } = (await batches.next()) as IteratorResult<ResourceBatch, never>
    const [change] = value.kind === 'changes' ? value.changes : []
    return change?.kind === 'put' ? [change.object.spec?.attempt, change.object.status] : change?.kind
  }
  await writer.updateStatus(seen, { phase: 'Running' })
  assert.equal(await next(), [0, { phase: 'Running' }])
  assert.equal(watched.read, [SPEC])
  await writer.updateOwned(REF, (spec) => ({ ...spec, attempt: 7 }))
  assert.equal(await next(), [7, { phase: 'Running' }])
  await writer.updateStatus(seen, { phase: 'Backoff' })
  assert.equal(await next(), [7, { phase: 'Backoff' }])
  await writer.requestDelete(REF)
  const { finalizers = [] } = (await writer.get(REF))?.metadata ?? {}
  for (let left = finalizers.length; left > 0; left--) {
    await next()
    await writer.removeFinalizer(REF, finalizers[left - 1]!)
  }
  assert.is(await next(), 'delete')
  assert.equal(watched.read, [SPEC])
  await writer.createOwned([instance('web-0-x', 'alpha')])
  assert.equal(await next(), [0, undefined], 'nothing of the one before')
  stop.abort()
})

test.run()

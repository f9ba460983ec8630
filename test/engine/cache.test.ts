import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { deepEqual } from '../../src/core/json.ts'
import { type CacheChange, type Incoming, WritableCache } from '../../src/engine/cache.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { object, ref } from './fake-reader.ts'

function cacheOf(...kinds: readonly string[]): WritableCache {
  const cache = new WritableCache((error) => {
    throw error
  })
  for (const kind of kinds) cache.addKind(kind)
  return cache
}

function put(one: AnyResource): Incoming {
  return { kind: 'put', object: one, ref: ref(one.kind, one.metadata.name, one.metadata.namespace) }
}

const names = (objects: readonly AnyResource[]) => objects.map((one) => one.metadata.name).sort()

test('finds by name, by kind and namespace, and by owner', () => {
  const cache = cacheOf('Service', 'Instance', 'Node')
  const owner = { apiVersion: 'nsctl.dev/v1alpha1', kind: 'Service', name: 'web', uid: 'u1' }
  const node = { apiVersion: 'nsctl.dev/v1alpha1', kind: 'Node', metadata: { name: 'alpha' } }
  cache.apply(
    [
      put(object('Service', 'web', { metadata: { uid: 'u1' } })),
      put(object('Service', 'web', { metadata: { namespace: 'shop' } })),
      put(object('Instance', 'web-0', { metadata: { ownerReferences: [owner] } })),
      { kind: 'put', object: node, ref: { kind: 'Node', name: 'alpha' } },
    ],
    5,
  )
  assert.is(cache.get(ref('Service', 'web'))?.metadata.uid, 'u1')
  assert.is(cache.get(ref('Service', 'web', 'shop'))?.metadata.namespace, 'shop')
  assert.is(cache.get({ kind: 'Node', name: 'alpha' }), node)
  assert.is(cache.get(ref('Service', 'nobody')), undefined)
  assert.is(cache.list('Service').length, 2)
  assert.equal(names(cache.list('Service', { namespace: 'shop' })), ['web'])
  assert.equal(cache.list('Service', { namespace: 'empty' }), [])
  assert.equal(names(cache.byOwner('u1')), ['web-0'])
  assert.equal(cache.byOwner('u2'), [])
  assert.is(cache.revision, 5)
})

test('an object that changes owners is found under the new one only', () => {
  const cache = cacheOf('Instance')
  const ownedBy = (uid: string) => {
    const owner = { apiVersion: 'v1', kind: 'Service', name: uid, uid }
    return put(object('Instance', 'a', { metadata: { ownerReferences: [owner] } }))
  }
  cache.apply([ownedBy('u1')], 1)
  cache.apply([ownedBy('u2')], 2)
  assert.equal([names(cache.byOwner('u1')), names(cache.byOwner('u2'))], [[], ['a']])
  cache.apply([{ kind: 'delete', ref: ref('Instance', 'a') }], 3)
  assert.equal(cache.byOwner('u2'), [])
})

test('handlers hear of a batch when all of it is in the cache', () => {
  const cache = cacheOf('Service', 'Instance')
  const seen: unknown[] = []
  cache.onChange('Service', () => seen.push(cache.list('Instance').length))
  cache.apply([put(object('Service', 'web')), put(object('Instance', 'web-0'))], 1)
  assert.equal(seen, [1])
})

test('a handler that comes late hears of what is there, and of nothing after it has unsubscribed', () => {
  const cache = cacheOf('Service')
  cache.apply([put(object('Service', 'web'))], 1)
  const seen: string[] = []
  const unsubscribe = cache.onChange('Service', ({ kind, ref: { name } }) => seen.push(`${kind} ${name}`))
  cache.apply([{ kind: 'delete', ref: ref('Service', 'web') }], 2)
  unsubscribe()
  cache.apply([put(object('Service', 'web'))], 3)
  assert.equal(seen, ['put web', 'delete web'])
})

test('a handler that throws is reported, and the others are told all the same', () => {
  const reported: unknown[] = []
  const cache = new WritableCache((error, change) => reported.push([error, change.ref.name]))
  cache.addKind('Service')
  const error = new Error('handler')
  const seen: string[] = []
  cache.onChange('Service', () => {
    throw error
  })
  cache.onChange('Service', (change) => seen.push(change.ref.name))
  cache.apply([put(object('Service', 'a')), put(object('Service', 'b'))], 1)
  assert.equal(seen, ['a', 'b'])
  assert.equal(reported, [
    [error, 'a'],
    [error, 'b'],
  ])
})

test('a listing deletes what is not in it, and keeps the copy of what is the same', async () => {
  const cache = cacheOf('Service')
  const same = object('Service', 'same')
  cache.apply(
    ['same', 'changed', 'gone'].map((name) => put(object('Service', name))),
    1,
  )
  const kept = cache.get(ref('Service', 'same'))
  const seen: string[] = []
  const unsubscribe = cache.onChange('Service', () => {})
  unsubscribe()
  cache.onChange('Service', ({ kind, ref: { name }, old }) =>
    seen.push(`${kind} ${name} ${old !== undefined}`),
  )
  seen.length = 0
  const changed = object('Service', 'changed', { spec: { replicas: 2 } })
  cache.replace(new Map([['Service', [same, changed, object('Service', 'new')]]]), 9)
  assert.equal(seen.sort(), ['delete gone true', 'put changed true', 'put new false'])
  assert.is(cache.get(ref('Service', 'same')), kept)
  assert.is(cache.revision, 9)
  await cache.synced
})

test('a kind that nobody watches is a bug, not an empty list', () => {
  const cache = cacheOf('Service')
  assert.throws(() => cache.get(ref('Volume', 'x')), /nobody watches kind Volume/)
  assert.throws(() => cache.list('Volume'), /nobody watches kind Volume/)
  assert.throws(() => cache.onChange('Volume', () => {}), /nobody watches kind Volume/)
})

const someObject = fc
  .record({
    kind: fc.constantFrom('Service', 'Instance'),
    name: fc.constantFrom('a', 'b', 'c'),
    namespace: fc.constantFrom('x', 'y'),
    owners: fc.uniqueArray(fc.constantFrom('u1', 'u2', 'u3'), { maxLength: 2 }),
    replicas: fc.integer({ min: 0, max: 3 }),
  })
  .map(({ kind, name, namespace, owners, replicas }) => {
    const ownerReferences = owners.map((uid) => ({ apiVersion: 'v1', kind: 'Service', name: uid, uid }))
    return object(kind, name, { metadata: { namespace, ownerReferences }, spec: { replicas } })
  })

type Step =
  | { readonly kind: 'changes'; readonly changes: readonly Incoming[] }
  | { readonly kind: 'list'; readonly objects: readonly AnyResource[] }

const change: fc.Arbitrary<Incoming> = fc.oneof(
  someObject.map(put),
  someObject.map((one) => ({ kind: 'delete' as const, ref: put(one).ref })),
)
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.array(change, { maxLength: 6 }).map((changes) => ({ kind: 'changes' as const, changes })),
  fc
    .uniqueArray(someObject, { selector: (one) => keyOf(one), maxLength: 8 })
    .map((objects) => ({ kind: 'list' as const, objects })),
)

function keyOf({ kind, metadata }: AnyResource): string {
  return `${kind}/${metadata.namespace}/${metadata.name}`
}

test('property: the cache holds what a plain map would, and its changes replayed give the same', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const cache = cacheOf('Service', 'Instance')
      const model = new Map<string, AnyResource>()
      const replayed = new Map<string, AnyResource>()
      const replay = (one: CacheChange) => {
        const key = `${one.ref.kind}/${one.ref.namespace}/${one.ref.name}`
        assert.is(replayed.get(key), one.old, 'old is what was told before')
        if (one.kind === 'delete') replayed.delete(key)
        else {
          assert.not(deepEqual(one.old, one.object), 'told of a change that is none')
          replayed.set(key, one.object)
        }
      }
      for (const kind of ['Service', 'Instance']) cache.onChange(kind, replay)
      const naming = cache.index('Instance', (one) => [one.metadata.namespace ?? '', ...uidsOf(one)])
      for (const [index, one] of steps.entries()) {
        if (one.kind === 'list') {
          const of = (kind: string) => one.objects.filter((each) => each.kind === kind)
          model.clear()
          for (const each of one.objects) model.set(keyOf(each), each)
          cache.replace(
            new Map([
              ['Service', of('Service')],
              ['Instance', of('Instance')],
            ]),
            index,
          )
        } else {
          for (const each of one.changes) {
            const { kind, namespace, name } = each.ref
            if (each.kind === 'put') model.set(keyOf(each.object), each.object)
            else model.delete(`${kind}/${namespace}/${name}`)
          }
          cache.apply(one.changes, index)
        }
        assertSame(cache, model)
        for (const key of ['x', 'y', 'u1', 'u2', 'u3']) {
          const want = [...model.values()].filter(
            (one) => one.kind === 'Instance' && (one.metadata.namespace === key || uidsOf(one).includes(key)),
          )
          assert.equal(naming.get(key).map(keyOf).sort(), want.map(keyOf).sort())
        }
        assert.equal([...replayed].sort(byKey), [...model].sort(byKey))
      }
    }),
    { numRuns: 300 },
  )
})

function assertSame(cache: WritableCache, model: ReadonlyMap<string, AnyResource>): void {
  const objects = [...model.values()]
  for (const kind of ['Service', 'Instance']) {
    for (const namespace of ['x', 'y']) {
      const want = objects.filter((one) => one.kind === kind && one.metadata.namespace === namespace)
      assert.equal(names(cache.list(kind, { namespace })), names(want))
    }
  }
  for (const uid of ['u1', 'u2', 'u3']) {
    const want = objects.filter((one) => one.metadata.ownerReferences?.some((owner) => owner.uid === uid))
    assert.equal(cache.byOwner(uid).map(keyOf).sort(), want.map(keyOf).sort())
    for (const one of cache.byOwner(uid)) assert.is(cache.get(put(one).ref), one, 'one copy of each object')
  }
}

function uidsOf(one: AnyResource): readonly string[] {
  return (one.metadata.ownerReferences ?? []).map(({ uid }) => uid)
}

test('an index holds what was there before it was asked for, and may come before the kind', () => {
  const cache = cacheOf('Service')
  const early = cache.index('Instance', ({ metadata }) => [metadata.name])
  cache.apply([put(object('Service', 'web'))], 1)
  const late = cache.index('Service', ({ metadata }) => [metadata.name])
  assert.equal(names(late.get('web')), ['web'])
  assert.equal(early.get('web'), [])
  cache.apply([{ kind: 'delete', ref: ref('Service', 'web') }], 2)
  assert.equal(late.get('web'), [])
})

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1
}

test.run()

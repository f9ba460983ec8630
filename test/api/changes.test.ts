import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { changesBetween, shortenedChanges } from '../../src/api/changes.ts'
import {
  auditKey,
  listPrefixes,
  nodeSpecKey,
  nodeStatusKey,
  objectKey,
  parseObjectKey,
  revisionKey,
  revisionOfKey,
  revisionPrefix,
} from '../../src/api/keys.ts'
import { deepEqual, formatPath } from '../../src/core/json.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { createKindRegistry } from '../../src/resources/registry.ts'
import type { JsonSchema } from '../../src/resources/schema.ts'

const schema: JsonSchema = {
  properties: {
    env: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: {},
    },
  },
}

/** Changes between two objects that differ in this alone, by their paths from there. */
function valueChanges(before: unknown, after: unknown) {
  const object = (value: unknown) => ({ metadata: {}, spec: value }) as unknown as AnyResource
  const changes = changesBetween(object(before), object(after), { properties: { spec: schema } })
  return changes.map((change) => ({ ...change, path: change.path.slice(1) }))
}

const env = (...names: string[]) => names.map((name) => ({ name, value: '1' }))

for (const { name, before, after, want } of [
  { name: 'nothing', before: { a: 1 }, after: { a: 1 }, want: [] },
  { name: 'a change', before: { a: { b: 1 } }, after: { a: { b: 2 } }, want: ['a.b 1 → 2'] },
  { name: 'what is new', before: {}, after: { a: { b: 1 } }, want: ['a undefined → {"b":1}'] },
  { name: 'what is gone', before: { a: 1 }, after: {}, want: ['a 1 → undefined'] },
  {
    name: 'a list of plain values as a whole',
    before: { c: ['x', 'y'] },
    after: { c: ['x'] },
    want: ['c ["x","y"] → ["x"]'],
  },
  {
    name: 'items along their key',
    before: { env: env('a', 'b') },
    after: { env: env('x', 'b') },
    want: ['env[0] {"name":"a","value":"1"} → undefined', 'env[0] undefined → {"name":"x","value":"1"}'],
  },
  {
    name: 'a change inside an item',
    before: { env: env('a') },
    after: { env: [...env('new'), { name: 'a', value: '2' }] },
    want: ['env[1].value "1" → "2"', 'env[0] undefined → {"name":"new","value":"1"}'],
  },
  {
    name: 'another order as a whole',
    before: { env: env('a', 'b') },
    after: { env: env('b', 'a') },
    want: [
      'env [{"name":"a","value":"1"},{"name":"b","value":"1"}] → [{"name":"b","value":"1"},{"name":"a","value":"1"}]',
    ],
  },
  {
    name: 'lists of objects by position',
    before: { l: [{ a: 1 }] },
    after: { l: [{ a: 2 }, { a: 3 }] },
    want: ['l[0].a 1 → 2', 'l[1] undefined → {"a":3}'],
  },
])
  test(`changes tell ${name}`, () =>
    assert.equal(
      valueChanges(before, after).map(
        ({ path, from, to }) => `${formatPath(path)} ${JSON.stringify(from)} → ${JSON.stringify(to)}`,
      ),
      want,
    ))

test('there are no changes exactly for equal values', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      assert.is(valueChanges(a, b).length === 0, deepEqual(a, b))
      assert.equal(valueChanges(a, a), [])
    }),
  )
})

const kinds = createKindRegistry()

test('a record keeps few and short changes as they are, and cuts long values', () => {
  const few = [
    { path: ['spec', 'replicas'], from: 1, to: 2 },
    { path: ['spec', 'note'], to: 'x' },
  ]
  assert.equal(shortenedChanges(few), few)
  const [change] = shortenedChanges([{ path: ['spec', 'note'], from: 'x'.repeat(5_000), to: { a: 1 } }])
  assert.equal(change, {
    path: ['spec', 'note'],
    from: `${'x'.repeat(200)}… (5000 characters)`,
    to: { a: 1 },
  })
})

test('a record of many changes tells of what holds them', () => {
  const env = Array.from({ length: 500 }, (_, index) => ({
    path: ['spec', 'template', 'env', index, 'value'],
    from: 'a',
    to: 'b',
  }))
  const replicas = { path: ['spec', 'replicas'], from: 1, to: 2 }
  assert.equal(shortenedChanges([replicas, ...env]), [
    replicas,
    { path: ['spec', 'template', 'env'], from: '…', to: '…' },
  ])
})

test('what a record keeps of changes is small whatever they are', () => {
  const step = fc.oneof(fc.string({ maxLength: 40 }), fc.nat(2_000))
  const change = fc.record({
    path: fc.array(step, { minLength: 1, maxLength: 6 }),
    from: fc.oneof(fc.string({ maxLength: 2_000 }), fc.integer()),
    to: fc.oneof(fc.string({ maxLength: 2_000 }), fc.integer()),
  })
  fc.assert(
    fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
      const kept = shortenedChanges(changes)
      assert.ok(JSON.stringify(kept).length <= 4_096)
      const paths = kept.map(({ path }) => path)
      // each change is told of, by itself or by what holds it
      for (const { path } of changes)
        assert.ok(paths.some((one) => one.every((step, at) => step === path[at])))
    }),
    { numRuns: 200 },
  )
})

test('keys of objects are taken apart as they were made', () => {
  const web = { kind: kinds.byKind('Service'), namespace: 'shop', name: 'web' }
  assert.equal(parseObjectKey(objectKey(web)), {
    part: 'object',
    group: 'nsctl.dev',
    plural: 'services',
    namespace: 'shop',
    name: 'web',
    node: undefined,
  })
  const shop = { kind: kinds.byKind('Namespace'), namespace: undefined, name: 'shop' }
  assert.is(parseObjectKey(objectKey(shop))?.namespace, undefined)
  const instance = { kind: kinds.byKind('Instance'), namespace: 'shop', name: 'web-0-x' }
  for (const [key, part] of [
    [nodeSpecKey(instance, 'alpha.example.org'), 'spec'],
    [nodeStatusKey(instance, 'alpha.example.org'), 'status'],
  ] as const)
    assert.equal(parseObjectKey(key), {
      part,
      group: undefined,
      plural: 'instances',
      namespace: 'shop',
      name: 'web-0-x',
      node: 'alpha.example.org',
    })
  for (const other of [revisionKey(web, 3), 'audit/x', 'lease/leader', '', 'obj/a', 'node/alpha'])
    assert.is(parseObjectKey(other), undefined)
})

test('no prefix of a list takes in another object of a similar name', () => {
  const service = (namespace: string, name: string) => ({ kind: kinds.byKind('Service'), namespace, name })
  const [prefix = ''] = listPrefixes(kinds.byKind('Service'), { namespace: 'shop' })
  assert.ok(objectKey(service('shop', 'web')).startsWith(prefix))
  assert.not.ok(objectKey(service('shop-2', 'web')).startsWith(prefix))
  assert.not.ok(revisionKey(service('shop', 'web-2'), 1).startsWith(revisionPrefix(service('shop', 'web'))))
})

test('revisions and audit records are in order of their keys', () => {
  const web = { kind: kinds.byKind('Service'), namespace: 'shop', name: 'web' }
  assert.ok(revisionKey(web, 9) < revisionKey(web, 10))
  assert.is(revisionOfKey(revisionKey(web, 12345)), 12345)
  const atMs = Date.parse('2026-01-01T00:00:00.009Z')
  const at = (timeMs: number) => new Date(timeMs).toISOString()
  assert.ok(auditKey(at(atMs), 'zz') < auditKey(at(atMs + 1), 'aa'))
})

test.run()

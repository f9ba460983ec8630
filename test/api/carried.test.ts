/** What a newer nsctl wrote into an object survives whatever this one writes. */
import * as fc from 'fast-check'
import { suite, test } from 'uvu'
import * as assert from 'uvu/assert'
import { carryUnknown } from '../../src/api/carried.ts'
import type { Json } from '../../src/core/json.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import type { JsonSchema } from '../../src/resources/schema.ts'
import { actor, type Bench, instance, openBench, options, service, web } from './support.ts'

const SPEC = { replicas: 2, template: { source: { command: ['true'] }, ports: [{ name: 'http' }] } }
const NEWER = { from: 'a newer one', list: [1, { deep: true }] }
const READY = { type: 'Ready', status: 'True', reason: 'Ready', lastTransitionTime: '2026-11-20T19:00:00Z' }
const STATUS = { replicas: 2, conditions: [READY] }

/** An object with a member that nobody here knows wherever there may be one. */
function ofNewer(object: AnyResource): AnyResource {
  const { metadata, spec, status } = object as unknown as Record<string, Record<string, unknown>>
  const template = (spec?.template ?? {}) as { readonly ports?: readonly object[] }
  return {
    ...object,
    metadata: { ...metadata, newer: NEWER },
    spec: {
      ...spec,
      newer: NEWER,
      template: {
        ...template,
        newer: NEWER,
        ...(template.ports === undefined
          ? {}
          : { ports: template.ports.map((port) => ({ ...port, newer: NEWER })) }),
      },
    },
    newer: NEWER,
    status: { ...status, newer: NEWER, conditions: [{ ...STATUS.conditions[0], newer: NEWER }] },
  } as unknown as AnyResource
}

/** Where such members stand, as paths. */
function newerIn(value: unknown, path: readonly string[] = []): readonly string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, member]) =>
    key === 'newer' ? [[...path, key].join('.')] : newerIn(member, [...path, key]),
  )
}

const EVERYWHERE = [
  'metadata.newer',
  'newer',
  'spec.newer',
  'spec.template.newer',
  'spec.template.ports.0.newer',
  'status.conditions.0.newer',
  'status.newer',
]

interface Context extends Bench {
  live(): Promise<AnyResource>
}

const verbs = suite<Context>('verbs')
verbs.before.each(async (context) => {
  Object.assign(context, await openBench())
  const { api, store } = context
  await api.apply([service('web', SPEC)], options)
  await api.updateStatus(web, STATUS)
  context.live = async () => (await api.get(web)) as AnyResource
  const key = 'obj/nsctl.dev/services/default/web'
  const entry = await store.get(key)
  const object = ofNewer(JSON.parse(entry?.value ?? ''))
  await store.commit([[{ kind: 'put', key, value: JSON.stringify(object) }]])
  assert.equal([...newerIn(await context.live())].sort(), EVERYWHERE)
})

const restated = (more: Record<string, unknown>) => service('web', { ...SPEC, ...more })

const CASES: readonly {
  readonly name: string
  readonly act: (context: Context) => Promise<unknown>
}[] = [
  { name: 'apply of what is there', act: ({ api }) => api.apply([restated({})], options) },
  { name: 'apply of a change', act: ({ api }) => api.apply([restated({ replicas: 5 })], options) },
  {
    name: 'apply of less than before',
    act: ({ api }) => api.apply([service('web', { template: SPEC.template })], options),
  },
  {
    name: 'apply of what get prints',
    act: async ({ api, live }) => api.apply([{ object: await live(), source: 'web.yaml' }], options),
  },
  {
    name: 'edit',
    act: async ({ api, live }) => {
      const object = await live()
      return api.replace({ ...object, spec: { ...object.spec, replicas: 7 } } as AnyResource, options)
    },
  },
  {
    name: 'patch',
    act: ({ api }) => api.patch(web, 'merge', { spec: { replicas: 7 } } as Json, options),
  },
  {
    name: 'label',
    act: ({ api }) =>
      api.patch(web, 'merge', { metadata: { labels: { a: 'b' } } } as Json, { actor, verb: 'labeled' }),
  },
  { name: 'scale', act: ({ api }) => api.scale(web, 7, options) },
  { name: 'a status', act: ({ api }) => api.updateStatus(web, { ...STATUS, replicas: 7 }) },
  { name: 'a field of a manager', act: ({ api }) => api.takeFields(web, 'x', ['spec.replicas']) },
  { name: 'deletion', act: ({ api }) => api.delete(web, options) },
  { name: 'deletion by a controller', act: ({ api }) => api.requestDelete(web) },
  {
    name: 'a finalizer that goes',
    act: async ({ api }) => {
      await api.patch(web, 'merge', { metadata: { finalizers: ['a.b/c', 'd.e/f'] } } as Json, options)
      await api.delete(web, options)
      await api.removeFinalizer(web, 'a.b/c')
    },
  },
  {
    name: 'ensure',
    act: ({ api }) =>
      api.ensure({
        ...(service('web', { ...SPEC, replicas: 7 }).object as AnyResource),
        metadata: { name: 'web', namespace: 'default' },
      } as AnyResource),
  },
]

for (const { name, act } of CASES)
  verbs(`${name} carries along what nobody here knows`, async (context) => {
    await act(context)
    assert.equal([...newerIn(await context.live())].sort(), EVERYWHERE)
  })

verbs('what a manifest says is judged as ever', async ({ api, live }) => {
  const said = async (spec: object) => {
    try {
      await api.apply([service('web', { ...SPEC, ...spec })], options)
      return 'applied'
    } catch (error) {
      return String((error as Error).message)
    }
  }
  assert.match(await said({ newr: NEWER }), /spec\.newr: unknown field/)
  assert.match(await said({ newer: 'another value' }), /spec\.newer: unknown field/)
  assert.is(await said({ newer: NEWER }), 'applied')
  assert.is((await live()).metadata.revision, 1)
})

verbs('a rollback brings back what was, and carries the rest', async ({ api, live }) => {
  await api.apply([restated({ revisionHistoryLimit: 7 })], options)
  await api.rollback(web, { actor, toRevision: 1 })
  const left = newerIn(await live())
  assert.equal(
    ['metadata.newer', 'status.newer'].filter((path) => !left.includes(path)),
    [],
  )
})

verbs.run()

test('a status without a change is no write, whatever a newer one put into it', async () => {
  const { api, store } = await openBench()
  await api.apply([service('web', SPEC)], options)
  await api.createOwned([instance('web-0')])
  const ref = { kind: 'Instance', namespace: 'default', name: 'web-0' }
  await api.updateStatus(ref, { phase: 'Running', ready: true } as Json)
  const key = 'node/alpha/status/instances/default/web-0'
  const value = JSON.stringify({ phase: 'Running', ready: true, newer: NEWER })
  await store.commit([[{ kind: 'put', key, value }]])
  const before = (await store.get(key))?.revision
  await api.updateStatus(ref, { phase: 'Running', ready: true } as Json)
  assert.is((await store.get(key))?.revision, before)
  await api.updateStatus(ref, { phase: 'Running', ready: false } as Json)
  assert.equal(JSON.parse((await store.get(key))?.value ?? ''), {
    phase: 'Running',
    ready: false,
    newer: NEWER,
  })
})

const SCHEMA: JsonSchema = {
  type: 'object',
  properties: {
    a: { type: 'integer' },
    inner: { type: 'object', properties: { b: { type: 'integer' } } },
    map: { type: 'object', additionalProperties: { type: 'integer' } },
    open: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    items: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: { type: 'object', properties: { name: { type: 'string' }, c: { type: 'integer' } } },
    },
    plain: { type: 'array', items: { type: 'object', properties: { d: { type: 'integer' } } } },
  },
}

for (const { name, live, next, want } of [
  { name: 'an unknown member stays', live: { a: 1, x: 1 }, next: { a: 2 }, want: { a: 2, x: 1 } },
  { name: 'a known one may go', live: { a: 1, inner: { b: 1 } }, next: {}, want: {} },
  {
    name: 'inside too',
    live: { inner: { b: 1, x: 1 } },
    next: { inner: { b: 2 } },
    want: { inner: { b: 2, x: 1 } },
  },
  { name: 'not without what it is in', live: { inner: { x: 1 } }, next: { a: 1 }, want: { a: 1 } },
  {
    name: 'the keys of a map are nobody’s to know',
    live: { map: { x: 1 } },
    next: { map: {} },
    want: { map: {} },
  },
  { name: 'nor is what is open', live: { open: { x: 1 } }, next: { open: {} }, want: { open: {} } },
  {
    name: 'items are found by their keys',
    live: {
      items: [
        { name: 'p', x: 1 },
        { name: 'q', x: 2 },
      ],
    },
    next: { items: [{ name: 'q' }, { name: 'r' }] },
    want: { items: [{ name: 'q', x: 2 }, { name: 'r' }] },
  },
  {
    name: 'a list without keys is replaced',
    live: { plain: [{ d: 1, x: 1 }] },
    next: { plain: [{ d: 1 }] },
    want: { plain: [{ d: 1 }] },
  },
  { name: 'what is said of an unknown one holds', live: { x: 1 }, next: { x: 2 }, want: { x: 2 } },
  { name: 'nothing is there', live: undefined, next: { a: 1 }, want: { a: 1 } },
])
  test(name, () => assert.equal(carryUnknown(live, next, SCHEMA), want))

test('what is known throughout is handed on as it is, and nothing is changed in place', () => {
  const plain = { noNullPrototype: true }
  const known = fc.record({ a: fc.integer(), inner: fc.record({ b: fc.integer() }, plain) }, plain)
  fc.assert(
    fc.property(known, known, fc.integer(), (live, next, x) => {
      assert.is(carryUnknown(live, next, SCHEMA), next)
      const before = structuredClone(next)
      const carried = carryUnknown({ ...live, x, inner: { ...live.inner, x } }, next, SCHEMA)
      assert.equal(carried, { ...next, x, inner: { ...next.inner, x } })
      assert.equal(next, before)
    }),
  )
})

test.run()

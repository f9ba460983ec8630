import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Manifest, ResourceApi } from '../../src/api/api.ts'
import { isNsctlError } from '../../src/core/errors.ts'
import { clone } from '../../src/core/json.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'
import type { Store } from '../../src/store/store.ts'
import {
  gear,
  gearDefinition,
  newSchema,
  objectsOf,
  oldRules,
  oldSchema,
} from '../resources/conversion/fixtures.ts'
import { openBench, options, refused, storedJson } from './support.ts'

const big = { kind: 'Gear', namespace: 'default', name: 'big' } as const
const bigAlpha = { ...big, version: 'v1alpha1' } as const
const KEY = 'obj/example.org/gears/default/big'

function said(object: AnyResource): Manifest {
  return { object, source: 'gear.yaml' }
}

async function bench(definition = gearDefinition()): Promise<{ api: ResourceApi; store: Store }> {
  const store = createMemoryStore()
  const { api } = await openBench(store)
  await api.apply([said(definition)], options)
  return { api, store }
}

async function verdictOf(api: ResourceApi, object: AnyResource): Promise<string> {
  const [result] = (await api.apply([said(object)], options)).results
  return `${result?.verdict} ${result?.kind.version}`
}

const alphaSpec = { size: 3, mode: 'fast', host: 'a' }
const v1Spec = { scaling: { replicas: 3 }, mode: 'Eager', hosts: ['a'], engine: 'classic' }

// biome-ignore lint/suspicious/noExplicitAny: definitions are changed in every way here
type Loose = any

/** The definition after `change`. */
function redefined(change: (spec: Loose) => void, from = gearDefinition()): AnyResource {
  const definition = clone(from) as Loose
  change(definition.spec)
  return definition
}

test('applied as one version and again as another with the same meaning: unchanged, and stored in one', async () => {
  const { api, store } = await bench()
  assert.is(await verdictOf(api, gear('v1alpha1', alphaSpec)), 'created v1alpha1')
  const stored = (await storedJson(store, KEY)) as unknown as AnyResource
  assert.is(stored.apiVersion, 'example.org/v1')
  assert.equal(stored.spec, v1Spec)
  assert.is(await verdictOf(api, gear('v1alpha1', alphaSpec)), 'unchanged v1alpha1')
  assert.is(await verdictOf(api, gear('v1', v1Spec)), 'unchanged v1')
  assert.is(await verdictOf(api, gear('v1alpha1', alphaSpec)), 'unchanged v1alpha1')
  assert.is((await api.get(big))?.metadata.generation, 1)
})

test('every read is in the version that is asked for, by default the preferred one', async () => {
  const { api } = await bench()
  await api.apply([said(gear('v1alpha1', alphaSpec))], options)
  assert.equal((await api.get(big))?.spec, v1Spec)
  assert.equal((await api.get(bigAlpha))?.spec, alphaSpec)
  assert.is((await api.get(bigAlpha))?.apiVersion, 'example.org/v1alpha1')
  const alpha = api.kinds.byName('gears.v1alpha1.example.org')!
  const { items } = await api.list(alpha)
  assert.equal(
    items.map(({ spec }) => spec),
    [alphaSpec],
  )
  const both = await api.listAll([alpha, api.kinds.byKind('Gear')])
  assert.equal(
    both.lists.map(([object]) => object?.spec),
    [alphaSpec, v1Spec],
  )
  assert.equal((await api.history(bigAlpha))[0]?.spec, alphaSpec)
  assert.equal((await api.history(big))[0]?.spec, v1Spec)
  const stop = new AbortController()
  const batches = api.watch([alpha], 1, stop.signal)
  await api.scale(big, 4, options)
  for await (const batch of batches) {
    const change = batch.kind === 'changes' ? batch.changes.at(-1) : undefined
    if (change?.kind !== 'put' || change.object.metadata.generation !== 2) continue
    assert.equal(change.object.spec, { ...alphaSpec, size: 4 })
    break
  }
  stop.abort()
})

test('merging goes by the fields of the manifest’s version', async () => {
  const { api } = await bench()
  await api.apply([said(gear('v1', { ...v1Spec, source: { image: 'x', tag: 't' } }))], options)
  await api.apply([said(gear('v1alpha1', { ...alphaSpec, image: 'x', host: 'b' }))], options)
  assert.equal((await api.get(big))?.spec, { ...v1Spec, source: { image: 'x', tag: 't' }, hosts: ['b'] })
  const { host: _, ...withoutHost } = alphaSpec
  await api.apply([said(gear('v1alpha1', { ...withoutHost, image: 'x' }))], options)
  const spec = (await api.get(big))?.spec
  assert.is(spec?.hosts, undefined, 'what the manifest no longer says goes, also under its other name')
  assert.equal(spec?.source, { image: 'x', tag: 't' }, 'what the version cannot say stays')
})

test('what only one version has survives writes in the other, and comes back', async () => {
  const { api, store } = await bench()
  const legacy = { colour: 'red' }
  await api.apply([said(gear('v1alpha1', { ...alphaSpec, legacy }))], options)
  assert.is(await verdictOf(api, gear('v1', v1Spec)), 'unchanged v1', 'v1 cannot speak of legacy')
  const { revision } = await store.list([''])
  assert.is(await verdictOf(api, gear('v1', v1Spec)), 'unchanged v1')
  assert.is((await store.list([''])).revision, revision, 'the same manifest again writes nothing')
  await api.apply([said(gear('v1', { ...v1Spec, hosts: ['a', 'b'] }))], options)
  assert.equal((await api.get(bigAlpha))?.spec, { ...alphaSpec, legacy })
  // the other way round: hosts, which v1alpha1 shows the first of
  await api.apply([said(gear('v1alpha1', { ...alphaSpec, legacy }))], options)
  const before = await store.list([''])
  assert.is(await verdictOf(api, gear('v1alpha1', { ...alphaSpec, legacy })), 'unchanged v1alpha1')
  assert.is((await store.list([''])).revision, before.revision)
  await api.patch(bigAlpha, 'merge', { spec: { size: 5 } }, options)
  assert.equal((await api.get(big))?.spec, { ...v1Spec, scaling: { replicas: 5 }, hosts: ['a', 'b'] })
  assert.equal((await api.get(bigAlpha))?.spec, { ...alphaSpec, size: 5, legacy })
})

test('what get prints in a version applies again in it, also where nothing is yet', async () => {
  const { api } = await bench()
  await api.apply([said(gear('v1', { ...v1Spec, hosts: ['a', 'b'], source: { tag: 't' } }))], options)
  const printed = (await api.get(bigAlpha)) as AnyResource
  assert.is(await verdictOf(api, printed), 'unchanged v1alpha1')
  const { uid: _, resourceVersion: __, ...metadata } = printed.metadata
  const other = await bench()
  assert.is(await verdictOf(other.api, { ...printed, metadata } as AnyResource), 'created v1alpha1')
  assert.equal((await other.api.get(big))?.spec, (await api.get(big))?.spec)
})

test('defaults are those of the manifest’s version', async () => {
  const definition = redefined((spec) => {
    spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.size.default = 7
  })
  const { api } = await bench(definition)
  await api.apply([said(gear('v1alpha1', {}))], options)
  assert.equal((await api.get(big))?.spec, { scaling: { replicas: 7 }, engine: 'classic' })
  assert.is(await verdictOf(api, gear('v1alpha1', {})), 'unchanged v1alpha1')
})

test('replace, patch, scale and rollback work in each version', async () => {
  const { api } = await bench()
  await api.apply([said(gear('v1alpha1', alphaSpec))], options)
  const read = (await api.get(bigAlpha)) as AnyResource
  const replaced = await api.replace({ ...read, spec: { ...alphaSpec, mode: 'slow' } }, options)
  assert.is(replaced.object.apiVersion, 'example.org/v1alpha1')
  assert.equal(replaced.changes, [{ path: ['spec', 'mode'], from: 'fast', to: 'slow' }])
  assert.equal((await api.get(big))?.spec?.mode, 'Lazy')
  const scaled = await api.scale(bigAlpha, 9, options)
  assert.equal(scaled.changes, [{ path: ['spec', 'size'], from: 3, to: 9 }])
  assert.equal((await api.get(big))?.spec?.scaling, { replicas: 9 })
  await api.patch(bigAlpha, 'merge', { spec: { legacy: { depth: 1 } } }, options)
  const back = await api.rollback(bigAlpha, { ...options, toRevision: 1 })
  assert.equal(back.object.spec, { ...alphaSpec, size: 9 }, 'what was scaled stays')
  assert.equal((await api.get(big))?.spec, { ...v1Spec, scaling: { replicas: 9 } })
  assert.is((await api.get(big))?.metadata.annotations, undefined, 'the revision had no legacy')
  const history = await api.history(big)
  assert.equal(
    history.map(({ revision, changes }) => [revision, changes.map(({ path }) => path.join('.'))]),
    [
      [4, ['spec.mode']],
      [3, []],
      [2, ['spec.mode']],
      [1, []],
    ],
  )
  await api.rollback(big, { ...options, toRevision: 3 })
  assert.equal((await api.get(bigAlpha))?.spec, { ...alphaSpec, mode: 'slow', size: 9, legacy: { depth: 1 } })
})

test('owned fields stay, and are named as the manifest names them', async () => {
  const { api } = await bench()
  await api.apply([said(gear('v1', v1Spec))], options)
  await api.takeFields(big, 'scaledobject/big', ['spec.scaling.replicas'])
  await api.scale(big, 8, options)
  const [result] = (await api.apply([said(gear('v1alpha1', { ...alphaSpec, size: 1 }))], options)).results
  assert.ok(result?.warnings.includes('spec.size is owned by scaledobject/big and stays 8'))
  assert.equal((await api.get(big))?.spec?.scaling, { replicas: 8 })
})

test('status is written in the version that it is said in', async () => {
  const { api } = await bench()
  await api.apply([said(gear('v1', v1Spec))], options)
  await api.updateStatus(bigAlpha, { ready: 2 })
  assert.equal((await api.get(big))?.status, { readyReplicas: 2 })
  assert.equal((await api.get(bigAlpha))?.status, { ready: 2 })
})

test('faults are those of the manifest’s version, then those of the stored one', async () => {
  const { api, store } = await bench(
    redefined((spec) => {
      spec.versions[2].schema.openAPIV3Schema.properties.spec.properties.scaling.properties.replicas.maximum = 5
    }),
  )
  const own = await refused('Invalid', () => api.apply([said(gear('v1alpha1', { scaling: {} }))], options))
  assert.match(own.message, 'spec.scaling: unknown field')
  const stored = await refused('Invalid', () => api.apply([said(gear('v1alpha1', { size: 6 }))], options))
  assert.match(
    stored.message,
    'spec.scaling.replicas: must be at most 5, not 6 (in v1, in which it is stored)',
  )
  assert.is(await store.get(KEY), undefined)
})

test('a version that is not served: refused, with those that are', async () => {
  const { api } = await bench(redefined((spec) => Object.assign(spec.versions[0], { served: false })))
  const error = await refused('Invalid', () => api.apply([said(gear('v1alpha1', {}))], options))
  assert.match(
    error.issues[0] ?? '',
    'apiVersion: "example.org/v1alpha1 Gear" is not served any more; served: "example.org/v1", "example.org/v1beta1"',
  )
  const read = await refused('Invalid', () => api.get(bigAlpha))
  assert.is(read.message, 'Gear is not served in version v1alpha1')
})

test('a deprecated version: said with every manifest, not with others', async () => {
  const { api } = await bench()
  const { results } = await api.apply([said(gear('v1alpha1', alphaSpec))], options)
  assert.equal(results[0]?.warnings, ['example.org/v1alpha1 Gear is deprecated'])
  assert.equal((await api.apply([said(gear('v1', v1Spec))], options)).results[0]?.warnings, [])
})

test('strategy None: fields that the stored version lacks are dropped, and it is said; its own stay', async () => {
  const { api } = await bench(
    redefined((spec) => {
      spec.conversion = { strategy: 'None' }
      for (const version of spec.versions) {
        version.schema.openAPIV3Schema.properties.spec.required = []
        const { mode: _, ...others } = version.schema.openAPIV3Schema.properties.spec.properties
        version.schema.openAPIV3Schema.properties.spec.properties = others
      }
    }),
  )
  const { results } = await api.apply([said(gear('v1alpha1', { size: 3, labels: { a: 'b' } }))], options)
  assert.ok(results[0]?.warnings.includes('spec.size is not kept: v1, which is stored, has no such field'))
  await api.patch(big, 'merge', { spec: { zone: 'z' } }, options)
  await api.apply([said(gear('v1alpha1', { labels: { a: 'c' } }))], options)
  const read = (await api.get(bigAlpha)) as AnyResource
  assert.equal(read.spec, { labels: { a: 'c' }, size: 1 })
  assert.is(read.metadata.annotations, undefined)
  await api.replace({ ...read, spec: { labels: { a: 'd' } } }, options)
  assert.equal((await api.get(big))?.spec, { labels: { a: 'd' }, zone: 'z' })
})

/** As it was before there was a second version: v1alpha1 alone. */
function onlyAlpha(): AnyResource {
  return redefined((spec) => {
    delete spec.conversion
    spec.versions = [{ ...spec.versions[0], storage: true }]
  })
}

async function storedVersions(api: ResourceApi): Promise<unknown> {
  return (await api.get({ kind: 'CustomResourceDefinition', name: 'gears.example.org' }))?.status
    ?.storedVersions
}

test('what was stored before there were several versions is read, merged, rolled back and written in the new one', async () => {
  const { api, store } = await bench(onlyAlpha())
  await api.apply([said(gear('v1alpha1', alphaSpec))], options)
  await api.apply([said(gear('v1alpha1', { ...alphaSpec, mode: 'slow' }))], options)
  const before = await store.get(KEY)
  assert.equal(await storedVersions(api), ['v1alpha1'])
  await api.apply([said(gearDefinition())], options)
  assert.equal(await storedVersions(api), ['v1alpha1', 'v1'])
  assert.equal(await store.get(KEY), before, 'stored objects stay as they are')
  assert.equal((await api.get(big))?.spec, { ...v1Spec, mode: 'Lazy' })
  assert.equal(
    (await api.history(big)).map(({ spec }) => (spec as Loose).mode),
    ['Lazy', 'Eager'],
  )
  assert.is(await verdictOf(api, gear('v1alpha1', { ...alphaSpec, mode: 'slow' })), 'unchanged v1alpha1')
  assert.is(await verdictOf(api, gear('v1', { ...v1Spec, mode: 'Lazy' })), 'unchanged v1')
  assert.is((await store.get(KEY))?.revision, before?.revision, 'unchanged writes nothing')
  // a status is a write, too: the manifest that the defaults implied must outlive it
  await api.updateStatus(big, { readyReplicas: 1 })
  const written = (await store.get(KEY))?.value ?? ''
  assert.match(written, '"apiVersion":"example.org/v1"')
  assert.not.match(
    written,
    'nsctl.dev/defaulted',
    'notes of defaults are of the version that they were made in',
  )
  assert.equal(
    (await api.history(big)).map(({ spec }) => (spec as Loose).mode),
    ['Lazy', 'Eager'],
  )
  const { host: _, ...less } = alphaSpec
  await api.apply([said(gear('v1alpha1', { ...less, mode: 'slow' }))], options)
  assert.is((await api.get(big))?.spec?.hosts, undefined, 'the last manifest was still known')
  await api.rollback(big, { ...options, toRevision: 1 })
  assert.equal((await api.get(big))?.spec, v1Spec)
})

test('a version in which something is stored cannot be removed, whoever tries', async () => {
  const { api } = await bench(onlyAlpha())
  await api.apply([said(gear('v1alpha1', alphaSpec))], options)
  await api.apply([said(gearDefinition())], options)
  const without = redefined((spec) => {
    spec.versions.shift()
    spec.conversion.versions.shift()
  })
  const error = await refused('Invalid', () => api.apply([said(without)], options))
  assert.match(
    error.message,
    'spec.versions: v1alpha1 cannot be removed while something is stored in it: 1 object, such as default/big',
  )
  const ref = { kind: 'CustomResourceDefinition', name: 'gears.example.org' }
  await refused('Invalid', () => api.patch(ref, 'merge', { spec: without.spec as Loose }, options))
  await api.delete(big, options)
  const [result] = (await api.apply([said(without)], options)).results
  assert.is(result?.verdict, 'configured')
  assert.equal(await storedVersions(api), ['v1'])
})

/** With v1alpha1 as the stored version. */
function swapped(): AnyResource {
  return redefined((spec) => {
    spec.versions[0].storage = true
    delete spec.versions[2].storage
    spec.conversion.versions = [
      {
        version: 'v1',
        rules: oldRules.flatMap(({ move, wrap }): Loose => {
          if (move?.from === '.spec.size') return [{ move: { from: move.to, to: move.from } }]
          return wrap === undefined ? [] : [{ unwrap: { from: wrap.to, to: wrap.from } }]
        }),
      },
    ]
    for (const index of [1, 2]) spec.versions[index].schema.openAPIV3Schema.properties.spec.required = []
    for (const version of spec.versions) delete version.schema.openAPIV3Schema.properties.spec.properties.mode
  })
}

test('an edit that leaves no versions is refused like any other fault', async () => {
  const { api } = await bench()
  const ref = { kind: 'CustomResourceDefinition', name: 'gears.example.org' }
  for (const versions of [null, 'v1', [], [7], [{}]]) {
    const error = await refused('Invalid', () => api.patch(ref, 'merge', { spec: { versions } }, options))
    assert.match(error.message + error.issues.join(), 'spec.versions')
  }
  await refused('Invalid', () => api.patch(ref, 'merge', { spec: null }, options))
})

test('whatever is patched into an object in whichever version is taken or refused, and never breaks anything', async () => {
  const { api } = await bench()
  await api.apply([said(gear('v1', { ...v1Spec, ports: [{ name: 'http', port: 80 }] }))], options)
  const places = [
    '/spec',
    '/spec/ports',
    '/spec/ports/0',
    '/spec/legacy',
    '/spec/scaling',
    '/metadata/annotations',
    '/metadata/managedFields',
    '/metadata/annotations/nsctl.dev~1converted-v1',
    '/metadata/annotations/nsctl.dev~1converted-v1alpha1',
  ]
  const garbage = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.constant('[{"path":["spec","ports"],"value":7}]'),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...places),
      garbage,
      fc.constantFrom('v1', 'v1alpha1'),
      async (path, value, version) => {
        const steps = [
          ...(path.startsWith('/metadata/annotations/')
            ? [{ op: 'add', path: '/metadata/annotations', value: {} }]
            : []),
          { op: 'add', path, value },
        ]
        await api
          .patch({ ...big, version }, 'json', steps as Loose, { ...options, dryRun: true })
          .catch((error: unknown) => {
            if (!isNsctlError(error, 'Invalid', 'TooLarge')) throw error
          })
      },
    ),
    { numRuns: 300 },
  )
})

test('changing the stored version leaves objects as they are and reads them', async () => {
  const { api, store } = await bench()
  await api.apply([said(gear('v1alpha1', { ...alphaSpec, legacy: { depth: 2 } }))], options)
  const before = await store.get(KEY)
  await api.apply([said(swapped())], options)
  assert.equal(await storedVersions(api), ['v1', 'v1alpha1'])
  assert.equal(await store.get(KEY), before)
  assert.equal((await api.get(bigAlpha))?.spec, { size: 3, host: 'a', legacy: { depth: 2 } })
  await api.scale(bigAlpha, 4, options)
  const stored = (await storedJson(store, KEY)) as unknown as AnyResource
  assert.is(stored.apiVersion, 'example.org/v1alpha1')
  assert.equal(stored.spec, { size: 4, host: 'a', legacy: { depth: 2 } })
})

test('another process that does not know of a new version yet goes by the newest definition', async () => {
  const { api, store } = await bench(onlyAlpha())
  const other = (await openBench(store)).api
  await other.apply([said(gear('v1alpha1', alphaSpec))], options)
  const alpha = other.kinds.byKind('Gear')
  await api.apply([said(gearDefinition())], options)
  await api.apply([said(gear('v1', { ...v1Spec, hosts: ['b'] }))], options)
  const { items } = await other.list(alpha)
  assert.equal(items[0]?.spec, { ...alphaSpec, host: 'b' }, 'shown in the version that was asked for')
  await other.apply([said(gear('v1alpha1', { ...alphaSpec, host: 'c' }))], options)
  assert.equal((await api.get(big))?.spec?.hosts, ['c'])
})

test('a process that knows of one version does not mistake an object of another for it', async () => {
  const { api, store } = await bench(onlyAlpha())
  await api.apply([said(gear('v1alpha1', alphaSpec))], options)
  const other = (await openBench(store)).api
  await other.refreshKinds()
  await api.apply([said(gearDefinition())], options)
  await api.apply([said(gear('v1', { ...v1Spec, hosts: ['b'] }))], options)
  const scaled = await other.scale(bigAlpha, 8, options)
  assert.equal(scaled.object.spec, { ...alphaSpec, size: 8, host: 'b' })
  assert.equal((await api.get(big))?.spec, { ...v1Spec, scaling: { replicas: 8 }, hosts: ['b'] })
})

test('another process that does not know of a new stored version yet writes nothing in the old one', async () => {
  const { api, store } = await bench()
  await api.apply([said(gear('v1', { hosts: ['a'], engine: 'classic' }))], options)
  const others = await Promise.all([1, 2, 3].map(async () => (await openBench(store)).api))
  for (const other of others) await other.refreshKinds()
  await api.apply([said(swapped())], options)
  const storedVersion = async () => ((await storedJson(store, KEY)) as unknown as AnyResource).apiVersion
  const [first, second, third] = others as [ResourceApi, ResourceApi, ResourceApi]
  for (const write of [
    () => first.scale(big, 4, options),
    () => second.updateStatus(big, { readyReplicas: 1 }),
    () =>
      third.apply([said(gear('v1', { hosts: ['a'], scaling: { replicas: 5 }, engine: 'classic' }))], options),
  ]) {
    await write()
    assert.is(await storedVersion(), 'example.org/v1alpha1')
  }
  assert.equal(await storedVersions(api), ['v1', 'v1alpha1'])
})

for (const [version, schema, other, edit, edited] of [
  ['v1alpha1', oldSchema, 'v1', { labels: { new: 'x' } }, { labels: { new: 'x' } }],
  ['v1', newSchema, 'v1alpha1', { labels: { new: 'x' } }, { labels: { new: 'x' } }],
  ['v1alpha1', oldSchema, 'v1beta1', { hosts: ['x'] }, { host: 'x' }],
] as const)
  test(`any object applied as ${version} is unchanged by what ${other} shows, and changed by an edit of that only where it was edited`, async () => {
    const { api } = await bench()
    let count = 0
    await fc.assert(
      fc.asyncProperty(objectsOf(`example.org/${version}`, schema), async (object) => {
        const name = `any-${count++}`
        const { status: _, ...document } = { ...object, metadata: { name } } as AnyResource
        const ref = { ...big, name }
        assert.is(await verdictOf(api, document), `created ${version}`)
        const before = await api.get({ ...ref, version })
        const shown = (await api.get({ ...ref, version: other })) as AnyResource
        assert.is(await verdictOf(api, shown), `unchanged ${other}`)
        assert.is(await verdictOf(api, document), `unchanged ${version}`)
        await api.replace({ ...shown, spec: { ...shown.spec, ...edit } }, options)
        // v1alpha1 has a size by default, where v1 may do without scaling
        const filled = other === 'v1alpha1' ? { scaling: { replicas: 1 } } : {}
        const after = await api.get({ ...ref, version })
        assert.equal(after?.spec, { ...filled, ...before?.spec, ...edited })
      }),
      { numRuns: 60 },
    )
  })

test.run()

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../../src/core/errors.ts'
import type { AnyResource } from '../../../src/resources/object.ts'
import { gear, gearDefinition, loadGears, newSchema, objectsOf, oldSchema } from './fixtures.ts'

const { kinds, version } = await loadGears()
const [alpha, beta, v1] = [version('v1alpha1'), version('v1beta1'), version('v1')]
const family = v1.family!

for (const [name, spec, wanted] of [
  ['moves into a nested object', { size: 3 }, { scaling: { replicas: 3 }, engine: 'classic' }],
  ['maps values', { mode: 'fast' }, { mode: 'Eager', engine: 'classic' }],
  ['maps booleans to words', { isPublic: false }, { visibility: 'Private', engine: 'classic' }],
  ['wraps a value in a list', { host: 'a' }, { hosts: ['a'], engine: 'classic' }],
  ['takes the first of a list', { zones: ['a'] }, { zone: 'a', engine: 'classic' }],
  [
    'moves within the items of lists',
    { ports: [{ name: 'http', number: 80 }], mounts: [{ path: '/a' }, {}] },
    { ports: [{ name: 'http', port: 80 }], mounts: [{ target: '/a' }, {}], engine: 'classic' },
  ],
  ['hands on what nobody names', { labels: { a: 'b' } }, { labels: { a: 'b' }, engine: 'classic' }],
  [
    'hands on nulls',
    { size: null, host: null },
    { scaling: { replicas: null }, hosts: null, engine: 'classic' },
  ],
] as const)
  test(`convert ${name}, and back`, () => {
    const old = gear('v1alpha1', spec)
    const converted = family.convert(old, v1)
    assert.equal(converted, gear('v1', wanted))
    assert.equal(family.convert(converted, alpha), old)
  })

test('what only one version has is kept in an annotation, and comes back', () => {
  const old = gear('v1alpha1', { size: 1, legacy: { colour: 'red' } })
  const converted = family.convert(old, v1)
  assert.equal(converted.spec, { scaling: { replicas: 1 }, engine: 'classic' })
  assert.equal(converted.metadata.annotations, {
    'nsctl.dev/converted-v1alpha1': '[{"path":["spec","legacy"],"value":{"colour":"red"}}]',
  })
  assert.equal(family.convert(converted, alpha), old)
})

test('a changed field counts more than what was kept of it; what else was kept still comes back', () => {
  const stored = gear('v1', { hosts: ['a', 'b'], mode: 'Turbo', engine: 'modern' })
  const shown = family.convert(stored, alpha)
  assert.equal(shown.spec, { host: 'a' }, 'no mode of v1alpha1 means Turbo')
  const changed = { ...shown, spec: { ...shown.spec, host: 'c' } }
  assert.equal(family.convert(changed, v1), gear('v1', { hosts: ['c'], mode: 'Turbo', engine: 'modern' }))
})

test('what is kept of an item of a list with keys stays with it when others come and go', () => {
  const stored = gear('v1', {
    engine: 'classic',
    ports: [
      { name: 'http', port: 80, protocol: 'tcp' },
      { name: 'dns', port: 53, protocol: 'udp' },
    ],
  })
  const shown = family.convert(stored, alpha)
  const changed = {
    ...shown,
    spec: {
      ports: [
        { name: 'new', number: 1 },
        { name: 'dns', number: 54 },
      ],
    },
  }
  assert.equal(family.convert(changed as unknown as AnyResource, v1).spec, {
    engine: 'classic',
    ports: [
      { name: 'new', port: 1 },
      { name: 'dns', port: 54, protocol: 'udp' },
    ],
  })
})

test('between two versions of which neither is stored', () => {
  const old = gear('v1alpha1', { size: 3, legacy: { depth: 1 }, host: 'a' })
  const middle = family.convert(old, beta)
  assert.equal(middle.spec, { replicas: 3, hosts: ['a'], engine: 'classic' })
  assert.equal(family.convert(middle, alpha), old)
})

test('owned fields are named as the version names them', () => {
  const managedFields = [{ manager: 'scaledobject/web', fields: ['spec.scaling.replicas'] }]
  const shown = family.convert(
    gear('v1', { scaling: { replicas: 2 }, engine: 'classic' }, { managedFields }),
    alpha,
  )
  assert.equal(shown.metadata.managedFields, [{ manager: 'scaledobject/web', fields: ['spec.size'] }])
  assert.equal(family.convert(shown, v1).metadata.managedFields, managedFields)
})

test('an annotation that somebody has spoilt is an annotation like any other', () => {
  const annotations = { 'nsctl.dev/converted-v1': 'garbage', 'nsctl.dev/converted-v7': '[]' }
  const object = gear('v1alpha1', { size: 1 }, { annotations })
  assert.equal(family.convert(object, v1).metadata.annotations, annotations)
  const unknown = { 'nsctl.dev/converted-v1': '[{"path":["spec","nonsense"],"value":1}]' }
  const restored = family.convert(gear('v1alpha1', { size: 1 }, { annotations: unknown }), v1)
  assert.equal(restored, gear('v1', { scaling: { replicas: 1 }, engine: 'classic' }), 'no such field')
})

test('an object of a version that is not defined any more', () => {
  try {
    family.convert(gear('v1alpha7', {}), v1)
    assert.unreachable()
  } catch (error) {
    assert.ok(isNsctlError(error, 'Unsupported'))
    assert.is(error.message, 'gear/big is stored as example.org/v1alpha7, which is not defined any more')
  }
})

test('strategy None: only the version changes, and what the other schema lacks is pruned', async () => {
  const none = await loadGears(gearDefinition({ conversion: { strategy: 'None' } }))
  const [of, to] = [none.version('v1alpha1'), none.version('v1')]
  const old = gear('v1alpha1', { size: 3, labels: { a: 'b' } })
  assert.equal(of.family!.convert(old, to), gear('v1', { labels: { a: 'b' } }))
  const stored = gear('v1', { scaling: { replicas: 3 }, labels: { a: 'b' } })
  assert.equal(of.family!.convert(stored, of), gear('v1alpha1', { labels: { a: 'b' } }))
  const forWriting = of.family!.convert(stored, of, { forWriting: true })
  assert.equal(of.family!.convert(forWriting, to), stored, 'a write in v1alpha1 loses nothing of v1')
  assert.equal(of.family!.forReading(forWriting), gear('v1alpha1', { labels: { a: 'b' } }))
})

for (const [from, schema, over] of [
  ['v1alpha1', oldSchema, ['v1']],
  ['v1alpha1', oldSchema, ['v1beta1']],
  ['v1', newSchema, ['v1alpha1']],
  ['v1', newSchema, ['v1alpha1', 'v1beta1']],
  ['v1', newSchema, ['v1beta1', 'v1alpha1', 'v1']],
] as const)
  test(`every object of ${from} comes back over ${over.join(' and ')} as it was`, () => {
    fc.assert(
      fc.property(objectsOf(`example.org/${from}`, schema), (object) => {
        const way = [...over, from].map(version)
        const frozen = JSON.stringify(object)
        const back = way.reduce((current, to) => family.convert(current, to), object)
        assert.equal(back, object)
        assert.is(JSON.stringify(object), frozen, 'the object itself was changed')
      }),
      { numRuns: 500 },
    )
  })

test('converted objects are right where what they were made of is', async () => {
  await v1.prepare()
  await alpha.prepare()
  fc.assert(
    fc.property(objectsOf('example.org/v1alpha1', oldSchema), (object) => {
      assert.equal(alpha.validate(object), [])
      assert.equal(v1.validate(family.convert(object, v1)), [])
    }),
  )
})

test('the registry: the preferred version by kind, each served one by its name', () => {
  assert.is(kinds.byKind('Gear'), v1)
  assert.is(kinds.byName('gears'), v1)
  assert.is(kinds.byName('gr'), v1)
  assert.is(kinds.byName('gears.v1alpha1.example.org'), alpha)
  assert.is(kinds.byApiVersion('example.org/v1beta1', 'Gear'), beta)
  assert.equal(
    kinds.all().filter((kind) => kind.kind === 'Gear'),
    [v1],
  )
  assert.equal(family.versions, [v1, beta, alpha])
  assert.is(alpha.deprecation, 'example.org/v1alpha1 Gear is deprecated')
})

test('a version that is not served is found by nobody', async () => {
  const { spec } = gearDefinition() as unknown as { spec: { versions: { name: string; served: boolean }[] } }
  const versions = spec.versions.map((one) => (one.name === 'v1' ? { ...one, served: false } : one))
  const gears = await loadGears(gearDefinition({ versions }))
  assert.is(gears.kinds.byKind('Gear').version, 'v1beta1')
  assert.is(gears.kinds.byApiVersion('example.org/v1', 'Gear'), undefined)
  assert.is(gears.kinds.byName('gears.v1.example.org'), undefined)
  assert.is(gears.kinds.byKind('Gear').family?.storage.version, 'v1')
})

test.run()

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { clone, formatPath } from '../../../src/core/json.ts'
import type { DeclaredRule } from '../../../src/resources/conversion/rules.ts'
import { createKindRegistry } from '../../../src/resources/registry.ts'
import { gearDefinition, oldRules } from '../conversion/fixtures.ts'

const kind = createKindRegistry().byKind('CustomResourceDefinition')
await kind.prepare()

// biome-ignore lint/suspicious/noExplicitAny: definitions are made wrong in every way here
type Loose = any

function issues(change: (spec: Loose) => void): string[] {
  const definition = clone(gearDefinition()) as Loose
  change(definition.spec)
  return kind
    .validate(kind.withDefaults(definition))
    .map(
      ({ path, message, suggestion }) =>
        `${formatPath(path).replace(/^spec\./, '')}: ${message}${suggestion ? ` [${suggestion}]` : ''}`,
    )
}

test('three versions with every rule there is are right', () =>
  assert.equal(
    issues(() => {}),
    [],
  ))

for (const [name, change, wanted] of [
  [
    'no stored version',
    (spec: Loose) => delete spec.versions[2].storage,
    ['versions: exactly one version must have storage: true, and none has'],
  ],
  [
    'two stored versions',
    (spec: Loose) => Object.assign(spec.versions[1], { storage: true }),
    ['versions: exactly one version must have storage: true, not v1beta1, v1'],
  ],
  [
    'none that is served',
    (spec: Loose) =>
      Object.assign(spec, { versions: spec.versions.map((one: Loose) => ({ ...one, served: false })) }),
    ['versions: at least one version must have served: true'],
  ],
  [
    'a version twice',
    (spec: Loose) => Object.assign(spec.versions[1], { name: 'v1alpha1' }),
    ['versions[1].name: "v1alpha1" stands twice'],
  ],
  [
    'rules of a version that is not there',
    (spec: Loose) => Object.assign(spec.conversion.versions[1], { version: 'v2' }),
    ['conversion.versions[1].version: there is no version "v2"; there is v1alpha1, v1beta1, v1'],
  ],
  [
    'rules of the stored version',
    (spec: Loose) => Object.assign(spec.conversion.versions[1], { version: 'v1' }),
    ['conversion.versions[1].version: "v1" is the stored version, which the rules of the others lead to'],
  ],
  [
    'rules without their strategy',
    (spec: Loose) => Object.assign(spec.conversion, { strategy: 'None' }),
    ['conversion.versions: rules need strategy: Declared'],
  ],
  [
    'a webhook',
    (spec: Loose) => Object.assign(spec.conversion, { strategy: 'Webhook' }),
    ['conversion.strategy: must be one of None, Declared, not "Webhook"'],
  ],
] as const)
  test(`versions: ${name}`, () => assert.equal(issues(change), wanted))

const at = 'conversion.versions[0].rules'

/** With `rule` in place of the one at `index`, or behind all others. */
function withRule(rule: DeclaredRule, index: number = oldRules.length) {
  return (spec: Loose) => {
    spec.conversion.versions[0].rules[index] = rule
  }
}

for (const [name, change, wanted] of [
  ['that is none', withRule({}), `${at}[10]: must have exactly one of move, values, wrap, unwrap, set`],
  [
    'with a path that is none',
    withRule({ move: { from: 'spec.size', to: '.spec.scaling.replicas' } }, 0),
    `${at}[0].move.from: must be a path such as .spec.replicas or .spec.ports[*].name, not "spec.size"`,
  ],
  [
    'of metadata',
    withRule({ move: { from: '.metadata.labels', to: '.spec.labels' } }),
    `${at}[10].move.from: apiVersion, kind and metadata are not converted by rules`,
  ],
  [
    'from what is not there',
    withRule({ move: { from: '.spec.siez', to: '.spec.scaling.replicas' } }, 0),
    `${at}[0].move.from: v1alpha1 has no .spec.siez [.spec.size]`,
  ],
  [
    'to what is not there',
    withRule({ move: { from: '.spec.size', to: '.spec.scaling.replica' } }, 0),
    `${at}[0].move.to: v1 has no .spec.scaling.replica [.spec.scaling.replicas]`,
  ],
  [
    'between types',
    withRule({ move: { from: '.spec.size', to: '.spec.source.tag' } }, 0),
    `${at}[0].move: .spec.size of v1alpha1 is integer and .spec.source.tag of v1 is string: both must be of one type`,
  ],
  [
    'that wraps into no list',
    withRule({ wrap: { from: '.spec.host', to: '.spec.zone' } }, 3),
    `${at}[3].wrap: .spec.host of v1alpha1 is string and .spec.zone of v1 is string: the latter must be a list of the former`,
  ],
  [
    'out of a list',
    withRule({ move: { from: '.spec.ports[*].number', to: '.spec.scaling.max' } }, 7),
    `${at}[7].move: leads from .spec.ports[*].number to .spec.scaling.max: both must be in the same list, or in none`,
  ],
  [
    'of values without an end',
    withRule({ values: { from: '.spec.host', to: '.spec.zone', map: { a: 'b' } } }, 3),
    `${at}[3].values.from: .spec.host of v1alpha1 must be an enum or a boolean, so that every value has a counterpart`,
  ],
  [
    'of values that are not all there',
    withRule({ values: { from: '.spec.mode', to: '.spec.mode', map: { fast: 'Eager' } } }, 1),
    `${at}[1].values.map: says nothing of "slow" of v1alpha1`,
  ],
  [
    'of values that the stored version does not have',
    withRule({ values: { from: '.spec.mode', to: '.spec.mode', map: { fast: 'Egaer', slow: 'Lazy' } } }, 1),
    `${at}[1].values.map.fast: "Egaer" is no value of .spec.mode in v1`,
  ],
  [
    'of values of which two become one',
    withRule({ values: { from: '.spec.mode', to: '.spec.mode', map: { fast: 'Lazy', slow: 'Lazy' } } }, 1),
    `${at}[1].values.map.slow: "Lazy" is what "fast" becomes already`,
  ],
  [
    'that sets what need not be there',
    withRule({ set: { to: '.spec.source.tag', value: 'latest' } }),
    `${at}[10].set: .spec.source.tag is neither required nor has a default in v1: leave it out, then it stays as it is`,
  ],
  [
    'that sets a wrong value',
    withRule({ set: { to: '.spec.engine', value: 'steam' } }, 6),
    `${at}[6].set.value: "steam" is no value of .spec.engine in v1`,
  ],
  [
    'that sets nothing',
    withRule({ set: { value: 1 } }),
    `${at}[10].set: must have either from, a field of v1alpha1, or to, one of v1`,
  ],
  [
    'that overlaps with another',
    withRule({ move: { from: '.spec.size', to: '.spec.scaling.max' } }),
    `${at}[10]: .spec.size of v1alpha1 overlaps with .spec.size of rule 1`,
  ],
] as const)
  test(`a rule ${name}`, () => assert.equal(issues(change), [wanted]))

test('a place that two fields lead to', () => {
  const wanted = `${at}[0]: v1alpha1 has a .spec.zone too, which leads to the same .spec.zone of v1: declare where it goes`
  const found = issues((spec) => {
    spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.zone = { type: 'string' }
    spec.conversion.versions[0].rules = [
      { unwrap: { from: '.spec.zones', to: '.spec.zone' } },
      ...oldRules.filter(({ unwrap }) => unwrap === undefined),
    ]
  })
  assert.equal(found, [wanted])
})

const shape = (index: number) => `versions[${index}].schema.openAPIV3Schema.properties.spec.properties`

test('a field of another type in each version needs a rule', () => {
  const found = issues((spec) => {
    spec.versions[1].schema.openAPIV3Schema.properties.spec.properties.engine = { type: 'integer' }
  })
  assert.equal(found, [
    `${shape(1)}.engine: is integer in v1beta1 and string in v1: no conversion leads from one to the other`,
  ])
})

test('what the stored version requires must come from somewhere', () => {
  const found = issues((spec) => {
    spec.conversion.versions[0].rules = oldRules.filter(({ set }) => set === undefined)
  })
  assert.equal(found, [
    `${shape(0).replace(/\.properties$/, '')}: .spec.engine is required in v1, and nothing of v1alpha1 becomes it: declare set`,
  ])
})

test('a default must be right in the other version, both ways', () => {
  const forth = issues((spec) => {
    spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.size.default = 100
    spec.versions[2].schema.openAPIV3Schema.properties.spec.properties.scaling.properties.replicas.maximum = 50
  })
  assert.equal(forth, [
    `${shape(0)}.size: the default 100 of .spec.size in v1alpha1 is wrong in v1: must be at most 50, not 100`,
  ])
  const back = issues((spec) => {
    spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.size.minimum = 2
    spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.size.default = 2
  })
  assert.equal(back, [
    `${shape(0)}.scaling.properties.replicas: the default 1 of .spec.scaling.replicas in v1 is wrong in v1alpha1: must be at least 2, not 1`,
  ])
})

test('whatever stands in a definition, it is judged', () => {
  const places = [
    ['conversion'],
    ['conversion', 'strategy'],
    ['conversion', 'versions'],
    ['conversion', 'versions', 0, 'rules'],
    ['conversion', 'versions', 0, 'rules', 1, 'values', 'map'],
    ['conversion', 'versions', 0, 'rules', 1, 'values', 'map', 'fast'],
    ['conversion', 'versions', 0, 'rules', 6, 'set', 'value'],
    ['versions'],
    ['versions', 0],
    ['versions', 2, 'storage'],
    ['versions', 0, 'schema', 'openAPIV3Schema'],
    ['versions', 0, 'schema', 'openAPIV3Schema', 'properties', 'spec', 'properties', 'size'],
    ['versions', 2, 'schema', 'openAPIV3Schema', 'properties', 'spec', 'properties', 'scaling', 'default'],
    ['versions', 2, 'schema', 'openAPIV3Schema', 'properties', 'spec', 'required'],
  ] as const
  const garbage = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom(
      { type: 'object' },
      { type: 'array', items: { type: 'object' } },
      ['size', 'engine'],
      'set',
    ),
  )
  fc.assert(
    fc.property(fc.constantFrom(...places), garbage, (place, value) => {
      issues((spec) => {
        const parent = place.slice(0, -1).reduce((inner: Loose, step) => inner[step], spec)
        parent[place.at(-1)!] = value
      })
    }),
    { numRuns: 400 },
  )
})

test.run()

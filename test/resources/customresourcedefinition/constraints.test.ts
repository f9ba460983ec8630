import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatPath } from '../../../src/core/json.ts'
import { definitionConflicts } from '../../../src/resources/customresourcedefinition/constraints.ts'
import { createKindRegistry } from '../../../src/resources/registry.ts'
import { definitionManifest, put } from '../fixtures.ts'

const kind = createKindRegistry().byKind('CustomResourceDefinition')
await kind.prepare()

function issues(object: unknown): string[] {
  return kind
    .validate(kind.withDefaults(object))
    .map(
      ({ path, message, suggestion }) =>
        `${formatPath(path)}: ${message}${suggestion ? ` [${suggestion}]` : ''}`,
    )
}

const S = 'spec.versions.0.schema.openAPIV3Schema'
const shown = S.replace('.0.', '[0].')

test('what Kubernetes tools generate is right', () => assert.equal(issues(definitionManifest()), []))

for (const [name, path, value, wanted] of [
  [
    'a name that is not <plural>.<group>',
    'metadata.name',
    'backup.acme.org',
    ['metadata.name: must be <plural>.<group>, "backups.acme.org", not "backup.acme.org"'],
  ],
  ['no schema', 'spec.versions.0.schema', undefined, ['spec.versions[0].schema: is required']],
  [
    'a version that is not served',
    'spec.versions.0.served',
    false,
    ['spec.versions[0].served: must be true: it is the only version'],
  ],
  ['reserved members', 'spec.internal', true, ["spec.internal: is reserved for nsctl's own kinds"]],
  [
    'the kind of one of ours',
    'spec.names.kind',
    'Service',
    ['spec.names.kind: "Service" is taken by Service (nsctl.dev)'],
  ],
  [
    'a short name of one of ours',
    'spec.names.shortNames',
    ['bk', 'svc'],
    ['spec.names.shortNames[1]: "svc" is taken by Service (nsctl.dev)'],
  ],
  [
    'a singular of one of ours',
    'spec.names.singular',
    'node',
    ['spec.names.singular: "node" is taken by Node (nsctl.dev)'],
  ],
  [
    'a scale path that is none',
    'spec.versions.0.subresources.scale.specReplicasPath',
    'spec.copies',
    [
      'spec.versions[0].subresources.scale.specReplicasPath: must be a field beneath .spec such as .spec.replicas, not "spec.copies"',
    ],
  ],
  [
    'a column whose path is none',
    'spec.versions.0.additionalPrinterColumns.0.jsonPath',
    '.spec[',
    [
      'spec.versions[0].additionalPrinterColumns[0].jsonPath: is no path: JSONPath ".spec[", column 7: it ends where an index, a slice, *, a quoted name or a filter is wanted',
    ],
  ],
  ['a schema that is a word', S, 'object', [`${shown}: must be an object, not the string "object"`]],
  [
    'a schema that is no object',
    `${S}.type`,
    'array',
    [
      `${shown}.type: must be object: resources are`,
      `${shown}: needs items: every value has a type`,
    ].reverse(),
  ],
  [
    'a misspelled type',
    `${S}.properties.spec.properties.copies.type`,
    'interger',
    [
      `${shown}.properties.spec.properties.copies.type: must be one of object, array, string, integer, number, boolean, not "interger" [integer]`,
    ],
  ],
  [
    'no type',
    `${S}.properties.spec.properties.copies.type`,
    undefined,
    [
      `${shown}.properties.spec.properties.copies: needs a type (one of object, array, string, integer, number, boolean)`,
    ],
  ],
  [
    'a misspelled keyword',
    `${S}.properties.spec.propertis`,
    {},
    [`${shown}.properties.spec.propertis: unknown schema keyword [properties]`],
  ],
  [
    'CEL rules',
    `${S}.properties.spec.x-kubernetes-validations`,
    [],
    [
      `${shown}.properties.spec.x-kubernetes-validations: CEL rules are not supported; state what you can with patterns and bounds`,
    ],
  ],
  [
    'a reference',
    `${S}.properties.spec.$ref`,
    '#/x',
    [`${shown}.properties.spec.$ref: references are not supported; write the schema out`],
  ],
  [
    'a pattern that is none',
    `${S}.properties.spec.properties.schedule.pattern`,
    '(',
    [
      `${shown}.properties.spec.properties.schedule.pattern: is no regular expression: Invalid regular expression: /(/: Unterminated group`,
    ],
  ],
  [
    'a keyword of the wrong type',
    `${S}.properties.spec.properties.copies.minimum`,
    '1',
    [`${shown}.properties.spec.properties.copies.minimum: must be a number, not "1"`],
  ],
  [
    'a property that is no schema',
    `${S}.properties.spec.properties.copies`,
    'integer',
    [`${shown}.properties.spec.properties.copies: must be a schema (an object), not "integer"`],
  ],
] as const)
  test(`a definition with ${name}`, () =>
    assert.equal(issues(put(definitionManifest(), path, value)), wanted))

test('a group of ours', () => {
  const object = put(
    put(definitionManifest(), 'spec.group', 'x.nsctl.dev'),
    'metadata.name',
    'backups.x.nsctl.dev',
  )
  assert.equal(issues(object), ["spec.group: nsctl.dev is nsctl's own; choose another group"])
})

test('a schema that is too deep is refused without walking all of it', () => {
  let deep: Record<string, unknown> = { type: 'string' }
  for (let i = 0; i < 5000; i++) deep = { type: 'object', properties: { a: deep } }
  const object = put(definitionManifest(), `${S}.properties.spec`, deep)
  assert.ok(kind.validate(object).some(({ message }) => message.includes('more than 64 levels')))
})

const other = put(
  put(put(definitionManifest(), 'metadata.name', 'rescues.other.org'), 'spec.group', 'other.org'),
  'spec.names',
  { kind: 'Rescue', plural: 'rescues', singular: 'rescue', shortNames: ['bk'] },
)

test('two definitions of users conflict too, but none with itself', () => {
  const kinds = createKindRegistry([definitionManifest(), other]).all()
  assert.equal(
    definitionConflicts(other, kinds).map(({ path, message }) => `${formatPath(path)}: ${message}`),
    ['spec.names.shortNames[0]: "bk" is taken by Backup (acme.org)'],
  )
  assert.equal(
    definitionConflicts(definitionManifest(), createKindRegistry([definitionManifest()]).all()),
    [],
  )
})

test('a definition whose kind another group has is left out, and told why', () => {
  const twin = put(put(definitionManifest(), 'metadata.name', 'backups.z.org'), 'spec.group', 'z.org')
  const kinds = createKindRegistry([definitionManifest(), twin]).all()
  assert.is(kinds.filter(({ kind }) => kind === 'Backup').length, 1)
  assert.is(definitionConflicts(twin, kinds)[0]?.message, '"Backup" is taken by Backup (acme.org)')
})

test.run()

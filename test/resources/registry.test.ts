import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../src/core/errors.ts'
import { clone, formatPath } from '../../src/core/json.ts'
import type { Kind } from '../../src/resources/kinds.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { createKindRegistry } from '../../src/resources/registry.ts'
import { definitionManifest, member, put, serviceManifest } from './fixtures.ts'

async function issues(kind: Kind, object: AnyResource): Promise<string[]> {
  await kind.prepare()
  return kind
    .validate(kind.withDefaults(object))
    .map(
      ({ path, message, suggestion }) =>
        `${formatPath(path)}: ${message}${suggestion ? ` [${suggestion}]` : ''}`,
    )
}

const own = createKindRegistry()

for (const [name, kind] of [
  ['svc', 'Service'],
  ['SVC', 'Service'],
  ['service', 'Service'],
  ['services', 'Service'],
  ['Service', 'Service'],
  ['services.nsctl.dev', 'Service'],
  ['service.v1alpha1.nsctl.dev', 'Service'],
  ['ns', 'Namespace'],
  ['no', 'Node'],
  ['inst', 'Instance'],
  ['ev', 'Event'],
  ['vol', 'Volume'],
  ['crd', 'CustomResourceDefinition'],
  ['cfg', 'Config'],
  ['sec', 'Secret'],
  ['recipients', 'Recipient'],
  ['deliveries', 'Delivery'],
  ['nothing', undefined],
  ['constructor', undefined],
] as const)
  test(`byName ${name}`, () => assert.is(own.byName(name)?.kind, kind))

test('our own kinds are all there, in order of name', () => {
  assert.equal(
    own.all().map(({ kind }) => kind),
    [
      'Authority',
      'ClusterTriggerAuthentication',
      'Config',
      'CustomResourceDefinition',
      'Delivery',
      'Event',
      'Instance',
      'Job',
      'JoinToken',
      'LimitRange',
      'Namespace',
      'Node',
      'PriorityClass',
      'Recipient',
      'ResourceQuota',
      'Route',
      'ScaledJob',
      'ScaledObject',
      'Secret',
      'Service',
      'TriggerAuthentication',
      'Volume',
    ],
  )
  const service = own.byKind('Service')
  assert.is(service.apiVersion, 'nsctl.dev/v1alpha1')
  assert.equal(service.scalePath, ['spec', 'replicas'])
  assert.equal(
    [service.revisioned, service.internal, service.perNode, service.hasStatus],
    [true, false, false, true],
  )
  const instance = own.byKind('Instance')
  assert.equal(
    [instance.revisioned, instance.internal, instance.perNode, instance.hasStatus],
    [false, true, true, true],
  )
  assert.is(own.byKind('Namespace').scope, 'Cluster')
  assert.match(service.schema.properties?.spec?.description ?? '', 'What should run')
})

test('near, byKind and byApiVersion of what is not there', () => {
  assert.equal(own.near('servics'), ['services'])
  assert.equal(own.near('Servce'), ['Service'])
  assert.equal(own.near('zebra'), [])
  assert.is(own.byApiVersion('v1', 'Service'), undefined)
  assert.is(own.byApiVersion('nsctl.dev/v1', 'Service'), undefined)
  assert.is(
    own.byApiVersion('apiextensions.k8s.io/v1', 'CustomResourceDefinition')?.kind,
    'CustomResourceDefinition',
  )
  assert.throws(
    () => own.byKind('Zebra'),
    (error: unknown) => isNsctlError(error, 'Bug'),
  )
})

test('validate before prepare is a bug, and says so', () => {
  assert.throws(() => createKindRegistry().byKind('Service').validate({}), /prepare/)
})

test('a right object has no issues and is not changed by validate', async () => {
  const service = own.byKind('Service')
  await service.prepare()
  const object = serviceManifest()
  const before = JSON.stringify(object)
  assert.equal(service.validate(object), [])
  assert.is(JSON.stringify(object), before)
})

test('defaults are filled in where they are missing, in lists too', () => {
  const manifest = serviceManifest()
  const before = clone(manifest)
  const object = own.byKind('Service').withDefaults(manifest)
  assert.equal(manifest, before)
  assert.equal(member(object, 'spec.template.ports'), [
    { name: 'http', protocol: 'TCP' },
    { name: 'metrics', port: 9100, protocol: 'TCP' },
  ])
  assert.equal(member(object, 'spec.template.env.1'), { name: 'EMPTY' })
  assert.equal(member(object, 'spec.template.stop'), { signal: 'SIGTERM', gracePeriod: '10s' })
  assert.equal(member(object, 'spec.template.readiness'), {
    http: { path: '/healthz', port: 'http' },
    period: '2s',
    timeout: '1s',
    failureThreshold: 3,
    successThreshold: 1,
  })
  assert.is(member(object, 'spec.template.security'), undefined)
  assert.is(member(object, 'spec.update.maxSurge'), '25%')
  assert.is(member(object, 'spec.update.maxUnavailable'), 0)
  assert.is(own.byKind('Service').withDefaults(object), object)
})

test('a default that objects share cannot be changed', () => {
  const object = own.byKind('Service').withDefaults(serviceManifest())
  const stop = member(object, 'spec.template.stop') as { signal: string }
  assert.throws(() => {
    stop.signal = 'SIGINT'
  }, /read only/)
})

const userKinds = createKindRegistry([definitionManifest()])
const backup: AnyResource = {
  apiVersion: 'acme.org/v1',
  kind: 'Backup',
  metadata: { name: 'nightly' },
  spec: { schedule: '0 3 * * *' },
}

test('a kind of the user is known by all its names', () => {
  for (const name of ['bk', 'backup', 'backups', 'Backup', 'backups.acme.org', 'backup.v1.acme.org'])
    assert.is(userKinds.byName(name)?.kind, 'Backup', name)
  const kind = userKinds.byKind('Backup')
  assert.is(userKinds.byApiVersion('acme.org/v1', 'Backup'), kind)
  assert.equal(kind.scalePath, ['spec', 'copies'])
  assert.equal(
    kind.columns.map(({ name }) => name),
    ['Schedule'],
  )
  assert.is(kind.hasStatus, true)
  assert.equal(userKinds.all().at(-1)?.kind, 'Backup')
})

test('its defaults are filled in', () => {
  const object = put(clone(backup), 'spec.targets', [{ host: 'a' }])
  assert.equal(member(userKinds.byKind('Backup').withDefaults(object), 'spec'), {
    schedule: '0 3 * * *',
    targets: [{ host: 'a', port: 22 }],
    copies: 1,
    mode: 'full',
  })
})

for (const [name, path, value, wanted] of [
  ['nothing', 'spec.copies', 2, []],
  ['null where it may be', 'spec.at', null, []],
  ['null where it may not', 'spec.copies', null, ['spec.copies: must be an integer, not null (empty)']],
  ['int or string: int', 'spec.keep', 5, []],
  ['int or string: string', 'spec.keep', '5d', []],
  [
    'int or string: neither',
    'spec.keep',
    1.5,
    ['spec.keep: must be an integer or a string, not the number 1.5 (put it in quotes)'],
  ],
  ['free fields', 'spec.free', { any: { thing: [1] } }, []],
  [
    'a map',
    'spec.labels',
    { a: 'b', c: 1 },
    ['spec.labels.c: must be a string, not the number 1 (quote it: "1")'],
  ],
  ['an unknown field', 'spec.shedule', 'x', ['spec.shedule: unknown field [schedule]']],
  [
    'an unknown field in a list',
    'spec.targets',
    [{ host: 'a', prt: 1 }],
    ['spec.targets[0].prt: unknown field [port]'],
  ],
  ['an unknown member of the object', 'sepc', {}, ['sepc: unknown field [spec]']],
  ['a status where the kind has no such schema', 'status', {}, ['status: unknown field']],
  ['an enum', 'spec.mode', 'fulll', ['spec.mode: must be one of full, incremental, not "fulll" [full]']],
  [
    'a format',
    'spec.at',
    'tomorrow',
    ['spec.at: must be a date and time such as 2026-01-31T12:00:00Z, not "tomorrow"'],
  ],
  ['a pattern', 'spec.schedule', 'x', ['spec.schedule: must match ^\\S+( \\S+){4}$, which "x" does not']],
  ['a minimum', 'spec.copies', -1, ['spec.copies: must be at least 0, not -1']],
  ['an integer with a fraction', 'spec.copies', 1.5, ['spec.copies: must be an integer, not the number 1.5']],
  [
    'a quoted integer',
    'spec.copies',
    '2',
    ['spec.copies: must be an integer, not the string "2" (without quotes)'],
  ],
  [
    'too many items',
    'spec.targets',
    [1, 2, 3, 4].map((i) => ({ host: `${i}` })),
    ['spec.targets: must have at most 3 items, not 4'],
  ],
  ['a missing field', 'spec.schedule', undefined, ['spec.schedule: is required']],
  ['a missing field in a list', 'spec.targets', [{}], ['spec.targets[0].host: is required']],
  ['none of the alternatives', 'spec.where', {}, ['spec.where: must have exactly one of path, bucket']],
  [
    'both alternatives',
    'spec.where',
    { path: 'a', bucket: 'b' },
    ['spec.where: must have exactly one of path, bucket'],
  ],
  ['one alternative', 'spec.where', { path: 'a' }, []],
  ['a list for an object', 'spec.where', [], ['spec.where: must be an object, not a list']],
] as const)
  test(`a user's kind is validated: ${name}`, async () => {
    const object = put(clone(backup), path, value)
    assert.equal(await issues(userKinds.byKind('Backup'), object), wanted)
  })

test('a definition that is broken or collides with a kind does not take the others away', () => {
  const broken = put(definitionManifest(), 'spec', {}) as AnyResource
  const thief = put(
    put(definitionManifest(), 'spec.names.kind', 'Service'),
    'metadata.name',
    'a.acme.org',
  ) as AnyResource
  const registry = createKindRegistry([
    broken,
    thief,
    put(definitionManifest(), 'metadata.name', 'z.acme.org'),
  ])
  assert.is(registry.byKind('Service').group, 'nsctl.dev')
  assert.is(registry.byKind('Backup').group, 'acme.org')
})

test('a schema that ajv cannot compile is an Invalid error of prepare', async () => {
  const wrong = put(
    definitionManifest(),
    'spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.schedule.pattern',
    '(',
  )
  try {
    await createKindRegistry([wrong]).byKind('Backup').prepare()
    assert.unreachable()
  } catch (error) {
    assert.ok(isNsctlError(error, 'Invalid'), String(error))
    assert.match(error.message, 'Backup')
  }
})

for (const c of [
  {
    name: 'a PriorityClass with its fields at the top',
    kind: 'PriorityClass',
    more: { value: 5, globalDefault: false, preemptionPolicy: 'Never', description: 'x', valu: 5 },
    want: [
      'spec: is required',
      'value: unknown field [spec.value]',
      'globalDefault: unknown field [spec.globalDefault]',
      'preemptionPolicy: unknown field [spec.preemptionPolicy]',
      'description: unknown field [spec.description]',
      'valu: unknown field',
    ],
  },
  {
    name: 'a ResourceQuota without its spec',
    kind: 'ResourceQuota',
    more: { hard: { pods: 1 } },
    want: ['spec: is required', 'hard: unknown field [spec.hard]'],
  },
  {
    name: "a LimitRange of Kubernetes' types",
    kind: 'LimitRange',
    more: { spec: { limits: [{ type: 'Container' }, { type: 'Pod' }, { type: 'Progam' }] } },
    want: [
      'spec.limits[0].type: must be one of Program, Instance, not "Container" [Program]',
      'spec.limits[1].type: must be one of Program, Instance, not "Pod" [Instance]',
      'spec.limits[2].type: must be one of Program, Instance, not "Progam" [Program]',
    ],
  },
])
  test(`as Kubernetes has it: ${c.name} is told where it goes here`, async () => {
    const kind = own.byKind(c.kind)
    const object = { apiVersion: 'nsctl.dev/v1alpha1', kind: c.kind, metadata: { name: 'x' }, ...c.more }
    assert.equal((await issues(kind, object as AnyResource)).toSorted(), c.want.toSorted())
  })

test.run()

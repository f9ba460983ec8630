import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatPath } from '../../../src/core/json.ts'
import { createKindRegistry } from '../../../src/resources/registry.ts'
import { put, serviceManifest } from '../fixtures.ts'

const service = createKindRegistry().byKind('Service')
await service.prepare()

const P = 'spec.placement'
const near = { service: 'db' }

function issues(placement: unknown): readonly string[] {
  const object = put(serviceManifest(), P, placement)
  return service
    .validate(service.withDefaults(object))
    .map(({ path, message }) => `${formatPath(path)}: ${message}`)
}

const expression = (operator: string, values?: readonly string[]) => ({
  affinity: {
    node: { required: [{ matchExpressions: [{ key: 'size', operator, ...(values && { values }) }] }] },
  },
})
const values = `${P}.affinity.node.required[0].matchExpressions[0].values`

for (const [name, placement, wanted] of [
  ['nothing', {}, []],
  [
    'all that there is',
    {
      strategy: 'pack',
      nodeSelector: { 'topology.kubernetes.io/zone': 'a' },
      tolerations: [{ operator: 'Exists' }, { key: 'spot', value: 'yes', effect: 'NoSchedule' }],
      affinity: {
        node: {
          required: [{ matchExpressions: [{ key: 'size', operator: 'Gt', values: ['-3'] }] }],
          preferred: [{ weight: 1, preference: { matchExpressions: [{ key: 'a', operator: 'Exists' }] } }],
        },
        service: { required: [near], preferred: [{ weight: 100, preference: near }] },
      },
      antiAffinity: { service: { required: [{ ...near, namespace: 'prod', topologyKey: 'rack' }] } },
      topologySpreadConstraints: [{}, { whenUnsatisfiable: 'ScheduleAnyway' }],
    },
    [],
  ],
  [
    'an unknown strategy',
    { strategy: 'everywhere' },
    [`${P}.strategy: must be one of spread, pack, perNode, not "everywhere"`],
  ],
  [
    'a label that cannot be one',
    { nodeSelector: { 'a b': 'c' } },
    [
      `${P}.nodeSelector["a b"]: a key must have at most 63 letters, digits, -, _ and ., starting and ending with a letter or digit: "a b"`,
    ],
  ],
  [
    'a toleration of nothing',
    { tolerations: [{}] },
    [`${P}.tolerations[0].operator: must be Exists where there is no key`],
  ],
  [
    'Exists with a value',
    { tolerations: [{ key: 'spot', operator: 'Exists', value: 'a' }] },
    [`${P}.tolerations[0].value: cannot stand beside operator Exists, which takes any`],
  ],
  ['In of nothing', expression('In'), [`${values}: must have at least one for operator In`]],
  ['Exists of something', expression('Exists', ['a']), [`${values}: cannot stand beside operator Exists`]],
  [
    'Gt of a word',
    expression('Gt', ['big']),
    [`${values}: must be one whole number for operator Gt, not "big"`],
  ],
  [
    'Lt of two',
    expression('Lt', ['1', '2']),
    [`${values}: must be one whole number for operator Lt, not "1, 2"`],
  ],
  [
    'a place that no label can name',
    { antiAffinity: { service: { required: [{ ...near, topologyKey: '-' }] } } },
    [
      `${P}.antiAffinity.service.required[0].topologyKey: a key must have at most 63 letters, digits, -, _ and ., starting and ending with a letter or digit: "-"`,
    ],
  ],
  [
    'the same spread twice',
    { topologySpreadConstraints: [{}, { maxSkew: 3 }] },
    [
      `${P}.topologySpreadConstraints[1].topologyKey: must be unique with its whenUnsatisfiable: topologySpreadConstraints[0] says the same`,
    ],
  ],
  [
    'what there is no choice for',
    { strategy: 'perNode', topologySpreadConstraints: [{}] },
    [`${P}.topologySpreadConstraints: cannot act with strategy perNode: each node that matches has one`],
  ],
] as const)
  test(`placement of ${name}`, () => assert.equal(issues(placement), [...wanted]))

test('a daemon has no part that could go ahead of the others', () => {
  const daemon = put(serviceManifest(), P, { strategy: 'perNode' })
  const blueGreen = put(daemon, 'spec.update', { strategy: 'BlueGreen' })
  const found = service
    .validate(service.withDefaults(blueGreen))
    .map(({ path, message }) => `${formatPath(path)}: ${message}`)
  const wanted =
    'spec.update.strategy: cannot be BlueGreen with placement strategy perNode: use Rolling or Recreate'
  assert.ok(found.includes(wanted), found.join('\n'))
})

test('replicas beside perNode are accepted, and it is said that they do nothing', () => {
  const daemon = put(put(serviceManifest(), P, { strategy: 'perNode' }), 'spec.replicas', 3)
  assert.equal(service.warnings(daemon), [
    'spec.replicas (3) has no effect with placement strategy perNode: each node that matches has one',
  ])
  assert.equal(service.warnings(put(daemon, 'spec.replicas', 1)), [])
  assert.equal(service.warnings(put(daemon, P, { strategy: 'spread' })), [])
})

test.run()

/** What a quota limits, how its amounts are written, and what a template says of them. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ResourceQuota, ServiceTemplate } from '../../../src/resources/generated/types.ts'
import { resourceQuotaConstraints } from '../../../src/resources/resourcequota/constraints.ts'
import {
  demandOf,
  formatAmount,
  parseAmount,
  unstated,
} from '../../../src/resources/resourcequota/measures.ts'

const source = { command: ['true'] }
const group = {
  programs: [
    { name: 'a', source, resources: { cpu: '500m', memory: '1Gi' }, limits: { cpu: '1' } },
    { name: 'b', source, resources: { cpu: '1' } },
  ],
} as unknown as ServiceTemplate

test('an instance uses what its programs ask for together', () => {
  assert.equal(demandOf(group), {
    'requests.cpu': 1500,
    'requests.memory': 2 ** 30,
    'limits.cpu': 1000,
    'limits.memory': 2 ** 30,
    instances: 1,
  })
})

test('what a program does not state is told by its field', () => {
  assert.is(unstated(group, 'requests.cpu'), undefined)
  assert.equal(unstated(group, 'limits.memory'), { program: 'b', field: 'resources.memory' })
  assert.equal(unstated(group, 'limits.cpu'), { program: 'b', field: 'limits.cpu' })
  assert.is(unstated(group, 'instances'), undefined)
})

test('amounts are read and written in their own units', () => {
  for (const [name, text] of [
    ['cpu', '1500m'],
    ['requests.memory', '2Gi'],
    ['instances', '3'],
    ['count/services', '4'],
  ] as const)
    assert.is(formatAmount(name, parseAmount(name, text)), text)
  assert.is(parseAmount('limits.cpu', 4), 4000)
})

for (const c of [
  { hard: { cpu: 4, 'requests.memory': '8Gi', instances: 10, 'count/services': '3' }, want: [] },
  {
    hard: { pods: 1 },
    want: /^is nothing that a quota limits: there are cpu, memory, requests\.cpu.*count\/triggerauthentications$/,
  },
  { hard: { 'count/instances': 1 }, want: /is nothing that a quota limits/ },
  { hard: { 'count/constructor': 1 }, want: /is nothing that a quota limits/ },
  { hard: { cpu: '4 cores' }, want: /^not a CPU quantity/ },
  { hard: { instances: '1Gi' }, want: /^must be a whole number$/ },
  { hard: { 'count/jobs': -1 }, want: /^must be a whole number$/ },
] as readonly { hard: Record<string, string | number>; want: RegExp | [] }[])
  test(`hard ${JSON.stringify(c.hard)}`, () => {
    const issues = resourceQuotaConstraints({ spec: { hard: c.hard } } as unknown as ResourceQuota)
    assert.is(issues.length, Array.isArray(c.want) ? 0 : 1)
    if (!Array.isArray(c.want)) assert.match(issues[0]?.message ?? '', c.want)
  })

test('a misspelled name has a suggestion', () => {
  const [issue] = resourceQuotaConstraints({ spec: { hard: { 'count/service': 1 } } })
  assert.is(issue?.suggestion, 'count/services')
  assert.equal(issue?.path, ['spec', 'hard', 'count/service'])
})

test('a name of Kubernetes has the one that it has here for a suggestion', () => {
  for (const [name, meant] of [
    ['pods', 'instances'],
    ['services', 'count/services'],
    ['configmaps', 'count/configs'],
    ['count/jobs.batch', 'count/jobs'],
  ] as const) {
    const [issue] = resourceQuotaConstraints({ spec: { hard: { [name]: 1 } } })
    assert.is(issue?.suggestion, meant)
    assert.equal(resourceQuotaConstraints({ spec: { hard: { [meant]: 1 } } }), [])
  }
})

test.run()

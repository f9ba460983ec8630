import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ChangeResult } from '../../src/api/api.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { secretVariablesCaution } from '../../src/views/cautions.ts'
import { kinds } from './fixtures.ts'

const variable = (name: string) => ({ name, valueFrom: { secretKeyRef: { name: 'db', key: 'a' } } })
const service = (name: string, template: object) =>
  ({
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Service',
    metadata: { name },
    spec: { template },
  }) as unknown as AnyResource
const result = (object: AnyResource, more: Partial<ChangeResult> = {}): ChangeResult => ({
  kind: kinds.byKind('Service'),
  verdict: 'created',
  object,
  changes: [],
  warnings: [],
  ...more,
})

const ALL = 'nsctl explain service.spec.template.secrets'
for (const [name, results, wanted] of [
  ['nothing of plain variables', [result(service('a', { env: [{ name: 'A', value: '1' }] }))], undefined],
  ['nothing of files', [result(service('a', { secrets: [{ name: 'db' }] }))], undefined],
  [
    'nothing of what stays',
    [result(service('a', { env: [variable('A')] }), { verdict: 'unchanged' })],
    undefined,
  ],
  [
    'nothing of what was so before',
    [
      result(service('a', { env: [variable('A')], network: 'none' }), {
        verdict: 'configured',
        before: service('a', { env: [variable('A')] }),
      }),
    ],
    undefined,
  ],
  [
    'one Service',
    [result(service('a', { env: [variable('A')], envFrom: [{ secretRef: { name: 'x' } }] }))],
    `1 service takes Secrets as variables, which everything they start sees: service/a (A, all of secret/x); files are safer: ${ALL}`,
  ],
  [
    'several, in one line',
    ['a', 'b', 'c', 'd', 'e'].map((one) => result(service(one, { programs: [{ env: [variable('A')] }] }))),
    `5 services take Secrets as variables, which everything they start sees: service/a (A), service/b (A), service/c (A) and 2 more; files are safer: ${ALL}`,
  ],
] as const)
  test(`the caution about variables tells ${name}`, () => assert.is(secretVariablesCaution(results), wanted))

test.run()

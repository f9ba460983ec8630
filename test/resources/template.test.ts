import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { findCondition, setConditions } from '../../src/resources/conditions.ts'
import type { ServiceTemplate } from '../../src/resources/generated/types.ts'
import { programsOf, templateHash } from '../../src/resources/template.ts'

const template: ServiceTemplate = {
  source: { command: ['node', 'server.js'], workingDir: '/srv' },
  env: [{ name: 'A', value: '1' }],
  ports: [{ name: 'http', protocol: 'TCP' }],
  stop: { signal: 'SIGTERM', gracePeriod: '10s' },
  network: 'host',
}
const { stop, network, ...rest } = template

test('the hash is ten safe characters and does not change between versions of nsctl', () => {
  // a different value here replaces every instance of every user: change it only on purpose
  assert.is(templateHash(template), 'gc6fwnyp8s')
})

test('the content of what a template names belongs to its hash, and none at all changes nothing', () => {
  const content = (version: string) => [{ kind: 'Secret', name: 'db', version }] as const
  assert.is(templateHash(template, undefined, undefined), 'gc6fwnyp8s')
  assert.is(templateHash(template, [], content('a')), templateHash(template, undefined, content('a')))
  assert.is.not(templateHash(template, [], content('a')), templateHash(template))
  assert.is.not(templateHash(template, [], content('a')), templateHash(template, [], content('b')))
})

test('a variable without a value is one with an empty value, in groups too', () => {
  const [bare, empty] = [[{ name: 'A' }], [{ name: 'A', value: '' }]]
  const group = (env: typeof bare) => ({
    stop,
    network,
    env,
    programs: [
      { name: 'a', source: { command: ['a'] }, env },
      { name: 'b', source: { command: ['b'] } },
    ],
  })
  assert.is(templateHash({ ...template, env: bare }), templateHash({ ...template, env: empty }))
  assert.is(templateHash(group(bare)), templateHash(group(empty)))
  const valueFrom = { secretKeyRef: { name: 'db', key: 'a', optional: false } }
  const taken = { ...template, env: [{ name: 'A', valueFrom }] }
  assert.is.not(templateHash(taken), templateHash({ ...template, env: bare }))
})

for (const [name, other, storage, same] of [
  ['the same in another order', { network, stop, ...rest }, undefined, true],
  ['an undefined member', { ...template, readiness: undefined }, undefined, true],
  ['no storage in words', template, [], true],
  [
    'another argument',
    { ...template, source: { command: ['node', 'other.js'], workingDir: '/srv' } },
    undefined,
    false,
  ],
  ['another value', { ...template, env: [{ name: 'A', value: '2' }] }, undefined, false],
  ['a restart', { ...template, restartedAt: '2026-01-01T00:00:00Z' }, undefined, false],
  ['storage', template, [{ name: 'data', path: '/data' }], false],
] as const)
  test(`templateHash: ${name} is ${same ? 'the same' : 'another'}`, () =>
    assert.is(templateHash(other as ServiceTemplate, storage) === templateHash(template), same))

test("one program has no name and the template's own settings", () => {
  const readiness = {
    tcp: { port: 'http' },
    period: '5s',
    timeout: '1s',
    failureThreshold: 3,
    successThreshold: 1,
  }
  assert.equal(programsOf({ ...template, readiness }), [
    { name: '', source: template.source, env: [{ name: 'A', value: '1' }], readiness },
  ])
})

test("a group's programs share its variables and overrule them", () => {
  const programs = programsOf({
    stop,
    network,
    env: [
      { name: 'A', value: '1' },
      { name: 'B', value: '2' },
    ],
    programs: [
      { name: 'app', source: { command: ['a'] }, env: [{ name: 'A', value: 'own' }] },
      { name: 'proxy', source: { command: ['b'] }, resources: { memory: '1Gi' } },
    ],
  })
  assert.equal(programs, [
    {
      name: 'app',
      source: { command: ['a'] },
      env: [
        { name: 'B', value: '2' },
        { name: 'A', value: 'own' },
      ],
    },
    {
      name: 'proxy',
      source: { command: ['b'] },
      resources: { memory: '1Gi' },
      env: [
        { name: 'A', value: '1' },
        { name: 'B', value: '2' },
      ],
    },
  ])
})

test('a condition keeps its time until its status changes', () => {
  const [early, late] = ['2026-01-01T00:00:00Z', '2026-01-01T01:00:00Z']
  const first = setConditions(undefined, [{ type: 'Ready', status: 'False', reason: 'Starting' }], early, 1)
  assert.equal(first, [
    { type: 'Ready', status: 'False', reason: 'Starting', lastTransitionTime: early, observedGeneration: 1 },
  ])
  const second = setConditions(
    first,
    [{ type: 'Ready', status: 'False', reason: 'Unready', message: 'no' }],
    late,
    2,
  )
  assert.equal(second, [
    {
      type: 'Ready',
      status: 'False',
      reason: 'Unready',
      message: 'no',
      lastTransitionTime: early,
      observedGeneration: 2,
    },
  ])
  const third = setConditions(second, [{ type: 'Ready', status: 'True', reason: 'Ready' }], late)
  assert.equal(third, [{ type: 'Ready', status: 'True', reason: 'Ready', lastTransitionTime: late }])
})

test('a condition that is not said stays, after those that are', () => {
  const before = setConditions(undefined, [{ type: 'A', status: 'True', reason: 'R' }], 't')
  const after = setConditions(before, [{ type: 'B', status: 'True', reason: 'R' }], 'u')
  assert.equal(
    after.map(({ type }) => type),
    ['B', 'A'],
  )
  assert.is(findCondition(after, 'A')?.lastTransitionTime, 't')
  assert.is(findCondition(undefined, 'A'), undefined)
})

test.run()

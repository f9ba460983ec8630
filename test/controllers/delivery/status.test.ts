import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { configStatus, secretStatus } from '../../../src/controllers/delivery/status.ts'
import { findCondition } from '../../../src/resources/conditions.ts'
import type { Config, Secret, SecretStatus } from '../../../src/resources/generated/types.ts'

const metadata = { name: 'db', namespace: 'default', generation: 3 }
const secret = (spec: unknown, status?: SecretStatus) =>
  ({ kind: 'Secret', metadata, spec, status }) as Secret
const sealed = (...keys: readonly string[]) => ({
  sealed: Object.fromEntries(keys.map((key) => [key, { version: 'v', age: 'x' }])),
})
const openable = { type: 'Openable', status: 'True', reason: 'Opens' } as const
const base = { openable, faults: [], usage: { services: [], nodes: [] }, now: '2026-01-01T00:00:00Z' }

function statusOf(spec: unknown, over: object = {}, before?: SecretStatus): SecretStatus {
  return secretStatus(before, { ...base, secret: secret(spec, before), ...over })
}

test('names are each there once, in order, and counted where they are many', () => {
  const services = ['web', 'api', 'web', 'c', 'd', 'e', 'f', 'g']
  const status = statusOf(sealed('b', 'a'), { usage: { services, nodes: ['n2', 'n1', 'n2'] } })
  assert.is(status.keyNames, 'a,b')
  assert.is(status.nodes, 'n1,n2')
  assert.is(status.usedBy, 'api,c,d,e,f +2')
})

test('what another writes is kept, and what is wrong with it is said', () => {
  const fetched = {
    type: 'Fetched',
    status: 'False',
    reason: 'Unreachable',
    message: 'vault is away',
  } as const
  const before = {
    fetched: sealed('token').sealed,
    fetchedAt: '2026-01-01T00:00:00Z',
    conditions: [{ ...fetched, lastTransitionTime: '2025-01-01T00:00:00Z' }],
  } as SecretStatus
  const status = statusOf({ external: { vault: {} } }, {}, before)
  assert.equal([status.fetched, status.fetchedAt], [before.fetched, before.fetchedAt])
  assert.equal(findCondition(status.conditions, 'Fetched'), before.conditions?.[0])
  assert.equal([status.source, status.keyNames, status.summary], ['vault', 'token', 'vault is away'])
})

test('what is not so any more is not said any more', () => {
  const before = statusOf(sealed('a'), {
    usage: { services: ['web'], nodes: ['n'] },
    faults: [{ reason: 'VersionLost', message: 'lost' }],
  })
  assert.equal([before.summary, before.nodes, before.usedBy], ['lost', 'n', 'web'])
  const after = statusOf({ external: {} }, {}, before)
  for (const member of ['summary', 'nodes', 'usedBy', 'keyNames', 'version'] as const)
    assert.is(after[member], undefined, member)
})

test('of several faults always the same one is told, with how many more there are', () => {
  const faults = ['c', 'a', 'b', 'a'].map((message) => ({ reason: message.toUpperCase(), message }))
  for (const some of [faults, faults.toReversed()]) {
    const delivered = findCondition(statusOf(sealed('a'), { faults: some }).conditions, 'Delivered')
    assert.equal([delivered?.reason, delivered?.message], ['A', 'a (and 2 more)'])
  }
})

test('a time of transition moves only with the status', () => {
  const before = statusOf(sealed('a'))
  const later = statusOf(sealed('a'), { now: '2026-02-02T00:00:00Z' }, before)
  assert.equal(later, before)
})

test("a Config's status counts its names", () => {
  const config = {
    kind: 'Config',
    metadata,
    spec: { data: { a: '1' }, files: { b: '2' } },
  } as unknown as Config
  const { keys, usedBy, observedGeneration, summary } = configStatus(
    config,
    { services: ['web'], nodes: [] },
    [],
  )
  assert.equal([keys, usedBy, observedGeneration, summary], [2, 'web', 3, undefined])
})

test.run()

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isAbandoned, judge, type RememberInput, remember } from '../../../src/controllers/service/target.ts'
import type { Instance, InstanceStatus } from '../../../src/resources/generated/types.ts'

const failure = { reason: 'CrashLoop', message: 'web-0 exits with 1' } as const
const base: RememberInput = {
  before: undefined,
  currentHash: 'new',
  revision: 7,
  materials: [],
  complete: false,
  failure: undefined,
  autoRollback: true,
}

for (const c of [
  {
    name: 'a first template is not stable before it is complete',
    over: {},
    want: { stableHash: undefined, failedHash: undefined },
  },
  {
    name: 'a complete one is stable',
    over: { complete: true },
    want: { stableHash: 'new', stableRevision: 7 },
  },
  {
    name: 'a first one that fails is not abandoned: there is nothing to go back to',
    over: { failure },
    want: { failedHash: undefined },
  },
  {
    name: 'one that fails is abandoned for the stable one',
    over: { failure, before: { stableHash: 'old', stableRevision: 6 } },
    want: { stableHash: 'old', stableRevision: 6, failedHash: 'new', failedReason: failure.message },
  },
  {
    name: 'not where autoRollback is off',
    over: { failure, autoRollback: false, before: { stableHash: 'old', stableRevision: 6 } },
    want: { stableHash: 'old', failedHash: undefined },
  },
  {
    name: 'an abandoned one stays abandoned',
    over: { before: { stableHash: 'old', stableRevision: 6, failedHash: 'new', failedReason: 'x' } },
    want: { failedHash: 'new', failedReason: 'x', stableHash: 'old' },
  },
  {
    name: 'an abandoned one is forgotten when another is wanted',
    over: { before: { stableHash: 'old', stableRevision: 6, failedHash: 'bad' } },
    want: { failedHash: undefined, stableHash: 'old' },
  },
  {
    name: 'a stable one is not abandoned when it fails later',
    over: { failure, before: { stableHash: 'new', stableRevision: 5 } },
    want: { stableHash: 'new', stableRevision: 7, failedHash: undefined },
  },
] as const) {
  test(`remember: ${c.name}`, () => {
    const memory = remember({ ...base, ...(c.over as Partial<RememberInput>) })
    for (const [key, value] of Object.entries(c.want))
      assert.is(memory[key as keyof typeof memory], value, key)
    assert.is(isAbandoned(memory), memory.failedHash === 'new')
  })
}

function judged(status: InstanceStatus, waitedMs: number, isAvailable = false) {
  const instance = { metadata: { name: 'web-0-abcde', uid: 'u' }, spec: {}, status } as unknown as Instance
  return judge({
    current: [instance],
    progressDeadlineMs: 60_000,
    isAvailable: () => isAvailable,
    unavailableMs: () => waitedMs,
  })
}

for (const c of [
  { name: 'one that is available', status: { ready: true }, waitedMs: 1e9, available: true, want: undefined },
  {
    name: 'one that may still become ready',
    status: { phase: 'Starting' },
    waitedMs: 59_999,
    want: undefined,
  },
  {
    name: 'one that took too long',
    status: { phase: 'Running' },
    waitedMs: 60_000,
    want: 'DeadlineExceeded',
  },
  {
    name: 'one that cannot be started',
    status: { phase: 'Failed', message: 'no such program' },
    waitedMs: 0,
    want: 'CannotStart',
  },
  {
    name: 'the quick restarts of the runtime',
    status: { phase: 'Starting', restarts: 3 },
    waitedMs: 0,
    want: undefined,
  },
  { name: 'a crash loop', status: { phase: 'Backoff', restarts: 4 }, waitedMs: 0, want: 'CrashLoop' },
] as const) {
  test(`judge: ${c.name}`, () => {
    assert.is(judged(c.status as InstanceStatus, c.waitedMs, 'available' in c)?.reason, c.want)
  })
}

const [one, two] = ['v1', 'v2'].map((version) => [{ kind: 'Secret', name: 'db', version }] as const)
const old = { stableHash: 'old', stableRevision: 6, stableMaterials: one }
const same = { ...old, stableHash: 'new' }

for (const c of [
  {
    name: 'what became good is remembered with what it ran with',
    over: { complete: true, materials: two },
    want: two,
  },
  { name: 'and kept while the next is tried', over: { before: old, materials: two }, want: one },
  { name: 'and while that is abandoned', over: { before: old, materials: two, failure }, want: one },
  {
    name: 'until all run with something newer',
    over: { before: same, complete: true, materials: two },
    want: two,
  },
  {
    name: 'but not while they differ',
    over: { before: same, complete: true, materials: undefined },
    want: one,
  },
  { name: 'nor while one is not available', over: { before: same, materials: two }, want: one },
  { name: 'nothing is nothing', over: { complete: true, materials: [] }, want: undefined },
] as const)
  test(`materials: ${c.name}`, () =>
    assert.equal(remember({ ...base, ...(c.over as Partial<RememberInput>) }).stableMaterials, c.want))

test.run()

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  isFurther,
  lateness,
  type Reached,
  reachedBy,
} from '../../../../src/controllers/service/rollout/deadline.ts'
import type { Instance, Service } from '../../../../src/resources/generated/types.ts'

const REACHED: Reached = { hash: 'new', step: 0, fresh: 1, freshAvailable: 1, old: 2 }

for (const c of [
  { name: 'nothing has changed', now: {}, want: false },
  { name: 'another was made', now: { fresh: 2 }, want: true },
  { name: 'one that was made serves', now: { freshAvailable: 2 }, want: true },
  { name: 'an old one is gone', now: { old: 1 }, want: true },
  { name: 'the next step began', now: { step: 1 }, want: true },
  { name: 'something else is wanted', now: { hash: 'newer', fresh: 0, freshAvailable: 0 }, want: true },
  { name: 'one was lost', now: { fresh: 0, freshAvailable: 0 }, want: false },
  { name: 'an old one was made up', now: { old: 3 }, want: false },
])
  test(`a change is ${c.want ? '' : 'no '}further: ${c.name}`, () => {
    assert.is(isFurther(REACHED, { ...REACHED, ...c.now }), c.want)
  })

for (const c of [
  { name: 'all have a node', stillMs: 1e9, why: undefined, want: { text: undefined, waitMs: undefined } },
  { name: 'not for long', stillMs: 20_000, why: '0/1 nodes', want: { text: undefined, waitMs: 40_000 } },
  {
    name: 'for too long',
    ...{ stillMs: 60_000, why: '0/1 nodes: 1 lacks memory' },
    want: { text: 'it came no further for 60 s: 0/1 nodes: 1 lacks memory', waitMs: undefined },
  },
])
  test(`lateness: ${c.name}`, () => assert.equal(lateness('60s', c.stillMs, c.why), c.want))

const instance = (hash: string) => ({ spec: { templateHash: hash } }) as unknown as Instance
const UNDER_WAY = { currentHash: 'new', stableHash: 'old' }

for (const c of [
  { name: 'a change', memory: UNDER_WAY, note: undefined, replicas: 3, want: REACHED },
  { name: 'a first template', memory: { currentHash: 'new' }, note: undefined, replicas: 3, want: REACHED },
  { name: 'what has come to its end', memory: { currentHash: 'new', stableHash: 'new' }, replicas: 3 },
  { name: 'what was given up', memory: { ...UNDER_WAY, failedHash: 'new' }, replicas: 3 },
  { name: 'nothing wanted', memory: UNDER_WAY, replicas: 0 },
  { name: 'a pause', memory: UNDER_WAY, note: { reason: 'Paused', message: '' }, replicas: 3 },
  { name: 'an analysis', memory: UNDER_WAY, note: { reason: 'Analysing', message: '' }, replicas: 3 },
  {
    name: 'what waits for others',
    memory: UNDER_WAY,
    note: { reason: 'WaitingForDependencies', message: '' },
    replicas: 3,
  },
] as const)
  test(`how far it is: ${c.name}`, () => {
    const service = { spec: { replicas: c.replicas } } as unknown as Service
    const live = [instance('new'), instance('old'), instance('old')]
    const note = 'note' in c ? c.note : undefined
    const reached = reachedBy({ service, live, isAvailable: () => true }, c.memory, {
      note,
      state: undefined,
    })
    assert.equal(reached, 'want' in c ? c.want : undefined)
  })

test.run()

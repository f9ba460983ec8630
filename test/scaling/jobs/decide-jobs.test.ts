import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { TriggerInput } from '../../../src/scaling/decision.ts'
import { decideJobs, type JobsInput, type JobsPolicy } from '../../../src/scaling/jobs/decide-jobs.ts'

const test = suite('decideJobs')

function reading(value: number, active = value > 0, target?: number): TriggerInput {
  return {
    reading: {
      kind: 'values',
      metrics: [{ name: '', value, ...(target !== undefined && { target }) }],
      active,
    },
    readAtMs: 0,
    error: undefined,
    failures: 0,
  }
}
const failing: TriggerInput = { ...reading(1000), error: 'refused', failures: 3 }

function trigger(key: string, target: number | undefined = 1) {
  return { key, label: key, target }
}
const policy: JobsPolicy = {
  strategy: { kind: 'default' },
  minJobs: 0,
  maxJobs: 10,
  combine: 'max',
  triggers: [trigger('a'), trigger('b')],
}

interface Case {
  readonly name: string
  readonly policy?: Partial<JobsPolicy>
  readonly triggers?: Readonly<Record<string, TriggerInput>>
  readonly running?: number
  readonly pending?: number
  readonly create: number
}

/** The figures of KEDA's own tests of its strategies: wanted, running, pending, maximum. */
const strategies: readonly Case[] = (
  [
    ['default', 3, 2, 0, 5, 1],
    ['default', 2, 0, 0, 5, 2],
    ['accurate', 3, 2, 0, 5, 3],
    ['accurate', 5, 2, 0, 5, 3],
    ['accurate', 3, 4, 2, 10, 1],
    ['accurate', 5, 4, 2, 5, 1],
    ['accurate', 3, 3, 3, 5, 0],
    ['accurate', 15, 15, 15, 20, 0],
    ['accurate', 10, 10, 10, 15, 0],
    ['accurate', 20, 15, 10, 20, 5],
    ['eager', 4, 3, 0, 10, 4],
    ['eager', 4, 0, 3, 10, 4],
    ['eager', 4, 7, 0, 10, 3],
    ['eager', 4, 1, 6, 10, 3],
    ['eager', 15, 0, 0, 10, 10],
  ] as const
).map(([kind, wanted, running, pending, maxJobs, create]) => ({
  name: `${kind}: ${wanted} wanted, ${running} running, ${pending} pending, at most ${maxJobs}`,
  policy: { strategy: { kind }, maxJobs },
  triggers: { a: reading(wanted) },
  running,
  pending,
  create,
}))

const cases: readonly Case[] = [
  ...strategies,
  { name: 'makes none without work', triggers: { a: reading(0), b: reading(0) }, create: 0 },
  {
    name: 'makes one for each so much of it',
    policy: { triggers: [trigger('a', 5)] },
    triggers: { a: reading(21) },
    create: 5,
  },
  {
    name: 'never more than there is work for',
    policy: { triggers: [trigger('a', 0.1)] },
    triggers: { a: reading(2) },
    create: 2,
  },
  { name: 'never more than the maximum', triggers: { a: reading(500) }, create: 10 },
  { name: 'takes what the source itself divides by', triggers: { a: reading(20, true, 10) }, create: 2 },
  {
    name: 'custom takes off a number and a part of those that run',
    policy: { strategy: { kind: 'custom', deduction: 1, runningPart: 0.5 } },
    triggers: { a: reading(9) },
    running: 5,
    create: 6,
  },
  { name: 'keeps as many as it is to at least, without work', policy: { minJobs: 2 }, running: 1, create: 1 },
  {
    name: 'does not count those among what runs for work',
    policy: { minJobs: 2 },
    triggers: { a: reading(3) },
    running: 2,
    create: 3,
  },
  { name: 'max takes the longest queue', triggers: { a: reading(2), b: reading(5) }, create: 5 },
  {
    name: 'min takes the shortest that is active',
    policy: { combine: 'min' },
    triggers: { a: reading(0), b: reading(5) },
    create: 5,
  },
  {
    name: 'avg takes the mean of those that are active',
    policy: { combine: 'avg' },
    triggers: { a: reading(2), b: reading(5) },
    create: 4,
  },
  {
    name: 'sum takes all',
    policy: { combine: 'sum' },
    triggers: { a: reading(2), b: reading(5) },
    create: 7,
  },
  { name: 'a trigger that fails asks for nothing', triggers: { a: failing, b: reading(1) }, create: 1 },
  { name: 'makes none while all fail', triggers: { a: failing, b: failing }, create: 0 },
  { name: 'makes none before anything was read', create: 0 },
]

for (const one of cases)
  test(one.name, () => {
    const input: JobsInput = {
      triggers: new Map(Object.entries(one.triggers ?? {})),
      running: one.running ?? 0,
      pending: one.pending ?? 0,
    }
    assert.is(decideJobs({ ...policy, ...one.policy }, input).create, one.create)
  })

test('never below 0, never without an active trigger, never beyond the maximum by default, accurate and eager', () => {
  fc.assert(
    fc.property(
      fc.record({
        kind: fc.constantFrom('default', 'accurate', 'eager'),
        maxJobs: fc.nat(50),
        running: fc.nat(60),
        pendingPart: fc.double({ min: 0, max: 1, noNaN: true }),
        value: fc.double({ min: 0, max: 1e9, noNaN: true }),
        active: fc.boolean(),
      }),
      ({ kind, maxJobs, running, pendingPart, value, active }) => {
        const pending = Math.floor(running * pendingPart)
        const { create } = decideJobs(
          { ...policy, strategy: { kind: kind as 'default' }, maxJobs },
          { triggers: new Map([['a', reading(value, active)]]), running, pending },
        )
        assert.ok(Number.isInteger(create) && create >= 0)
        assert.ok(active || create === 0)
        assert.ok(
          create === 0 || create <= Math.max(0, maxJobs - running + (kind === 'accurate' ? pending : 0)),
        )
      },
    ),
  )
})

test.run()

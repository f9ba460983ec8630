import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { planCommit, type Stored } from '../../src/store/commit.ts'
import type { CommitResult, Operation, Transaction } from '../../src/store/store.ts'

const KEYS = ['a', 'b', 'c'] as const
const expectation = fc.option(fc.integer({ min: 0, max: 12 }), { nil: undefined, freq: 1 })

const operation: fc.Arbitrary<Operation> = fc
  .tuple(
    fc.constantFrom<Operation['kind']>('put', 'put', 'put', 'delete', 'check'),
    fc.constantFrom(...KEYS),
    fc.constantFrom('x', 'y'),
    expectation,
  )
  .map(([kind, key, value, expect]): Operation => {
    if (kind === 'check') return { kind, key, expect: expect ?? 0 }
    const precondition = expect === undefined ? {} : { expect }
    return kind === 'put' ? { kind, key, value, ...precondition } : { kind, key, ...precondition }
  })

const transaction: fc.Arbitrary<Transaction> = fc.uniqueArray(operation, {
  maxLength: 3,
  selector: ({ key, kind }) => (kind === 'check' ? `check ${key}` : key),
})

/** The contract said again as plainly as can be: one transaction after the other on a copy of everything. */
function naive(transactions: readonly Transaction[], state: Map<string, Stored>, revision: number) {
  const results: CommitResult[] = []
  for (const one of transactions) {
    const actual = (key: string) => state.get(key)?.revision ?? 0
    const failed = one.find((op) => op.expect !== undefined && op.expect !== actual(op.key))
    if (failed !== undefined) {
      results.push({ kind: 'conflict', key: failed.key, actual: actual(failed.key) })
      continue
    }
    const next = new Map(state)
    for (const op of one) {
      if (op.kind === 'delete') next.delete(op.key)
      if (op.kind === 'put' && state.get(op.key)?.value !== op.value)
        next.set(op.key, { value: op.value, revision: revision + 1 })
    }
    const changed = KEYS.some((key) => next.get(key) !== state.get(key))
    if (changed) revision++
    state = next
    results.push({ kind: 'committed', revision })
  }
  return { results, state, revision }
}

test('planCommit comes to what one transaction after the other comes to', () => {
  let conflicts = 0
  let commits = 0
  fc.assert(
    fc.property(fc.array(transaction, { maxLength: 12 }), (transactions) => {
      const before = new Map<string, Stored>([['a', { value: 'x', revision: 1 }]])
      const want = naive(transactions, before, 1)
      const asked = new Set<string>()
      const plan = planCommit(transactions, 1, (key) => {
        assert.not(asked.has(key), `${key} was read twice`)
        asked.add(key)
        return before.get(key)
      })
      assert.equal(plan.results, want.results)
      assert.is(plan.revision, want.revision)
      const after = new Map(before)
      for (const [key, state] of plan.writes) state === undefined ? after.delete(key) : after.set(key, state)
      assert.equal(new Map([...after].sort()), new Map([...want.state].sort()))
      assert.equal(
        plan.log.map((row) => row.revision),
        Array.from({ length: want.revision - 1 }, (_, i) => i + 2),
      )
      for (const { puts, deletes } of plan.log) assert.ok(puts.length + deletes.length > 0)
      conflicts += plan.results.filter((result) => result.kind === 'conflict').length
      commits += plan.log.length
    }),
    { numRuns: 1_000 },
  )
  assert.ok(
    conflicts > 500 && commits > 500,
    `${conflicts} conflicts, ${commits} commits: too few to show anything`,
  )
})

test.run()

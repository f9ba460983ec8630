/** Judging registers: sound histories pass whatever was lost of their answers, and each kind of wrong has its name. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { linearize, type Model } from './linearize.ts'
import { historyOf, intents } from './made.ts'
import { FINAL, type Recorded } from './operations.ts'
import { judgeRegister } from './register.ts'

const OPEN = Number.POSITIVE_INFINITY

const read = (beginMs: number, endMs: number, revision: number, value?: string, process = 'r'): Recorded => ({
  ...{ process, beginMs, endMs, call: { kind: 'read', key: 'k' } },
  outcome: { kind: 'ok', revision, ...(value !== undefined && { value }) },
})

const write = (
  beginMs: number,
  endMs: number,
  value: string,
  revision: number | 'unknown' | { readonly actual: number },
  expect?: number,
): Recorded => ({
  process: 'w',
  call: { kind: 'write', key: 'k', value, ...(expect !== undefined && { expect }) },
  beginMs,
  endMs: revision === 'unknown' ? OPEN : endMs,
  outcome:
    revision === 'unknown'
      ? { kind: 'unknown' }
      : typeof revision === 'object'
        ? { kind: 'refused', ...revision }
        : { kind: 'ok', revision },
})

for (const [name, operations, want] of [
  [
    'reads before, beside and after',
    [read(0, 1, 0), write(2, 9, 'a', 5), read(3, 4, 0), read(10, 11, 5, 'a')],
    [],
  ],
  ['a stale read', [write(0, 1, 'a', 5), write(2, 3, 'b', 6), read(4, 5, 5, 'a')], ['stale']],
  ['a read of what is no longer there', [write(0, 1, 'a', 5), read(4, 5, 0)], ['stale']],
  ['reads that go back', [write(0, 9, 'a', 5), read(1, 2, 5, 'a'), read(3, 4, 0)], ['stale']],
  ['a value that nobody wrote', [write(0, 1, 'a', 5), read(4, 5, 6, 'x')], ['invented']],
  [
    'a value that was refused',
    [write(0, 1, 'a', 5), write(2, 3, 'b', { actual: 5 }, 4), read(4, 5, 6, 'b')],
    ['invented', 'invented'],
  ],
  ['a value before its time', [read(0, 1, 5, 'a'), write(2, 3, 'a', 5)], ['invented']],
  ['a value at another revision', [write(0, 1, 'a', 5), read(2, 3, 7, 'a')], ['invented']],
  [
    'a write that is not there in the end',
    [write(0, 1, 'a', 5), write(2, 3, 'b', 6), read(9, 10, 5, 'a', FINAL)],
    ['stale', 'lost'],
  ],
  [
    'a compare-and-set over a write',
    [write(0, 1, 'a', 5), write(0, 9, 'b', 6), write(8, 9, 'c', 7, 5)],
    ['lost'],
  ],
  [
    'a refusal with the version that was expected',
    [write(0, 1, 'a', 5), write(2, 3, 'b', { actual: 5 }, 5)],
    ['order'],
  ],
  ['two writes in the other order', [write(0, 1, 'a', 6), write(2, 3, 'b', 5)], ['order']],
  ['two writes of one revision', [write(0, 9, 'a', 5), write(0, 9, 'b', 5)], ['lost']],
  ['an unknown write that was read', [write(0, 1, 'a', 'unknown'), read(50, 51, 5, 'a')], []],
  [
    'an unknown write that was read and not',
    [write(0, 1, 'a', 'unknown'), read(50, 51, 5, 'a'), read(52, 53, 0)],
    ['stale'],
  ],
  [
    'an unknown write that shows in a refusal alone',
    [write(0, 1, 'a', 'unknown'), write(2, 3, 'b', { actual: 5 }, 0)],
    [],
  ],
  [
    'an unknown write that the next one expected',
    [write(0, 1, 'a', 'unknown'), write(2, 3, 'b', 6, 5), read(4, 5, 6, 'b')],
    [],
  ],
  [
    'an unknown write that could not have been expected yet',
    [write(2, 3, 'b', 6, 5), write(4, 5, 'a', 'unknown')],
    ['order'],
  ],
  ['a refusal of what expected nothing', [write(0, 1, 'a', 5), write(2, 3, 'b', { actual: 5 })], ['order']],
  ['a refusal with a revision that nobody made', [write(2, 3, 'b', { actual: 5 }, 0)], ['invented']],
] as const) {
  test(`judgeRegister: ${name}`, () => {
    const found = judgeRegister('k', operations).map((fault) => fault.kind)
    assert.equal(found, want as readonly string[])
  })
}

const PLANS = intents(['read', 'write', 'compareAndSet'], 60)

test('judgeRegister holds no sound history guilty', () => {
  fc.assert(
    fc.property(PLANS, (plan) => {
      assert.equal(judgeRegister('r', historyOf(plan)), [])
    }),
    { numRuns: 1_000 },
  )
})

/** The register as its contract has it, knowing nothing of the order of revisions. */
interface State {
  readonly value: string | undefined
  readonly revision: number
}

const CONTRACT: Model<State, Recorded> = {
  initial: { value: undefined, revision: 0 },
  step(state, { call, outcome }) {
    if (call.kind === 'read' && outcome.kind === 'ok')
      return outcome.revision === state.revision && outcome.value === state.value ? state : undefined
    if (call.kind !== 'write') return undefined
    const isExpected = call.expect === undefined || call.expect === state.revision
    if (outcome.kind === 'refused')
      return !isExpected && outcome.actual === state.revision ? state : undefined
    if (outcome.kind !== 'ok' || !isExpected || outcome.revision <= state.revision) return undefined
    return { value: call.value, revision: outcome.revision }
  },
  keyOf: ({ value, revision }) => `${revision} ${value}`,
}

test('judgeRegister says of every history what the search over the contract says', () => {
  let wrong = 0
  const changed = fc.tuple(intents(['read', 'write', 'compareAndSet'], 9), fc.nat(8), fc.nat(8))
  fc.assert(
    fc.property(changed, ([plan, from, to]) => {
      const history = [...historyOf(plan.map((intent) => ({ ...intent, fate: 'told' as const })))]
      const [one, other] = [history[from % history.length]!, history[to % history.length]!]
      // what one saw or made is said of the other, where that makes sense
      if (one.call.kind === other.call.kind) history[to % history.length] = { ...other, outcome: one.outcome }
      const isSound = linearize(CONTRACT, history) === 'linearizable'
      if (!isSound) wrong++
      assert.is(judgeRegister('r', history).length === 0, isSound)
    }),
    { numRuns: 3_000 },
  )
  assert.ok(wrong > 300, `only ${wrong} of 3000 were wrong`)
})

test.run()

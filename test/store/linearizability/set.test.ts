/** Judging sets: the rules say what the search says. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { linearize, type Model } from './linearize.ts'
import { historyOf, intents } from './made.ts'
import { FINAL, type Recorded } from './operations.ts'
import { isLinearizableSet, judgeSet } from './set.ts'

const PREFIX = 'set/0/'

const add = (beginMs: number, endMs: number, name: string, revision: number): Recorded => ({
  ...{ process: 'a', beginMs, endMs },
  call: { kind: 'write', key: `${PREFIX}${name}`, value: name, expect: 0 },
  outcome: { kind: 'ok', revision },
})

const list = (
  beginMs: number,
  endMs: number,
  revision: number,
  elements: Readonly<Record<string, number>>,
  process = 'r',
): Recorded => ({
  ...{ process, beginMs, endMs, call: { kind: 'list', prefix: PREFIX } },
  outcome: {
    kind: 'listed',
    revision,
    elements: Object.fromEntries(Object.entries(elements).map(([name, at]) => [`${PREFIX}${name}`, at])),
  },
})

for (const [name, operations, want] of [
  ['seen when it is there', [add(0, 1, 'a', 5), list(2, 3, 5, { a: 5 })], []],
  ['not seen beside its adding', [add(0, 9, 'a', 5), list(2, 3, 4, {})], []],
  ['not seen after it was added', [add(0, 1, 'a', 5), list(2, 3, 4, {})], ['stale']],
  ['not in the end', [add(0, 1, 'a', 5), list(2, 3, 4, {}, FINAL)], ['lost']],
  ['never added', [list(2, 3, 5, { a: 5 })], ['invented']],
  ['seen before its time', [list(0, 1, 5, { a: 5 }), add(2, 3, 'a', 5)], ['invented']],
  [
    'refused and there',
    [{ ...add(0, 1, 'a', 5), outcome: { kind: 'refused', actual: 3 } }, list(2, 3, 5, { a: 5 })],
    ['invented'],
  ],
  [
    'the later one without the earlier',
    [add(0, 1, 'a', 5), add(2, 3, 'b', 6), list(0, 9, 6, { b: 6 })],
    ['order', 'stale'],
  ],
  [
    'two readings with one each',
    [add(0, 9, 'a', 5), add(0, 9, 'b', 6), list(0, 9, 5, { a: 5 }), list(0, 9, 4, { b: 6 })],
    ['order', 'order'],
  ],
  ['a reading that goes back', [add(0, 9, 'a', 5), list(1, 2, 5, { a: 5 }), list(3, 4, 4, {})], ['stale']],
  ['one element at two revisions', [add(0, 1, 'a', 5), list(2, 3, 7, { a: 7 })], ['invented']],
  ['newer than the snapshot', [add(0, 1, 'a', 5), list(2, 3, 4, { a: 5 })], ['order']],
] as const) {
  test(`judgeSet: ${name}`, () => {
    const found = judgeSet(PREFIX, operations as readonly Recorded[]).map((fault) => fault.kind)
    assert.equal(found, want as readonly string[])
  })
}

test('judgeSet holds no sound history guilty', () => {
  fc.assert(
    fc.property(intents(['add', 'list'], 60), (plan) => {
      assert.equal(judgeSet(PREFIX, historyOf(plan)), [])
    }),
    { numRuns: 1_000 },
  )
})

const SET: Model<readonly string[], Recorded> = {
  initial: [],
  step(state, { call, outcome }) {
    if (call.kind === 'write') return [...state, call.key]
    if (outcome.kind !== 'listed') return undefined
    const held = Object.keys(outcome.elements)
    return held.length === state.length && held.every((name) => state.includes(name)) ? state : undefined
  },
  keyOf: (state) => [...state].sort().join(),
}

test('isLinearizableSet says of every history what the search says', () => {
  let wrong = 0
  const changed = fc.tuple(
    intents(['add', 'list'], 9),
    fc.array(fc.tuple(fc.nat(8), fc.nat(8)), { maxLength: 3 }),
  )
  fc.assert(
    fc.property(changed, ([plan, toggles]) => {
      const history = [...historyOf(plan)]
      const names = history.flatMap(({ call }) => (call.kind === 'write' ? [call.key] : []))
      for (const [at, which] of toggles) toggle(history, at, names[which % names.length])
      const known = history.filter(({ call, outcome }) => call.kind !== 'list' || outcome.kind === 'listed')
      const isSound = linearize(SET, known) === 'linearizable'
      if (!isSound) wrong++
      assert.is(isLinearizableSet(history), isSound)
    }),
    { numRuns: 3_000 },
  )
  assert.ok(wrong > 300, `only ${wrong} of 3000 were wrong`)
})

/** Adds or takes away one element of one reading. */
function toggle(history: Recorded[], at: number, name: string | undefined): void {
  const index = at % history.length
  const one = history[index]!
  if (one.outcome.kind !== 'listed' || name === undefined) return
  const { [name]: held, ...rest } = one.outcome.elements
  const elements = held === undefined ? { ...rest, [name]: 2 } : rest
  history[index] = { ...one, outcome: { ...one.outcome, elements } }
}

test.run()

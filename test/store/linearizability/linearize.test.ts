/** The search, against all orders tried one by one, on histories small enough for that. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Interval, linearize, type Model } from './linearize.ts'

interface Step extends Interval {
  readonly kind: 'read' | 'write'
  readonly value: number
}

const REGISTER: Model<number, Step> = {
  initial: 0,
  step: (state, { kind, value }) => (kind === 'write' ? value : value === state ? state : undefined),
  keyOf: String,
}

const OPEN = Number.POSITIVE_INFINITY

const step = (kind: Step['kind'], value: number, beginMs: number, endMs: number): Step => ({
  ...{ kind, value, beginMs, endMs },
})

/** Whether any order of what remains goes; what is open may be left out. */
function anyOrder<State, Operation extends Interval>(
  model: Model<State, Operation>,
  operations: readonly Operation[],
  state: State = model.initial,
): boolean {
  if (operations.every(({ endMs }) => endMs === OPEN)) return true
  return operations.some((operation) => {
    const rest = operations.filter((other) => other !== operation)
    if (rest.some(({ endMs }) => endMs < operation.beginMs)) return false
    const next = model.step(state, operation)
    return next !== undefined && anyOrder(model, rest, next)
  })
}

for (const [name, operations, want] of [
  ['nothing happened', [], 'linearizable'],
  ['a read of what was written', [step('write', 1, 0, 1), step('read', 1, 2, 3)], 'linearizable'],
  ['a stale read', [step('write', 1, 0, 1), step('read', 0, 2, 3)], 'impossible'],
  ['a read beside the write sees either', [step('write', 1, 0, 9), step('read', 0, 2, 3)], 'linearizable'],
  ['a value that nobody wrote', [step('write', 1, 0, 1), step('read', 2, 2, 3)], 'impossible'],
  [
    'two reads beside a write see it come and go',
    [step('write', 1, 0, 9), step('read', 1, 2, 3), step('read', 0, 4, 5)],
    'impossible',
  ],
  [
    'what is open may never have happened',
    [step('write', 1, 0, OPEN), step('read', 0, 5, 6)],
    'linearizable',
  ],
  [
    'what is open may happen late',
    [step('write', 1, 0, OPEN), step('read', 0, 5, 6), step('read', 1, 7, 8)],
    'linearizable',
  ],
  [
    'what is open happens once',
    [step('write', 1, 0, OPEN), step('read', 1, 1, 2), step('write', 2, 3, 4), step('read', 1, 5, 6)],
    'impossible',
  ],
  ['nothing happens before it begins', [step('read', 1, 0, 1), step('write', 1, 2, 3)], 'impossible'],
] as const) {
  test(`linearize: ${name}`, () => assert.is(linearize(REGISTER, operations), want))
}

test('linearize agrees with trying all orders', () => {
  const steps = fc.array(
    fc
      .tuple(fc.constantFrom('read', 'write'), fc.nat(2), fc.nat(20), fc.option(fc.nat(8), { freq: 4 }))
      .map(([kind, value, beginMs, lastsMs]) =>
        step(kind, value, beginMs, lastsMs === null ? OPEN : beginMs + lastsMs),
      ),
    { maxLength: 7 },
  )
  let impossible = 0
  fc.assert(
    fc.property(steps, (operations) => {
      const verdict = linearize(REGISTER, operations)
      if (verdict === 'impossible') impossible++
      assert.is(verdict, anyOrder(REGISTER, operations) ? 'linearizable' : 'impossible')
    }),
    { numRuns: 3_000 },
  )
  assert.ok(impossible > 300 && impossible < 2_700, `${impossible} of 3000 were impossible`)
})

test('linearize gives up where it was told to', () => {
  const operations = Array.from({ length: 40 }, (_, i) => step('write', i, 0, 100))
  assert.is(linearize(REGISTER, [...operations, step('read', 99, 0, 100)], 10_000), 'undecided')
})

test('linearize takes a long history with little overlap as it comes', () => {
  const operations = Array.from({ length: 8_000 }, (_, i) =>
    step(i % 2 ? 'read' : 'write', i >> 1, 10 * i, 10 * i + 9),
  )
  assert.is(linearize(REGISTER, operations, 8_001), 'linearizable')
})

test.run()

/** scalingModifiers: KEDA's cases of a formula over triggers, and what stands in for those that fail. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseExpression } from '../../../src/resources/expression/parse.ts'
import type { TriggerInput } from '../../../src/scaling/decision.ts'
import type { Fallback, Modifiers, ScalingPolicy } from '../../../src/scaling/policy.ts'
import { cpu, decideOnce, failing, input, policy, ready, START, stepOf, trigger, value } from './scene.ts'

function modifiers(formula: string, more: Partial<Modifiers> = {}): Modifiers {
  const parsed = parseExpression(formula)
  const reads = new Set(parsed.names.map((name) => name.split('.', 1)[0] ?? name))
  return { formula: parsed, reads, target: 10, activationTarget: 0, metricType: 'AverageValue', ...more }
}

const NIL: Fallback = { failureThreshold: 3, replicas: 7, behavior: 'scalingModifiers' }
const STATIC: Fallback = { failureThreshold: 3, replicas: 6, behavior: 'static' }
const TWO = [trigger('a'), trigger('b')]

function made(formula: string, more: Partial<ScalingPolicy> = {}, of: Partial<Modifiers> = {}) {
  return policy({ triggers: TWO, modifiers: modifiers(formula, of), ...more })
}

for (const { name, of, triggers, current, want } of [
  { name: 'adds', of: made('a + b'), triggers: { a: value(20), b: value(50) }, current: 5, want: 7 },
  {
    name: 'chooses',
    of: made('a > 10 ? b : 0'),
    triggers: { a: value(20), b: value(60) },
    current: 5,
    want: 6,
  },
  {
    name: 'counts',
    of: made('count([a, b], {# > 10}) > 1 ? 80 : 0'),
    triggers: { a: value(20), b: value(60) },
    current: 5,
    want: 8,
  },
  {
    name: 'compares with a target for the whole',
    of: made('a', {}, { metricType: 'Value' }),
    triggers: { a: value(20), b: value(0) },
    current: 3,
    want: 6,
  },
  {
    name: 'stays within tolerance',
    of: made('a'),
    triggers: { a: value(53), b: value(0) },
    current: 5,
    want: 5,
  },
  {
    name: 'keeps still on any error',
    of: made('a'),
    triggers: { a: value(90), b: failing(1) },
    current: 5,
    want: 5,
  },
  {
    name: 'keeps still on an error below the threshold',
    of: made('a ?? b', { fallback: NIL }),
    triggers: { a: failing(3), b: value(80) },
    current: 5,
    want: 5,
  },
  {
    name: 'takes the next for nil beyond it',
    of: made('a ?? b', { fallback: NIL }),
    triggers: { a: failing(4), b: value(80) },
    current: 5,
    want: 8,
  },
  {
    name: 'takes the fallback where it comes to nil',
    of: made('a ?? b', { fallback: NIL }),
    triggers: { a: failing(5), b: failing(5) },
    current: 5,
    want: 7,
  },
  {
    name: 'is the fallback where any trigger falls back',
    of: made('a + b', { fallback: STATIC }),
    triggers: { a: failing(4), b: value(90) },
    current: 5,
    want: 6,
  },
  {
    name: 'is still on an error below that threshold',
    of: made('a + b', { fallback: STATIC }),
    triggers: { a: failing(2), b: value(90) },
    current: 5,
    want: 5,
  },
] satisfies readonly {
  readonly name: string
  readonly of: ScalingPolicy
  readonly triggers: Readonly<Record<string, TriggerInput>>
  readonly current: number
  readonly want: number
}[])
  test(`a formula ${name}`, () => assert.is(decideOnce(of, input(current, triggers)).to, want))

test('a formula decides whether there is work', () => {
  const of = made('a + b', {}, { activationTarget: 25 })
  assert.is(decideOnce(of, input(0, { a: value(20), b: value(5) })).to, 0)
  assert.is(decideOnce(of, input(0, { a: value(20), b: value(6) })).to, 3)
})

for (const [formula, fault] of [
  ['a / b', 'formula: division by zero'],
  ['a > 10', 'formula: true is no number'],
  ['a ?? b', 'formula: b: connection refused'],
] as const)
  test(`a formula that comes to nothing is said, and changes nothing: ${formula}`, () => {
    const triggers = { a: value(90), b: fault.includes('refused') ? failing(1) : value(0) }
    const decision = decideOnce(made(formula), input(5, triggers))
    assert.is(decision.to, 5)
    assert.is(decision.faults.length, 1)
    assert.ok(decision.faults[0]?.startsWith(fault), decision.faults[0])
    assert.is(decision.limited?.reason, 'Unknown')
  })

test('a formula without a target changes nothing', () => {
  for (const target of [Number.NaN, 0, -1]) {
    const decision = decideOnce(made('a', {}, { target }), input(5, { a: value(90), b: value(0) }))
    assert.is(decision.to, 5)
    assert.match(decision.faults[0] ?? '', /^formula: its target is /)
  }
})

test('a formula with a nil trigger never goes to 0', () => {
  const of = made('a ?? b', { fallback: NIL })
  assert.is(decideOnce(of, input(5, { a: failing(9), b: value(0) })).to, 1)
})

test('what is measured by instance wishes by itself, unless the formula names it', () => {
  const sample = (percent: number): TriggerInput => ({
    reading: {
      kind: 'instances',
      samples: ready(5).map(({ name }) => ({
        instance: name,
        value: percent * 10,
        atMs: START,
        windowMs: 1,
      })),
    },
    readAtMs: START,
    error: undefined,
    failures: 0,
  })
  const triggers = [trigger('a'), cpu(50)]
  const apart = policy({ triggers, modifiers: modifiers('a') })
  const within = policy({ triggers, modifiers: modifiers('a + cpu') })
  const given = input(5, { a: value(10), cpu: sample(80) })
  assert.is(decideOnce(apart, given).to, 8)
  assert.is(decideOnce(within, given).to, 9)
  assert.is(decideOnce(within, given).because, 'formula 90 ÷ 10')
  assert.is(stepOf(decideOnce(within, given), 'modifiers').reason, 'Formula')
})

test.run()

/** What holds for every policy and whatever happens to it. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseExpression } from '../../../src/resources/expression/parse.ts'
import { decide, initialState } from '../../../src/scaling/decide.ts'
import type { Decision, TriggerInput } from '../../../src/scaling/decision.ts'
import type { Behavior, Fallback, Protection, ScalingPolicy } from '../../../src/scaling/policy.ts'
import { failing, input, policy, START, trigger, value } from './scene.ts'

const policies = fc.array(
  fc.record({
    type: fc.constantFrom('Pods' as const, 'Percent' as const),
    value: fc.integer({ min: 1, max: 200 }),
    periodMs: fc.integer({ min: 1, max: 120 }).map((seconds) => seconds * 1000),
  }),
  { minLength: 1, maxLength: 3 },
)

const direction = fc.record({
  stabilizationMs: fc.integer({ min: 0, max: 600 }).map((seconds) => seconds * 1000),
  select: fc.constantFrom('Max' as const, 'Min' as const, 'Disabled' as const),
  policies,
})

const behavior: fc.Arbitrary<Behavior | undefined> = fc.option(
  fc.record({ up: direction, down: direction }),
  {
    nil: undefined,
  },
)

const protection: fc.Arbitrary<Protection> = fc.record({
  cooldownUpMs: fc.constantFrom(0, 15_000, 120_000),
  cooldownDownMs: fc.constantFrom(0, 60_000, 600_000),
  flapping: fc.option(fc.constant({ changes: 2, withinMs: 300_000, holdMs: 120_000 }), { nil: undefined }),
  maxActionsPerHour: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
})

const fallback: fc.Arbitrary<Fallback | undefined> = fc.option(
  fc.record({
    failureThreshold: fc.integer({ min: 0, max: 3 }),
    replicas: fc.integer({ min: 0, max: 30 }),
    behavior: fc.constantFrom(
      'static' as const,
      'currentReplicas' as const,
      'currentReplicasIfHigher' as const,
      'currentReplicasIfLower' as const,
    ),
  }),
  { nil: undefined },
)

const anyPolicy: fc.Arbitrary<ScalingPolicy> = fc
  .record({
    low: fc.integer({ min: 0, max: 5 }),
    span: fc.integer({ min: 1, max: 60 }),
    idles: fc.boolean(),
    tolerance: fc.record({ up: fc.constantFrom(0, 0.1, 0.5), down: fc.constantFrom(0, 0.1, 0.5) }),
    cooldownMs: fc.constantFrom(0, 60_000, 300_000),
    behavior,
    protection,
    fallback,
  })
  .map(({ low, span, idles, ...rest }) =>
    policy({
      ...rest,
      minReplicas: low,
      maxReplicas: low + span,
      idleReplicas: idles && low > 0 ? low - 1 : undefined,
      triggers: [trigger('queue'), trigger('topic', { target: 7, metricType: 'Value' })],
    }),
  )

/** Undefined: never read. */
const look: fc.Arbitrary<TriggerInput | undefined> = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 400 }).map((number) => value(number)) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 6 }).map((failures) => failing(failures)) },
  { weight: 1, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.constantFrom(value(Number.NaN), value(Number.POSITIVE_INFINITY), value(-3)) },
)

interface Moment {
  readonly afterMs: number
  readonly queue: TriggerInput | undefined
  readonly topic: TriggerInput | undefined
  /** Of the wall clock. */
  readonly jumpMs: number
}

const moments: fc.Arbitrary<readonly Moment[]> = fc.array(
  fc.record({
    afterMs: fc.integer({ min: 1, max: 200_000 }),
    queue: look,
    topic: look,
    jumpMs: fc.integer({ min: -9e9, max: 9e9 }),
  }),
  { minLength: 1, maxLength: 30 },
)

const anyCase = fc.record({ of: anyPolicy, moments, replicas: fc.integer({ min: 0, max: 70 }) })
type Case = typeof anyCase extends fc.Arbitrary<infer One> ? One : never

function looks({ queue, topic }: Pick<Moment, 'queue' | 'topic'>): Record<string, TriggerInput> {
  return { ...(queue === undefined ? {} : { queue }), ...(topic === undefined ? {} : { topic }) }
}

interface Told {
  readonly decision: Decision
  readonly known: boolean
}

/** Every decision of a case; `between` is what becomes of the state from one to the next. */
function play(
  { of, moments: given, replicas }: Case,
  { jumps = false, between = (state: unknown) => state as ReturnType<typeof initialState> } = {},
): readonly Told[] {
  let steadyMs = START
  let wallMs = START
  let current = replicas
  let state = initialState({ time: { steadyMs }, replicas })
  return given.map((moment) => {
    steadyMs += moment.afterMs
    wallMs += moment.afterMs + (jumps ? moment.jumpMs : 0)
    const time = { steadyMs, wallMs }
    const next = decide(of, input(current, looks(moment), { time }), state)
    state = between(next.state)
    current = next.decision.to
    const known = [moment.queue, moment.topic].every(
      (one) => one?.reading?.kind === 'values' && Number.isFinite(one.reading.metrics[0]?.value),
    )
    return { decision: next.decision, known }
  })
}

test('never outside its bounds', () => {
  fc.assert(
    fc.property(anyCase, (of) => {
      const { minReplicas, maxReplicas, idleReplicas } = of.of
      const lowest = idleReplicas ?? minReplicas
      for (const { decision } of play(of)) {
        const { to, from, active } = decision
        assert.ok(Number.isSafeInteger(to))
        assert.ok(to <= maxReplicas && to >= Math.min(lowest, from), `${from} → ${to}`)
        if (active) assert.ok(to >= Math.max(1, minReplicas), `${from} → ${to} though active`)
        assert.is(decision.steps.at(-1)?.to, to)
      }
    }),
    { numRuns: 300 },
  )
})

test('never to 0 while anything is not known', () => {
  fc.assert(
    fc.property(anyCase, (of) => {
      for (const { decision, known } of play(of))
        if (!known && decision.from > 0) assert.ok(decision.to > 0, decision.because)
    }),
    { numRuns: 300 },
  )
})

test('never down while anything is not known, but to the maximum or with a fallback', () => {
  fc.assert(
    fc.property(anyCase, (of) => {
      const { maxReplicas } = of.of
      for (const { decision, known } of play({ ...of, of: { ...of.of, fallback: undefined } }))
        if (!known) assert.ok(decision.to >= Math.min(decision.from, maxReplicas), decision.because)
    }),
    { numRuns: 300 },
  )
})

test('nothing known and no fallback: nothing but bounds changes anything', () => {
  fc.assert(
    fc.property(anyCase, (of) => {
      const blind = { ...of, of: { ...of.of, fallback: undefined } }
      const moments = of.moments.map((moment) => ({ ...moment, queue: failing(9), topic: undefined }))
      const { minReplicas, maxReplicas, idleReplicas } = of.of
      for (const { decision } of play({ ...blind, moments })) {
        const { from, to } = decision
        if (from <= maxReplicas && from >= (idleReplicas ?? minReplicas)) assert.is(to, from)
      }
    }),
  )
})

test('the way from 0 is never blocked', () => {
  fc.assert(
    fc.property(anyCase, (of) => {
      const waking = play({ ...of, replicas: 0 })
      for (const { decision } of waking)
        if (decision.from === 0 && decision.active) assert.ok(decision.to > 0, decision.because)
    }),
    { numRuns: 300 },
  )
})

test('more demand never gives fewer', () => {
  const more = fc.record({ number: fc.nat(400), by: fc.nat(400) })
  fc.assert(
    fc.property(anyCase, more, ({ of, moments: given, replicas }, { number, by }) => {
      let state = initialState({ time: { steadyMs: START }, replicas })
      let current = replicas
      let steadyMs = START
      for (const moment of given) {
        steadyMs += moment.afterMs
        const time = { steadyMs, wallMs: steadyMs }
        const wants = (queue: number) =>
          decide(of, input(current, looks({ ...moment, queue: value(queue) }), { time }), state)
        const [low, high] = [wants(number).decision.to, wants(number + by).decision.to]
        assert.ok(low <= high, `${number} gives ${low}, ${number + by} gives ${high}`)
        const next = decide(of, input(current, looks(moment), { time }), state)
        state = next.state
        current = next.decision.to
      }
    }),
    { numRuns: 300 },
  )
})

test('where nothing changes, it comes to rest', () => {
  fc.assert(
    fc.property(anyCase, fc.nat(300), fc.nat(100), ({ of, replicas }, queue, topic) => {
      const still = { ...of, protection: { ...of.protection, maxActionsPerHour: undefined } }
      const moment = { afterMs: 30_000, queue: value(queue), topic: value(topic), jumpMs: 0 }
      const told = play({ of: still, replicas, moments: Array<Moment>(1_000).fill(moment) })
      const last = told.slice(-100).map(({ decision }) => decision.to)
      assert.equal(new Set(last).size, 1, `${last.slice(-5)}`)
    }),
    { numRuns: 40 },
  )
})

test('a floor holds whatever protection says', () => {
  const condition = { kind: 'when', expression: parseExpression('true'), heldForMs: 0 } as const
  fc.assert(
    fc.property(anyCase, fc.integer({ min: 0, max: 30 }), (of, min) => {
      const rules = [{ name: 'floor', condition, scale: undefined, min, max: undefined }]
      for (const { decision } of play({ ...of, of: { ...of.of, rules } }))
        assert.ok(decision.to >= Math.min(min, of.of.maxReplicas))
    }),
  )
})

test('a state that went through JSON gives the same decisions', () => {
  fc.assert(
    fc.property(anyCase, (of) => {
      const through = play(of, { between: (state) => JSON.parse(JSON.stringify(state)) })
      assert.equal(through, play(of))
    }),
  )
})

test('a decision is plain JSON', () => {
  fc.assert(
    fc.property(anyCase, (of) => {
      for (const { decision } of play(of)) {
        const text = JSON.stringify(decision)
        assert.not.match(text, /null/)
        assert.is(JSON.stringify(JSON.parse(text)), text)
      }
    }),
  )
})

test('jumps of the wall clock change no number', () => {
  const numbers = (told: readonly Told[]) => told.map(({ decision }) => decision.to)
  fc.assert(fc.property(anyCase, (of) => assert.equal(numbers(play(of, { jumps: true })), numbers(play(of)))))
})

test.run()

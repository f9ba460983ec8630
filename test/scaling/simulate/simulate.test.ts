import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../../src/core/errors.ts'
import { ownContender } from '../../../src/scaling/simulate/contenders.ts'
import { type Demand, demandOf, SAMPLES } from '../../../src/scaling/simulate/demand.ts'
import { Fleet } from '../../../src/scaling/simulate/fleet.ts'
import { hpaContender, kedaContender } from '../../../src/scaling/simulate/rivals.ts'
import { runConstant, runPolicy } from '../../../src/scaling/simulate/run.ts'
import { neededReplicas, oracleReplicas, scoreOf } from '../../../src/scaling/simulate/score.ts'
import { bestConstant, simulate } from '../../../src/scaling/simulate/simulate.ts'
import { cpu, policy, trigger } from '../decide/scene.ts'

const TICK = 15_000

function demand(values: readonly number[]): Demand {
  const samples = Float64Array.from(values.flatMap((value) => Array.from({ length: SAMPLES }, () => value)))
  return { startMs: Date.UTC(2026, 5, 10), tickMs: TICK, values: Float64Array.from(values), samples }
}

const site = { capacity: 10, startupMs: 30_000 }
const web = (more: Parameters<typeof policy>[0] = {}) =>
  ownContender({
    name: 'web',
    policy: policy({ minReplicas: 1, triggers: [trigger('rate', { target: 7 })], ...more }),
    activation: 0,
    everyMs: TICK,
    averageMs: TICK,
    capacity: 10,
  })

test('the oracle pays for the most that is needed within the time to start', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9), { minLength: 1, maxLength: 40 }), fc.nat(9), (needs, ahead) => {
      const oracle = oracleReplicas(Uint32Array.from(needs), ahead)
      const plain = needs.map((_, tick) => Math.max(...needs.slice(tick, tick + ahead + 1)))
      assert.equal([...oracle], plain)
    }),
  )
})

test('the oracle never falls short in a fleet that takes its time to start', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9), { minLength: 1, maxLength: 60 }), fc.nat(5), (needs, ahead) => {
      const oracle = oracleReplicas(Uint32Array.from(needs), ahead)
      const fleet = new Fleet(ahead * TICK, oracle[0]!, 0)
      needs.forEach((need, tick) => {
        fleet.advance(tick * TICK)
        fleet.scaleTo(oracle[tick]!, tick * TICK)
        fleet.advance(tick * TICK)
        assert.ok(fleet.ready >= need, `${fleet.ready} of ${need} at ${tick}`)
      })
    }),
  )
})

test('a fleet ends what starts first, then what is newest', () => {
  const fleet = new Fleet(30_000, 2, 0)
  fleet.scaleTo(4, 0)
  assert.equal([fleet.count, fleet.ready], [4, 2])
  fleet.advance(29_999)
  assert.is(fleet.ready, 2)
  fleet.scaleTo(5, 29_999)
  fleet.advance(30_000)
  assert.equal([fleet.count, fleet.ready], [5, 4])
  fleet.scaleTo(4, 30_000)
  assert.equal([fleet.count, fleet.ready], [4, 4])
  fleet.scaleTo(1, 30_000)
  assert.equal(
    fleet.instances.map(({ name, phase }) => [name, phase]),
    [['replica-0', 'running']],
  )
})

test('late and cost are of all that was asked for and of the oracle', () => {
  const asked = demand([10, 30, 30, 10])
  const needed = neededReplicas(asked, 10, 1)
  assert.equal([...needed], [1, 3, 3, 1])
  const score = scoreOf(runConstant('static', 2, asked), asked, 10, oracleReplicas(needed, 1))
  assert.is(score.latePercent, 25)
  assert.is(score.costPercent, (100 * 8) / (3 + 3 + 3 + 1))
  assert.is(score.replicaHours, (8 * 15) / 3600)
  assert.equal([score.meanReplicas, score.mostReplicas, score.changes], [2, 2, 0])
})

test('a policy follows a step, and its replicas serve when they have started', () => {
  const asked = demand([...Array(4).fill(7), ...Array(10).fill(70)])
  const turns: string[] = []
  const run = runPolicy(web(), asked, site, ({ tick, decision }) =>
    turns.push(`${tick}: ${decision.from}→${decision.to}`),
  )
  assert.is(turns[0], '4: 1→4')
  assert.equal([...run.replicas].slice(0, 5), [1, 1, 1, 1, 4])
  assert.is(run.ready[6], 1, 'decided at 4, started by 5, serves at 7')
  assert.is(run.ready[7], 4)
  assert.is(run.replicas.at(-1), 10)
})

test('bounds hold at every tick, whatever is asked for', () => {
  const contender = web({ minReplicas: 2, maxReplicas: 5 })
  fc.assert(
    fc.property(fc.array(fc.nat(200), { minLength: 1, maxLength: 60 }), (values) => {
      const run = runPolicy(contender, demand(values), site)
      assert.ok(run.replicas.every((count) => count >= 2 && count <= 5))
      assert.ok(run.ready.every((count, tick) => count <= run.replicas[tick]!))
    }),
    { numRuns: 50 },
  )
})

test('what is idle goes to 0 after its cooldown, and comes back', () => {
  const contender = web({ minReplicas: 0, cooldownMs: 60_000 })
  const run = runPolicy(contender, demand([7, 7, ...Array(30).fill(0), 7, 7, 7, 7]), site)
  assert.is(run.replicas[20], 0)
  assert.is(run.replicas.at(-1), 1)
})

test('a cpu trigger sees how busy the replicas are that serve', () => {
  const contender = web({ triggers: [cpu(50)] })
  const run = runPolicy(contender, demand(Array(40).fill(40)), site)
  assert.is(run.replicas.at(-1), 8, '40 of 10 each at 50 %')
})

test('HPA and KEDA keep replicas 70 % busy, as far as their tolerance cares', () => {
  const step = demand([...Array(8).fill(10), ...Array(60).fill(100)])
  for (const contender of [hpaContender(10), kedaContender(10)]) {
    const last = runPolicy(contender, step, site).replicas.at(-1)!
    assert.ok(last >= 13 && last <= 15, `${contender.name}: ${last}`)
  }
})

test('the best constant is the least that is late by 0.1 % at most', () => {
  const values = demand([...Array(499).fill(10), 60])
  assert.is(bestConstant(values, 10), 6)
  assert.is(bestConstant(demand([...Array(99_999).fill(10), 60]), 10), 1)
  assert.is(bestConstant(demand([0, 0]), 10), 1)
})

test('results stand in the order that was asked for, each once', () => {
  const { results, decisions } = simulate({
    ...site,
    demand: demand([...Array(8).fill(10), ...Array(60).fill(100)]),
    own: web(),
    compare: ['static', 'hpa', 'static'],
  })
  assert.equal(
    results.map(({ name }) => name),
    ['web', 'static', 'hpa'],
  )
  assert.ok(decisions.length > 0 && decisions.every(({ from, to }) => from !== to))
})

for (const c of [
  { name: 'several triggers and none named', triggers: [trigger('a'), trigger('b')], next: /a, b/ },
  { name: 'one that is not there', triggers: [trigger('a')], wanted: 'c', next: /a/ },
  {
    name: 'one that shows no demand',
    triggers: [trigger('memory', { type: 'memory', perInstance: true })],
    next: /cpu/,
  },
])
  test(`no trial for ${c.name}`, () => {
    assert.throws(
      () =>
        ownContender({
          name: 'web',
          policy: policy({ triggers: c.triggers }),
          trigger: c.wanted,
          activation: 0,
          everyMs: TICK,
          averageMs: TICK,
          capacity: 10,
        }),
      (error: Error) => isNsctlError(error, 'Invalid', 'Unsupported') && c.next.test(String(error.next)),
    )
  })

for (const [name, options] of [
  ['nothing that a replica serves', { capacity: 0 }],
  ['a start before the start', { startupMs: -1 }],
  ['a capacity that is not meant', { capacity: 1e-9 }],
] as const)
  test(`no trial for ${name}`, () => {
    assert.throws(
      () => simulate({ ...site, demand: demand([10, 10]), own: web(), compare: [], ...options }),
      (error: Error) => isNsctlError(error, 'Invalid'),
    )
  })

test('a trial is the same each time', () => {
  const options = { ...site, own: web(), compare: ['hpa', 'keda'] as const }
  const trace = { startMs: 0, stepMs: 60_000, values: [60, 700, 20, 900, 0, 300] }
  const once = () =>
    simulate({ ...options, demand: demandOf(trace, { shape: 'linear', unit: 'perBin', tickMs: TICK }) })
  assert.equal(once(), once())
})

test.run()

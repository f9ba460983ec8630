import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type JobPast,
  planJob,
  type RunView,
  retryDelayMs,
  type WantedJob,
} from '../../../src/controllers/job/plan.ts'

const test = suite('planJob')

const wanted: WantedJob = { parallelism: 1, completions: 1, backoffLimit: 2, activeDeadlineMs: undefined }
const past: JobPast = { elapsedMs: 0, sinceFailureMs: undefined, succeeded: 0, failed: 0 }

function run(ordinal: number, state: RunView['state'], deleting = false): RunView {
  return {
    name: `r-${ordinal}`,
    uid: `u-${ordinal}`,
    held: false,
    stopped: false,
    ordinal,
    state,
    deleting,
    ...(state === 'failed' && { message: 'exits with 3' }),
  }
}

/** All runs are still there. */
function countsOf(runs: readonly RunView[]): Pick<JobPast, 'succeeded' | 'failed'> {
  const count = (state: RunView['state']) => runs.filter((one) => one.state === state).length
  return { succeeded: count('succeeded'), failed: count('failed') }
}

const cases: readonly {
  readonly name: string
  readonly wanted?: Partial<WantedJob>
  readonly runs?: readonly RunView[]
  readonly past?: Partial<JobPast>
  readonly want: readonly string[]
}[] = [
  { name: 'starts one', want: ['create 0'] },
  { name: 'leaves what runs alone', runs: [run(0, 'active')], want: [] },
  { name: 'is done with as many as it wants', runs: [run(0, 'succeeded')], want: ['complete'] },
  {
    name: 'runs as many side by side as it may',
    wanted: { parallelism: 3, completions: 5 },
    runs: [run(0, 'succeeded'), run(1, 'active')],
    want: ['create 2', 'create 3'],
  },
  {
    name: 'runs no more than are left',
    wanted: { parallelism: 3, completions: 2 },
    runs: [run(0, 'succeeded')],
    want: ['create 1'],
  },
  {
    name: 'waits before it tries again',
    runs: [run(0, 'failed')],
    past: { sinceFailureMs: 4_000 },
    want: ['wait 6000'],
  },
  {
    name: 'tries again as a new run',
    runs: [run(0, 'failed')],
    past: { sinceFailureMs: 10_000 },
    want: ['create 1'],
  },
  {
    name: 'waits longer after each failure',
    runs: [run(0, 'failed'), run(1, 'failed')],
    past: { sinceFailureMs: 10_000 },
    want: ['wait 10000'],
  },
  {
    name: 'gives up beyond the limit, and says why',
    runs: [run(0, 'failed'), run(1, 'failed'), run(2, 'failed')],
    past: { sinceFailureMs: 60_000 },
    want: ['failed BackoffLimitExceeded: 3 runs have failed: r-2 exits with 3'],
  },
  {
    name: 'gives up at its deadline, and ends what runs',
    wanted: { activeDeadlineMs: 5_000 },
    runs: [run(0, 'active')],
    past: { elapsedMs: 5_000 },
    want: ['failed DeadlineExceeded: not done after 5 s', 'end r-0'],
  },
  {
    name: 'comes back for its deadline',
    wanted: { activeDeadlineMs: 5_000 },
    runs: [run(0, 'active')],
    past: { elapsedMs: 1_000 },
    want: ['wait 4000'],
  },
  { name: 'counts what has succeeded and was removed', past: { succeeded: 1 }, want: ['complete'] },
  {
    name: 'counts what has failed and was removed',
    past: { failed: 3 },
    want: ['failed BackoffLimitExceeded: 3 runs have failed'],
  },
  {
    name: 'gives none of its numbers to another run',
    wanted: { completions: 3 },
    past: { succeeded: 2 },
    want: ['create 2'],
  },
  { name: 'replaces a run whose end was asked for', runs: [run(0, 'active', true)], want: ['create 1'] },
]

for (const one of cases)
  test(one.name, () => {
    const plan = planJob({ ...wanted, ...one.wanted }, one.runs ?? [], {
      ...past,
      ...countsOf(one.runs ?? []),
      ...one.past,
    })
    const { verdict } = plan
    assert.equal(
      [
        ...(verdict.kind === 'failed' ? [`failed ${verdict.reason}: ${verdict.message}`] : []),
        ...(verdict.kind === 'complete' ? ['complete'] : []),
        ...plan.end.map((name) => `end ${name}`),
        ...plan.create.map((ordinal) => `create ${ordinal}`),
        ...(plan.waitMs === undefined ? [] : [`wait ${plan.waitMs}`]),
      ],
      one.want,
    )
  })

test('a verdict that was written stands, whatever is seen later', () => {
  const plan = planJob(wanted, [], past, { kind: 'complete' })
  assert.is(plan.verdict.kind, 'complete')
  assert.equal(plan.create, [])
})

test('the wait for a retry doubles up to six minutes', () => {
  assert.equal(
    [0, 1, 2, 3, 6, 7, 50].map(retryDelayMs),
    [0, 10_000, 20_000, 40_000, 320_000, 360_000, 360_000],
  )
})

test('never more side by side, never more in all, never an ordinal twice', () => {
  const state = fc.constantFrom('active', 'succeeded', 'failed')
  fc.assert(
    fc.property(
      fc.record({
        parallelism: fc.integer({ min: 1, max: 5 }),
        completions: fc.integer({ min: 1, max: 8 }),
        backoffLimit: fc.nat(6),
        states: fc.array(fc.tuple(state, fc.boolean()), { maxLength: 12 }),
        sinceFailureMs: fc.nat(400_000),
      }),
      ({ parallelism, completions, backoffLimit, states, sinceFailureMs }) => {
        const runs = states.map(([one, deleting], ordinal) =>
          run(ordinal, one as RunView['state'], one === 'active' && deleting),
        )
        const plan = planJob({ parallelism, completions, backoffLimit, activeDeadlineMs: undefined }, runs, {
          ...past,
          ...countsOf(runs),
          sinceFailureMs,
        })
        const active = runs.filter((one) => one.state === 'active' && !one.deleting).length
        const started = active + plan.create.length
        assert.ok(
          plan.create.length === 0 ||
            started <= Math.min(parallelism, completions - countsOf(runs).succeeded),
        )
        assert.ok(plan.create.every((ordinal) => runs.every((one) => one.ordinal !== ordinal)))
        assert.is(new Set(plan.create).size, plan.create.length)
        assert.ok(plan.verdict.kind === 'running' || plan.create.length === 0)
      },
    ),
  )
})

test.run()

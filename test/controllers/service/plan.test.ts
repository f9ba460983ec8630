import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type DesiredInstances, planHeld, planInstances } from '../../../src/controllers/service/plan.ts'
import type { InstanceView } from '../../../src/controllers/service/views.ts'
import { resolveCount } from '../../../src/resources/service/counts.ts'

const desired = (over: Partial<DesiredInstances> = {}): DesiredInstances => ({
  replicas: 2,
  hash: 'new',
  strategy: 'Rolling',
  maxUnavailable: 0,
  maxSurge: 1,
  exclusive: false,
  ...over,
})

/** `old@0` available, `old@0!` unready, `old@0-` deleting. */
function parse(text: string): InstanceView {
  const match = /^(\w+)@(\d+)([!-]?)$/.exec(text)
  assert.ok(match, text)
  const [, hash = '', ordinal, mark] = match
  const deleting = mark === '-'
  const available = mark === ''
  return { name: text, hash, ordinal: Number(ordinal), attempt: 0, deleting, ready: available, available }
}

function show(wanted: DesiredInstances, running: readonly string[]): readonly string[] {
  return planInstances(wanted, running.map(parse)).map((action) =>
    action.kind === 'create'
      ? `create @${action.ordinal}${action.attempt > 0 ? ` attempt ${action.attempt}` : ''}`
      : `delete ${action.name} ${action.reason}`,
  )
}

for (const c of [
  { name: 'starts what is missing', running: ['new@0'], want: ['create @1'] },
  { name: 'leaves a settled service alone', running: ['new@0', 'new@1'], want: [] },
  {
    name: 'starts all at once where nothing runs',
    over: { replicas: 3 },
    running: [],
    want: ['create @0', 'create @1', 'create @2'],
  },
  { name: 'fills the lowest gap', over: { replicas: 3 }, running: ['new@0', 'new@2'], want: ['create @1'] },
  {
    name: 'counts attempts while an equal one still ends',
    running: ['new@0', 'new@1-'],
    want: ['create @1 attempt 1'],
  },
  {
    name: 'ends surplus, the unready first',
    over: { replicas: 1 },
    running: ['new@0!', 'new@1'],
    want: ['delete new@0! surplus'],
  },
  {
    name: 'ends surplus, the highest first',
    over: { replicas: 1 },
    running: ['new@0', 'new@1'],
    want: ['delete new@1 surplus'],
  },
  { name: 'surges by one', running: ['old@0', 'old@1'], want: ['create @0'] },
  { name: 'waits for the new one to be available', running: ['old@0', 'old@1', 'new@0!'], want: [] },
  { name: 'then ends one old', running: ['old@0', 'old@1', 'new@0'], want: ['delete old@1 replaced'] },
  {
    name: 'ends an unready old one first',
    over: { maxUnavailable: 1, maxSurge: 0 },
    running: ['old@0!', 'old@1'],
    want: ['delete old@0! replaced'],
  },
  {
    name: 'scales to nothing',
    over: { replicas: 0 },
    running: ['old@0', 'new@1!', 'new@2-'],
    want: ['delete old@0 surplus', 'delete new@1! surplus'],
  },
  {
    name: 'Recreate ends all first',
    over: { strategy: 'Recreate' as const },
    running: ['old@0', 'old@1-'],
    want: ['delete old@0 replaced'],
  },
  {
    name: 'Recreate starts when all are gone',
    over: { strategy: 'Recreate' as const },
    running: [],
    want: ['create @0', 'create @1'],
  },
  {
    name: 'exclusive: stops one before it starts one, the highest first',
    over: { exclusive: true },
    running: ['old@0', 'old@1'],
    want: ['delete old@1 replaced'],
  },
  {
    name: 'exclusive: waits until it is gone',
    over: { exclusive: true },
    running: ['old@0', 'old@1-'],
    want: [],
  },
  {
    name: 'exclusive: starts in its place',
    over: { exclusive: true },
    running: ['old@0'],
    want: ['create @1'],
  },
  {
    name: 'exclusive: waits for the new one',
    over: { exclusive: true },
    running: ['old@0', 'new@1!'],
    want: [],
  },
  {
    name: 'exclusive: an unready old one needs no budget',
    over: { exclusive: true },
    running: ['old@0!', 'new@1!'],
    want: ['delete old@0! replaced'],
  },
  {
    name: 'exclusive: only the highest ordinals go',
    over: { exclusive: true, replicas: 1 },
    running: ['new@0!', 'new@1'],
    want: ['delete new@1 surplus'],
  },
] as const) {
  test(`planInstances ${c.name}`, () => {
    assert.equal(show(desired('over' in c ? c.over : {}), c.running), c.want)
  })
}

for (const [value, replicas, round, want] of [
  [2, 10, 'up', 2],
  ['25%', 10, 'up', 3],
  ['25%', 10, 'down', 2],
  ['0%', 10, 'down', 0],
] as const) {
  test(`resolveCount ${value} of ${replicas} ${round}`, () =>
    assert.is(resolveCount(value, replicas, round), want))
}

const world = fc.record({
  replicas: fc.integer({ min: 0, max: 6 }),
  strategy: fc.constantFrom('Rolling' as const, 'Recreate' as const),
  maxUnavailable: fc.integer({ min: 0, max: 3 }),
  surge: fc.integer({ min: 0, max: 3 }),
  exclusive: fc.boolean(),
  old: fc.array(fc.constantFrom<'available' | 'unready'>('available', 'unready'), { maxLength: 6 }),
  /** Which of the pending steps (an instance becomes available, a deleting one is gone) happens next. */
  steps: fc.array(fc.nat(), { minLength: 200, maxLength: 200 }),
})

test('planInstances keeps its promises on every way from old to new, and gets there', () => {
  fc.assert(
    fc.property(world, (w) => {
      const maxSurge = w.maxUnavailable === 0 ? Math.max(1, w.surge) : w.surge
      const want = desired({ ...w, maxSurge })
      let serial = 0
      let now: InstanceView[] = w.old.map((state, ordinal) => ({
        name: `old-${serial++}`,
        hash: 'old',
        ordinal,
        attempt: 0,
        deleting: false,
        ready: state === 'available',
        available: state === 'available',
      }))
      const oldServing = now.filter((one) => one.available).length
      for (const step of w.steps) {
        const before = now
        for (const action of planInstances(want, now)) {
          if (action.kind === 'delete') {
            now = now.map((one) =>
              one.name === action.name ? { ...one, deleting: true, ready: false, available: false } : one,
            )
            continue
          }
          const occupied = now.some((one) => one.ordinal === action.ordinal)
          assert.not(want.exclusive && occupied, 'an exclusive ordinal runs twice')
          now = [
            ...now,
            {
              name: `new-${serial++}`,
              hash: 'new',
              ordinal: action.ordinal,
              attempt: action.attempt,
              deleting: false,
              ready: false,
              available: false,
            },
          ]
        }
        const live = now.filter((one) => !one.deleting)
        assert.is(
          new Set(live.filter((one) => one.hash === 'new').map((one) => one.ordinal)).size,
          live.filter((one) => one.hash === 'new').length,
          'two of one ordinal',
        )
        if (want.strategy === 'Rolling' && !want.exclusive) {
          assert.ok(
            live.length <= Math.max(want.replicas + maxSurge, before.filter((one) => !one.deleting).length),
            'more than the surge',
          )
          const serving = live.filter((one) => one.available).length
          const had = before.filter((one) => one.available).length
          assert.ok(
            serving >= Math.min(had, want.replicas - w.maxUnavailable),
            `fewer than allowed serve (${serving} of ${oldServing})`,
          )
        }
        const pending = now.filter((one) => one.deleting || !one.available)
        const next = pending[step % Math.max(1, pending.length)]
        if (next === undefined) continue
        now = next.deleting
          ? now.filter((one) => one !== next)
          : now.map((one) => (one === next ? { ...one, ready: true, available: true } : one))
      }
      assert.equal(planInstances(want, now), [], 'still something to do')
      assert.is(now.length, want.replicas)
      assert.ok(now.every((one) => one.hash === 'new' && one.available))
    }),
    { numRuns: 400 },
  )
})

for (const c of [
  { name: 'starts and replaces nothing', over: {}, running: ['old@0', 'new@1!'], want: [] },
  { name: 'starts nothing where nothing runs', over: {}, running: [], want: [] },
  {
    name: 'ends what is too much, the unready first',
    over: {},
    running: ['old@0', 'old@1!', 'new@0'],
    want: ['old@1!'],
  },
  { name: 'ends no second time', over: { replicas: 1 }, running: ['old@0', 'old@1-'], want: [] },
  {
    name: 'ends the highest where data goes with the ordinal',
    over: { exclusive: true, replicas: 1 },
    running: ['old@0!', 'old@1'],
    want: ['old@1'],
  },
])
  test(`planHeld ${c.name}`, () => {
    const actions = planHeld(desired(c.over), c.running.map(parse))
    assert.equal(
      actions.map((action) => action.kind === 'delete' && action.name),
      c.want,
    )
  })

test.run()

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type DesiredInstances, planInstances } from '../../../src/controllers/service/plan.ts'
import type { InstanceView } from '../../../src/controllers/service/views.ts'

const desired = (
  fresh: number,
  rest: number,
  over: Partial<DesiredInstances> = {},
  keepsOthers = false,
): DesiredInstances => ({
  replicas: fresh + rest,
  hash: 'new',
  strategy: 'Rolling',
  maxUnavailable: 0,
  maxSurge: 1,
  exclusive: false,
  split: { baseHash: 'old', fresh, rest, keepsOthers },
  ...over,
})

/** `old@0` available, `old@0!` unready, `old@0-` deleting. */
function parse(text: string): InstanceView {
  const match = /^(\w+)@(\d+)([!-]?)$/.exec(text)
  assert.ok(match, text)
  const [, hash = '', ordinal, mark] = match
  const available = mark === ''
  return {
    ...{ name: text, hash, ordinal: Number(ordinal), attempt: 0, deleting: mark === '-' },
    ...{ ready: available, available },
  }
}

for (const c of [
  {
    name: 'surges with one of the new',
    want: desired(1, 2),
    running: ['old@0', 'old@1', 'old@2'],
    does: ['+new@0'],
  },
  {
    name: 'ends an old one once the new one is available',
    want: desired(1, 2),
    running: ['old@0', 'old@1', 'old@2', 'new@0'],
    does: ['-old@2 replaced'],
  },
  { name: 'waits while it is not', want: desired(1, 1), running: ['old@0', 'old@1', 'new@0!'], does: [] },
  { name: 'leaves what is as it should be', want: desired(1, 1), running: ['old@0', 'new@0'], does: [] },
  {
    name: 'makes up an old one that is lost, before a new one',
    want: desired(1, 2, { maxSurge: 0, maxUnavailable: 1 }),
    running: ['old@0'],
    does: ['+old@1', '+new@0'],
  },
  {
    name: 'takes back new ones that are too many',
    want: desired(0, 2),
    running: ['old@0', 'old@1', 'new@0'],
    does: ['-new@0 replaced'],
  },
  {
    name: 'replaces what has neither template',
    want: desired(0, 2, { maxUnavailable: 1 }),
    running: ['older@0', 'old@0'],
    does: ['+old@1', '-older@0 replaced'],
  },
  {
    name: 'leaves that too where it is paused',
    want: desired(0, 2, { maxUnavailable: 1 }, true),
    running: ['older@0', 'old@0'],
    does: [],
  },
  {
    name: 'runs all of both side by side',
    want: desired(2, 2, { replicas: 2 }),
    running: ['old@0', 'old@1'],
    does: ['+new@0', '+new@1'],
  },
  {
    name: 'scales down what has not begun to change',
    want: desired(0, 1),
    running: ['old@0', 'old@1'],
    does: ['-old@1 surplus'],
  },
  {
    name: 'exclusive: the highest ordinals get the new template',
    want: desired(1, 2, { exclusive: true }),
    running: ['old@0', 'old@1', 'old@2'],
    does: ['-old@2 replaced'],
  },
  {
    name: 'exclusive: and others the old one',
    want: desired(1, 2, { exclusive: true }),
    running: ['old@0'],
    does: ['+old@1', '+new@2'],
  },
  {
    name: 'exclusive and paused: each keeps what it has',
    want: desired(1, 2, { exclusive: true }, true),
    running: ['new@0', 'old@1'],
    does: ['+old@2'],
  },
])
  test(`with two templates, planInstances ${c.name}`, () => {
    const actions = planInstances(c.want, c.running.map(parse)).map((action) =>
      action.kind === 'create' ? `+${action.hash}@${action.ordinal}` : `-${action.name} ${action.reason}`,
    )
    assert.equal(actions, c.does)
  })

const world = fc.record({
  fresh: fc.integer({ min: 0, max: 5 }),
  rest: fc.integer({ min: 0, max: 5 }),
  beside: fc.boolean(),
  maxUnavailable: fc.integer({ min: 0, max: 3 }),
  surge: fc.integer({ min: 0, max: 3 }),
  exclusive: fc.boolean(),
  begin: fc.array(
    fc.record({
      hash: fc.constantFrom('old', 'new', 'older'),
      available: fc.boolean(),
    }),
    { maxLength: 8 },
  ),
  steps: fc.array(fc.nat(), { minLength: 200, maxLength: 200 }),
})

/** Ordinals are unique within a template; where they are exclusive over all. */
function beginOf(begin: readonly { hash: string; available: boolean }[], exclusive: boolean): InstanceView[] {
  const next = new Map<string, number>()
  return begin.map(({ hash, available }, at) => {
    const ordinal = exclusive ? at : (next.get(hash) ?? 0)
    next.set(hash, ordinal + 1)
    return { name: `${hash}-${at}`, hash, ordinal, attempt: 0, deleting: false, ready: available, available }
  })
}

test('a split is reached from any state, never above the surge and never with fewer than must serve', () => {
  fc.assert(
    fc.property(world, (w) => {
      const replicas = w.beside && !w.exclusive ? Math.max(1, w.fresh, w.rest) : w.fresh + w.rest
      if (w.fresh + w.rest === 0) return
      const maxSurge = w.maxUnavailable === 0 ? Math.max(1, w.surge) : w.surge
      const want = desired(w.fresh, w.rest, { ...w, replicas, maxSurge, split: undefined })
      const split = { baseHash: 'old', fresh: w.fresh, rest: w.rest, keepsOthers: false }
      const whole = { ...want, split }
      let serial = 0
      let now = beginOf(w.begin, w.exclusive)
      for (const step of w.steps) {
        const before = now
        for (const action of planInstances(whole, now)) {
          if (action.kind === 'delete') {
            now = now.map((one) =>
              one.name === action.name ? { ...one, deleting: true, ready: false, available: false } : one,
            )
            continue
          }
          const { hash, ordinal, attempt } = action
          assert.not(
            now.some(
              (one) => (w.exclusive || (one.hash === hash && !one.deleting)) && one.ordinal === ordinal,
            ),
            'two of one ordinal',
          )
          now = [
            ...now,
            {
              name: `made-${serial++}`,
              hash,
              ordinal,
              attempt,
              deleting: false,
              ready: false,
              available: false,
            },
          ]
        }
        const live = now.filter((one) => !one.deleting)
        const had = before.filter((one) => !one.deleting)
        if (!w.exclusive) {
          const most = Math.max(replicas + maxSurge, w.fresh + w.rest)
          assert.ok(live.length <= Math.max(most, had.length), 'more than the surge')
          const serving = (of: readonly InstanceView[]) => of.filter((one) => one.available).length
          assert.ok(
            serving(live) >= Math.min(serving(had), replicas - w.maxUnavailable),
            'fewer serve than must',
          )
        }
        const pending = now.filter((one) => one.deleting || !one.available)
        const next = pending[step % Math.max(1, pending.length)]
        if (next === undefined) continue
        now = next.deleting
          ? now.filter((one) => one !== next)
          : now.map((one) => (one === next ? { ...one, ready: true, available: true } : one))
      }
      assert.equal(planInstances(whole, now), [], 'still something to do')
      const count = (hash: string) => now.filter((one) => one.hash === hash && one.available).length
      assert.equal([count('new'), count('old'), now.length], [w.fresh, w.rest, w.fresh + w.rest])
    }),
    { numRuns: 400 },
  )
})

test.run()

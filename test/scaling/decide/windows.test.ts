/** HPA's documented cases of stabilization, told anew. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { compileBehavior } from '../../../src/scaling/compile/behavior.ts'
import { Trail } from '../../../src/scaling/decide/trail.ts'
import { remember, stabilize } from '../../../src/scaling/decide/windows.ts'
import { CALM, policy, START } from './scene.ts'

interface Case {
  readonly name: string
  readonly current: number
  readonly wanted: number
  readonly want: number
  /** Wishes, and how many minutes ago. */
  readonly before: readonly (readonly [replicas: number, agoMinutes: number])[]
  /** Windows in seconds; without behavior where left out. */
  readonly up?: number
  readonly down?: number
}

const CASES: readonly Case[] = [
  { name: 'nothing before', current: 5, wanted: 5, want: 5, before: [] },
  {
    name: 'the largest of five minutes',
    current: 5,
    wanted: 3,
    want: 5,
    before: [
      [4, 2],
      [5, 1],
    ],
  },
  {
    name: 'the newest is the largest',
    current: 3,
    wanted: 3,
    want: 3,
    before: [
      [1, 2],
      [2, 1],
    ],
  },
  {
    name: 'what is old does not count',
    current: 10,
    wanted: 3,
    want: 3,
    before: [
      [10, 10],
      [9, 9],
    ],
  },
  {
    name: 'what is old does not count beside what is not',
    current: 10,
    wanted: 3,
    want: 5,
    before: [
      [10, 10],
      [9, 9],
      [5, 2],
      [4, 1],
    ],
  },
  { name: 'exactly as old as the window is too old', current: 10, wanted: 3, want: 3, before: [[10, 5]] },
  { name: 'windows: nothing before', current: 100, wanted: 5, want: 5, before: [], up: 0, down: 0 },
  {
    name: 'windows: down',
    current: 100,
    wanted: 3,
    want: 5,
    before: [
      [4, 2],
      [5, 1],
    ],
    up: 0,
    down: 180,
  },
  {
    name: 'windows: up',
    current: 1,
    wanted: 7,
    want: 4,
    before: [
      [4, 2],
      [5, 1],
    ],
    up: 300,
    down: 0,
  },
  {
    name: 'windows: none down',
    current: 100,
    wanted: 3,
    want: 3,
    before: [
      [1, 2],
      [2, 1],
    ],
    up: 300,
    down: 0,
  },
  {
    name: 'windows: none up',
    current: 1,
    wanted: 3,
    want: 3,
    before: [
      [4, 2],
      [5, 1],
    ],
    up: 0,
    down: 300,
  },
  {
    name: 'windows: down, old ones left out',
    current: 100,
    wanted: 3,
    want: 5,
    before: [
      [10, 10],
      [9, 9],
      [5, 2],
      [4, 1],
    ],
    up: 0,
    down: 180,
  },
  {
    name: 'windows: up, old ones left out',
    current: 1,
    wanted: 100,
    want: 5,
    before: [
      [10, 100],
      [9, 3],
      [5, 2],
      [6, 1],
    ],
    up: 300,
    down: 0,
  },
  {
    name: 'windows: not up while the wish goes down',
    current: 2,
    wanted: 1,
    want: 2,
    before: [
      [2, 100],
      [3, 3],
    ],
    up: 300,
    down: 300,
  },
  {
    name: 'windows: not down while the wish goes up',
    current: 2,
    wanted: 3,
    want: 2,
    before: [
      [2, 100],
      [1, 3],
    ],
    up: 300,
    down: 300,
  },
]

for (const { name, current, wanted, want, before, up, down } of CASES)
  test(`stabilization: ${name}`, () => {
    const behavior =
      up === undefined || down === undefined
        ? undefined
        : compileBehavior({
            scaleUp: { stabilizationWindowSeconds: up },
            scaleDown: { stabilizationWindowSeconds: down },
          })
    const recommendations = before.map(([replicas, minutes]) => ({
      atMs: START - minutes * 60_000,
      replicas,
    }))
    const trail = new Trail(wanted)
    stabilize(policy({ behavior }), { ...CALM, recommendations }, { nowMs: START, current, least: 0 }, trail)
    assert.is(trail.replicas, want)
  })

test('what is remembered answers every window as all of it would', () => {
  const wishes = fc.array(fc.tuple(fc.nat(2000), fc.nat(9)), { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(wishes, fc.integer({ min: 1, max: 30_000 }), (given, windowMs) => {
      let at = 0
      let kept: readonly { readonly atMs: number; readonly replicas: number }[] = []
      const all: { readonly atMs: number; readonly replicas: number }[] = []
      for (const [laterMs, replicas] of given) {
        at += laterMs
        all.push({ atMs: at, replicas })
        kept = remember(kept, { atMs: at, replicas }, 30_000)
      }
      const within = (entries: typeof kept) =>
        entries.filter(({ atMs }) => atMs > at - windowMs).map(({ replicas }) => replicas)
      assert.is(Math.max(...within(kept)), Math.max(...within(all)))
      assert.is(Math.min(...within(kept)), Math.min(...within(all)))
      assert.ok(kept.length <= 20)
    }),
  )
})

test.run()

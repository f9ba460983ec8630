/** HPA's documented cases of policies, told anew: how far it may go now, given what changed in their periods. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { compileBehavior } from '../../../src/scaling/compile/behavior.ts'
import { downLimit, limitRate, upLimit } from '../../../src/scaling/decide/rates.ts'
import { Trail } from '../../../src/scaling/decide/trail.ts'
import type { BehaviorDirection } from '../../../src/scaling/policy.ts'
import { policy, START } from './scene.ts'

type Rates = readonly (readonly ['Pods' | 'Percent', number, number])[]

interface Case {
  readonly name: string
  readonly current: number
  readonly wanted: number
  readonly want: number
  readonly up?: Rates
  readonly down?: Rates
  /** Spread over so long before now, the oldest first; negative are down. */
  readonly changes?: readonly number[]
  readonly select?: BehaviorDirection['select']
}

/** In the middle of each part of the last 120 s. */
const OVER_S = 120

const CASES: readonly Case[] = [
  { name: 'up by default: twice', current: 10, wanted: 50, want: 20 },
  { name: 'up by default: by 4 where that is more', current: 1, wanted: 50, want: 5 },
  { name: 'up within the limit', current: 5, wanted: 7, want: 7 },
  {
    name: 'up by a percentage that is less than one',
    current: 3,
    wanted: 1000,
    want: 4,
    up: [['Percent', 1, 60]],
  },
  {
    name: 'up by the larger, a number',
    current: 10,
    wanted: 500,
    want: 110,
    up: [
      ['Pods', 100, 60],
      ['Percent', 100, 60],
    ],
  },
  {
    name: 'up by the larger, a percentage',
    current: 10,
    wanted: 500,
    want: 20,
    up: [
      ['Pods', 2, 60],
      ['Percent', 100, 60],
    ],
  },
  { name: 'up by a number that is enough', current: 10, wanted: 50, want: 50, up: [['Pods', 100, 60]] },
  { name: 'up by a number that is too little', current: 10, wanted: 50, want: 40, up: [['Pods', 30, 60]] },
  {
    name: 'up by a percentage that is too little',
    current: 10,
    wanted: 50,
    want: 30,
    up: [['Percent', 200, 60]],
  },
  {
    name: 'up by the smaller',
    current: 1,
    wanted: 50,
    want: 2,
    up: [
      ['Pods', 2, 60],
      ['Percent', 50, 60],
    ],
    select: 'Min',
  },
  { name: 'up not at all', current: 5, wanted: 50, want: 5, up: [['Pods', 2, 60]], select: 'Disabled' },
  {
    name: 'up no further where more was added than the policy lets',
    current: 100,
    wanted: 500,
    want: 100,
    up: [['Pods', 5, 120]],
    changes: [1, 5, 9],
  },
  {
    name: 'up by a number from what there was',
    current: 100,
    wanted: 500,
    want: 235,
    up: [['Pods', 150, 120]],
    changes: [1, 5, 9],
  },
  {
    name: 'up by a percentage of what there was',
    current: 100,
    wanted: 500,
    want: 255,
    up: [['Percent', 200, 120]],
    changes: [1, 5, 9],
  },
  {
    name: 'up by a percentage of what there was before ups and downs',
    current: 6,
    wanted: 24,
    want: 16,
    up: [['Percent', 300, 300]],
    changes: [4, -2],
  },
  {
    name: 'up, with changes beyond the period left out',
    current: 100,
    wanted: 200,
    want: 200,
    up: [['Pods', 1000, 60]],
    changes: [8, 12, 9, 11],
  },
  {
    name: 'up, with two periods',
    current: 100,
    wanted: 200,
    want: 160,
    up: [
      ['Pods', 60, 30],
      ['Percent', 100, 60],
    ],
    changes: [8, 12, 9, 11],
  },
  { name: 'down by default', current: 10, wanted: 5, want: 5, changes: [-1, -5, -9] },
  { name: 'down by a number', current: 1000, wanted: 3, want: 980, down: [['Pods', 20, 60]] },
  {
    name: 'down by the larger, a number',
    current: 100,
    wanted: 2,
    want: 80,
    down: [
      ['Pods', 20, 60],
      ['Percent', 1, 60],
    ],
  },
  {
    name: 'down by the larger, still a number',
    current: 100,
    wanted: 2,
    want: 98,
    down: [
      ['Pods', 2, 60],
      ['Percent', 1, 60],
    ],
  },
  {
    name: 'down by the smaller',
    current: 5,
    wanted: 0,
    want: 3,
    down: [
      ['Pods', 2, 60],
      ['Percent', 50, 60],
    ],
    select: 'Min',
  },
  { name: 'down by a number that is enough', current: 10, wanted: 1, want: 1, down: [['Pods', 100, 60]] },
  { name: 'down by a number that is too little', current: 10, wanted: 2, want: 5, down: [['Pods', 5, 60]] },
  { name: 'down by a percentage', current: 10, wanted: 5, want: 5, down: [['Percent', 50, 60]] },
  {
    name: 'down not at all',
    current: 10,
    wanted: 5,
    want: 10,
    down: [['Percent', 50, 60]],
    select: 'Disabled',
  },
  {
    name: 'down no further where more went than the policy lets',
    current: 100,
    wanted: 2,
    want: 100,
    down: [['Pods', 5, 120]],
    changes: [-1, -5, -9],
  },
  {
    name: 'down by a percentage of what there was',
    current: 100,
    wanted: 0,
    want: 56,
    down: [['Percent', 50, 120]],
    changes: [-2, -4, -6],
  },
  {
    name: 'down by a percentage of what there was before ups and downs',
    current: 10,
    wanted: 1,
    want: 6,
    down: [['Percent', 50, 180]],
    changes: [2, -4],
  },
  {
    name: 'down no further after many',
    current: 100,
    wanted: 0,
    want: 100,
    down: [['Percent', 10, 120]],
    changes: [-10, -10, -10],
  },
  {
    name: 'down as far as is wanted, whatever a percentage of more than all',
    current: 10,
    wanted: 5,
    want: 5,
    down: [['Percent', 1000, 120]],
    changes: [-10, -10, -10],
  },
]

function direction(rates: Rates | undefined, select: BehaviorDirection['select'] = 'Max') {
  if (rates === undefined) return undefined
  return {
    selectPolicy: select,
    policies: rates.map(([type, value, periodSeconds]) => ({ type, value, periodSeconds })),
  }
}

function spread(changes: readonly number[]) {
  const part = (OVER_S * 1000) / changes.length
  return changes.map((by, index) => ({ atMs: START - part * (changes.length - index - 0.5), by }))
}

for (const { name, current, wanted, want, up, down, changes = [], select } of CASES)
  test(`policies: ${name}`, () => {
    const scaleUp = direction(up, select)
    const scaleDown = direction(down, select)
    const behavior = compileBehavior({
      ...(scaleUp === undefined ? {} : { scaleUp }),
      ...(scaleDown === undefined ? {} : { scaleDown }),
    })
    const trail = new Trail(wanted)
    const state = { nowMs: START, current, changes: spread(changes) }
    limitRate(policy({ behavior }), { ...state, least: 0 }, trail)
    assert.is(trail.replicas, want)
    const reason = want > wanted ? 'ScaleDownLimit' : 'ScaleUpLimit'
    assert.is(trail.limited?.reason, want === wanted ? undefined : reason)
  })

test('Kubernetes’ documented walk: 10 % a minute, or 4 where that is more', () => {
  const policies = [
    { type: 'Pods', value: 4, periodSeconds: 60 },
    { type: 'Percent', value: 10, periodSeconds: 60 },
  ] as const
  const of = policy({ behavior: compileBehavior({ scaleDown: { policies } }) })
  let current = 80
  const walk = Array.from({ length: 8 }, () => {
    current = downLimit(of, { nowMs: START, current, changes: [] })
    return current
  })
  assert.equal(walk, [72, 64, 57, 51, 45, 40, 36, 32])
})

test('without behavior it grows to twice as many, or to 4, and shrinks as it likes', () => {
  for (const [current, want] of [
    [1, 4],
    [2, 4],
    [3, 6],
    [10, 20],
  ] as const)
    assert.is(upLimit(policy(), { nowMs: START, current, changes: [] }), want)
  assert.is(downLimit(policy(), { nowMs: START, current: 10, changes: [] }), 0)
})

test('without behavior, deciding more often than every 15 s lets nothing more through', () => {
  const at = (agoMs: number) => [{ atMs: START - agoMs, by: 2 }]
  assert.is(upLimit(policy(), { nowMs: START, current: 4, changes: at(14_999) }), 4)
  assert.is(upLimit(policy(), { nowMs: START, current: 4, changes: at(15_000) }), 8)
})

test('no policy holds the way from 0', () => {
  const behavior = compileBehavior({
    scaleUp: { policies: [{ type: 'Percent', value: 100, periodSeconds: 60 }] },
  })
  const trail = new Trail(5)
  limitRate(policy({ behavior }), { nowMs: START, current: 0, changes: [], least: 1 }, trail)
  assert.is(trail.replicas, 1)
})

test.run()

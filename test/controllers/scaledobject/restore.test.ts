/** A successor decides as the one before it would have, by what the history holds. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { sampleOf } from '../../../src/controllers/scaledobject/records.ts'
import { restore, restoreState } from '../../../src/controllers/scaledobject/restore.ts'
import { ManualClock } from '../../../src/core/clock.ts'
import type { Json } from '../../../src/core/json.ts'
import { parseExpression } from '../../../src/resources/expression/parse.ts'
import { initialState, type ScalingState } from '../../../src/scaling/decide.ts'
import type { ScalingPolicy } from '../../../src/scaling/policy.ts'
import { ScalingTimes } from '../../../src/scaling/times.ts'
import type { HistoryEntry } from '../../../src/telemetry/history/history.ts'
import { MemoryHistory } from '../../../src/telemetry/history/memory.ts'
import { policy, Scaler, value } from '../../scaling/decide/scene.ts'

const WEB = { object: 'ScaledObject/default/web', uid: 'one' }

/** A scaler whose every decision goes into a history, newest first. */
class Recorded extends Scaler {
  readonly samples: HistoryEntry[] = []
  readonly decisions: HistoryEntry[] = []
  /** The last decision that changed something, as the status has it. */
  stored: Json | undefined

  decided(afterS: number, queue: number): number {
    const to = this.after(afterS, { queue: value(queue) })
    const decision = this.last!
    const content = sampleOf({ decision, state: this.state, ready: to, triggers: [] }) as unknown as Json
    const entry = { ...WEB, atMs: this.steadyMs }
    this.samples.unshift({ ...entry, kind: 'sample', content: throughText(content) })
    if (decision.from !== decision.to)
      this.decisions.unshift({
        ...entry,
        kind: 'decision',
        content: throughText(decision as unknown as Json),
      })
    if (decision.from !== decision.to) this.stored = throughText(decision as unknown as Json)
    return to
  }

  /** Another process's, whose steady timeline has nothing to do with this one's. */
  successor(laterS: number): { readonly scaler: Scaler; readonly state: ScalingState } {
    const wallMs = this.steadyMs + laterS * 1000
    const steadyMs = 5_000_000_000
    const times = new ScalingTimes(new ManualClock(wallMs), () => steadyMs)
    const { samples, decisions, stored, replicas } = this
    const initial = initialState({ time: { steadyMs }, replicas })
    const state = restoreState({ initial, status: undefined, samples, decisions, stored, times })
    const scaler = new Scaler(this.policy, replicas, state)
    scaler.steadyMs = steadyMs
    scaler.skewMs = wallMs - steadyMs
    scaler.createdMs = 0
    return { scaler, state }
  }
}

function throughText(content: Json): Json {
  return JSON.parse(JSON.stringify(content))
}

const expression = (text: string) =>
  ({ kind: 'when', expression: parseExpression(text), heldForMs: 0 }) as const
const RULE = { name: 'burst', condition: expression('queue > 45'), min: undefined, max: undefined }
const FREE = {
  up: { stabilizationMs: 0, select: 'Max', policies: [{ type: 'Pods', value: 100, periodMs: 1000 }] },
  down: { stabilizationMs: 60_000, select: 'Max', policies: [{ type: 'Pods', value: 2, periodMs: 60_000 }] },
} as const

const SCENES: readonly {
  readonly name: string
  readonly of: Partial<ScalingPolicy>
  readonly before: readonly (readonly [afterS: number, queue: number])[]
  readonly after: readonly (readonly [afterS: number, queue: number])[]
}[] = [
  {
    name: 'windows',
    of: {},
    before: [
      [0, 90],
      [30, 70],
      [30, 50],
    ],
    after: [
      [60, 20],
      [150, 20],
      [40, 20],
    ],
  },
  {
    name: 'policies',
    of: { behavior: FREE },
    before: [
      [0, 90],
      [70, 20],
    ],
    after: [
      [10, 20],
      [30, 20],
      [40, 20],
      [60, 20],
    ],
  },
  {
    name: 'the last activity',
    of: { cooldownMs: 90_000 },
    before: [
      [0, 50],
      [30, 0],
    ],
    after: [
      [30, 0],
      [31, 0],
      [30, 0],
    ],
  },
  {
    name: 'cooldowns',
    of: {
      behavior: FREE,
      protection: { cooldownUpMs: 60_000, cooldownDownMs: 0, flapping: undefined, maxActionsPerHour: 2 },
    },
    before: [[0, 60]],
    after: [
      [30, 90],
      [31, 90],
      [61, 200],
    ],
  },
  {
    name: 'a hold for flapping',
    of: {
      behavior: { ...FREE, down: { ...FREE.down, stabilizationMs: 0 } },
      protection: {
        cooldownUpMs: 0,
        cooldownDownMs: 0,
        flapping: { changes: 2, withinMs: 600_000, holdMs: 120_000 },
        maxActionsPerHour: undefined,
      },
    },
    before: [
      [0, 60],
      [10, 40],
      [10, 60],
    ],
    after: [
      [30, 90],
      [80, 90],
      [15, 90],
    ],
  },
  {
    name: 'a rule that fired',
    of: { rules: [{ ...RULE, scale: { kind: 'by', count: 3 } }], behavior: FREE },
    before: [
      [0, 50],
      [15, 50],
    ],
    after: [
      [10, 50],
      [15, 50],
      [15, 40],
      [15, 50],
    ],
  },
  {
    name: 'a rule that is about to fire',
    of: {
      rules: [
        {
          ...RULE,
          condition: { ...expression('queue > 45'), heldForMs: 60_000 },
          scale: { kind: 'by', count: 3 },
        },
      ],
    },
    before: [
      [0, 50],
      [15, 50],
    ],
    after: [
      [10, 50],
      [34, 50],
      [1, 50],
    ],
  },
]

for (const { name, of, before, after } of SCENES)
  test(`a successor goes on with ${name}`, () => {
    const first = new Recorded(policy(of), 5)
    for (const [afterS, queue] of before) first.decided(afterS, queue)
    const { scaler } = first.successor(5)
    first.steadyMs += 5_000
    const told = (one: Scaler) => after.map(([afterS, queue]) => one.after(afterS, { queue: value(queue) }))
    assert.equal(told(scaler), told(first))
  })

const BURST = { ...RULE, scale: { kind: 'by', count: 3 } } as const
const HELD = { ...expression('queue > 45'), heldForMs: 2_000 }

test('a successor knows what was written last, though the history has lost it', () => {
  const first = new Recorded(policy({ rules: [{ ...BURST, condition: HELD }], minReplicas: 1 }), 1)
  for (const [afterS, queue] of [
    [0, 10],
    [1, 5],
    [1, 46],
    [1, 46],
    [1, 46],
  ] as const)
    first.decided(afterS, queue)
  const fired = first.replicas
  // killed within a second of it
  first.samples.splice(0, 2)
  first.decisions.splice(0, 2)
  const { scaler, state } = first.successor(1)
  assert.equal(state.changes.at(-1)?.by, 3)
  assert.is(scaler.after(0, { queue: value(46) }), fired)
  assert.is(scaler.after(3, { queue: value(46) }), fired)
})

test('what the history has lost is kept in it again, for whoever comes next', async () => {
  const first = new Recorded(policy({ behavior: FREE }), 1)
  first.decided(0, 90)
  const history = new MemoryHistory(new ManualClock(first.steadyMs))
  // what it was made of had been written, and what it came to had not
  for (const entry of first.samples) history.append(entry)
  const changes = async (stored: Json | undefined) => {
    const state = await restore({
      initial: initialState({ time: first, replicas: first.replicas }),
      status: { lastScaleTime: new Date(first.steadyMs + 5).toISOString() },
      times: new ScalingTimes(new ManualClock(first.steadyMs + 1_000), () => 0),
      policy: first.policy,
      subject: WEB,
      history,
      readStored: async () => stored,
    })
    return state.changes.map(({ by }) => by)
  }
  assert.equal(await changes(first.stored), [8])
  assert.equal(await changes(undefined), [8])
})

test('a successor that finds a number that nobody told of takes nothing away for a window', () => {
  const first = new Recorded(policy(), 2)
  first.decided(0, 20)
  first.replicas = 9
  const { scaler } = first.successor(1)
  assert.is(scaler.after(0, { queue: value(20) }), 9)
  assert.is(scaler.after(299, { queue: value(20) }), 9)
  assert.is(scaler.after(2, { queue: value(20) }), 2)
})

test('what one of the same name did before is not its own', async () => {
  const first = new Recorded(policy({ rules: [BURST] }), 2)
  first.decided(0, 50)
  const history = new MemoryHistory(new ManualClock(first.steadyMs))
  for (const entry of [...first.samples, ...first.decisions]) history.append(entry)
  const rulesOf = async (uid: string) => {
    const state = await restore({
      initial: initialState({ time: first, replicas: 2 }),
      status: undefined,
      times: new ScalingTimes(new ManualClock(first.steadyMs + 5_000), () => 0),
      policy: first.policy,
      subject: { ...WEB, uid },
      history,
      readStored: async () => undefined,
    })
    return state.rules
  }
  assert.is((await rulesOf(WEB.uid)).burst?.fired, true)
  // made anew, whatever the wall clock says of when
  assert.equal(await rulesOf('another'), {})
})

test('a successor that finds nothing begins anew', () => {
  const { state } = new Recorded(policy(), 5).successor(0)
  assert.equal(state.recommendations, [{ atMs: 5_000_000_000, replicas: 5 }])
  assert.equal(state.changes, [])
})

test.run()

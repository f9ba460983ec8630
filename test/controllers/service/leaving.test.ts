/** The plan where nodes are lost, come back, and are to be left. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type DesiredInstances, planInstances } from '../../../src/controllers/service/plan.ts'
import type { InstanceView } from '../../../src/controllers/service/views.ts'

const desired = (over: Partial<DesiredInstances> = {}): DesiredInstances => ({
  replicas: 3,
  hash: 'new',
  strategy: 'Rolling',
  maxUnavailable: 0,
  maxSurge: 1,
  exclusive: false,
  ...over,
})

/** `new@0` available, `!` unready, `?` lost, `>` leaving, `>>` by force; `/1` is its attempt. */
function parse(text: string): InstanceView {
  const match = /^(\w+)@(\d+)(?:\/(\d+))?(!?)(\??)(>{0,2})$/.exec(text)
  assert.ok(match, text)
  const [, hash = '', ordinal, attempt = '0', unready, lost, leaving] = match
  const available = unready === '' && lost === ''
  return {
    ...{ name: text, hash, ordinal: Number(ordinal), attempt: Number(attempt) },
    ...{ deleting: false, ready: available, available },
    ...{ lost: lost !== '', leaving: leaving !== '', forced: leaving === '>>' },
  }
}

function show(over: Partial<DesiredInstances>, running: readonly string[]): readonly string[] {
  return planInstances(desired(over), running.map(parse)).map((action) =>
    action.kind === 'create'
      ? `create @${action.ordinal}/${action.attempt}`
      : `delete ${action.name} ${action.reason}`,
  )
}

for (const c of [
  {
    name: 'replaces what is lost under its ordinal, and leaves it alone',
    running: ['new@0', 'new@1?', 'new@2'],
    want: ['create @1/1'],
  },
  {
    name: 'does not replace it twice',
    running: ['new@0', 'new@1?', 'new@1/1!', 'new@2'],
    want: [],
  },
  {
    name: 'ends the one that was there before when its node is back',
    running: ['new@0', 'new@1', 'new@1/1', 'new@2'],
    want: ['delete new@1 surplus'],
  },
  {
    name: 'keeps the one that was there before where its replacement serves nobody yet',
    running: ['new@0', 'new@1', 'new@1/1!', 'new@2'],
    want: ['delete new@1/1! surplus'],
  },
  {
    name: 'ends what is lost, too, where nothing is wanted any more',
    over: { replicas: 0 },
    running: ['new@0', 'new@1?'],
    want: ['delete new@0 surplus', 'delete new@1? surplus'],
  },
  {
    name: 'does not let a lost one hold up a Recreate',
    over: { strategy: 'Recreate' as const, replicas: 2 },
    running: ['old@0?'],
    want: ['create @0/0', 'create @1/0'],
  },
  {
    name: 'replaces a lost one with a fixed port',
    over: { exclusive: true, replicas: 2 },
    running: ['new@0', 'new@1?'],
    want: ['create @1/1'],
  },
  {
    name: 'ends the older of two with a fixed port when its node is back',
    over: { exclusive: true, replicas: 1 },
    running: ['new@0', 'new@0/1'],
    want: ['delete new@0 duplicate'],
  },
  {
    name: 'replaces one that is to leave before it ends',
    running: ['new@0', 'new@1>', 'new@2'],
    want: ['create @1/1'],
  },
  {
    name: 'waits for the replacement',
    running: ['new@0', 'new@1>', 'new@1/1!', 'new@2'],
    want: [],
  },
  {
    name: 'ends it once its replacement serves',
    running: ['new@0', 'new@1>', 'new@1/1', 'new@2'],
    want: ['delete new@1> replaced'],
  },
  {
    name: 'takes one after the other',
    running: ['new@0>', 'new@1>', 'new@2>'],
    want: ['create @0/1'],
  },
  {
    name: 'ends as many at once as disruption allows',
    over: { maxDisrupted: 2 },
    running: ['new@0>', 'new@1>', 'new@2>'],
    want: ['create @0/1', 'delete new@2> replaced', 'delete new@1> replaced'],
  },
  {
    name: 'ends none where none may go and none may be made',
    over: { maxSurge: 0, maxUnavailable: 1, maxDisrupted: 0 },
    running: ['new@0>', 'new@1', 'new@2'],
    want: [],
  },
  {
    name: 'ends all where it is forced to',
    over: { maxDisrupted: 0 },
    running: ['new@0>>', 'new@1!>>', 'new@2'],
    want: ['create @0/1', 'delete new@1!>> replaced', 'delete new@0>> replaced'],
  },
  {
    name: 'scales down by what is to leave in any case',
    over: { replicas: 2 },
    running: ['new@0>', 'new@1', 'new@2'],
    want: ['delete new@0> replaced'],
  },
  {
    name: 'replaces what is to leave under its own template while two run side by side',
    over: { split: { baseHash: 'old', fresh: 1, rest: 2, keepsOthers: false } },
    running: ['old@0>', 'old@1', 'new@0'],
    want: ['create @0/1'],
  },
  {
    name: 'replaces what is lost under its own template while two run side by side',
    over: { split: { baseHash: 'old', fresh: 1, rest: 2, keepsOthers: false } },
    running: ['old@0', 'old@1', 'new@0?'],
    want: ['create @0/1'],
  },
  {
    name: 'moves what has a fixed port one at a time',
    over: { exclusive: true, replicas: 2 },
    running: ['new@0>', 'new@1>'],
    want: ['delete new@1> replaced'],
  },
  {
    name: 'moves none of these where none may be missing',
    over: { exclusive: true, replicas: 2, maxDisrupted: 0 },
    running: ['new@0>', 'new@1>'],
    want: [],
  },
  {
    name: 'moves them by force',
    over: { exclusive: true, replicas: 2, maxDisrupted: 0 },
    running: ['new@0>>', 'new@1>>'],
    want: ['delete new@1>> replaced', 'delete new@0>> replaced'],
  },
])
  test(`planInstances ${c.name}`, () => assert.equal(show(c.over ?? {}, c.running), c.want))

interface Placed extends InstanceView {
  readonly node: number
}

const world = fc.record({
  replicas: fc.integer({ min: 1, max: 5 }),
  maxUnavailable: fc.integer({ min: 0, max: 2 }),
  surge: fc.integer({ min: 0, max: 2 }),
  disrupted: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
  exclusive: fc.boolean(),
  steps: fc.array(fc.record({ kind: fc.integer({ min: 0, max: 9 }), pick: fc.nat() }), {
    minLength: 60,
    maxLength: 120,
  }),
})

const NODES = 4

test('whatever becomes of nodes: none is made twice, not too many end for leaving, and all ends well', () => {
  fc.assert(
    fc.property(world, (w) => {
      const maxSurge = w.maxUnavailable === 0 ? Math.max(1, w.surge) : w.surge
      const want = desired({ ...w, maxSurge, maxDisrupted: w.disrupted })
      const lost = new Set<number>()
      const leaving = new Set<number>()
      let now: Placed[] = []
      const view = (one: Placed): Placed => ({
        ...one,
        available: one.available && !lost.has(one.node),
        lost: lost.has(one.node),
        leaving: leaving.has(one.node),
      })
      const usable = () =>
        Array.from({ length: NODES }, (_, n) => n).filter((n) => !lost.has(n) && !leaving.has(n))
      // two of an ordinal that can run once are one too many
      const servingOf = (some: readonly Placed[]) => {
        const available = some.filter((one) => one.available)
        return w.exclusive ? new Set(available.map(({ ordinal }) => ordinal)).size : available.length
      }
      const act = () => {
        const seen = now.map(view)
        const servingBefore = servingOf(seen)
        const actions = planInstances(want, seen)
        for (const action of actions) {
          if (action.kind === 'delete') {
            const target = seen.find((one) => one.name === action.name)
            assert.not(target?.lost, 'a lost one is left alone')
            now = now.map((one) =>
              one.name === action.name ? { ...one, deleting: true, available: false } : one,
            )
            continue
          }
          const name = `${action.hash}/${action.ordinal}/${action.attempt}`
          assert.not(
            now.some((one) => one.name === name),
            `${name} was made twice`,
          )
          const taken = new Set(now.filter((one) => one.ordinal === action.ordinal).map((one) => one.node))
          const node = usable().find((n) => !taken.has(n))
          if (node === undefined) continue
          const state = { deleting: false, ready: false, available: false }
          now.push({
            name,
            hash: action.hash,
            ordinal: action.ordinal,
            attempt: action.attempt,
            ...state,
            node,
          })
        }
        const serving = servingOf(now.map(view))
        const may = Math.max(w.maxUnavailable, w.disrupted ?? w.maxUnavailable, w.exclusive ? 1 : 0)
        assert.ok(serving >= Math.min(servingBefore, w.replicas - may), 'too many ended')
        if (!w.exclusive) {
          const live = now.map(view).filter((one) => !one.deleting && !one.lost)
          const before = seen.filter((one) => !one.deleting && !one.lost).length
          assert.ok(live.length <= Math.max(w.replicas + maxSurge, before), 'more than the surge')
        }
      }
      /** An agent's doing: on a node that is lost nothing is heard of it. */
      const progress = (pick: number) => {
        const pending = now.filter((one) => !lost.has(one.node) && (one.deleting || !one.available))
        const next = pending[pick % Math.max(1, pending.length)]
        if (next === undefined) return
        now = next.deleting
          ? now.filter((one) => one !== next)
          : now.map((one) => (one === next ? { ...one, ready: true, available: true } : one))
      }
      for (const { kind, pick } of w.steps) {
        if (kind === 0 && lost.size < 2) lost.add(pick % NODES)
        if (kind === 1) lost.delete(pick % NODES)
        if (kind === 2 && leaving.size < 1) leaving.add(pick % NODES)
        if (kind === 3) leaving.delete(pick % NODES)
        act()
        progress(pick)
      }
      lost.clear()
      leaving.clear()
      for (let i = 0; i < 60; i++) {
        act()
        progress(i)
      }
      assert.equal(planInstances(want, now.map(view)), [], 'still something to do')
      assert.is(now.length, w.replicas)
      assert.ok(now.every((one) => one.available))
    }),
    { numRuns: 400 },
  )
})

test.run()

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { DesiredInstances } from '../../../src/controllers/service/plan.ts'
import {
  countPlaces,
  type NodeInstanceView,
  planNodes,
  planNodesHeld,
} from '../../../src/controllers/service/plan-nodes.ts'
import type { InstanceAction } from '../../../src/controllers/service/views.ts'
import type { Standing } from '../../../src/placement/daemons.ts'

const DESIRED: DesiredInstances = {
  replicas: 3,
  hash: 'new',
  strategy: 'Rolling',
  maxUnavailable: 0,
  maxSurge: 1,
  exclusive: false,
}
const START = { n1: 'start', n2: 'start', n3: 'start' } as const

/** `n1 new 0`: available; `n1 old 0 ending`, `n1 new 0 starting`. */
function view(text: string): NodeInstanceView {
  const [node, hash, ordinal, state] = text.split(' ') as [string, string, string, string?]
  const available = state === undefined
  const identity = { node, hash, ordinal: Number(ordinal), attempt: 0 }
  return { ...identity, name: text, deleting: state === 'ending', ready: available, available }
}

function text(action: InstanceAction): string {
  if (action.kind === 'delete') return `${action.reason}: ${action.name}`
  return `create ${action.ordinal} on ${action.node}${action.hash === 'new' ? '' : ` of ${action.hash}`}`
}

const places = (
  standings: Readonly<Record<string, Standing>>,
  ordinals: Readonly<Record<string, number>> = {},
) => ({
  standings: new Map(Object.entries(standings)),
  ordinals: new Map(Object.entries(ordinals)),
})

for (const c of [
  {
    name: 'starts one on each node',
    there: [],
    want: ['create 0 on n1', 'create 1 on n2', 'create 2 on n3'],
  },
  { name: 'leaves what is right alone', there: ['n1 new 0', 'n2 new 1', 'n3 new 2'], want: [] },
  {
    name: 'fills the node that came, with the lowest ordinal that is free',
    there: ['n1 new 0', 'n3 new 2'],
    want: ['create 1 on n2'],
  },
  {
    name: 'ends what is on nodes that no longer match or are gone',
    there: ['n1 new 0', 'n2 new 1', 'n3 new 2', 'n4 new 3'],
    want: ['surplus: n4 new 3'],
  },
  {
    name: 'keeps what is on a node that takes nothing new, and starts none there',
    standings: { n1: 'start', n2: 'keep', n3: 'keep' },
    there: ['n1 new 0', 'n2 new 1'],
    want: [],
  },
  {
    name: 'leaves to a lost node what is there',
    standings: { n1: 'start', n2: 'lost', n3: 'start' },
    there: ['n1 new 0', 'n2 old 1', 'n3 new 2'],
    want: [],
  },
  {
    name: 'ends what is there twice',
    there: ['n1 new 0', 'n1 new 5', 'n2 new 1', 'n3 new 2'],
    want: ['duplicate: n1 new 5'],
  },
  {
    name: 'starts the new one beside the old, one node at a time',
    there: ['n1 old 0', 'n2 old 1', 'n3 old 2'],
    want: ['create 0 on n1'],
  },
  {
    name: 'waits for the new one',
    there: ['n1 old 0', 'n1 new 0 starting', 'n2 old 1', 'n3 old 2'],
    want: [],
  },
  {
    name: 'ends the old one once the new one is available',
    there: ['n1 old 0', 'n1 new 0', 'n2 old 1', 'n3 new 2'],
    want: ['replaced: n1 old 0'],
  },
  {
    name: 'ends an old one that serves nobody',
    there: ['n1 new 0', 'n2 old 1 starting', 'n3 new 2'],
    want: ['replaced: n2 old 1 starting'],
  },
  {
    name: 'stops first where both cannot run',
    desired: { exclusive: true },
    there: ['n1 old 0', 'n2 old 1', 'n3 old 2'],
    want: ['replaced: n1 old 0'],
  },
  {
    name: 'waits for the end of the old one where both cannot run',
    desired: { exclusive: true },
    there: ['n1 old 0 ending', 'n2 old 1', 'n3 old 2'],
    want: [],
  },
  {
    name: 'starts anew with the ordinal that was there',
    desired: { exclusive: true },
    standings: { n1: 'start', n2: 'start' },
    ordinals: { n1: 4, n2: 0 },
    there: ['n2 old 0'],
    want: ['create 4 on n1'],
  },
  {
    name: 'ends all first with Recreate',
    desired: { strategy: 'Recreate' },
    there: ['n1 old 0', 'n2 new 1'],
    want: ['replaced: n1 old 0'],
  },
  {
    name: 'replaces nothing while paused, and starts the last good one where there is none',
    desired: { split: { baseHash: 'old', fresh: 0, rest: 3, keepsOthers: true } },
    there: ['n1 old 0', 'n2 new 1'],
    want: ['create 2 on n3 of old'],
  },
] as const)
  test(`planNodes ${c.name}`, () => {
    const standings = { ...('standings' in c ? c.standings : START) } as Record<string, Standing>
    const ordinals = { ...('ordinals' in c ? c.ordinals : {}) } as Record<string, number>
    const desired = { ...DESIRED, ...('desired' in c ? (c.desired as Partial<DesiredInstances>) : {}) }
    assert.equal(planNodes(desired, places(standings, ordinals), c.there.map(view)).map(text), [...c.want])
  })

test('planNodesHeld starts nothing and replaces nothing', () => {
  const there = ['n1 old 0', 'n4 old 3'].map(view)
  assert.equal(planNodesHeld(places(START), there).map(text), ['surplus: n4 old 3'])
})

test('countPlaces counts where one is to be, and where one may stay', () => {
  const all = places({ n1: 'start', n2: 'keep', n3: 'keep', n4: 'lost' })
  assert.is(countPlaces(all, [{ node: 'n2' }, { node: 'n4' }, { node: 'n5' }]), 2)
})

const state = fc.record({
  node: fc.constantFrom('n1', 'n2', 'n3', 'n4'),
  hash: fc.constantFrom('old', 'new'),
  available: fc.boolean(),
  deleting: fc.boolean(),
})

test('planNodes comes to one of the wanted template on each node from wherever it begins, and keeps to its bounds', () => {
  fc.assert(
    fc.property(
      fc.array(state, { maxLength: 7 }),
      fc.record({
        strategy: fc.constantFrom('Rolling' as const, 'Recreate' as const),
        exclusive: fc.boolean(),
        maxUnavailable: fc.integer({ min: 0, max: 2 }),
        maxSurge: fc.integer({ min: 1, max: 2 }),
      }),
      (began, bounds) => {
        const desired = { ...DESIRED, ...bounds }
        let there: readonly NodeInstanceView[] = began.map((one, index) => ({
          ...one,
          name: `x${index}`,
          ordinal: index,
          attempt: 0,
          ready: one.available,
        }))
        for (let round = 0; ; round++) {
          assert.ok(round < 60, 'does not come to an end')
          const actions = planNodes(desired, places(START), there)
          const nodes = (some: readonly NodeInstanceView[]) =>
            new Set(some.filter((one) => !one.deleting && one.node !== 'n4').map(({ node }) => node))
          if (actions.length === 0 && there.every((one) => one.available && !one.deleting)) break
          const before = nodes(there.filter((one) => one.available)).size
          const ended = new Set(actions.flatMap((one) => (one.kind === 'delete' ? [one.name] : [])))
          const left = there.filter((one) => !ended.has(one.name))
          if (desired.strategy === 'Rolling') {
            const least = Math.min(before, 3 - Math.max(desired.exclusive ? 1 : 0, desired.maxUnavailable))
            assert.ok(nodes(left.filter((one) => one.available)).size >= least, 'too few are left')
          }
          const made = actions.flatMap((one) => (one.kind === 'create' ? [one] : []))
          const beside = made.filter(({ node }) => left.some((one) => one.node === node && !one.deleting))
          if (desired.exclusive)
            assert.ok(
              made.every(({ node }) => !there.some((one) => one.node === node)),
              'two of one at once',
            )
          assert.ok(beside.length <= desired.maxSurge, 'too many beside old ones')
          there = [
            ...there
              .filter((one) => !one.deleting)
              .map((one) =>
                ended.has(one.name)
                  ? { ...one, deleting: true, available: false }
                  : { ...one, available: true, ready: true },
              ),
            ...made.map((one) => ({
              ...one,
              node: one.node ?? '',
              name: `r${round}-${one.node}`,
              deleting: false,
              ready: false,
              available: false,
            })),
          ]
        }
        assert.equal(there.map(({ node, hash }) => `${node} ${hash}`).sort(), ['n1 new', 'n2 new', 'n3 new'])
        assert.is(new Set(there.map(({ ordinal }) => ordinal)).size, 3, 'each has an ordinal of its own')
      },
    ),
    { numRuns: 1_000 },
  )
})

test.run()

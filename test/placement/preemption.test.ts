/** What holds of preemption whatever comes, and the cases that it is there for. */
import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Cluster } from '../../src/placement/cluster.ts'
import type { Batch, Occupant, PlacementNode } from '../../src/placement/placement.ts'
import type { Preemption } from '../../src/placement/preemption.ts'
import * as some from './arbitraries.ts'
import { mayTake } from './model.ts'
import { compareCosts, mayEnd, plainOffers } from './preemption-model.ts'

const RUNS = { numRuns: 2_000 }
const priority = fc.constantFrom(100, 10, 0, -5)

interface Scene {
  readonly nodes: readonly PlacementNode[]
  readonly occupants: readonly Occupant[]
  readonly batch: Batch
  readonly budgets: Readonly<Record<string, number>>
}

/** Full, as it has to be: else there is little to end. */
const occupants: fc.Arbitrary<readonly Occupant[]> = fc
  .array(
    fc.record({
      service: fc.constantFrom('default/web', 'default/db', 'default/cache', 'default/log'),
      node: fc.nat(3).map((at) => `n${at}`),
      memoryBytes: fc.constantFrom(20, 40, 60),
      ports: fc.constantFrom([], [], [], ['80']),
      avoids: fc.nat(9).map((roll) => roll === 0),
      priority,
      isEnding: fc.nat(7).map((roll) => roll === 0),
      isPinned: fc.nat(4).map((roll) => roll === 0),
    }),
    { minLength: 4, maxLength: 14 },
  )
  .map((list) =>
    list.map(({ memoryBytes, ports, avoids, ...rest }, at) => ({
      ...{ ...rest, id: `default/there-${at}`, hash: 'h1', needs: { cpuMillis: 0, memoryBytes, ports } },
      avoids: avoids ? [{ service: 'default/web', topologyKey: 'kubernetes.io/hostname' }] : [],
    })),
  )

/** Most are open, and too small for all of that. */
const nodes: fc.Arbitrary<readonly PlacementNode[]> = fc
  .integer({ min: 1, max: 4 })
  .chain((count) =>
    fc.tuple(
      ...Array.from({ length: count }, (_, at) =>
        fc
          .tuple(some.node(`n${at}`), fc.integer({ min: 0, max: 5 }), fc.constantFrom(60, 80, 100))
          .map(([one, roll, memoryBytes]) =>
            roll === 5
              ? one
              : { ...one, memoryBytes, cpuMillis: 10_000, ready: true, unschedulable: false, taints: [] },
          ),
      ),
    ),
  )
const scene: fc.Arbitrary<Scene> = fc.record({
  nodes,
  occupants,
  batch: fc.tuple(some.batch, priority, fc.nat(2)).map(([batch, value, roll]) => ({
    ...batch,
    ...(roll < 2 && { rule: undefined }),
    needs: { ...batch.needs, memoryBytes: 60 },
    priority: value,
    seats: roll > 0 ? [{ id: 'default/new-0' }] : batch.seats.slice(0, 1),
  })),
  budgets: fc.dictionary(fc.constantFrom('default/web', 'default/db', 'default/cache'), fc.nat(2)),
})

const budgetIn =
  ({ budgets }: Pick<Scene, 'budgets'>) =>
  (service: string) =>
    budgets[service] ?? Number.POSITIVE_INFINITY

function clusterOf({ nodes, occupants: there }: Pick<Scene, 'nodes' | 'occupants'>, seed = 0): Cluster {
  const cluster = new Cluster(seed)
  for (const one of nodes) cluster.setNode(one)
  for (const one of there) cluster.occupy(one)
  return cluster
}

/** Undefined where there is a place anyway. */
function preempt(one: Scene, seed = 0): Preemption | undefined {
  const cluster = clusterOf(one, seed)
  const [seat] = one.batch.seats
  const [placed] = cluster.trial(one.batch, []) === undefined ? [] : cluster.place(one.batch)
  if (seat === undefined || placed === undefined || 'node' in placed) return undefined
  return cluster.preemption(one.batch, seat, budgetIn(one))
}

const isOn = (node: string) => (one: { readonly name?: string; readonly node?: string }) =>
  (one.name ?? one.node) === node

test('ends nothing that is as important, and makes room that suffices with nothing that could be spared', () => {
  let found = 0
  fc.assert(
    fc.property(scene, (one) => {
      const { nodes, occupants: there, batch } = one
      const result = preempt(one)
      if (result === undefined) return
      found++
      const node = nodes.find(isOn(result.node)) as PlacementNode
      const victims = there.filter(({ id }) => result.victims.includes(id))
      assert.is(victims.length, result.victims.length)
      for (const victim of victims) {
        assert.is(victim.node, result.node)
        assert.ok(mayEnd(victim, batch), `${victim.id} is as important, or its own`)
      }
      const kept = there.filter(
        (other) => !victims.includes(other) && !(other.isEnding && other.node === result.node),
      )
      assert.ok(mayTake(node, batch, nodes, kept), 'there is no room even so')
      for (const victim of victims)
        assert.not.ok(mayTake(node, batch, nodes, [...kept, victim]), `${victim.id} could be spared`)
    }),
    RUNS,
  )
  assert.ok(found > 25, `only ${found} scenes had anything to end`)
})

test('takes the node that costs least, and finds one wherever there is one', () => {
  let choices = 0
  fc.assert(
    fc.property(scene, (one) => {
      const { nodes, occupants: there, batch } = one
      const [seat] = batch.seats
      const isRefused = clusterOf(one).trial(batch, []) !== undefined
      const hasLesser = there.some((other) => (other.priority ?? 0) < (batch.priority ?? 0))
      if (!isRefused || !hasLesser) return
      const offers = plainOffers(nodes, there, batch, budgetIn(one)).filter(
        ({ node }) => seat?.only === undefined || seat.only.node === node,
      )
      const [best] = offers.toSorted(compareCosts)
      const result = preempt(one)
      assert.is(result === undefined, best === undefined)
      if (offers.length > 1) choices++
      const taken = offers.find(({ node }) => node === result?.node)
      assert.equal(taken?.cost, best?.cost)
      assert.equal(result?.victims.toSorted(), taken?.victims.map(({ id }) => id).sort())
    }),
    RUNS,
  )
  assert.ok(choices > 15, `only ${choices} scenes had a choice`)
})

test('answers the same for the same seed, in whatever order nodes and occupants come, and leaves all as it was', () => {
  fc.assert(
    fc.property(scene, fc.nat(3), (one, seed) => {
      const turned = { ...one, nodes: one.nodes.toReversed(), occupants: one.occupants.toReversed() }
      assert.equal(preempt(turned, seed), preempt(one, seed))
      const cluster = clusterOf(one, seed)
      const [seat] = one.batch.seats
      if (seat !== undefined) cluster.preemption(one.batch, seat, budgetIn(one))
      const other = { ...one.batch, seats: [{ id: 'default/x' }, { id: 'default/y' }] }
      assert.equal(cluster.place(other), clusterOf(one, seed).place(other))
    }),
    RUNS,
  )
})

/** One that wants a place for good. */
interface Item {
  readonly id: string
  readonly service: string
  readonly priority: number
  readonly memoryBytes: number
}

const items: fc.Arbitrary<readonly Item[]> = fc
  .array(fc.record({ priority, memoryBytes: fc.constantFrom(10, 20, 30, 50), service: fc.nat(3) }), {
    minLength: 2,
    maxLength: 12,
  })
  .map((list) =>
    list.map((one, at) => ({
      ...one,
      id: `default/i${at}`,
      service: `default/s${one.service}-${one.priority}`,
    })),
  )

/** As the controllers do it: who is refused has room made for it, which is kept for it; what is ended waits like any other. */
function settle(
  all: readonly Item[],
  nodeCount: number,
  next: () => number,
): { ends: number; cluster: Cluster; waiting: readonly Item[] } {
  const cluster = new Cluster()
  for (let at = 0; at < nodeCount; at++) cluster.setNode(nodeOf(`n${at}`))
  const waiting = new Set(all)
  const going = new Set<string>()
  const nominated = new Map<Item, Preemption>()
  let ends = 0
  for (let idle = 0; idle < 3 * all.length + 3; idle++) {
    const order = [...waiting].sort(() => next() - 0.5)
    for (const item of order) {
      const [placed] = cluster.place(batchOf(item))
      if (placed !== undefined && 'node' in placed) {
        waiting.delete(item)
        nominated.delete(item)
        cluster.withdraw(item.id)
        idle = 0
        continue
      }
      const known = nominated.get(item)
      if (
        known !== undefined &&
        // one that has ended may be back there under its id, which Instances never are
        [...known.victims, ...known.ending].some((id) => going.has(id))
      )
        continue
      cluster.withdraw(item.id)
      nominated.delete(item)
      const found = cluster.preemption(batchOf(item), { id: item.id }, () => Number.POSITIVE_INFINITY)
      if (found === undefined) continue
      for (const id of found.victims) {
        const victim = all.find((one) => one.id === id) as Item
        assert.ok(victim.priority < item.priority)
        going.add(id)
        ends++
      }
      cluster.end(found.victims)
      nominated.set(item, found)
      cluster.nominate({ ...batchOf(item), id: item.id, node: found.node, avoids: [] })
    }
    // some of those whose end was asked for have ended, and want a place again
    for (const id of going) {
      if (next() < 0.5 && idle === 0) continue
      going.delete(id)
      cluster.vacate(id)
      waiting.add(all.find((one) => one.id === id) as Item)
      idle = 0
    }
    if (ends > all.length ** 3) throw new Error('it never ends')
  }
  return { ends, cluster, waiting: [...waiting] }
}

test('comes to rest, whatever comes first: nobody ends who has ended them, and nothing is left to gain', () => {
  let ended = 0
  fc.assert(
    fc.property(
      items,
      fc.integer({ min: 1, max: 3 }),
      fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })),
      (all, count, rolls) => {
        const next = () => rolls.next().value as number
        const { cluster, waiting, ends } = settle(all, count, next)
        ended += ends
        for (const item of waiting) {
          assert.ok(cluster.trial(batchOf(item), []) !== undefined, `${item.id} waits although there is room`)
          assert.is(
            cluster.preemption(batchOf(item), { id: item.id }, () => Number.POSITIVE_INFINITY),
            undefined,
          )
        }
      },
    ),
    { numRuns: 400 },
  )
  assert.ok(ended > 100, `only ${ended} were ended`)
})

function nodeOf(name: string): PlacementNode {
  return {
    ...{ name, labels: {}, taints: [], unschedulable: false, ready: true, pressures: 0, trusted: true },
    ...{ cpuMillis: Number.POSITIVE_INFINITY, memoryBytes: 60 },
  }
}

function batchOf({ id, service, priority: value, memoryBytes }: Item): Batch {
  return {
    ...{ service, namespace: 'default', hash: 'h', rule: undefined, withSecrets: false, priority: value },
    ...{ needs: { cpuMillis: 0, memoryBytes, ports: [] }, seats: [{ id }] },
  }
}

/** On nodes with 60 bytes each: `a 10 0` is the service a with 10 bytes and priority 0. */
function there(node: string, ...lines: readonly string[]): readonly Occupant[] {
  return lines.map((line, at) => {
    const [service = '', bytes, value, ...flags] = line.split(' ')
    const needs = { cpuMillis: 0, memoryBytes: Number(bytes), ports: [] }
    return {
      ...{
        id: `default/${service}-${node}-${at}`,
        service: `default/${service}`,
        hash: 'h',
        node,
        needs,
        avoids: [],
      },
      ...{ priority: Number(value), isPinned: flags.includes('pinned'), isEnding: flags.includes('ending') },
    }
  })
}

for (const c of [
  { name: 'the least important goes', at: { n0: ['a 30 5', 'b 30 1'] }, bytes: 30, want: 'n0: b-n0-1' },
  {
    name: 'one that suffices rather than two',
    at: { n0: ['a 20 0', 'b 20 0', 'c 20 0'], n1: ['d 60 0'] },
    bytes: 40,
    want: 'n1: d-n1-0',
  },
  {
    name: 'two mild ones rather than one that is more important',
    at: { n0: ['a 60 5'], n1: ['b 30 1', 'c 30 1'] },
    bytes: 60,
    want: 'n1: b-n1-0 c-n1-1',
  },
  {
    name: 'nothing where something is ending anyway',
    at: { n0: ['a 60 0'], n1: ['b 60 9 ending'] },
    bytes: 60,
    want: 'n1:',
  },
  {
    name: 'what has its data there only where nothing else will do',
    at: { n0: ['a 60 0 pinned'], n1: ['b 60 5'] },
    bytes: 60,
    want: 'n1: b-n1-0',
  },
  { name: 'and then that', at: { n0: ['a 60 0 pinned'] }, bytes: 60, want: 'n0: a-n0-0' },
  {
    name: 'a budget that holds goes before a priority',
    at: { n0: ['kept 60 0'], n1: ['b 60 5'] },
    bytes: 60,
    want: 'n1: b-n1-0',
  },
  {
    name: 'a budget is broken where nothing else will do',
    at: { n0: ['kept 60 0'] },
    bytes: 60,
    want: 'n0: kept-n0-0',
  },
  {
    name: 'nothing that is as important',
    at: { n0: ['a 60 10'], n1: ['b 60 11'] },
    bytes: 60,
    want: undefined,
  },
  { name: 'none of its own', at: { n0: ['web 60 0'] }, bytes: 60, want: undefined },
  { name: 'nothing where even that is too little', at: { n0: ['a 60 0'] }, bytes: 61, want: undefined },
] as readonly {
  name: string
  at: Record<string, readonly string[]>
  bytes: number
  want: string | undefined
}[])
  test(`ends ${c.name}`, () => {
    const nodes = Object.keys(c.at).map(nodeOf)
    const occupied = Object.entries(c.at).flatMap(([node, lines]) => there(node, ...lines))
    const batch = batchOf({ id: 'default/new', service: 'default/web', priority: 10, memoryBytes: c.bytes })
    const found = preempt({ nodes, occupants: occupied, batch, budgets: { 'default/kept': 0 } })
    const text =
      found && [`${found.node}:`, ...found.victims.map((id) => id.slice('default/'.length))].join(' ')
    assert.is(text, c.want)
  })

test('what room is being made for is there to whoever is no more important, and not to who is', () => {
  const cluster = new Cluster()
  cluster.setNode(nodeOf('n0'))
  const item = (id: string, value: number) => ({
    id: `default/${id}`,
    service: `default/${id}`,
    priority: value,
    memoryBytes: 60,
  })
  cluster.nominate({ ...batchOf(item('web', 10)), id: 'default/web', node: 'n0', avoids: [] })
  const ask = (id: string, value: number) => cluster.trial(batchOf(item(id, value)), [])?.text
  assert.is(ask('less', 0), '0/1 nodes: 1 lacks memory')
  assert.is(ask('same', 10), '0/1 nodes: 1 lacks memory')
  assert.is(ask('more', 11), undefined)
  assert.is(ask('web', 10), undefined, 'it is for itself')
  cluster.withdraw('default/web')
  assert.is(ask('less', 0), undefined)
})

test.run()

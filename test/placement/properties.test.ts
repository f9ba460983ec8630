/** What holds of placement whatever comes. */
import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { avoidedBy } from '../../src/placement/avoided.ts'
import { Cluster } from '../../src/placement/cluster.ts'
import type { Batch, Occupant, Placed, PlacementNode } from '../../src/placement/placement.ts'
import * as some from './arbitraries.ts'
import { mayTake } from './model.ts'

const RUNS = { numRuns: 1_500 }

interface Scene {
  readonly nodes: readonly PlacementNode[]
  readonly occupants: readonly Occupant[]
  readonly batch: Batch
}
const scene: fc.Arbitrary<Scene> = fc.record({
  nodes: some.nodes,
  occupants: some.occupants,
  batch: some.batch,
})

function clusterOf({ nodes, occupants }: Pick<Scene, 'nodes' | 'occupants'>, seed = 0): Cluster {
  const cluster = new Cluster(seed)
  for (const one of nodes) cluster.setNode(one)
  for (const one of occupants) cluster.occupy(one)
  return cluster
}

function answers(placed: readonly Placed[]): readonly string[] {
  return placed.map((one) => ('node' in one ? one.node : one.refusal.text))
}

test('keeps every hard rule, and refuses only where no node would do', () => {
  fc.assert(
    fc.property(scene, ({ nodes, occupants, batch }) => {
      const there = [...occupants]
      const avoids = avoidedBy(batch.rule, batch.namespace)
      const placed = clusterOf({ nodes, occupants }).place(batch)
      for (const [index, one] of placed.entries()) {
        const { only } = batch.seats[index]!
        const possible = nodes.filter(
          (node) => (only === undefined || only.node === node.name) && mayTake(node, batch, nodes, there),
        )
        const names = possible.map(({ name }) => name)
        if ('refusal' in one) {
          assert.equal(names, [], `refused (${one.refusal.text}) although there is`)
          continue
        }
        assert.ok(names.includes(one.node), `${one.node} breaks a rule; possible: ${names.join(', ')}`)
        there.push({ ...batch, id: one.id, node: one.node, avoids })
      }
    }),
    RUNS,
  )
})

test('answers the same for the same seed, in whatever order nodes and occupants come', () => {
  fc.assert(
    fc.property(scene, fc.nat(3), ({ nodes, occupants, batch }, seed) => {
      const there = clusterOf({ nodes, occupants }, seed).place(batch)
      const turned = { nodes: nodes.toReversed(), occupants: occupants.toReversed() }
      assert.equal(answers(clusterOf(turned, seed).place(batch)), answers(there))
    }),
    RUNS,
  )
})

test('remembers nothing of what has come and gone', () => {
  fc.assert(
    fc.property(scene, scene, ({ nodes, occupants, batch }, before) => {
      const cluster = clusterOf(before)
      cluster.place(before.batch)
      cluster.trial(batch, [])
      for (const { id } of [...before.occupants, ...before.batch.seats]) cluster.vacate(id)
      for (const one of before.nodes)
        if (!nodes.some(({ name }) => name === one.name)) cluster.removeNode(one.name)
      for (const one of occupants) cluster.occupy({ ...one, node: 'n0' })
      for (const one of nodes) cluster.setNode(one)
      for (const one of occupants) cluster.occupy(one)
      assert.equal(answers(cluster.place(batch)), answers(clusterOf({ nodes, occupants }).place(batch)))
    }),
    RUNS,
  )
})

test('a trial changes nothing, and says what placing would say', () => {
  fc.assert(
    fc.property(scene, fc.nat(7), ({ nodes, occupants, batch }, count) => {
      const [leaving, staying] = [occupants.slice(0, count), occupants.slice(count)]
      const cluster = clusterOf({ nodes, occupants })
      const refusal = cluster.trial(
        batch,
        leaving.map(({ id }) => id),
      )
      const would = answers(clusterOf({ nodes, occupants: staying }).place(batch))
      assert.is(
        refusal === undefined,
        would.every((text) => nodes.some(({ name }) => name === text)),
      )
      assert.equal(answers(cluster.place(batch)), answers(clusterOf({ nodes, occupants }).place(batch)))
    }),
    RUNS,
  )
})

test('one more node never makes unplaceable what had a place', () => {
  fc.assert(
    fc.property(scene, some.node('n9'), ({ nodes, occupants, batch }, more) => {
      const one = { ...batch, seats: batch.seats.slice(0, 1) }
      const [before] = clusterOf({ nodes, occupants }).place(one)
      const all = [...nodes, more]
      const isEven = one.rule?.topologySpreadConstraints?.some(
        (each) => each.whenUnsatisfiable === 'DoNotSchedule',
      )
      // a place that could take things and is full holds the others back: that is what DoNotSchedule says
      fc.pre(before !== undefined && 'node' in before && (!isEven || mayTake(more, one, all, occupants)))
      const [after] = clusterOf({ nodes: all, occupants }).place(one)
      assert.ok(
        after !== undefined && ('node' in after || one.seats[0]?.only !== undefined),
        JSON.stringify(after),
      )
    }),
    RUNS,
  )
})

test('spreads evenly over equal nodes, and over zones first', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 30 }),
      fc.nat(),
      (count, zones, replicas, seed) => {
        const cluster = new Cluster(seed)
        for (let at = 0; at < count; at++)
          cluster.setNode(plain(`n${at}`, { 'topology.kubernetes.io/zone': `z${at % zones}` }))
        const placed = cluster.place(plainBatch(replicas, 'spread'))
        const byNode = countsOf(placed, (node) => node)
        const byZone = countsOf(placed, (node) => String(Number(node.slice(1)) % zones))
        assert.ok(gapOf(byZone, Math.min(zones, count)) <= 1, 'zones')
        if (count % zones === 0) assert.ok(gapOf(byNode, count) <= 1, 'nodes')
      },
    ),
  )
})

test('packs into as few equal nodes as can be', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 40 }),
      fc.nat(),
      (count, replicas, seed) => {
        const cluster = new Cluster(seed)
        for (let at = 0; at < count; at++) cluster.setNode(plain(`n${at}`))
        const placed = cluster.place(plainBatch(replicas, 'pack'))
        const used = countsOf(placed, (node) => node)
        assert.is(used.size, Math.min(count, Math.ceil(replicas / 10)))
        assert.is(placed.filter((one) => 'node' in one).length, Math.min(replicas, count * 10))
      },
    ),
  )
})

/** Ten of `plainBatch` fit. */
function plain(name: string, labels: Readonly<Record<string, string>> = {}): PlacementNode {
  const state = { taints: [], unschedulable: false, ready: true, pressures: 0, trusted: true }
  return { name, labels, ...state, cpuMillis: 1000, memoryBytes: Number.POSITIVE_INFINITY }
}

function plainBatch(replicas: number, strategy: 'spread' | 'pack'): Batch {
  return {
    service: 'default/web',
    namespace: 'default',
    hash: 'h1',
    needs: { cpuMillis: strategy === 'pack' ? 100 : 0, memoryBytes: 0, ports: [] },
    rule: { strategy },
    withSecrets: false,
    seats: Array.from({ length: replicas }, (_, index) => ({ id: `default/web-${index}` })),
  }
}

function countsOf(placed: readonly Placed[], placeOf: (node: string) => string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const one of placed)
    if ('node' in one) counts.set(placeOf(one.node), (counts.get(placeOf(one.node)) ?? 0) + 1)
  return counts
}

function gapOf(counts: ReadonlyMap<string, number>, places: number): number {
  const all = [...counts.values(), ...Array.from({ length: places - counts.size }, () => 0)]
  return Math.max(...all) - Math.min(...all)
}

test.run()

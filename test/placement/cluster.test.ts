/** What is preferred, and what is said where nothing will do. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Cluster } from '../../src/placement/cluster.ts'
import type { Batch, Occupant, Placed, PlacementNode, Refusal } from '../../src/placement/placement.ts'
import type { ServicePlacement } from '../../src/resources/generated/types.ts'

const ZONE = 'topology.kubernetes.io/zone'
const HOST = 'kubernetes.io/hostname'
const NOTHING = { cpuMillis: 0, memoryBytes: 0, ports: [] }
const GIB = 2 ** 30

type Rule = Omit<ServicePlacement, 'strategy'> & Partial<ServicePlacement>

function node(name: string, more: Partial<PlacementNode> = {}): PlacementNode {
  const state = { taints: [], unschedulable: false, ready: true, pressures: 0, trusted: true }
  return { name, labels: {}, ...state, cpuMillis: 4000, memoryBytes: 8 * GIB, ...more }
}

function occupant(service: string, on: string, more: Partial<Occupant> = {}): Occupant {
  const id = `default/${service}-${on}-${JSON.stringify(more)}`
  return { id, service: `default/${service}`, hash: 'h1', node: on, needs: NOTHING, avoids: [], ...more }
}

function batch(rule: Rule = {}, more: Partial<Batch> = {}): Batch {
  return {
    service: 'default/web',
    namespace: 'default',
    hash: 'h1',
    needs: NOTHING,
    rule: { strategy: 'spread', ...rule },
    withSecrets: false,
    seats: [{ id: 'default/web-0' }],
    ...more,
  }
}

function cluster(nodes: readonly PlacementNode[], there: readonly Occupant[] = [], seed = 0): Cluster {
  const all = new Cluster(seed)
  for (const one of nodes) all.setNode(one)
  for (const one of there) all.occupy(one)
  return all
}

function answer(placed: readonly Placed[]): string {
  return placed.map((one) => ('node' in one ? one.node : one.refusal.text)).join(' ')
}

function refusal(placed: readonly Placed[]): Refusal {
  const [one] = placed
  assert.ok(one !== undefined && 'refusal' in one, 'refused')
  return one.refusal
}

const prefer = (key: string, weight: number) => ({
  weight,
  preference: { matchExpressions: [{ key, operator: 'Exists' as const }] },
})
const beside = (service: string, weight = 1, topologyKey = HOST) => ({
  weight,
  preference: { service, topologyKey },
})
const contained = { ...NOTHING, runtime: 'nspawn' }

test('a runtime that is asked for by name is only where a node says so', () => {
  const able = node('c', { runtimes: ['nspawn'] })
  const nodes = [node('a'), node('b', { runtimes: [] }), able]
  assert.is(answer(cluster(nodes).place(batch({}, { needs: contained }))), 'c')
  const { text, nodes: refused } = refusal(
    cluster([...nodes.slice(0, 2), { ...able, ready: false }]).place(batch({}, { needs: contained })),
  )
  assert.is(text, '0/3 nodes: 2 lack runtime nspawn, 1 not ready')
  assert.is(refused[0]?.why, 'lacks runtime nspawn')
})

const seats = (count: number) => Array.from({ length: count }, (_, at) => ({ id: `default/web-${at}` }))

// with a seed of which the first of equals would not be the one that is wanted: shown by the last case
for (const c of [
  {
    name: 'a node that runs out of something comes last',
    nodes: [node('a', { pressures: 1 }), node('b'), node('c', { pressures: 2 })],
    want: 'b',
  },
  {
    name: 'a taint PreferNoSchedule keeps away where there is anything else',
    nodes: [node('a', { taints: [{ key: 'old', effect: 'PreferNoSchedule' }] }), node('b')],
    there: [occupant('web', 'b')],
    want: 'b',
  },
  {
    name: 'a taint PreferNoSchedule that is tolerated does not',
    nodes: [node('a', { taints: [{ key: 'old', effect: 'PreferNoSchedule' }] }), node('b')],
    there: [occupant('web', 'b')],
    rule: { tolerations: [{ key: 'old', operator: 'Exists' }] },
    want: 'a',
  },
  {
    name: 'of preferred nodes the greatest sum of weights goes first',
    nodes: [node('a', { labels: { ssd: '' } }), node('b', { labels: { gpu: '', big: '' } }), node('c')],
    rule: { affinity: { node: { preferred: [prefer('ssd', 5), prefer('gpu', 3), prefer('big', 3)] } } },
    want: 'b',
  },
  {
    name: 'preferred services draw near',
    nodes: [node('a'), node('b'), node('c')],
    there: [occupant('db', 'b'), occupant('web', 'b')],
    rule: { affinity: { service: { preferred: [beside('db')] } } },
    want: 'b',
  },
  {
    name: 'services that it would rather not be near to keep away',
    nodes: [
      node('a', { labels: { [ZONE]: 'z1' } }),
      node('b', { labels: { [ZONE]: 'z1' } }),
      node('c', { labels: { [ZONE]: 'z2' } }),
    ],
    there: [occupant('db', 'a'), occupant('web', 'c')],
    rule: { antiAffinity: { service: { preferred: [beside('db', 1, ZONE)] } } },
    want: 'c',
  },
  {
    name: 'what should be even and need not goes before what is free',
    nodes: [
      node('a', { labels: { rack: '1' } }),
      node('b', { labels: { rack: '1' } }),
      node('c', { labels: { rack: '2' } }),
    ],
    there: [occupant('web', 'a'), occupant('other', 'c'), occupant('other', 'c', { hash: 'h2' })],
    rule: {
      topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'rack', whenUnsatisfiable: 'ScheduleAnyway' }],
    },
    want: 'c',
  },
  {
    name: 'what runs on a node that takes nothing more counts to its zone',
    nodes: [
      node('a', { labels: { [ZONE]: 'z1' }, unschedulable: true }),
      node('b', { labels: { [ZONE]: 'z1' } }),
      node('c', { labels: { [ZONE]: 'z2' } }),
    ],
    there: [occupant('web', 'a'), occupant('other', 'c'), occupant('more', 'c')],
    want: 'c',
  },
  {
    name: 'what was on a node that is lost does not',
    nodes: [
      node('a', { labels: { [ZONE]: 'z1' }, ready: false }),
      node('b', { labels: { [ZONE]: 'z1' } }),
      node('c', { labels: { [ZONE]: 'z2' } }),
    ],
    there: [occupant('web', 'a'), occupant('other', 'c'), occupant('more', 'c')],
    want: 'b',
  },
  {
    name: 'nor does it count against evenness that must be',
    nodes: [
      node('a', { labels: { rack: '1' }, ready: false }),
      node('b', { labels: { rack: '1' } }),
      node('c', { labels: { rack: '2' }, unschedulable: true }),
      node('d', { labels: { rack: '3' } }),
    ],
    there: [occupant('web', 'a'), occupant('web', 'a', { id: 'second' }), occupant('web', 'd')],
    rule: {
      topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'rack', whenUnsatisfiable: 'DoNotSchedule' }],
    },
    want: 'b',
  },
  {
    name: 'the new template is spread by itself: what it replaces is about to go',
    nodes: [node('a'), node('b')],
    there: [
      occupant('web', 'a', { hash: 'h0' }),
      occupant('web', 'a', { hash: 'h0', id: 'second' }),
      occupant('web', 'b'),
    ],
    want: 'a',
  },
  {
    name: 'where Secrets are given a trusted node goes first',
    nodes: [node('a', { trusted: false }), node('b'), node('c', { trusted: false })],
    there: [occupant('web', 'b')],
    more: { withSecrets: true },
    want: 'b',
  },
  {
    name: 'where none are given all nodes are alike',
    nodes: [node('a', { trusted: false }), node('b')],
    there: [occupant('web', 'b')],
    want: 'a',
  },
] as readonly {
  name: string
  nodes: readonly PlacementNode[]
  there?: readonly Occupant[]
  rule?: Rule
  more?: Partial<Batch>
  want: string
}[])
  test(`${c.name}, whatever the seed`, () => {
    for (let seed = 0; seed < 8; seed++)
      assert.is(answer(cluster(c.nodes, c.there, seed).place(batch(c.rule, c.more))), c.want)
  })

test('of equals the seed decides, and not always for the same', () => {
  const nodes = ['a', 'b', 'c', 'd'].map((name) => node(name))
  const firsts = Array.from({ length: 40 }, (_, seed) => answer(cluster(nodes, [], seed).place(batch())))
  assert.equal([...new Set(firsts)].sort(), ['a', 'b', 'c', 'd'])
  const names = Array.from({ length: 40 }, (_, at) =>
    answer(cluster(nodes).place(batch({}, { seats: [{ id: `default/s${at}-0` }] }))),
  )
  assert.equal([...new Set(names)].sort(), ['a', 'b', 'c', 'd'])
})

test('counts what it has just placed', () => {
  const even = {
    topologySpreadConstraints: [
      { maxSkew: 1, topologyKey: HOST, whenUnsatisfiable: 'DoNotSchedule' as const },
    ],
  }
  const two = cluster(
    [node('a', { memoryBytes: GIB }), node('b', { memoryBytes: GIB })],
    [occupant('web', 'a')],
  )
  const needs = { ...NOTHING, memoryBytes: GIB }
  two.occupy(occupant('big', 'b', { needs: { ...NOTHING, memoryBytes: GIB } }))
  assert.is(
    answer(two.place(batch(even, { needs, seats: seats(1) }))),
    '0/2 nodes: 1 lacks memory, 1 with too many by kubernetes.io/hostname',
  )
})

test('says of each node why, and counts the reasons', () => {
  const spot = { key: 'spot', value: 'yes', effect: 'NoSchedule' as const }
  const nodes = [
    node('n1', { memoryBytes: GIB }),
    node('n2', { memoryBytes: GIB, cpuMillis: 500 }),
    node('n3', { cpuMillis: 500 }),
    node('n4', { taints: [spot] }),
    node('n5', { taints: [spot] }),
    node('n6', { unschedulable: true }),
    node('n7', { ready: false, taints: [spot] }),
    node('n8'),
    node('n9'),
  ]
  const there = [
    occupant('other', 'n8', { needs: { ...NOTHING, ports: ['80'] } }),
    occupant('loud', 'n9', { avoids: [{ service: 'default/web', topologyKey: HOST }] }),
  ]
  const needs = { cpuMillis: 1000, memoryBytes: 2 * GIB, ports: ['80'] }
  const { text, nodes: each } = refusal(cluster(nodes, there).place(batch({}, { needs })))
  assert.is(
    text,
    '0/9 nodes: 2 tainted spot=yes, 1 avoided by service/default/loud, 1 has port 80 taken, 1 lacks cpu, 1 lacks cpu and memory, 1 lacks memory, 1 not ready, 1 unschedulable',
  )
  assert.equal(
    each.map(({ node: name, why }) => `${name} ${why}`),
    [
      'n1 lacks memory: 2Gi asked for, 1Gi of 1Gi free',
      'n2 lacks cpu and memory: 1 asked for, 500m of 500m free; 2Gi asked for, 1Gi of 1Gi free',
      'n3 lacks cpu: 1 asked for, 500m of 500m free',
      'n4 tainted spot=yes',
      'n5 tainted spot=yes',
      'n6 unschedulable',
      'n7 not ready',
      'n8 has port 80 taken',
      'n9 avoided by service/default/loud',
    ],
  )
})

for (const [name, rule, wanted] of [
  ['labels', { nodeSelector: { disk: 'ssd' } }, '1 without the labels of nodeSelector'],
  [
    'affinity of nodes',
    { affinity: { node: { required: [prefer('gpu', 1).preference] } } },
    '1 outside affinity.node',
  ],
  [
    'nearness',
    { affinity: { service: { required: [{ service: 'cache', topologyKey: HOST }] } } },
    '1 not near service/default/cache',
  ],
  [
    'distance',
    { antiAffinity: { service: { required: [{ service: 'db', topologyKey: HOST }] } } },
    '1 near service/default/db',
  ],
  [
    'evenness of what has no such label',
    { topologySpreadConstraints: [{ maxSkew: 1, topologyKey: ZONE, whenUnsatisfiable: 'DoNotSchedule' }] },
    '1 without label topology.kubernetes.io/zone',
  ],
] as const)
  test(`refuses for ${name}`, () =>
    assert.is(answer(cluster([node('a')], [occupant('db', 'a')]).place(batch(rule))), `0/1 nodes: ${wanted}`))

test('says where there is no node at all, and where the only one that it can be on is gone', () => {
  assert.is(answer(cluster([]).place(batch())), 'there is no node yet')
  const only = { node: 'a', because: 'storage' as const }
  const pinned = batch({}, { seats: [{ id: 'x', only }] })
  assert.is(answer(cluster([node('b')]).place(pinned)), 'its storage is on a, which is not there')
  assert.is(
    answer(cluster([node('a', { unschedulable: true })]).place(pinned)),
    'its storage is on a, which is unschedulable',
  )
  const needs = { ...NOTHING, memoryBytes: 10 * GIB }
  assert.is(
    answer(cluster([node('a')]).place({ ...pinned, needs })),
    'its storage is on a, which lacks memory: 10Gi asked for, 8Gi of 8Gi free',
  )
})

test('what it has placed already stays where it is', () => {
  const all = cluster([node('a'), node('b'), node('c')])
  const first = answer(all.place(batch({}, { seats: seats(3) })))
  assert.is(answer(all.place(batch({ nodeSelector: { no: 'such' } }, { seats: seats(3) }))), first)
})

test.run()

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Move, rebalance } from '../../src/placement/rebalance.ts'
import type { Instance, Node, Service, ServicePlacement } from '../../src/resources/generated/types.ts'
import { renderMoves } from '../../src/views/rebalance.ts'

const ZONE = 'topology.kubernetes.io/zone'
type Rule = Partial<ServicePlacement>

const node = (name: string, labels: object = {}, more: object = {}) =>
  ({
    kind: 'Node',
    metadata: { name, labels },
    spec: {},
    status: { phase: 'Ready', capacity: { cpu: '4', memory: '4Gi' } },
    ...more,
  }) as unknown as Node

const service = (name: string, placement?: Rule) =>
  ({ kind: 'Service', metadata: { name, namespace: 'default' }, spec: { placement } }) as unknown as Service

/** `web-0 n1` */
const instance = (text: string, more: object = {}) => {
  const [name, on] = text.split(' ') as [string, string]
  const template = { resources: { memory: '1Gi' } }
  const spec = {
    service: name.split('-')[0],
    ordinal: 0,
    node: on,
    templateHash: 'h',
    attempt: 0,
    template,
    ...more,
  }
  return { kind: 'Instance', metadata: { name, namespace: 'default' }, spec } as unknown as Instance
}

const text = ({ instance: name, from, to, why }: Move) => `${name}: ${from} → ${to}: ${why}`
const NODES = [node('n1'), node('n2')]

for (const c of [
  { name: 'what is even stays', nodes: NODES, there: ['web-0 n1', 'web-1 n2', 'web-2 n1'], want: [] },
  {
    name: 'what is crowded goes to where fewer are',
    nodes: NODES,
    there: ['web-0 n1', 'web-1 n1', 'web-2 n1'],
    want: ['web-0: n1 → n2: 3 on n1, 0 on n2'],
  },
  {
    name: 'zones go before nodes',
    nodes: [node('n1', { [ZONE]: 'a' }), node('n2', { [ZONE]: 'a' }), node('n3', { [ZONE]: 'b' })],
    there: ['web-0 n1', 'web-1 n2'],
    want: ['web-0: n1 → n3: 2 in zone a, 0 in zone b'],
  },
  {
    name: 'what no longer matches goes to where it does',
    nodes: [node('n1'), node('n2', { disk: 'ssd' })],
    rule: { nodeSelector: { disk: 'ssd' } },
    there: ['web-0 n1'],
    want: ['web-0: n1 → n2: n1 is without the labels of nodeSelector'],
  },
  {
    name: 'and stays where nothing does',
    nodes: NODES,
    rule: { nodeSelector: { disk: 'ssd' } },
    there: ['web-0 n1'],
    want: [],
  },
  {
    name: 'nodes are left empty by what is packed',
    nodes: [node('n1'), node('n2'), node('n3')],
    rule: { strategy: 'pack' },
    there: ['web-0 n1', 'web-1 n2', 'web-2 n2'],
    want: ['web-0: n1 → n2: leaves n1 empty'],
  },
  {
    name: 'and not where one would have to go to an empty one',
    nodes: [node('n1'), node('n2'), node('n3')],
    rule: { strategy: 'pack' },
    there: ['web-0 n1', 'web-1 n1', 'web-2 n2', 'web-3 n2', 'web-4 n2'],
    want: [],
  },
  {
    name: 'daemons stay',
    nodes: NODES,
    rule: { strategy: 'perNode' },
    there: ['web-0 n1', 'web-1 n1', 'web-2 n1'],
    want: [],
  },
  {
    name: 'nothing goes to where nothing may be placed',
    nodes: [node('n1'), node('n2', {}, { spec: { unschedulable: true } })],
    there: ['web-0 n1', 'web-1 n1', 'web-2 n1'],
    want: [],
  },
] as readonly {
  name: string
  nodes: readonly Node[]
  rule?: Rule
  there: readonly string[]
  want: readonly string[]
}[])
  test(`rebalance: ${c.name}`, () => {
    const instances = c.there.map((one) => instance(one))
    assert.equal(rebalance({ nodes: c.nodes, instances, services: [service('web', c.rule)] }).map(text), [
      ...c.want,
    ])
  })

test('rebalance: what has data, and runs of Jobs, stay', () => {
  const storage = [{ name: 'data', path: '/data' }]
  const there = ['web-0 n1', 'web-1 n1', 'web-2 n1'].map((one) => instance(one, { storage }))
  const runs = ['job-0 n1', 'job-1 n1', 'job-2 n1'].map((one) => instance(one, { job: 'x' }))
  assert.equal(rebalance({ nodes: NODES, instances: [...there, ...runs], services: [service('web')] }), [])
})

const scene = fc.record({
  zones: fc.array(fc.constantFrom('a', 'b', ''), { minLength: 1, maxLength: 6 }),
  strategy: fc.constantFrom('spread' as const, 'pack' as const),
  where: fc.array(fc.record({ service: fc.constantFrom('web', 'api'), at: fc.nat(5) }), { maxLength: 14 }),
})

test('rebalance: comes to an end, moves nothing twice to and fro, and has nothing left to propose', () => {
  fc.assert(
    fc.property(scene, ({ zones, strategy, where }) => {
      const nodes = zones.map((zone, at) => node(`n${at}`, zone === '' ? {} : { [ZONE]: zone }))
      const instances = where.map(({ service: name, at }, index) =>
        instance(`${name}-${index} n${at % nodes.length}`),
      )
      const services = [service('web', { strategy }), service('api', { strategy })]
      const moves = rebalance({ nodes, instances, services })
      const at = new Map(instances.map((one) => [one.metadata.name, one.spec.node]))
      for (const move of moves) {
        assert.is(at.get(move.instance), move.from)
        at.set(move.instance, move.to)
      }
      const moved = instances.map((one) => ({
        ...one,
        spec: { ...one.spec, node: at.get(one.metadata.name) ?? '' },
      }))
      const used = (some: readonly Instance[]) => new Set(some.map(({ spec }) => spec.node)).size
      if (strategy === 'pack') assert.ok(used(moved) <= used(instances))
      else assert.equal(rebalance({ nodes, instances: moved, services }), [])
    }),
    { numRuns: 500 },
  )
})

test('moves are shown as proposals', () => {
  assert.is(renderMoves([]), 'nothing would stand better elsewhere\n')
  const move = {
    namespace: 'default',
    instance: 'web-0-bcdfg',
    from: 'n1',
    to: 'n2',
    why: '3 on n1, 0 on n2',
  }
  assert.is(
    renderMoves([move]),
    `NAMESPACE   INSTANCE      FROM   TO   WHY
default     web-0-bcdfg   n1     n2   3 on n1, 0 on n2
1 move proposed, none made
`,
  )
})

test.run()

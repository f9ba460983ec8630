/** Who is led requests, and who may end. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ExposureInput, isFree, planExposure } from '../../../src/controllers/exposure/plan.ts'
import type { Instance, Node, Route } from '../../../src/resources/generated/types.ts'
import { exposureOf } from '../../../src/resources/service/exposure.ts'

const exposure = exposureOf({ listen: '8080' }, [{ name: 'http' }])

interface InstanceMore {
  readonly node?: string
  readonly hash?: string
  readonly ready?: boolean
  readonly ending?: boolean
  readonly led?: boolean
}

function instance(name: string, more: InstanceMore = {}): Instance {
  const { node = 'a', hash = 'h1', ready = true, ending = false, led } = more
  return {
    metadata: { name, namespace: 'default', ...(ending && { deletionTimestamp: '2026-01-01T00:00:00Z' }) },
    spec: { node, templateHash: hash, ...(led !== undefined && { traffic: { led, drainTimeout: '10s' } }) },
    status: { ready, ports: [{ name: 'http', port: 20_000 + name.length }] },
  } as unknown as Instance
}

function node(name: string, more: { edge?: boolean; phase?: string; reason?: string } = {}): Node {
  const { edge = false, phase = 'Ready', reason } = more
  return {
    metadata: { name },
    status: {
      phase,
      addresses: [`10.0.0.${name.charCodeAt(0)}`],
      ...(edge && { balancer: 'Caddy' }),
      ...(reason && { conditions: [{ type: 'Ready', status: 'False', reason }] }),
    },
  } as unknown as Node
}

function route(edge: string, backends: readonly string[], generation = 1, led = 1): Route {
  return {
    metadata: { name: `web-${edge}`, generation },
    spec: { node: edge, backends: backends.map((one) => ({ instance: one })) },
    status: { ledGeneration: led },
  } as unknown as Route
}

const plan = (more: Partial<ExposureInput>) =>
  planExposure({
    service: 'web',
    scaled: false,
    exposure,
    instances: [],
    routes: [],
    nodes: [node('a', { edge: true }), node('b')],
    traffic: undefined,
    ...more,
  })
test('a load balancer is to tell of requests where somebody scales by them', () => {
  assert.is('scaled' in (plan({}).make[0] ?? {}), false)
  const [spec] = plan({ scaled: true }).make
  assert.is(spec?.scaled, true)
  const there = { ...route('a', []), spec: { ...spec, scaled: undefined } } as unknown as Route
  assert.equal(
    plan({ scaled: true, routes: [there] }).change.map((one) => one.spec.scaled),
    [true],
  )
})

const names = (list: readonly { readonly metadata: { readonly name: string } }[]) =>
  list.map((one) => one.metadata.name)
const weights = (more: Partial<ExposureInput>) =>
  Object.fromEntries(plan(more).make[0]?.backends.map((one) => [one.instance, one.weight]) ?? [])

test('each node with a load balancer gets a Route, with all that are ready, wherever they are', () => {
  const said = plan({
    instances: [
      instance('one'),
      instance('two', { node: 'b' }),
      instance('unready', { ready: false }),
      instance('ending', { ending: true }),
    ],
  })
  assert.equal(
    said.make.map((one) => one.node),
    ['a'],
  )
  assert.equal(
    said.make[0]?.backends.map((one) => `${one.instance} ${one.address}:${one.port}`),
    ['one 10.0.0.97:20003', 'two 10.0.0.98:20003'],
  )
  assert.equal(names(said.mark), ['one', 'two'])
})

test('without a load balancer nobody is led anything, and nobody waits for that', () => {
  const said = plan({ instances: [instance('one')], nodes: [node('a')] })
  assert.equal([said.mark, said.make], [[], []])
})

test('a machine that joined is told where instances are only if people have said so', () => {
  const joined = node('a', { edge: true })
  const spec = { joining: 'j1' }
  const told = (labels?: Record<string, string>) => {
    const metadata = { ...joined.metadata, ...(labels && { labels }) }
    return plan({ instances: [instance('one')], nodes: [{ ...joined, spec, metadata } as unknown as Node] })
      .make.length
  }
  assert.is(told(), 0)
  assert.is(told({ 'nsctl.dev/edge': 'false' }), 0)
  assert.is(told({ 'nsctl.dev/edge': 'true' }), 1)
})

test('what is as it should be is left alone', () => {
  const instances = [instance('one', { led: true })]
  const [spec] = plan({ instances }).make
  const there = { metadata: { name: 'web-a' }, spec } as unknown as Route
  const said = plan({ instances, routes: [there] })
  assert.equal([said.mark, said.make, said.change, said.remove], [[], [], [], []])
})

test('what is exposed no more is led no more', () => {
  assert.is(plan({ exposure: undefined, routes: [route('a', ['one'])] }).remove.length, 1)
  assert.is(plan({ routes: [route('gone', ['one'])] }).remove.length, 1)
})

test('instances of lost nodes are led nothing, unless all are', () => {
  const lost = node('b', { phase: 'NotReady', reason: 'NodeLost' })
  const nodes = [node('a', { edge: true }), lost]
  const there = (instances: readonly Instance[]) =>
    plan({ instances, nodes }).make[0]?.backends.map((one) => one.instance)
  assert.equal(there([instance('one'), instance('two', { node: 'b' })]), ['one'])
  assert.equal(there([instance('two', { node: 'b' })]), ['two'])
  const stopped = node('b', { phase: 'NotReady', reason: 'AgentStopped' })
  const said = plan({
    instances: [instance('one'), instance('two', { node: 'b' })],
    nodes: [nodes[0]!, stopped],
  })
  assert.is(said.make[0]?.backends.length, 2)
})

test("a template's part is shared by its instances", () => {
  const instances = [instance('a1'), instance('a2'), instance('a3'), instance('b1', { hash: 'h2' })]
  assert.equal(weights({ instances }), { a1: 1, a2: 1, a3: 1, b1: 1 })
  const traffic = [
    { hash: 'h1', weight: 90 },
    { hash: 'h2', weight: 10 },
  ]
  assert.equal(weights({ instances, traffic }), { a1: 1800, a2: 1800, a3: 1800, b1: 600 })
  assert.equal(weights({ instances: [instance('c1', { hash: 'h3' })], traffic }), { c1: 1 })
  const none = [
    { hash: 'h1', weight: 100 },
    { hash: 'h2', weight: 0 },
  ]
  assert.is(weights({ instances, traffic: none }).b1, 0)
})

const nodes = [node('a', { edge: true }), node('b', { edge: true })]
const ending = instance('one', { ending: true, led: true })
for (const { name, routes, free, among = nodes } of [
  { name: 'is led by nobody', routes: [route('a', [], 2, 2), route('b', ['two'], 5, 5)], free: true },
  { name: 'is still in one', routes: [route('a', [], 2, 2), route('b', ['one'], 5, 5)], free: false },
  { name: 'has been taken out of one that does not say so yet', routes: [route('a', [], 2, 1)], free: false },
  {
    name: 'is led where nobody answers',
    routes: [route('b', ['one'])],
    among: [node('b', { phase: 'NotReady' })],
    free: true,
  },
  { name: 'is led by a node that has gone', routes: [route('gone', ['one'])], free: true },
  { name: 'has no Route any more', routes: [], free: true },
])
  test(`an instance that ${name} is ${free ? '' : 'not '}free to end`, () => {
    assert.is(isFree(ending, routes, among), free)
    // the same for the plan, which asks for the end of nobody else
    const others = [ending, instance('two', { led: true }), instance('three', { ending: true })]
    const said = plan({ exposure: undefined, instances: others, routes, nodes: among })
    assert.equal(names(said.release), free ? ['one'] : [])
  })

test.run()

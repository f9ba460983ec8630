import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type DeliveryInput,
  type DeliveryView,
  type Need,
  type NodeView,
  planDeliveries,
} from '../../../src/controllers/delivery/plan.ts'

const need = (node: string, version: string, ending = false): Need => ({ node, version, ending })
const has = (node: string, version: string, recipient?: string): DeliveryView => ({
  name: `${node}-${version}`,
  node,
  version,
  recipient,
})
const trusted = (name: string, key = `key-${name}`): NodeView => ({ name, pinned: key, reported: key })

function show(input: Partial<DeliveryInput>): string {
  const plan = planDeliveries({ kind: 'Secret', needs: [], deliveries: [], nodes: [], ...input })
  return [
    ...plan.make.map(({ node, version, recipient }) => `make ${node} ${version} for ${recipient}`),
    ...plan.renew.map(({ name, recipient }) => `renew ${name} for ${recipient}`),
    ...plan.remove.map((name) => `remove ${name}`),
    ...plan.refused.map(({ node, reason }) => `refuse ${node} ${reason}`),
  ].join(', ')
}

for (const c of [
  { name: 'nothing for nobody', input: {}, want: '' },
  {
    name: 'what an instance names',
    input: { needs: [need('a', 'v1'), need('a', 'v1')], nodes: [trusted('a')] },
    want: 'make a v1 for key-a',
  },
  {
    name: 'a Config to any node, unsealed',
    input: { kind: 'Config' as const, needs: [need('a', 'v1')] },
    want: 'make a v1 for undefined',
  },
  {
    name: 'each version that is needed',
    input: {
      needs: [need('a', 'v1'), need('a', 'v2')],
      deliveries: [has('a', 'v1', 'key-a')],
      nodes: [trusted('a')],
    },
    want: 'make a v2 for key-a',
  },
  {
    name: 'nothing to what is ending, and nothing from it',
    input: {
      needs: [need('a', 'v1', true), need('a', 'v2', true)],
      deliveries: [has('a', 'v1', 'key-a')],
      nodes: [trusted('a')],
    },
    want: '',
  },
  {
    name: 'what nobody needs any more is taken away, from a node that is gone too',
    input: { deliveries: [has('a', 'v1', 'key-a'), has('gone', 'v1', 'x')], nodes: [trusted('a')] },
    want: 'remove a-v1, remove gone-v1',
  },
  {
    name: 'a node that has another key than is pinned gets nothing, and keeps what it has',
    input: {
      needs: [need('a', 'v1'), need('a', 'v2')],
      deliveries: [has('a', 'v1', 'old')],
      nodes: [{ name: 'a', pinned: 'old', reported: 'other' }],
    },
    want: 'refuse a NodeNotTrusted',
  },
  {
    name: 'nor one without a key, or whose agent has said nothing',
    input: {
      needs: [need('a', 'v1'), need('b', 'v1'), need('c', 'v1')],
      nodes: [
        { name: 'a', pinned: undefined, reported: 'x' },
        { name: 'b', pinned: 'x', reported: undefined },
      ],
    },
    want: 'refuse a NodeWithoutKey, refuse b NodeWithoutKey, refuse c NodeUnknown',
  },
  {
    name: 'sealed anew to a key that is pinned now',
    input: {
      needs: [need('a', 'v1')],
      deliveries: [has('a', 'v1', 'old')],
      nodes: [trusted('a', 'new')],
    },
    want: 'renew a-v1 for new',
  },
])
  test(`planDeliveries: ${c.name}`, () => assert.is(show(c.input), c.want))

const nodes = fc.constantFrom('a', 'b', 'c')
const versions = fc.constantFrom('v1', 'v2')
const keys = fc.option(fc.constantFrom('k1', 'k2'), { nil: undefined })
const inputs = fc.record({
  kind: fc.constantFrom('Config' as const, 'Secret' as const),
  needs: fc.array(fc.record({ node: nodes, version: versions, ending: fc.boolean() }), { maxLength: 6 }),
  deliveries: fc.uniqueArray(
    fc.tuple(nodes, versions, keys).map(([node, version, recipient]) => has(node, version, recipient)),
    { selector: ({ name }) => name, maxLength: 6 },
  ),
  nodes: fc.uniqueArray(fc.record({ name: nodes, pinned: keys, reported: keys }), {
    selector: ({ name }) => name,
  }),
})

/** What is there once the plan was carried out. */
function applied(input: DeliveryInput): readonly DeliveryView[] {
  const { make, renew, remove } = planDeliveries(input)
  const left = input.deliveries
    .filter(({ name }) => !remove.includes(name))
    .map((one) => renew.find(({ name }) => name === one.name) ?? one)
  return [...left, ...make.map((one) => ({ ...one, name: `${one.node}-${one.version}` }))]
}

test('property: once carried out there is nothing left to do', () => {
  fc.assert(
    fc.property(inputs, (input) => {
      const { make, renew, remove } = planDeliveries({ ...input, deliveries: applied(input) })
      assert.equal([make, renew, remove], [[], [], []])
    }),
  )
})

test('property: a Secret goes to no key but the one that is pinned and reported', () => {
  fc.assert(
    fc.property(inputs, (input) => {
      const { make, renew } = planDeliveries(input)
      for (const { node, recipient } of [...make, ...renew]) {
        const of = input.nodes.find(({ name }) => name === node)
        if (input.kind === 'Config') assert.is(recipient, undefined)
        else assert.equal([of?.pinned, of?.reported], [recipient, recipient])
      }
    }),
  )
})

test('property: nobody who needs it loses it, and nobody has what nobody needs', () => {
  fc.assert(
    fc.property(inputs, (input) => {
      const isNeeded = (one: { readonly node: string; readonly version: string }) =>
        input.needs.some(({ node, version }) => node === one.node && version === one.version)
      const { remove, refused } = planDeliveries(input)
      for (const one of input.deliveries) assert.is(remove.includes(one.name), !isNeeded(one))
      for (const one of input.needs) {
        const given = applied(input).some(({ node, version }) => node === one.node && version === one.version)
        assert.ok(given || one.ending || refused.some(({ node }) => node === one.node))
      }
    }),
  )
})

test.run()

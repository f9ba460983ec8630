import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Deliveries } from '../../../src/agent/material/deliveries.ts'
import { ManualClock } from '../../../src/core/clock.ts'
import { isNsctlError } from '../../../src/core/errors.ts'
import type { Delivery } from '../../../src/resources/generated/types.ts'
import { deliveryName, type Material } from '../../../src/resources/materials.ts'
import { FakeSeal } from './fake-seal.ts'

const DB: Material = { kind: 'Secret', name: 'db', version: 'v1' }
const NODE = 'alpha'

function deliveryOf(values: Record<string, string>, over: object = {}, to?: string): Delivery {
  const place = { namespace: 'shop', name: DB.name, version: DB.version, node: NODE }
  const spec = {
    ...{ node: NODE, source: { kind: DB.kind, name: DB.name }, version: DB.version },
    ...{ sealed: FakeSeal.delivery(values, place, to), ...over },
  }
  return { kind: 'Delivery', metadata: { name: deliveryName(DB, NODE), namespace: 'shop' }, spec } as Delivery
}

function open(delivery?: Delivery) {
  const [seal, clock] = [new FakeSeal(), new ManualClock()]
  const cache = {
    get: (ref: { name: string; namespace?: string }) =>
      ref.name === delivery?.metadata.name && ref.namespace === 'shop' ? delivery : undefined,
  }
  const deliveries = new Deliveries({ node: NODE, cache: cache as never, seal, clock })
  return { seal, clock, deliveries }
}

for (const [name, delivery, found] of [
  ['finds what has come', deliveryOf({}), true],
  ['finds nothing where nothing has come', undefined, false],
  ['takes no other version for it', deliveryOf({}, { version: 'v2' }), false],
  ['takes nothing of another node for it', deliveryOf({}, { node: 'beta' }), false],
  ['takes no Config for a Secret', deliveryOf({}, { source: { kind: 'Config', name: 'db' } }), false],
] as const)
  test(name, () => assert.is(open(delivery).deliveries.find('shop', DB) !== undefined, found))

test('opens once for all who ask in a short while, and forgets it then', async () => {
  const { seal, clock, deliveries } = open()
  const delivery = deliveryOf({ password: 'x' })
  const [one, two] = await Promise.all([deliveries.contents(delivery), deliveries.contents(delivery)])
  assert.is(one, two)
  clock.advance(29_000)
  await deliveries.contents(delivery)
  clock.advance(29_000)
  await deliveries.contents(delivery)
  assert.is(seal.opened.length, 1)
  clock.advance(31_000)
  await deliveries.contents(delivery)
  assert.is(seal.opened.length, 2)
})

test('opens anew what has another text under the same name', async () => {
  const { deliveries, clock } = open()
  await deliveries.contents(deliveryOf({ password: 'old' }))
  const contents = await deliveries.contents(deliveryOf({ password: 'new' }))
  assert.is(Buffer.from(contents.get('password') ?? []).toString(), 'new')
  clock.advance(15_000)
  const again = await deliveries.contents(deliveryOf({ password: 'new' }))
  assert.is(again, contents)
})

test('tries again what could not be opened', async () => {
  const { seal, deliveries } = open()
  const delivery = deliveryOf({ password: 'x' }, {}, 'age1late')
  assert.ok(isNsctlError(await deliveries.contents(delivery).catch((error) => error), 'Failed'))
  seal.own = ['age1own', 'age1late']
  assert.is((await deliveries.contents(delivery)).size, 1)
})

test("a Config's values need no key", async () => {
  const { seal, deliveries } = open()
  seal.fault = new Error('no key')
  const contents = await deliveries.contents(
    deliveryOf({}, { source: { kind: 'Config', name: 'app' }, values: { LEVEL: 'ïnfo' } }),
  )
  assert.is(Buffer.from(contents.get('LEVEL') ?? []).toString(), 'ïnfo')
})

test.run()

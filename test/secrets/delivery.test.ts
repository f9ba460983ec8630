import { inspect } from 'node:util'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { open, seal } from '../../src/secrets/age.ts'
import { type DeliveryPlace, openDelivery, sealDelivery } from '../../src/secrets/delivery.ts'
import { newIdentity } from '../../src/secrets/identity.ts'
import { faultOf } from './faults.ts'

const node = await newIdentity()
const other = await newIdentity()
const place: DeliveryPlace = { namespace: 'prod', name: 'db', version: 'k4n2', node: 'one' }
const bytes = (text: string) => new Uint8Array(Buffer.from(text))
const SEALED = await sealDelivery(
  new Map([
    ['a', bytes('planted')],
    ['b', bytes('')],
  ]),
  place,
  node.recipient,
)

test('values of any kind arrive, in their order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(fc.stringMatching(/^[-._a-zA-Z0-9]{1,20}$/), fc.uint8Array({ maxLength: 500 })),
      async (record) => {
        const values = new Map(Object.entries(record))
        const opened = await openDelivery(await sealDelivery(values, place, node.recipient), place, [node])
        assert.equal([...opened], [...values])
      },
    ),
    { numRuns: 50 },
  )
})

test('age alone shows what it is, and where which value is', async () => {
  assert.is(
    Buffer.from(await open(SEALED, [node])).toString(),
    'nsctl.dev/delivery/v1 prod/db k4n2 one\n[["a",7],["b",0]]\nplanted',
  )
})

test('another node cannot open it', async () => {
  const fault = await faultOf(openDelivery(SEALED, place, [other]))
  assert.is(fault.message, 'the delivery of Secret prod/db to one is not sealed to the identity at hand')
})

for (const [name, change] of [
  ['namespace', { namespace: 'test' }],
  ['Secret', { name: 'mail' }],
  ['version', { version: 'k4n3' }],
  ['node', { node: 'two' }],
] as const)
  test(`of another ${name} it is refused`, async () => {
    const fault = await faultOf(openDelivery(SEALED, { ...place, ...change }, [node]))
    assert.match(fault.message, 'was made for another Secret, version or node')
  })

for (const content of ['', 'planted', 'planted\nplanted\nplanted'])
  test(`an age file of another maker is refused: ${JSON.stringify(content)}`, async () => {
    const fault = await faultOf(openDelivery(await seal(bytes(content), [node.recipient]), place, [node]))
    assert.is(fault.code, 'Invalid')
    assert.not.match(inspect(fault, { depth: 9 }), 'planted')
  })

for (const rest of [
  '',
  '\n',
  '[["a",7]]\nplante',
  '[["a",7]]\nplanted!',
  '[["a",-1]]\n',
  '[["a"]]\n',
  '{}\n',
  'planted\n',
])
  test(`what does not hold what it says is refused: ${JSON.stringify(rest)}`, async () => {
    const sealed = await seal(bytes(`nsctl.dev/delivery/v1 prod/db k4n2 one\n${rest}`), [node.recipient])
    const fault = await faultOf(openDelivery(sealed, place, [node]))
    assert.is(fault.message, 'the delivery of Secret prod/db to one does not hold what it says')
    assert.not.match(inspect(fault, { depth: 9 }), 'plante')
  })

test.run()

import { inspect } from 'node:util'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { open, seal } from '../../src/secrets/age.ts'
import { newIdentity } from '../../src/secrets/identity.ts'
import { openValue, resealValue, sealValue, type ValuePlace } from '../../src/secrets/value.ts'
import { faultOf } from './faults.ts'

const bytes = (text: string) => new Uint8Array(Buffer.from(text))
const anna = await newIdentity()
const ben = await newIdentity()
const place: ValuePlace = { namespace: 'prod', name: 'db', key: 'password' }
const SEALED = await sealValue(bytes('a planted secret\nof two lines'), place, [anna.recipient], 'version001')

test('a value comes back as it was, and age alone shows it behind a line', async () => {
  assert.equal(await openValue(SEALED, place, [anna]), bytes('a planted secret\nof two lines'))
  assert.equal(
    await open(SEALED.age, [anna]),
    bytes('nsctl.dev/secret/v1 prod/db password version001\na planted secret\nof two lines'),
  )
})

test('a new value has a new version, also where it is the same', async () => {
  const [first, second] = [
    await sealValue(bytes('x'), place, [anna.recipient]),
    await sealValue(bytes('x'), place, [anna.recipient]),
  ]
  assert.match(first.version, /^[a-z0-9]{10}$/)
  assert.is.not(first.version, second.version)
})

for (const [name, at, version, message] of [
  [
    'another namespace',
    { namespace: 'test' },
    'version001',
    'the value password of Secret test/db was moved: it is sealed as password of Secret prod/db',
  ],
  [
    'another Secret',
    { name: 'mail' },
    'version001',
    'the value password of Secret prod/mail was moved: it is sealed as password of Secret prod/db',
  ],
  [
    'another key',
    { key: 'token' },
    'version001',
    'the value token of Secret prod/db was moved: it is sealed as password of Secret prod/db',
  ],
  [
    'another version',
    {},
    'version002',
    'the value password of Secret prod/db is sealed as version version001, and not as version002',
  ],
] as const)
  test(`a value at ${name} is refused`, async () => {
    const fault = await faultOf(openValue({ ...SEALED, version }, { ...place, ...at }, [anna]))
    assert.is(fault.message, message)
    assert.is(fault.code, 'Invalid')
    assert.not.match(inspect(fault, { depth: 9 }), 'planted')
  })

for (const plain of [
  '',
  'a planted secret',
  'nsctl.dev/secret/v1 prod/db password',
  'nsctl.dev/secret/v2 prod/db password version001\nx',
  'a planted secret\nx',
])
  test(`an age file of another maker is no value: ${JSON.stringify(plain)}`, async () => {
    const age = await seal(bytes(plain), [anna.recipient])
    const fault = await faultOf(openValue({ version: 'version001', age }, place, [anna]))
    assert.is(
      fault.message,
      'the value password of Secret prod/db was not sealed by nsctl: it does not say where it belongs',
    )
    assert.not.match(inspect(fault, { depth: 9 }), 'planted')
  })

test('sealed to others it keeps its version, and those before them are out', async () => {
  const resealed = await resealValue(SEALED, place, [anna], [ben.recipient])
  assert.is(resealed.version, SEALED.version)
  assert.equal(await openValue(resealed, place, [ben]), bytes('a planted secret\nof two lines'))
  assert.is((await faultOf(openValue(resealed, place, [anna]))).code, 'Failed')
  // what was moved is not made whole by sealing it anew
  assert.is(
    (await faultOf(resealValue(SEALED, { ...place, key: 'token' }, [anna], [ben.recipient]))).code,
    'Invalid',
  )
})

for (const key of ['', '.', '..', 'clé', 'a b', 'a/b', 'a\nb', 'ключ', 'x'.repeat(254)])
  test(`no value has the key ${JSON.stringify(key.slice(0, 10))}`, async () => {
    const fault = await faultOf(sealValue(bytes('x'), { ...place, key }, [anna.recipient]))
    assert.is(fault.code, 'Invalid')
  })

const names = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?$/)
const places = fc.record({
  namespace: names,
  name: names,
  key: fc.stringMatching(/^[-_a-zA-Z0-9][-._a-zA-Z0-9]{0,19}$/),
})

test('any bytes come back from any place, and from no other', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 1000 }), places, places, async (value, here, there) => {
      const sealed = await sealValue(value, here, [anna.recipient])
      assert.equal(await openValue(sealed, here, [anna]), value)
      if (JSON.stringify(here) === JSON.stringify(there)) return
      assert.is((await faultOf(openValue(sealed, there, [anna]))).code, 'Invalid')
    }),
    { numRuns: 100 },
  )
})

test.run()

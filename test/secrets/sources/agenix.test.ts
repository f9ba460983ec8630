import { armor, Encrypter } from 'age-encryption'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { newIdentity } from '../../../src/secrets/identity.ts'
import { readAgenix } from '../../../src/secrets/sources/agenix.ts'
import { faultOf } from '../faults.ts'

const anna = await newIdentity()
const encrypter = new Encrypter()
encrypter.addRecipient(anna.recipient)
const binary = await encrypter.encrypt('the value\n')

test('a file is one value as it stands, with and without armor', async () => {
  for (const file of [binary, new Uint8Array(Buffer.from(armor.encode(binary)))])
    assert.is(Buffer.from(await readAgenix(file, [anna], 'db.age')).toString(), 'the value\n')
})

for (const [name, file, message] of [
  ['of something else', new Uint8Array(Buffer.from('the value')), 'db.age is no age file'],
  ['empty', new Uint8Array(), 'db.age is empty'],
  [
    'cut off',
    binary.slice(0, -3),
    'db.age is cut off or was tampered with: what it holds does not fit its key',
  ],
  ['cut off early', binary.slice(0, 30), 'db.age is damaged: its header cannot be read'],
] as const)
  test(`a file is refused by its name where it is ${name}`, async () => {
    assert.is((await faultOf(readAgenix(file, [anna], 'db.age'))).message, message)
  })

test('a file for others is refused by its name', async () => {
  const fault = await faultOf(readAgenix(binary, [await newIdentity()], 'db.age'))
  assert.is(fault.message, 'db.age is not sealed to the identity at hand')
})

test.run()

import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { armor, Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeBech32 } from '../../src/core/bech32.ts'
import { NsctlError } from '../../src/core/errors.ts'
import { open, openFile, seal } from '../../src/secrets/age.ts'
import { identityText, newIdentity, parseIdentities } from '../../src/secrets/identity.ts'
import { checkRecipient, type Identity, identityOfScalar } from '../../src/secrets/x25519.ts'
import { faultOf } from './faults.ts'

const bytes = (text: string) => new Uint8Array(Buffer.from(text))
const text = (value: Uint8Array) => Buffer.from(value).toString('utf8')

const anna = await newIdentity()
const ben = await newIdentity()
const eve = await newIdentity()

test('each of the recipients opens it by itself, and nobody else', async () => {
  const sealed = await seal(bytes('correct horse'), [anna.recipient, ben.recipient])
  assert.is(text(await open(sealed, [anna])), 'correct horse')
  assert.is(text(await open(sealed, [eve, ben])), 'correct horse')
  const fault = await faultOf(open(sealed, [eve], 'the value a of Secret p/q'))
  assert.is(fault.code, 'Failed')
  assert.is(fault.message, 'the value a of Secret p/q is not sealed to the identity at hand')
})

test('the library opens what we seal, and we open what it seals', async () => {
  const theirs = await generateX25519Identity()
  const decrypter = new Decrypter()
  decrypter.addIdentity(theirs)
  const [ours] = await parseIdentities(theirs, 'a test')
  assert.is(ours?.recipient, await identityToRecipient(theirs))
  assert.is(identityText(ours as Identity), `# public key: ${ours?.recipient}\n${theirs}\n`)
  for (const length of [0, 1, 65_535, 65_536, 65_537, 1_000_000]) {
    const plain = new Uint8Array(randomBytes(length))
    const sealed = await seal(plain, [anna.recipient, await identityToRecipient(theirs)])
    assert.equal(await decrypter.decrypt(armor.decode(sealed)), plain)
    const encrypter = new Encrypter()
    encrypter.addRecipient(await identityToRecipient(theirs))
    encrypter.addRecipient(ben.recipient)
    const binary = await encrypter.encrypt(plain)
    assert.equal(await openFile(binary, [ours as Identity]), plain)
    assert.equal(await open(armor.encode(binary), [ben]), plain)
  }
})

test('a recipient named twice is sealed to once', async () => {
  const once = await seal(bytes('x'), [anna.recipient])
  assert.is((await seal(bytes('x'), [anna.recipient, anna.recipient])).length, once.length)
})

for (const [name, recipient, code] of [
  ['nothing', '', 'Invalid'],
  ['a typing error', `${anna.recipient.slice(0, -1)}${anna.recipient.endsWith('q') ? 'p' : 'q'}`, 'Invalid'],
  ['upper case', anna.recipient.toUpperCase(), 'Invalid'],
  ['a key of ssh', 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5', 'Invalid'],
  ['a plugin', 'age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t', 'Unsupported'],
  ['post-quantum', `age1pq1${'q'.repeat(200)}`, 'Unsupported'],
  // of order 1: everybody would know the shared secret
  ['a weak point', 'age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z', 'Invalid'],
] as const)
  test(`nothing is sealed to ${name}`, async () => {
    assert.is((await faultOf(seal(bytes('x'), [anna.recipient, recipient]))).code, code)
  })

test("a well-formed key that is nobody's is told apart from a mistyped one", () => {
  const weak = encodeBech32('age', new Uint8Array(32))
  assert.throws(
    () => checkRecipient(weak),
    (error: NsctlError) => error.message === 'this recipient is the public key of nobody',
  )
  checkRecipient(anna.recipient)
})

test('an identity given for a recipient is not repeated', async () => {
  const secret = anna.reveal()
  const fault = await faultOf(seal(bytes('x'), [secret]))
  assert.not.ok(inspect(fault, { depth: 9 }).includes(secret.slice(20, 40)))
})

test('nothing is sealed to nobody', async () => {
  assert.is((await faultOf(seal(bytes('x'), []))).message, 'there is nobody to seal to')
})

const SEALED = await seal(bytes('a planted secret'), [anna.recipient])
const binary = armor.decode(SEALED)
const changed = (at: number) => {
  const copy = binary.slice()
  copy[at] = (copy[at] as number) ^ 1
  return armor.encode(copy)
}
const withPassphrase = async () => {
  const encrypter = new Encrypter()
  encrypter.setPassphrase('hello')
  encrypter.setScryptWorkFactor(2)
  return armor.encode(await encrypter.encrypt('x'))
}

for (const [name, content, code, message] of [
  ['empty', ' \n', 'Invalid', 'it is empty'],
  ['of something else', 'hello', 'Invalid', 'it is no age file'],
  [
    'without armor',
    Buffer.from(binary).toString('latin1'),
    'Invalid',
    'it is an age file without armor, where text is asked for',
  ],
  ['without its last line', SEALED.slice(0, -40), 'Invalid', 'it is cut off: its last line is missing'],
  ['without a line', SEALED.replace(/\n.*\n/, '\n'), 'Invalid', 'it is damaged: its header cannot be read'],
  [
    'with half a line',
    SEALED.replace(/\n.{9}/, '\n'),
    'Invalid',
    'it is damaged: lines of it are missing or changed',
  ],
  ['with another version', changed(20), 'Invalid', 'it is damaged: its header cannot be read'],
  [
    'with another MAC',
    changed(binary.indexOf(0x0a, 120) + 10),
    'Invalid',
    'it is cut off or was tampered with: what it holds does not fit its key',
  ],
  [
    'with another content',
    changed(binary.length - 20),
    'Invalid',
    'it is cut off or was tampered with: what it holds does not fit its key',
  ],
  [
    'cut off and closed',
    armor.encode(binary.slice(0, -5)),
    'Invalid',
    'it is cut off or was tampered with: what it holds does not fit its key',
  ],
  [
    'cut off behind its header',
    armor.encode(binary.slice(0, -40)),
    'Invalid',
    'it is cut off or was tampered with: what it holds does not fit its key',
  ],
  ['with a passphrase', await withPassphrase(), 'Unsupported', 'it is protected by a passphrase'],
] as const)
  test(`an age file ${name} is refused, with a message of its own`, async () => {
    const fault = await faultOf(open(content, [eve, anna], 'it'))
    assert.is(fault.message, message)
    assert.is(fault.code, code)
    assert.ok(fault.next)
    assert.not.match(inspect(fault, { depth: 9 }), 'planted')
  })

test('without an identity nothing is opened', async () => {
  const fault = await faultOf(open(SEALED, [], 'it'))
  assert.is(fault.message, 'it cannot be opened: there is no identity')
})

test('what was sealed is opened, whatever it is', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 4096 }), async (plain) => {
      assert.equal(await open(await seal(plain, [anna.recipient]), [anna]), plain)
    }),
    { numRuns: 50 },
  )
})

test('a file with any bit flipped is refused', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(binary.length - 1), fc.nat(7), async (at, bit) => {
      const copy = binary.slice()
      copy[at] = (copy[at] as number) ^ (1 << bit)
      await faultOf(openFile(copy, [anna]))
    }),
    { numRuns: 300 },
  )
})

test('armor with any character changed is refused, or was changed in nothing that counts', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(SEALED.length - 1), fc.integer({ min: 0, max: 127 }), async (at, code) => {
      const copy = SEALED.slice(0, at) + String.fromCharCode(code) + SEALED.slice(at + 1)
      const opened = await open(copy, [anna]).catch((error) => {
        assert.instance(error, NsctlError)
        return undefined
      })
      if (opened !== undefined && copy.trim() !== SEALED.trim())
        throw new Error(`opened with ${code} at ${at}`)
    }),
    { numRuns: 300 },
  )
})

test('a file cut off anywhere is refused', async () => {
  for (let length = 0; length < binary.length; length += 3)
    await faultOf(openFile(binary.slice(0, length), [anna]))
})

test('the secret half of an identity shows nowhere', () => {
  const scalar = new Uint8Array(32).fill(7)
  const identity = identityOfScalar(scalar)
  const secret = identity.reveal()
  const shown = [
    inspect(identity, { depth: 9, showHidden: true, getters: true }),
    JSON.stringify(identity),
    String(identity),
    Object.values(identity).join(),
    inspect(structuredClone({ ...identity }), { showHidden: true }),
  ].join('\n')
  for (const trace of [secret, secret.slice(20, 40), '7, 7, 7', '07 07 07', 'BwcHBw'])
    assert.not.ok(shown.includes(trace), trace)
  assert.ok(shown.includes(identity.recipient))
})

test.run()

import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeBech32, encodeBech32 } from '../../src/core/bech32.ts'
import {
  identityAt,
  identityText,
  makeIdentityFile,
  newIdentity,
  parseIdentities,
  readIdentities,
  writeIdentityFile,
} from '../../src/secrets/identity.ts'
import { faultOf } from './faults.ts'

const folder = mkdtempSync(join(tmpdir(), 'nsctl-identity-'))
test.after(() => rmSync(folder, { recursive: true }))

test('a file is read as age-keygen writes it, with comments and more than one', async () => {
  const [first, second] = [await generateX25519Identity(), await generateX25519Identity()]
  const text = `# created: 2026-01-01T00:00:00Z\n# public key: age1…\n${first}\r\n\n  ${second}\n`
  const found = await parseIdentities(text, 'a test')
  assert.equal(
    found.map(({ recipient }) => recipient),
    [await identityToRecipient(first), await identityToRecipient(second)],
  )
})

test('what is written is read back, bit for bit', async () => {
  for (let i = 0; i < 20; i++) {
    // random bits that are not clamped, as other makers of identities leave them
    const text = await generateX25519Identity()
    const [identity] = await parseIdentities(text, 'a test')
    assert.is(identity?.reveal(), text)
  }
})

const good = (await newIdentity()).reveal()
for (const [name, text, code, message] of [
  ['nothing', '# public key: age1\n\n', 'Invalid', 'keys.txt holds no identity'],
  [
    'a typing error',
    `\n${good.slice(0, -1)}${good.endsWith('Q') ? 'P' : 'Q'}`,
    'Invalid',
    'keys.txt:2: this is no identity',
  ],
  ['lower case', good.toLowerCase(), 'Invalid', 'keys.txt:1: this is no identity'],
  ['half of one', good.slice(0, 40), 'Invalid', 'keys.txt:1: this is no identity'],
  [
    'a recipient',
    (await newIdentity()).recipient,
    'Invalid',
    'keys.txt:1: this is a recipient, and no identity',
  ],
  [
    'a plugin',
    'AGE-PLUGIN-YUBIKEY-1QQPQYPQXPQ9QCR',
    'Unsupported',
    'keys.txt:1: this identity is of a kind that nsctl cannot open with',
  ],
  [
    'a passphrase',
    '-----BEGIN AGE ENCRYPTED FILE-----\nx',
    'Unsupported',
    'keys.txt is protected by a passphrase',
  ],
] as const)
  test(`a file with ${name} is refused, and not quoted`, async () => {
    const fault = await faultOf(parseIdentities(text, 'keys.txt'))
    assert.is(fault.message, message)
    assert.is(fault.code, code)
    assert.ok(fault.next)
    assert.not.match(inspect(fault, { depth: 9 }), good.slice(20, 35))
  })

test('a file that is made can be read by its owner alone, and never written over', async () => {
  const path = join(folder, 'new/identity')
  const made = await makeIdentityFile(path)
  assert.is(statSync(path).mode & 0o777, 0o600)
  assert.is(statSync(join(folder, 'new')).mode & 0o777, 0o700)
  assert.is(readFileSync(path, 'utf8'), identityText(made))
  assert.equal(
    (await readIdentities(path)).map(({ recipient }) => recipient),
    [made.recipient],
  )
  assert.is((await faultOf(makeIdentityFile(path))).code, 'AlreadyExists')
  assert.is(readFileSync(path, 'utf8'), identityText(made))
  assert.equal(readdirSync(join(folder, 'new')), ['identity'])
})

test('an export lands on a file system without links as well, and never on what is there', async () => {
  const path = join(folder, 'stick/identity')
  const identity = await newIdentity()
  const noLinks = () => Promise.reject(Object.assign(new Error('EPERM'), { code: 'EPERM' }))
  await writeIdentityFile(path, identity, noLinks)
  assert.is(readFileSync(path, 'utf8'), identityText(identity))
  assert.is(statSync(path).mode & 0o777, 0o600)
  assert.is((await faultOf(writeIdentityFile(path, await newIdentity(), noLinks))).code, 'AlreadyExists')
  assert.is(readFileSync(path, 'utf8'), identityText(identity))
  assert.equal(readdirSync(join(folder, 'stick')), ['identity'])
})

for (const mode of [0o640, 0o604, 0o620, 0o666])
  test(`a file that others can read or change is refused (0${mode.toString(8)})`, async () => {
    const path = join(folder, `mode-${mode}`)
    writeFileSync(path, good)
    chmodSync(path, mode)
    const fault = await faultOf(readIdentities(path))
    assert.is(fault.code, 'Invalid')
    assert.match(fault.next as string, `chmod 600 ${path}`)
  })

test('a file that is not there is said to be missing', async () => {
  assert.is((await faultOf(readIdentities(join(folder, 'nothing')))).code, 'NotFound')
})

for (const [name, path, message] of [
  ['a folder', folder, `${folder} is a folder, and no identity`],
  [
    'below a file',
    join(folder, 'flat/identity'),
    `the identity at ${join(folder, 'flat/identity')} cannot be read: ENOTDIR`,
  ],
] as const)
  test(`an identity that is ${name} is no bug of ours`, async () => {
    writeFileSync(join(folder, 'flat'), '')
    // nobody is told to make a folder private
    chmodSync(folder, 0o755)
    assert.is((await faultOf(readIdentities(path))).message, message)
    const fault = await faultOf(makeIdentityFile(path))
    assert.ok(['AlreadyExists', 'Failed'].includes(fault.code), fault.code)
    assert.not.match(inspect(fault, { depth: 9 }), 'SECRET-KEY')
  })

test('whoever comes at once gets the same one', async () => {
  const path = join(folder, 'race/identity')
  const found = await Promise.all(Array.from({ length: 20 }, () => identityAt(path)))
  assert.is(new Set(found.map(({ recipient }) => recipient)).size, 1)
  assert.equal(readdirSync(join(folder, 'race')), ['identity'])
})

test('bech32 is as its vectors say', () => {
  // BIP 173
  for (const valid of ['A12UEL5L', 'a12uel5l', 'abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw']) {
    const prefix = valid.slice(0, valid.lastIndexOf('1')).toLowerCase()
    const decoded = decodeBech32(prefix, valid)
    assert.ok(decoded, valid)
    assert.is(encodeBech32(prefix, decoded as Uint8Array), valid.toLowerCase())
  }
  for (const invalid of ['A1G7SGD8', 'a12UEL5L', 'a12uel5m', 'a1', 'b12uel5l', ''])
    assert.is(decodeBech32('a', invalid), undefined, invalid)
})

test('nothing of age-encryption is loaded before something is sealed or opened', () => {
  const code = `
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
    const count = () => loaded.filter((url) => /age-encryption|@noble|@scure/.test(url)).length
    const { newIdentity, parseIdentities, identityText } = await import('./src/secrets/identity.ts')
    const { sealValue } = await import('./src/secrets/value.ts')
    await import('./src/secrets/delivery.ts')
    const identity = await newIdentity()
    await parseIdentities(identityText(identity), 'x')
    const before = count()
    await sealValue(new Uint8Array(), { namespace: 'a', name: 'b', key: 'c' }, [identity.recipient])
    console.log(before, count() > 0)
  `
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    cwd: join(import.meta.dirname, '../..'),
    encoding: 'utf8',
  })
  assert.is(stdout, '0 true\n', stderr)
})

test.run()

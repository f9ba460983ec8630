import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { encodeBech32 } from '../../src/core/bech32.ts'
import { NsctlError } from '../../src/core/errors.ts'
import { open, seal } from '../../src/secrets/age.ts'
import { parseIdentities } from '../../src/secrets/identity.ts'
import { identityOfSshKey, recipientOfSshKey } from '../../src/secrets/ssh.ts'
import { faultOf } from './faults.ts'

/** RFC 4251: strings behind their length. */
const strings = (...parts: readonly (string | Uint8Array)[]) =>
  Buffer.concat(
    parts.flatMap((part) => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(part.length)
      return [length, Buffer.from(part as string)]
    }),
  )

interface Change {
  readonly seed?: Buffer
  readonly cipher?: string
  readonly check?: number
  readonly kind?: string
  readonly count?: number
  readonly cut?: number
}

/** A key of OpenSSH's, written without ssh-keygen, with what a test wants to be wrong. */
function sshKey(change: Change = {}) {
  const seed = change.seed ?? randomBytes(32)
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed])
  const publicKey = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }))
  const point = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  const kind = change.kind ?? 'ssh-ed25519'
  const blob = strings(kind, point)
  const number = (value: number) => Buffer.from([0, 0, 0, value])
  const secret = Buffer.concat([
    number(7),
    number(change.check ?? 7),
    strings(kind, point, Buffer.concat([seed, point]), 'a comment'),
    Buffer.from([1, 2, 3, 4, 5]),
  ])
  const whole = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    strings(change.cipher ?? 'none', 'none', ''),
    number(change.count ?? 1),
    strings(blob, secret),
  ])
  const body = whole.subarray(0, whole.length - (change.cut ?? 0)).toString('base64')
  const pem = `-----BEGIN OPENSSH PRIVATE KEY-----\n${(body.match(/.{1,70}/g) ?? []).join('\n')}\n-----END OPENSSH PRIVATE KEY-----\n`
  return { pem, line: `${kind} ${blob.toString('base64')} root@host` }
}

test('both halves of a key lead to the same recipient, and open what is sealed to it', async () => {
  for (let i = 0; i < 50; i++) {
    const { pem, line } = sshKey()
    const identity = await identityOfSshKey(pem)
    assert.is(recipientOfSshKey(line), identity.recipient)
  }
  const { pem, line } = sshKey()
  const sealed = await seal(new Uint8Array([1, 2, 3]), [recipientOfSshKey(line)])
  assert.equal(await open(sealed, await parseIdentities(pem, 'x')), new Uint8Array([1, 2, 3]))
})

test('a known key becomes what libsodium and ssh-to-age make of it', async () => {
  // RFC 8032, section 7.1, test 1; its conversions by crypto_sign_ed25519_{pk,sk}_to_curve25519
  const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex')
  const { pem, line } = sshKey({ seed })
  const identity = await identityOfSshKey(pem)
  const publicKey = Buffer.from('d85e07ec22b0ad881537c2f44d662d1a143cf830c57aca4305d85c7a90f6b62e', 'hex')
  const scalar = Buffer.from('307c83864f2833cb427a2ef1c00a013cfdff2768d980c0a3a520f006904de94f', 'hex')
  assert.is(recipientOfSshKey(line), encodeBech32('age', publicKey))
  assert.is(identity.recipient, encodeBech32('age', publicKey))
  assert.is(identity.reveal(), encodeBech32('age-secret-key-', scalar).toUpperCase())
})

test('a key has the recipient that ssh-to-age gave it', () => {
  // the key of sops-nix's own tests, and a recipient of the files there
  const key = 'AAAAC3NzaC1lZDI1NTE5AAAAIBI1+Q+ntzANebtnicCiAY29uqLGWOaOGLEa8bUqOVmS'
  assert.is(
    recipientOfSshKey(`ssh-ed25519 ${key}`),
    'age1a8pk4akrdamj7nvqy3zywgtny8dxz7t5xzu7u8v9mhrayp9freqsqatyrs',
  )
})

for (const line of [
  (key: string) => key,
  (key: string) => `  ${key} \n`,
  (key: string) => `restrict,command="x" ${key}`,
  (key: string) => `web.example.org,10.0.0.1 ${key}`,
])
  test(`the recipient is read from ${line('ssh-ed25519 …').trim()}`, () => {
    const key = sshKey()
    assert.match(recipientOfSshKey(line(key.line)), /^age1[a-z0-9]{58}$/)
  })

const point = (hex: string) =>
  `ssh-ed25519 ${strings('ssh-ed25519', Buffer.from(hex, 'hex')).toString('base64')}`
for (const [name, line, code] of [
  ['nothing', '', 'Invalid'],
  ['half a line', 'ssh-ed25519', 'Invalid'],
  ['another kind', 'ssh-rsa AAAAB3NzaC1yc2E=', 'Unsupported'],
  ['a security key', 'sk-ssh-ed25519@openssh.com AAAA', 'Unsupported'],
  [
    'a label that lies',
    `ssh-ed25519 ${strings('ssh-rsa', new Uint8Array(32)).toString('base64')}`,
    'Invalid',
  ],
  ['bytes too many', `${sshKey().line.split(' ').slice(0, 2).join(' ').replace(/=*$/, '')}AAAA`, 'Invalid'],
  ['a key cut off', sshKey().line.slice(0, 60), 'Invalid'],
  ['y = 1', point(`01${'00'.repeat(31)}`), 'Invalid'],
  ['y beyond the field', point(`ee${'ff'.repeat(30)}7f`), 'Invalid'],
  ['no point of the curve', point(`02${'00'.repeat(31)}`), 'Invalid'],
] as const)
  test(`no recipient comes of ${name}`, () => {
    try {
      recipientOfSshKey(line)
    } catch (error) {
      assert.instance(error, NsctlError)
      assert.is((error as NsctlError).code, code)
      return
    }
    throw new Error('nothing was thrown')
  })

test('whoever gives the private half by mistake does not find it in the error', () => {
  const { pem } = sshKey()
  try {
    recipientOfSshKey(pem)
  } catch (error) {
    assert.not.ok(inspect(error, { depth: 9 }).includes(pem.slice(100, 120)))
    return
  }
  throw new Error('nothing was thrown')
})

for (const [name, pem, code, message] of [
  ['a passphrase', sshKey({ cipher: 'aes256-ctr' }).pem, 'Unsupported', 'id is protected by a passphrase'],
  [
    'another kind',
    sshKey({ kind: 'ssh-dss' }).pem,
    'Unsupported',
    'id is of the kind ssh-dss, and no age key',
  ],
  [
    'another container',
    '-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----',
    'Unsupported',
    "id is a private key of another kind than OpenSSH's",
  ],
  ['another check', sshKey({ check: 8 }).pem, 'Invalid', 'id is no private key of OpenSSH, or is damaged'],
  ['two keys', sshKey({ count: 2 }).pem, 'Invalid', 'id is no private key of OpenSSH, or is damaged'],
  ['a piece missing', sshKey({ cut: 40 }).pem, 'Invalid', 'id is no private key of OpenSSH, or is damaged'],
  [
    'nothing in it',
    '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----',
    'Invalid',
    'id is no private key of OpenSSH, or is damaged',
  ],
] as const)
  test(`a private key with ${name} is refused, and not quoted`, async () => {
    const fault = await faultOf(parseIdentities(pem, 'id'))
    assert.is(fault.message, message)
    assert.is(fault.code, code)
    if (pem.length > 200) assert.not.ok(inspect(fault, { depth: 9 }).includes(pem.slice(150, 170)))
  })

test.run()

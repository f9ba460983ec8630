/** Whatever a file holds, what is thrown is one of ours, and repeats none of it. */
import { inspect } from 'node:util'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NsctlError } from '../../src/core/errors.ts'
import { open, openFile } from '../../src/secrets/age.ts'
import { newIdentity, parseIdentities } from '../../src/secrets/identity.ts'
import { readSops } from '../../src/secrets/sources/sops.ts'
import { recipientOfSshKey } from '../../src/secrets/ssh.ts'

const anna = await newIdentity()
const PLANTED = 'planted'
const OPENSSH = (body: Uint8Array) =>
  `-----BEGIN OPENSSH PRIVATE KEY-----\n${Buffer.from(body).toString('base64')}\n-----END OPENSSH PRIVATE KEY-----\n`
const ARMORED = (body: Uint8Array) =>
  `-----BEGIN AGE ENCRYPTED FILE-----\n${(
    Buffer.from(body)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  ).join('\n')}\n-----END AGE ENCRYPTED FILE-----\n`

/** Bytes as they come, and such that begin as something known does. */
const beginnings = [
  'openssh-key-v1\0\0\0\0\x04none\0\0\0\x04none\0\0\0\0\0\0\0\x01\0\0\0\x33\0\0\0\x0bssh-ed25519\0\0\0\x20',
  'age-encryption.org/v1\n-> X25519 ',
  'age-encryption.org/v1\n-> ssh-ed25519 AAAAAA ',
  'sops_mac=',
  '{"sops": {',
  'sops:\n  age:\n    - enc: ',
].map((text) => Buffer.from(text, 'latin1'))
const body = fc
  .tuple(fc.constantFrom(Buffer.alloc(0), ...beginnings), fc.uint8Array({ maxLength: 200 }))
  .map(([head, rest]) => new Uint8Array(Buffer.concat([head, rest, Buffer.from(PLANTED)])))
const text = fc.oneof(
  body.map((bytes) => Buffer.from(bytes).toString('latin1')),
  body.map(OPENSSH),
  body.map(ARMORED),
)

for (const [name, read] of [
  ['identities', (content: string) => parseIdentities(content, 'a file')],
  ['a public key of ssh', async (content: string) => recipientOfSshKey(content)],
  ['an age file', (content: string) => open(content, [anna])],
  ['an age file of bytes', (content: string) => openFile(Buffer.from(content, 'latin1'), [anna])],
  ['a file of sops', (content: string) => readSops(Buffer.from(content, 'latin1'), [anna], 'a file')],
] as const)
  test(`garbage in the place of ${name} is refused`, async () => {
    await fc.assert(
      fc.asyncProperty(text, async (content) => {
        try {
          await read(content)
        } catch (error) {
          if (!(error instanceof NsctlError)) throw error
          assert.not.match(inspect(error, { depth: 9 }), PLANTED)
          return
        }
        throw new Error('was taken')
      }),
      { numRuns: 300 },
    )
  })

test.run()

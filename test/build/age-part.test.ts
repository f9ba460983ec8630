/** The part of the bundle that age-encryption is: it has less than the package, and must do all that is asked of it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { buildPart, partFile } from '../../scripts/build/package-parts.ts'
import { open } from '../../src/secrets/age.ts'
import { newIdentity } from '../../src/secrets/identity.ts'
import { wrapFileKey } from '../../src/secrets/x25519.ts'

const root = join(import.meta.dirname, '../..')

test('age files are made and opened without the arithmetic that is left out', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nsctl-part-'))
  try {
    await buildPart(
      'age',
      { absWorkingDir: root, bundle: true, platform: 'node', target: 'node24', logLevel: 'silent' },
      folder,
    )
    const source = readFileSync(join(folder, partFile('age')), 'utf8')
    const exports: Record<string, () => typeof import('age-encryption')> = {}
    new Function(`return ${source}`)()(exports, createRequire(import.meta.url), { exports })
    const { armor, Decrypter, Encrypter } = exports['age-encryption']!()
    const identity = await newIdentity()
    const encrypter = new Encrypter()
    encrypter.addRecipient({
      wrapFileKey: (fileKey) => [wrapFileKey(fileKey, identity.recipient)],
    })
    const file = await encrypter.encrypt('hello')
    const decrypter = new Decrypter()
    decrypter.addIdentity(identity)
    assert.is(await decrypter.decrypt(file, 'text'), 'hello')
    assert.is(Buffer.from(await open(armor.encode(file), [identity])).toString(), 'hello')
    assert.ok(source.length < 250_000)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.run()

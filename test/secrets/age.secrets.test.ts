/** Against the age command: what either seals the other opens, for its own keys and for those of ssh. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { open, openFile, seal } from '../../src/secrets/age.ts'
import { makeIdentityFile, readIdentities, writeIdentityFile } from '../../src/secrets/identity.ts'
import { readAgenix } from '../../src/secrets/sources/agenix.ts'
import { identityOfSshKey, recipientOfSshKey } from '../../src/secrets/ssh.ts'
import { openValue, sealValue } from '../../src/secrets/value.ts'
import { type AgeCommand, ageCommand, sshKeygen } from '../lab/age.ts'
import { canFetchDebs } from '../lab/servers.ts'
import { needs } from '../parts.ts'
import { faultOf } from './faults.ts'

const folder = mkdtempSync(join(tmpdir(), 'nsctl-age-'))
const at = (name: string) => join(folder, name)
let age: AgeCommand
test.before(async () => {
  if (canFetchDebs()) age = await ageCommand()
})
test.after(() => rmSync(folder, { recursive: true }))
const withAge = needs(test, canFetchDebs(), 'the age command')

/** Lengths on both sides of a chunk of the format. */
const PLAINS = [0, 1, 65_536, 65_537, 1_000_000].map((length) => new Uint8Array(length).map((_, i) => i * 7))

withAge('an identity file of ours is one of age', async () => {
  const identity = await makeIdentityFile(at('ours'))
  assert.is(age.keygen(['-y', at('ours')]).trim(), identity.recipient)
  for (const plain of PLAINS) {
    const sealed = await seal(plain, [identity.recipient])
    assert.equal(new Uint8Array(age.age(['-d', '-i', at('ours')], sealed)), plain)
    assert.equal(await openFile(age.age(['-r', identity.recipient], plain), [identity]), plain)
    assert.equal(await open(age.age(['-a', '-r', identity.recipient], plain).toString(), [identity]), plain)
  }
})

withAge('an identity file of age-keygen is one of ours', async () => {
  writeFileSync(at('theirs'), age.keygen([]), { mode: 0o600 })
  const identities = await readIdentities(at('theirs'))
  assert.is(identities[0]?.recipient, age.keygen(['-y', at('theirs')]).trim())
  const sealed = await seal(PLAINS[1]!, [
    (await makeIdentityFile(at('another'))).recipient,
    identities[0]!.recipient,
  ])
  assert.equal(new Uint8Array(age.age(['-d', '-i', at('theirs')], sealed)), PLAINS[1])
})

withAge('a value can be recovered without nsctl', async () => {
  const identity = await makeIdentityFile(at('recovery'))
  const sealed = await sealValue(
    new Uint8Array(Buffer.from('correct horse')),
    { namespace: 'prod', name: 'db', key: 'password' },
    [identity.recipient],
    'version001',
  )
  assert.is(
    age.age(['-d', '-i', at('recovery')], sealed.age).toString(),
    'nsctl.dev/secret/v1 prod/db password version001\ncorrect horse',
  )
  // and whoever seals one by hand, with the line, is believed
  const byHand = age.age(
    ['-a', '-r', identity.recipient],
    'nsctl.dev/secret/v1 prod/db password version002\nbattery',
  )
  const place = { namespace: 'prod', name: 'db', key: 'password' }
  const opened = await openValue({ version: 'version002', age: byHand.toString() }, place, [identity])
  assert.is(Buffer.from(opened).toString(), 'battery')
})

withAge('a host key of ssh is a key of age, both ways', async () => {
  for (const name of ['host1', 'host2', 'host3']) {
    await sshKeygen(at(name))
    const identity = await identityOfSshKey(readFileSync(at(name), 'utf8'))
    const recipient = recipientOfSshKey(readFileSync(at(`${name}.pub`), 'utf8'))
    await writeIdentityFile(at(`${name}.age`), identity)
    assert.is(age.keygen(['-y', at(`${name}.age`)]).trim(), recipient)
    for (const plain of PLAINS) {
      // sealed to the converted key by either, opened by the other
      assert.equal(await openFile(age.age(['-r', recipient], plain), [identity]), plain)
      const sealed = await seal(plain, [recipient])
      assert.equal(new Uint8Array(age.age(['-d', '-i', at(`${name}.age`)], sealed)), plain)
      // sealed by age to the ssh key itself, which is what agenix does
      assert.equal(await readAgenix(age.age(['-R', at(`${name}.pub`)], plain), [identity], name), plain)
      assert.equal(await readAgenix(age.age(['-a', '-R', at(`${name}.pub`)], plain), [identity], name), plain)
    }
  }
  const other = await identityOfSshKey(readFileSync(at('host2'), 'utf8'))
  const fault = await faultOf(openFile(age.age(['-R', at('host1.pub')], 'x'), [other], 'it'))
  assert.is(fault.message, 'it is not sealed to the identity at hand')
})

withAge('a host key with a passphrase is refused', async () => {
  await sshKeygen(at('locked'), 'hello')
  const fault = await faultOf(readIdentities(at('locked')))
  assert.is(fault.message, `${at('locked')} is protected by a passphrase`)
})

withAge('age refuses what we refuse', async () => {
  const identity = await makeIdentityFile(at('strict'))
  const sealed = await seal(PLAINS[1]!, [identity.recipient])
  const lines = sealed.split('\n')
  for (const broken of [sealed.slice(0, -40), lines.toSpliced(3, 1).join('\n'), '', 'hello']) {
    await faultOf(open(broken, [identity]))
    assert.throws(() => age.age(['-d', '-i', at('strict')], broken), /exits with 1/)
  }
})

test.run()

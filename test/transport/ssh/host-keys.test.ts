import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError, type NsctlError } from '../../../src/core/errors.ts'
import { algorithmsFor } from '../../../src/transport/ssh/hop.ts'
import { describeKey, type HostKeyPolicy, openJudge } from '../../../src/transport/ssh/host-keys.ts'
import { rejection } from '../contract.ts'
import { ED25519, keyLine, RSA, wire } from './keys.ts'

const directory = mkdtempSync(join(tmpdir(), 'nsctl-hostkeys-'))
test.after(() => rmSync(directory, { recursive: true }))
const machine = { host: 'web-1', port: 2222 }
const other = keyLine()
const fingerprint = describeKey(wire(ED25519)).fingerprint

function known(...lines: readonly string[]): HostKeyPolicy {
  const file = join(directory, 'known_hosts')
  writeFileSync(file, lines.join('\n'))
  return { kind: 'known-hosts', files: [file, join(directory, 'not-there')] }
}

async function refusal(policy: HostKeyPolicy, line = ED25519): Promise<NsctlError> {
  const judge = await openJudge(policy, machine)
  try {
    judge.judge(wire(line))
  } catch (error) {
    assert.ok(isNsctlError(error, 'Denied'), String(error))
    return error as NsctlError
  }
  throw new Error('it was accepted')
}

for (const { name, policy } of [
  { name: 'known', policy: () => known(`[web-1]:2222 ${ED25519}`) },
  {
    name: 'known beside another kind',
    policy: () => known(`[web-1]:2222 ${RSA}`, `[web-1]:2222 ${ED25519}`),
  },
  { name: 'known beside another', policy: () => known(`[web-1]:2222 ${other}`, `[web-?]:2222 ${ED25519}`) },
  { name: 'pinned', policy: () => ({ kind: 'pinned', keys: [other, ED25519] }) as const },
  { name: 'of the fingerprint', policy: () => ({ kind: 'fingerprint', fingerprint }) as const },
  {
    name: 'of the fingerprint as others write it',
    policy: () => ({ kind: 'fingerprint', fingerprint: `${fingerprint.slice(7)}=` }) as const,
  },
])
  test(`accepts a key that is ${name}`, async () => {
    const judge = await openJudge(policy(), machine)
    assert.equal(judge.judge(wire(ED25519)), { type: 'ssh-ed25519', line: ED25519, fingerprint })
  })

test('refuses a machine that is not known, with its fingerprint and how to trust it', async () => {
  const error = await refusal(known(`web-1 ${ED25519}`))
  assert.is(error.message, `the host key of web-1:2222 is ${fingerprint} (ssh-ed25519), and it is not known`)
  assert.match(error.next ?? '', `echo '[web-1]:2222 ${ED25519}' >>${join(directory, 'known_hosts')}`)
})

test('refuses a key that is another than before, loudly', async () => {
  const error = await refusal(known(`[web-1]:2222 ${other}`))
  assert.match(error.message, 'THE HOST KEY OF web-1:2222 IS NOT THE ONE THAT IT HAD')
  assert.match(error.message, fingerprint)
  assert.match(
    error.message,
    `${describeKey(wire(other)).fingerprint} is known from ${join(directory, 'known_hosts')}:1`,
  )
  assert.match(error.next ?? '', 'somebody may stand between you and the machine')
})

test('refuses a key of another kind than the known one', async () => {
  assert.match((await refusal(known(`[web-1]:2222 ${RSA}`))).message, 'IS NOT THE ONE')
})

test('refuses a revoked key even where it is known, and not others', async () => {
  const policy = known(`[web-1]:2222 ${ED25519}`, `@revoked * ${ED25519}`, `[web-1]:2222 ${other}`)
  assert.match((await refusal(policy)).message, `is revoked by ${join(directory, 'known_hosts')}:2`)
  assert.is((await openJudge(policy, machine)).judge(wire(other)).line, other)
})

test('says that a certificate authority alone does not do', async () => {
  const error = await refusal(known(`@cert-authority * ${ED25519}`))
  assert.match(error.message, 'known by a certificate authority only')
})

test('refuses what is not pinned, and what has another fingerprint', async () => {
  assert.match((await refusal({ kind: 'pinned', keys: [other] })).message, 'is pinned')
  assert.match(
    (await refusal({ kind: 'fingerprint', fingerprint: 'SHA256:abc' })).message,
    'SHA256:abc was expected',
  )
})

test('takes no pin that is no key, and none at all', async () => {
  for (const keys of [['ssh-ed25519 AAAA'], [''], [`ssh-rsa ${ED25519.split(' ')[1]}`], []])
    assert.ok(isNsctlError(await rejection(openJudge({ kind: 'pinned', keys }, machine)), 'Invalid'))
})

test('does not go by one file where another cannot be read', async () => {
  chmodSync(directory, 0o700)
  const error = await rejection(openJudge({ kind: 'known-hosts', files: [directory] }, machine))
  assert.ok(isNsctlError(error, 'Failed'), String(error))
})

test('asks first for the kinds of keys that are known, and never for SHA-1', () => {
  assert.is(algorithmsFor([])[0], 'ssh-ed25519')
  assert.equal(algorithmsFor(['ssh-rsa']).slice(0, 3), ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-ed25519'])
  assert.not(algorithmsFor(['ssh-rsa', 'ssh-dss']).some((name) => name === 'ssh-rsa' || name === 'ssh-dss'))
})

test.run()

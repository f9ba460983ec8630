import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError, type NsctlError } from '../../../src/core/errors.ts'
import { openIdentities } from '../../../src/transport/ssh/identities.ts'
import { sshKeygen } from '../../lab/age.ts'
import { needs } from '../../parts.ts'
import { rejection } from '../contract.ts'
import { clientKey } from './keys.ts'

const hasKeygen = existsSync('/usr/bin/ssh-keygen')
const keygen = needs(test, hasKeygen, 'ssh-keygen')
const directory = mkdtempSync(join(tmpdir(), 'nsctl-identities-'))
const file = (name: string) => join(directory, name)
const agentSocket = file('agent')
test.before(async () => {
  if (!hasKeygen) return
  await sshKeygen(file('plain'))
  await sshKeygen(file('locked'), 'open sesame')
  spawnSync('ssh-keygen', [
    '-t',
    'rsa',
    '-b',
    '2048',
    '-m',
    'PEM',
    '-N',
    'open sesame',
    '-q',
    '-f',
    file('old-locked'),
  ])
  writeFileSync(file('rsa'), clientKey(), { mode: 0o600 })
  writeFileSync(file('text'), 'this is no key', { mode: 0o600 })
})
test.after(() => rmSync(directory, { recursive: true }))

for (const { name, settings, want } of [
  { name: 'the key of a file', settings: { file: 'plain' }, want: ['key DIR/plain'] },
  { name: 'a key in PEM', settings: { file: 'rsa' }, want: ['key DIR/rsa'] },
  {
    name: 'a locked key, by the agent',
    settings: { file: 'locked', agentSocket },
    want: ['agent DIR/locked, by the agent'],
  },
  {
    name: 'a public half, by the agent',
    settings: { file: 'plain.pub', agentSocket },
    want: ['agent DIR/plain.pub, by the agent'],
  },
  { name: 'all of the agent’s', settings: { agentSocket }, want: ['agent the agent at DIR/agent'] },
  {
    name: 'the agent’s before those of the usual files, of which it passes over what cannot be used',
    settings: { agentSocket, defaultFiles: ['missing', 'locked', 'plain', 'rsa', 'text'] },
    want: ['agent the agent at DIR/agent', 'key DIR/plain', 'key DIR/rsa'],
  },
] as const)
  keygen(`takes ${name}`, async () => {
    const identities = await openIdentities({
      ...('file' in settings && { file: file(settings.file) }),
      ...('agentSocket' in settings && { agentSocket: settings.agentSocket }),
      ...('defaultFiles' in settings && { defaultFiles: settings.defaultFiles.map(file) }),
    })
    assert.equal(
      identities.map((identity) => `${identity.kind} ${identity.name}`.replaceAll(directory, 'DIR')),
      want,
    )
  })

for (const { name, settings, code, says, next } of [
  {
    name: 'a locked key without an agent',
    settings: { file: 'locked' },
    code: 'Denied',
    says: 'DIR/locked is protected by a passphrase',
    next: 'ssh-add DIR/locked',
  },
  {
    name: 'a locked key that does not say its public half',
    settings: { file: 'old-locked', agentSocket },
    code: 'Denied',
    says: 'DIR/old-locked is protected by a passphrase',
    next: 'ssh-add DIR/old-locked',
  },
  {
    name: 'a public half without an agent',
    settings: { file: 'plain.pub' },
    code: 'Denied',
    says: 'DIR/plain.pub is a public key',
    next: 'ssh-add DIR/plain',
  },
  {
    name: 'a file that is not there',
    settings: { file: 'missing' },
    code: 'Denied',
    says: 'the key DIR/missing cannot be read: ENOENT',
    next: '',
  },
  {
    name: 'a file that is no key',
    settings: { file: 'text' },
    code: 'Invalid',
    says: 'DIR/text is no key of ssh',
    next: 'ssh-keygen -t ed25519',
  },
  {
    name: 'nothing at all',
    settings: { defaultFiles: ['missing', 'locked'] },
    code: 'Denied',
    says: 'there is no key to log in with',
    next: 'ssh-add',
  },
] as const)
  keygen(`refuses ${name}`, async () => {
    const error = (await rejection(
      openIdentities({
        ...('file' in settings && { file: file(settings.file) }),
        ...('agentSocket' in settings && { agentSocket: settings.agentSocket }),
        ...('defaultFiles' in settings && { defaultFiles: settings.defaultFiles.map(file) }),
      }),
    )) as NsctlError
    assert.ok(isNsctlError(error, code), String(error))
    assert.match(error.message.replaceAll(directory, 'DIR'), says)
    assert.match((error.next ?? '').replaceAll(directory, 'DIR'), next)
  })

keygen('refuses a key that others can read, named or not', async () => {
  writeFileSync(file('open'), readFileSync(file('plain')))
  chmodSync(file('open'), 0o640)
  for (const settings of [{ file: file('open') }, { defaultFiles: [file('open')] }]) {
    const error = (await rejection(openIdentities(settings))) as NsctlError
    assert.ok(isNsctlError(error, 'Denied'))
    assert.match(error.message, 'can be read by others (mode 640)')
    assert.is(error.next, `chmod 600 ${file('open')}`)
  }
})

test.run()

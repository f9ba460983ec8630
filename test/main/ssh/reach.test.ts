import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readReach, readTarget } from '../../../src/main/ssh/reach.ts'

for (const [text, want] of [
  ['root@10.0.0.8', { user: 'root', host: '10.0.0.8' }],
  ['admin@web-1.example.org:2222', { user: 'admin', host: 'web-1.example.org', port: 2222 }],
  ['root@[fd00::8]', { user: 'root', host: 'fd00::8' }],
  ['root@[fd00::8]:22', { user: 'root', host: 'fd00::8', port: 22 }],
] as const)
  test(`${text} is read`, () => assert.equal(readTarget(text), want))

for (const text of [
  '10.0.0.8',
  'root@',
  'root@a:0',
  'root@a:70000',
  'root@fd00::8',
  'a b@c',
  'root@-x y',
  '',
])
  test(`${JSON.stringify(text)} is refused`, () =>
    assert.throws(() => readTarget(text), /does not say whom to log in as/))

const fingerprint = `SHA256:${'a'.repeat(43)}`
const env = { HOME: '/home/ada', SSH_AUTH_SOCK: '/run/agent' }

test('a machine is known by OpenSSH’s files, those on the way too, and never by nothing', () => {
  const { target, jumps } = readReach({ target: 'root@a', jumps: ['u@b:7'] }, env)
  assert.is(target.hostKey.kind, 'known-hosts')
  assert.equal(
    jumps.map(({ host, port, user, hostKey }) => [host, port, user, hostKey.kind]),
    [['b', 7, 'u', 'known-hosts']],
  )
  assert.ok(target.hostKey.kind === 'known-hosts' && target.hostKey.files[0] === '/home/ada/.ssh/known_hosts')
  assert.is(target.identity.agentSocket, '/run/agent')
})

test('a fingerprint and a key are told apart; anything else is refused', () => {
  const hostKeyOf = (hostKey: string) => readReach({ target: 'root@a', hostKey }, env).target.hostKey
  assert.equal(hostKeyOf(fingerprint), { kind: 'fingerprint', fingerprint })
  assert.is(hostKeyOf('ssh-ed25519 AAAAC3Nz comment').kind, 'pinned')
  for (const wrong of ['', 'SHA256:short', 'MD5:00:11', 'yes'])
    assert.throws(() => hostKeyOf(wrong), /neither a fingerprint nor a public key/)
})

test.run()

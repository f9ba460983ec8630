import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isAbout, knownName, parseKnownHosts } from '../../../src/transport/ssh/known-hosts.ts'
import { needs } from '../../parts.ts'
import { ED25519, keyLine, RSA } from './keys.ts'

const directory = mkdtempSync(join(tmpdir(), 'nsctl-known-'))
test.after(() => rmSync(directory, { recursive: true }))

test('reads entries, markers and comments, and passes over what is none', () => {
  const text = [
    '# a comment',
    '',
    `web-1,10.0.0.1 ${ED25519} root@web-1`,
    `  @revoked * ${RSA}`,
    `@cert-authority *.example.org\t${ED25519}`,
    `@unheard-of * ${ED25519}`,
    'web-2 ssh-ed25519',
    'web-3 ssh-ed25519 AAAA',
    `web-4 ssh-rsa ${ED25519.split(' ')[1]}`,
    `web-5 ${RSA}\r`,
  ].join('\n')
  assert.equal(
    parseKnownHosts(text, 'f').map(({ marker, hosts, type, where }) => [marker, hosts, type, where]),
    [
      [undefined, 'web-1,10.0.0.1', 'ssh-ed25519', 'f:3'],
      ['revoked', '*', 'ssh-rsa', 'f:4'],
      ['cert-authority', '*.example.org', 'ssh-ed25519', 'f:5'],
      [undefined, 'web-5', 'ssh-rsa', 'f:10'],
    ],
  )
})

test('any text is read without an error', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseKnownHosts(text, 'f')))
  fc.assert(
    fc.property(
      fc.string(),
      fc.base64String(),
      (hosts, blob) => void parseKnownHosts(`${hosts} ssh-ed25519 ${blob}`, 'f'),
    ),
  )
})

for (const { hosts, name, about } of [
  { hosts: 'web-1', name: 'web-1', about: true },
  { hosts: 'WEB-1', name: 'web-1', about: true },
  { hosts: 'web-1', name: 'web-10', about: false },
  { hosts: 'web-1', name: '[web-1]:2222', about: false },
  { hosts: '[web-1]:2222', name: '[web-1]:2222', about: true },
  { hosts: '[web-1]:22', name: 'web-1', about: false },
  { hosts: '[web-?]:2222', name: '[web-1]:2222', about: true },
  { hosts: '*.example.org,!old.example.org', name: 'new.example.org', about: true },
  { hosts: '*.example.org,!old.example.org', name: 'old.example.org', about: false },
  { hosts: '!old.example.org', name: 'new.example.org', about: false },
  { hosts: '*', name: 'anything', about: true },
  { hosts: 'a?c', name: 'ac', about: false },
  { hosts: 'a**c', name: 'abbc', about: true },
  { hosts: '|2|AAAA|AAAA', name: 'web-1', about: false },
  { hosts: '|1||', name: '', about: false },
])
  test(`${hosts} is ${about ? '' : 'not '}about ${name}`, () => {
    assert.is(isAbout({ hosts, type: 'ssh-ed25519', key: Buffer.alloc(0), where: '' }, name), about)
  })

test('a pattern takes no longer than it should', () => {
  const hosts = `${'*a'.repeat(2000)}b`
  const at = performance.now()
  assert.not(isAbout({ hosts, type: 'ssh-ed25519', key: Buffer.alloc(0), where: '' }, 'a'.repeat(4000)))
  assert.ok(performance.now() - at < 2000)
})

test('a name goes with its port unless that is 22', () => {
  assert.equal(
    [knownName('Web-1', 22), knownName('Web-1', 2222), knownName('::1', 23)],
    ['web-1', '[web-1]:2222', '[::1]:23'],
  )
})

const keygen = needs(test, existsSync('/usr/bin/ssh-keygen'), 'ssh-keygen')

keygen('finds names as OpenSSH does, hashed or not', () => {
  const label = fc.constantFrom(
    'web',
    'a',
    'b',
    '*',
    '?',
    '!a',
    '[web]:22',
    '[web]:2222',
    '*.b',
    'a.b',
    'WEB',
    '!*.b',
  )
  const name = fc.constantFrom('web', 'a', 'b', 'a.b', 'c.b', '[web]:2222')
  const file = join(directory, 'known_hosts')
  fc.assert(
    fc.property(fc.array(label, { minLength: 1, maxLength: 4 }), name, (labels, host) => {
      const hosts = labels.join(',')
      writeFileSync(file, `${hosts} ${keyLine()}\n`)
      const theirs = spawnSync('ssh-keygen', ['-F', host, '-f', file]).status === 0
      assert.is(
        parseKnownHosts(readFileSync(file, 'utf8'), file).some((entry) => isAbout(entry, host)),
        theirs,
        `${hosts} / ${host}`,
      )
    }),
    { numRuns: 60 },
  )
  writeFileSync(file, `web,[web-1]:2222 ${ED25519}\n`)
  assert.is(spawnSync('ssh-keygen', ['-H', '-f', file]).status, 0)
  const hashed = parseKnownHosts(readFileSync(file, 'utf8'), file)
  assert.is(hashed.length, 2)
  assert.ok(hashed.every(({ hosts }) => hosts.startsWith('|1|')))
  for (const [known, is] of [
    ['web', true],
    ['[web-1]:2222', true],
    ['web-1', false],
  ] as const)
    assert.is(
      hashed.some((entry) => isAbout(entry, known)),
      is,
      known,
    )
})

test.run()

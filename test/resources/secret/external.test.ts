import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatPath } from '../../../src/core/json.ts'
import { createKindRegistry } from '../../../src/resources/registry.ts'
import { canMakeCertificates, makeAuthority } from '../../lab/certificates.ts'
import { needs } from '../../parts.ts'

const secret = createKindRegistry().byKind('Secret')
await secret.prepare()

const PLANTED = 'hunter2-planted'
const token = { token: { name: 'vault-login', key: 'token' } }
const sound = { address: 'https://vault.example.org:8200', path: 'shop/db', auth: token }

function issues(external: object, more: object = {}): readonly string[] {
  const object = {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Secret',
    metadata: { name: 'db', namespace: 'default' },
    spec: { external, ...more },
  }
  return secret.validate(secret.withDefaults(object)).map(({ path, message, value }) => {
    const text = `${formatPath(path)}: ${message}`
    assert.not.match(`${text} ${JSON.stringify(value)}`, PLANTED)
    return text
  })
}

const vault = (more: object) => ({ vault: { ...sound, ...more } })
const V = 'spec.external.vault'

for (const [name, external, wanted] of [
  ['what is needed, and no more', { vault: sound }, []],
  ['AppRole', vault({ auth: { appRole: { roleId: 'r', secretId: { name: 'login', key: 'id' } } } }), []],
  ['a path before the api', vault({ address: 'https://example.org/vault/' }), []],
  ['nothing', {}, ['spec.external: needs vault: where the values are']],
  ['no login', vault({ auth: undefined }), [`${V}.auth: needs token or appRole: how to log in to Vault`]],
  ['an empty login', vault({ auth: {} }), [`${V}.auth: needs token or appRole: how to log in to Vault`]],
  [
    'two logins',
    vault({ auth: { ...token, appRole: { roleId: 'r', secretId: { name: 'login', key: 'id' } } } }),
    [`${V}.auth.appRole: cannot stand beside token: give one of the two`],
  ],
  [
    'itself to log in with',
    vault({ auth: { token: { name: 'db', key: 'token' } } }),
    [`${V}.auth.token.name: must be another Secret: this one is what is to be fetched with it`],
  ],
  [
    'a refresh that is too short',
    { ...vault({}), refresh: '4999ms' },
    ['spec.external.refresh: must be at least 5s, not "4999ms"'],
  ],
  ['the shortest refresh', { ...vault({}), refresh: '5s' }, []],
  [
    'a refresh that is too long',
    { ...vault({}), refresh: '2d' },
    ['spec.external.refresh: must be at most 24h, not "2d"'],
  ],
  ['http on this machine', vault({ address: 'http://127.0.0.1:8200' }), []],
  ['http on this machine by name', vault({ address: 'http://localhost:8200' }), []],
  ['http on this machine, IPv6', vault({ address: 'http://[::1]:8200' }), []],
  ['http elsewhere, as asked for', vault({ address: 'http://10.0.0.5:8200', insecureHttp: true }), []],
  [
    'http elsewhere',
    vault({ address: 'http://127.0.0.1.example.org:8200' }),
    [
      `${V}.address: must begin with https://: over http:// whoever listens on the way reads the token and the values (insecureHttp: true allows it)`,
    ],
  ],
  [
    'a password in the address',
    vault({ address: `https://root:${PLANTED}@vault.example.org` }),
    [`${V}.address: must hold no user and no password: credentials belong into auth`],
  ],
  [
    'a query in the address',
    vault({ address: 'https://vault.example.org/?x=1' }),
    [`${V}.address: must end with the path: no query, no #`],
  ],
  [
    'no address at all',
    vault({ address: 'https://:80' }),
    [`${V}.address: must be an address such as https://vault.example.org:8200`],
  ],
  [
    'a path that climbs',
    vault({ path: 'shop/../../sys/seal' }),
    [`${V}.path: must have no part that ends with a full stop: Vault knows no such path`],
  ],
  [
    'a path with a slash in front',
    vault({ path: '/shop' }),
    [`${V}.path: must not begin or end with /, nor have // in it`],
  ],
  [
    'a mount that ends with a slash',
    vault({ mount: 'kv/' }),
    [`${V}.mount: must not begin or end with /, nor have // in it`],
  ],
  ['a namespace of several parts', vault({ namespace: 'team-a/shop/' }), []],
  [
    'a namespace that is no header',
    vault({ namespace: 'a\r\nX-Vault-Token: b' }),
    [`${V}.namespace: must be of letters, digits and signs of ASCII, and not empty`],
  ],
  ['a path with odd characters', vault({ path: 'shöp/a b?c#d' }), []],
  ['no certificate', vault({ caCert: 'hello' }), [`${V}.caCert: must be a certificate in PEM`]],
  [
    'a private key',
    vault({ caCert: `-----BEGIN PRIVATE KEY-----\n${PLANTED}` }),
    [`${V}.caCert: must hold certificates only, and holds a private key`],
  ],
  [
    'two items of one key',
    { ...vault({}), items: [{ from: 'a' }, { from: 'b', key: 'a' }] },
    ['spec.external.items[1]: makes the key "a", and so does items[0]'],
  ],
  [
    'a key that is no file name',
    { ...vault({}), items: [{ from: 'a/b' }] },
    ['spec.external.items[0].key: must be of letters, digits, -, _ and ., not "a/b"'],
  ],
  ['the same under another name', { ...vault({}), items: [{ from: 'a/b', key: 'a' }] }, []],
] as const) {
  test(`a Secret kept elsewhere: ${name}`, () => assert.equal(issues(external), wanted))
}

test('values cannot be sealed here and kept elsewhere at once', () => {
  const sealed = { a: { version: 'bcdfghjkmn', age: 'x' } }
  assert.ok(
    issues({ vault: sound }, { sealed }).includes(
      'spec.external: cannot stand beside sealed: give one of the two',
    ),
  )
  assert.equal(issues({ vault: sound }, { sealed: {} }), [
    'spec.external: cannot stand beside sealed: give one of the two',
  ])
})

needs(
  test,
  canMakeCertificates(),
  'openssl',
)('an authority of its own is taken as PEM', () => {
  const directory = mkdtempSync(join(tmpdir(), 'nsctl-pem-'))
  try {
    const { ca } = makeAuthority(directory)
    const pem = readFileSync(ca, 'utf8')
    assert.equal(issues(vault({ caCert: pem })), [])
    const der = execFileSync('openssl', ['x509', '-in', ca, '-outform', 'DER']).toString('base64')
    assert.equal(issues(vault({ caCert: der })), [`${V}.caCert: must be a certificate in PEM`])
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test.run()

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock } from '../../../src/core/clock.ts'
import type { SecretExternal } from '../../../src/resources/generated/types.ts'
import { vaultSource } from '../../../src/secrets/vault/source.ts'
import { canMakeCertificates, makeAuthority } from '../../lab/certificates.ts'
import { needs } from '../../parts.ts'
import { CREDENTIAL, credentials, externalContract, never, refusedBy, textOf } from '../external-contract.ts'
import { vaultSpec } from '../external-fake.ts'
import { APP_ROLE, withVault } from './bench.ts'
import { FakeVault } from './fake.ts'

externalContract('Vault, by token', async () => {
  const vault = await new FakeVault().start()
  const reads = Array.from({ length: 20 }, (_, i) => `secret/data/s${i}`)
  vault.token(CREDENTIAL, { reads: ['secret/data/db', 'secret/data/other', ...reads], ttl: 0 })
  return benchOf(vault, (name) => vaultSpec(name, vault.address))
})

externalContract('Vault, by AppRole', async () => {
  const vault = await new FakeVault().start()
  const reads = [
    'secret/data/db',
    'secret/data/other',
    ...Array.from({ length: 20 }, (_, i) => `secret/data/s${i}`),
  ]
  vault.role('auth/approle', 'role-1', { secretId: CREDENTIAL, grants: { reads, ttl: 1200 } })
  return benchOf(vault, (name) => {
    const spec = vaultSpec(name, vault.address)
    return { ...spec, vault: { ...spec.vault, auth: { appRole: APP_ROLE } } } as SecretExternal
  })
})

function benchOf(vault: FakeVault, spec: (name: string) => SecretExternal) {
  const source = vaultSource({ clock: new ManualClock() })
  let isAway = false
  return {
    source,
    spec: (name: string) => (isAway ? withAddress(spec(name), 'http://127.0.0.1:1') : spec(name)),
    put: (name: string, values: object) => vault.write(`secret/data/${name}`, JSON.stringify(values)),
    remove: (name: string) => vault.forgetSecret(`secret/data/${name}`),
    async away(is: boolean) {
      isAway = is
    },
    async close() {
      assert.equal(vault.faults, [])
      await vault.stop()
    },
  }
}

function withAddress(spec: SecretExternal, address: string): SecretExternal {
  return { ...spec, vault: { ...spec.vault, address } } as SecretExternal
}

test('what is no text is given as JSON, digit for digit', () =>
  withVault(async ({ vault, fetch }) => {
    vault.write(
      'secret/data/db',
      '{"n":12345678901234567890,"f":1.10,"b":true,"o":{"a":[9007199254740993,null]},"e":""}',
    )
    assert.equal(await fetch(), {
      n: '12345678901234567890',
      f: '1.10',
      b: 'true',
      o: '{"a":[9007199254740993,null]}',
      e: '',
    })
  }))

test('a version that is named is read, and stays what it is', () =>
  withVault(async ({ vault, fetch }) => {
    vault.write('secret/data/db', '{"password":"two"}')
    assert.equal(await fetch({ version: 1 }), { password: 'planted-hunter2' })
    assert.equal(await fetch(), { password: 'two' })
    assert.ok(vault.requests.includes('GET /v1/secret/data/db?version=1'))
  }))

test('parts of a path are sent as they are meant', () =>
  withVault(async ({ vault, fetch }) => {
    vault.write('secret/data/a/b c?d#ü', '{"x":"y"}')
    assert.equal(await fetch({}, 'a/b c?d#ü'), { x: 'y' })
    assert.ok(vault.requests.includes('GET /v1/secret/data/a/b%20c%3Fd%23%C3%BC'))
  }))

test('a mount of several parts, a namespace and a path before the api', () =>
  withVault(
    async ({ vault, fetch }) => {
      vault.write('team-a:kv/shop/data/db', '{"x":"y"}')
      vault.token(CREDENTIAL, { reads: ['team-a:kv/shop/data/db'], ttl: 0 })
      assert.equal(await fetch({ mount: 'kv/shop', namespace: 'team-a' }), { x: 'y' })
    },
    { prefix: '/vault' },
  ))

for (const { name, make, more = {}, path = 'db', reason, says, next } of [
  {
    name: 'a deleted version',
    make: (vault: FakeVault) => vault.delete('secret/data/db', 1),
    reason: 'Missing',
    says: /has deleted version 1 of secret\/db \(2026-11-20T10:00:00/,
    next: /vault kv undelete -mount=secret -versions=1 db/,
  },
  {
    name: 'a destroyed version',
    make: (vault: FakeVault) => vault.destroy('secret/data/db', 1),
    reason: 'Missing',
    says: /has destroyed version 1 of secret\/db/,
    next: /vault kv put -mount=secret db/,
  },
  {
    name: 'a version that never was',
    more: { version: 7 },
    reason: 'Missing',
    says: /has no version 7 of secret\/db/,
    next: /vault kv metadata get -mount=secret db/,
  },
  {
    name: 'a path with data/ in front, as the api has it and the command does not',
    make: (vault: FakeVault) => vault.token(CREDENTIAL, { reads: ['secret/data/data/db'], ttl: 0 }),
    path: 'data/db',
    reason: 'Missing',
    says: /has no secret\/data\/db/,
    next: /leave data\/ out of spec.external.vault.path: db/,
  },
  {
    name: 'no such mount',
    make: (vault: FakeVault) => vault.token(CREDENTIAL, { reads: ['kv/data/db'], ttl: 0 }),
    more: { mount: 'kv' },
    reason: 'Missing',
    says: /has nothing at kv: no handler for route/,
    next: /vault secrets list/,
  },
  {
    name: 'a policy that does not allow it',
    path: 'private',
    reason: 'NotPermitted',
    says: /does not let the token read secret\/private/,
    next: /path "secret\/data\/private" \{ capabilities = \["read"\] \}/,
  },
  {
    name: 'a token that was revoked',
    make: (vault: FakeVault) => vault.revokeAll(),
    reason: 'NotPermitted',
    says: /does not know the token/,
    next: /put a new one into the Secret/,
  },
  {
    name: 'a seal',
    make: (vault: FakeVault) => {
      vault.sealed = true
    },
    reason: 'Unavailable',
    says: /is sealed/,
    next: /vault operator unseal/,
  },
  {
    name: 'a quota',
    make: (vault: FakeVault) =>
      vault.next.push({
        status: 429,
        errors: ['request path "secret/data/db": rate limit quota exceeded'],
        headers: { 'retry-after': '7' },
      }),
    reason: 'Unavailable',
    says: /asks for fewer requests: .*quota exceeded/,
    next: /raise its quota, or spec.external.refresh/,
    retryAfterMs: 7_000,
  },
  {
    name: 'a standby without a leader',
    make: (vault: FakeVault) =>
      vault.next.push({ status: 500, errors: ['local node not active but active cluster node not found'] }),
    reason: 'Unavailable',
    says: /stands by, and knows none that leads/,
    next: /vault status/,
  },
  {
    name: 'another fault of its own',
    make: (vault: FakeVault) => vault.next.push({ status: 502, errors: ['storage is away'] }),
    reason: 'Unavailable',
    says: /answers 502: storage is away/,
    next: /log of Vault/,
  },
  {
    name: 'an engine of version 1',
    make: (vault: FakeVault) =>
      vault.next.push(
        { status: 200, errors: [], raw: '{"data":{"ttl":0}}' },
        { status: 200, errors: [], raw: '{"data":{"password":"planted"}}' },
      ),
    reason: 'Refused',
    says: /has no key-value engine of version 2 at secret/,
    next: /vault kv enable-versioning secret/,
  },
  {
    name: 'something that is no Vault',
    make: (vault: FakeVault) => vault.next.push({ status: 404, errors: [], raw: '<html>planted</html>' }),
    reason: 'Refused',
    says: /answers 404$/,
    next: /check that a Vault listens there/,
  },
  {
    name: 'an answer that repeats the token',
    make: (vault: FakeVault) =>
      vault.next.push({ status: 500, errors: [`no: X-Vault-Token: ${CREDENTIAL}`] }),
    reason: 'Unavailable',
    says: /answers 500$/,
    next: /log of Vault/,
  },
] as const satisfies readonly (Partial<Record<string, unknown>> & { readonly name: string })[]) {
  test(`${name} is said, with what to do`, () =>
    withVault(async ({ vault, refused }) => {
      ;(make as ((vault: FakeVault) => void) | undefined)?.(vault)
      const error = await refused(more, path)
      assert.is(error.reason, reason)
      assert.match(error.message, says)
      assert.match(error.message, vault.host)
      assert.match(error.next ?? '', next)
    }))
}

test('how long a Vault asks to be left alone is said in milliseconds', () =>
  withVault(async ({ vault, refused }) => {
    vault.next.push({ status: 429, errors: [], headers: { 'retry-after': '7' } })
    assert.is((await refused()).retryAfterMs, 7_000)
  }))

test('an address that sends its callers elsewhere gets no second request, and nobody else the token', () =>
  withVault(async ({ vault, refused, fetch }) => {
    const other = await new FakeVault().start()
    try {
      vault.redirect = (path) => `${other.address}${path}`
      const error = await refused()
      assert.is(error.reason, 'Refused')
      assert.match(error.message, new RegExp(`sends its callers on to ${other.address}`))
      assert.equal(other.requests, [])
      vault.redirect = (path) => path
      assert.match((await refused()).message, /sends its callers in circles/)
      let hops = 0
      vault.redirect = (path) => {
        if (++hops === 2) vault.redirect = undefined
        return `${vault.address}${path}`
      }
      assert.equal(await fetch(), { password: 'planted-hunter2' }, 'to the same address it follows')
    } finally {
      await other.stop()
    }
  }))

test('one that takes requests and never answers is given up, by each for itself', async () => {
  const vault = await new FakeVault().start()
  vault.silent = true
  const source = vaultSource({ clock: new ManualClock(), limitMs: 300 })
  try {
    const spec = vaultSpec('db', vault.address)
    const enough = new Error('enough')
    const stop = new AbortController()
    const impatient = source.fetch(spec, credentials(), stop.signal).catch((error: unknown) => error)
    // waits for the same login
    const patient = refusedBy(() => source.fetch(spec, credentials(), never), 'Unreachable')
    while (vault.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    stop.abort(enough)
    assert.is(await impatient, enough)
    assert.match((await patient).message, /does not answer within 0.3 s/)
    assert.is(vault.requests.length, 1)
    vault.silent = false
    vault.write('secret/data/db', '{"x":"y"}')
    vault.token(CREDENTIAL, { reads: ['secret/data/db'], ttl: 0 })
    assert.equal(textOf((await source.fetch(spec, credentials(), never)).values), { x: 'y' })
  } finally {
    source.close()
    await vault.stop()
  }
})

test('an answer without end is cut off', () =>
  withVault(async ({ vault, refused }) => {
    vault.next.push({ status: 200, errors: [], raw: 'x'.repeat(5 * 2 ** 20) })
    const error = await refused()
    assert.is(error.reason, 'Refused')
    assert.match(error.message, /answers more than any secret may be/)
  }))

needs(
  test,
  canMakeCertificates(),
  'openssl',
)('its certificate is checked, by the authority that is given', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nsctl-vault-'))
  try {
    const authority = makeAuthority(directory)
    const signed = authority.sign('vault')
    const read = (file: string) => readFileSync(file, 'utf8')
    const tls = { cert: read(signed.cert), key: read(signed.key) }
    await withVault(
      async ({ vault, fetch, refused }) => {
        const error = await refused()
        assert.is(error.reason, 'Unreachable')
        assert.match(error.next ?? '', /spec.external.vault.caCert/)
        assert.equal(vault.requests, [], 'no token was sent')
        assert.equal(await fetch({ caCert: read(authority.ca) }), { password: 'planted-hunter2' })
        const foreign = makeAuthority(directory, 'foreign')
        assert.is((await refused({ caCert: read(foreign.ca) })).reason, 'Unreachable')
      },
      { tls },
    )
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test.run()

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CREDENTIAL } from '../external-contract.ts'
import { APP_ROLE, READS, withVault } from './bench.ts'
import type { FakeToken, FakeVault } from './fake.ts'

const byRole = { auth: { appRole: APP_ROLE } }
const VALUES = { password: 'planted-hunter2' }

/** How often somebody logged in, and how often a token was renewed. */
const logins = (vault: FakeVault) => vault.count('/auth/approle/login')
const renewals = (vault: FakeVault) => vault.count('/auth/token/renew-self')

const granting = (vault: FakeVault, grants: Partial<FakeToken>) =>
  vault.role('auth/approle', 'role-1', {
    secretId: CREDENTIAL,
    grants: { reads: READS, ttl: 1200, ...grants },
  })

test('one login serves all that ask, at once and later', () =>
  withVault(async ({ vault, fetch, clock }) => {
    await Promise.all(Array.from({ length: 10 }, () => fetch(byRole)))
    clock.advance(700_000)
    assert.equal(await fetch(byRole), VALUES)
    assert.is(logins(vault), 1)
    assert.is(renewals(vault), 0)
  }))

test('a token is renewed when two thirds of its time are over', () =>
  withVault(async ({ vault, fetch, clock }) => {
    await fetch(byRole)
    for (let i = 0; i < 20; i++) {
      clock.advance(500_000)
      assert.equal(await fetch(byRole), VALUES)
    }
    assert.is(logins(vault), 1)
    assert.is(renewals(vault), 10)
  }))

test('where a renewal no longer leads far, it is made anew before it ends', () =>
  withVault(async ({ vault, fetch, clock }) => {
    granting(vault, { maxTtl: 3600 })
    for (let i = 0; i < 48; i++) {
      assert.equal(await fetch(byRole), VALUES)
      clock.advance(300_000)
    }
    // four hours of tokens of one hour each
    assert.ok(logins(vault) >= 4 && logins(vault) <= 6, String(logins(vault)))
  }))

test('a token that cannot be renewed, or has ended, is made anew', () =>
  withVault(async ({ vault, fetch, clock }) => {
    granting(vault, { renewable: false })
    await fetch(byRole)
    clock.advance(900_000)
    await fetch(byRole)
    assert.is(logins(vault), 2)
    clock.advance(10_000_000)
    assert.equal(await fetch(byRole), VALUES)
    assert.is(logins(vault), 3)
    assert.is(renewals(vault), 0)
  }))

test('a token that was revoked or is used up is made anew, once', () =>
  withVault(async ({ vault, fetch, refused }) => {
    granting(vault, { uses: 2 })
    for (let i = 0; i < 5; i++) assert.equal(await fetch(byRole), VALUES)
    assert.is(logins(vault), 3)
    vault.revokeAll()
    assert.equal(await fetch(byRole), VALUES)
    const before = logins(vault)
    const error = await refused(byRole, 'private')
    assert.is(error.reason, 'NotPermitted')
    assert.is(logins(vault), before + 1, 'a policy is not changed by logging in again and again')
  }))

test('a seal at the time of renewal does not throw away a token that is good', () =>
  withVault(async ({ vault, fetch, refused, clock }) => {
    await fetch(byRole)
    clock.advance(900_000)
    vault.sealed = true
    assert.is((await refused(byRole)).reason, 'Unavailable')
    vault.sealed = false
    assert.equal(await fetch(byRole), VALUES)
  }))

for (const { name, make, more = byRole, reason, says } of [
  {
    name: 'a secret id that is none',
    make: (vault: FakeVault) =>
      vault.role('auth/approle', 'role-1', { secretId: 'another', grants: { reads: [], ttl: 1 } }),
    reason: 'NotPermitted',
    says: /does not let the role in: invalid role or secret ID/,
  },
  {
    name: 'an AppRole that is not mounted there',
    more: { auth: { appRole: { ...APP_ROLE, mount: 'team/approle' } } },
    reason: 'Missing',
    says: /has no AppRole at team\/approle/,
  },
  {
    name: 'a role that needs a second factor',
    make: (vault: FakeVault) =>
      vault.next.push({ status: 200, errors: [], raw: '{"auth":{"client_token":"","mfa_requirement":{}}}' }),
    reason: 'Refused',
    says: /lets the role in and gives no token/,
  },
  {
    name: 'a quota on logins',
    make: (vault: FakeVault) => vault.next.push({ status: 429, errors: ['quota exceeded'] }),
    reason: 'Unavailable',
    says: /asks for fewer requests: quota exceeded/,
  },
] as const) {
  test(`${name} is said, and no token is made up`, () =>
    withVault(async ({ vault, refused }) => {
      ;(make as ((vault: FakeVault) => void) | undefined)?.(vault)
      const error = await refused(more)
      assert.is(error.reason, reason)
      assert.match(error.message, says)
      assert.ok(error.next)
      assert.is(vault.count('/secret/data/db'), 0)
    }))
}

test('a role of a mount of several parts, in a namespace', () =>
  withVault(async ({ vault, fetch }) => {
    const grants = { reads: ['team-a:secret/data/db'], ttl: 60 }
    vault.role('team-a:auth/x/approle', 'role-1', { secretId: CREDENTIAL, grants })
    vault.write('team-a:secret/data/db', '{"x":"y"}')
    const auth = { appRole: { ...APP_ROLE, mount: 'x/approle' } }
    assert.equal(await fetch({ auth, namespace: 'team-a' }), { x: 'y' })
  }))

test('a token that was given is looked at once, and renewed if it can be', () =>
  withVault(async ({ vault, fetch, clock }) => {
    vault.token(CREDENTIAL, { reads: READS, ttl: 1200 })
    for (let i = 0; i < 20; i++) {
      assert.equal(await fetch(), VALUES)
      clock.advance(500_000)
    }
    assert.is(vault.count('/auth/token/lookup-self'), 1)
    assert.is(renewals(vault), 9)
  }))

test('a token that may not look at itself is used as it is', () =>
  withVault(async ({ vault, fetch, refused, clock }) => {
    vault.token(CREDENTIAL, { reads: READS, ttl: 1200, blind: true })
    await fetch()
    clock.advance(1_190_000)
    assert.equal(await fetch(), VALUES)
    clock.advance(20_000)
    assert.match((await refused()).message, /does not know the token/)
    assert.is(renewals(vault), 0)
  }))

test('a token that cannot be renewed for longer is used to its end', () =>
  withVault(async ({ vault, fetch, refused, clock }) => {
    vault.token(CREDENTIAL, { reads: READS, ttl: 1200, maxTtl: 1200 })
    for (let i = 0; i < 11; i++) {
      assert.equal(await fetch(), VALUES)
      clock.advance(100_000)
    }
    clock.advance(200_000)
    assert.match((await refused()).message, /does not know the token/)
  }))

test.run()

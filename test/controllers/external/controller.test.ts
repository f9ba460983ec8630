import { inspect } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ResourceApi } from '../../../src/api/api.ts'
import { openApi } from '../../../src/api/open.ts'
import { externalController } from '../../../src/controllers/external/controller.ts'
import { ManualClock } from '../../../src/core/clock.ts'
import { randomIds } from '../../../src/core/ids.ts'
import type { Logger } from '../../../src/core/logger.ts'
import { createManager } from '../../../src/engine/manager.ts'
import { secretValues } from '../../../src/main/secret-values.ts'
import { findCondition } from '../../../src/resources/conditions.ts'
import type { Secret, SecretExternal } from '../../../src/resources/generated/types.ts'
import { secretVersion } from '../../../src/resources/materials.ts'
import type { AnyResource } from '../../../src/resources/object.ts'
import { ExternalError } from '../../../src/secrets/external.ts'
import { type Identity, newIdentity } from '../../../src/secrets/identity.ts'
import { openValue, sealValue } from '../../../src/secrets/value.ts'
import { createMemoryStore } from '../../../src/store/memory/store.ts'
import { CREDENTIAL } from '../../secrets/external-contract.ts'
import { FakeSource, vaultSpec } from '../../secrets/external-fake.ts'

const actor = { name: 'test' }
const namespace = 'default'
const [own, operator] = [await newIdentity(), await newIdentity()]

interface World {
  readonly api: ResourceApi
  readonly source: FakeSource
  readonly clock: ManualClock
  /** What a process that takes over would do with the Secret. */
  takenOver(): Promise<void>
  /** Everything that was logged, told or stored, as text. */
  everything(): Promise<string>
  secret(name?: string): Promise<Secret | undefined>
  apply(external: Partial<SecretExternal>, more?: object, name?: string): Promise<void>
  login(credential?: string): Promise<void>
  recipient(name: string, key: string): Promise<void>
  /** The values as an identity opens them. */
  opened(identity?: Identity): Promise<Record<string, string>>
  fetched(reason?: string): Promise<Secret>
  until<T>(check: () => Promise<T>): Promise<T>
  /** Waits until whatever was begun is through: the next look is only planned. */
  looks(count: number): Promise<void>
}

async function withWorld(
  run: (world: World) => Promise<void>,
  identities: () => Promise<readonly Identity[]> = async () => [own],
): Promise<void> {
  const clock = new ManualClock(Date.parse('2026-11-20T10:00:00Z'))
  const store = createMemoryStore()
  const logged: string[] = []
  const logger: Logger = {
    log: (...args) => void logged.push(inspect(args, { depth: 9 })),
    with: () => logger,
  }
  const api = await openApi({ store, clock, ids: randomIds, logger })
  const source = new FakeSource()
  const manager = createManager({ api, clock, logger, random: () => 0.5 })
  const { cache } = manager
  const values = secretValues({ cache, identities, env: {} })
  const options = { cache, api, clock, identities, sourceOf: async () => source, values }
  manager.add(externalController(options))
  const stop = new AbortController()
  const ended = manager.run(stop.signal)
  const put = async (kind: string, metadata: object, spec: object) => {
    const object = { apiVersion: 'nsctl.dev/v1alpha1', kind, metadata, spec } as AnyResource
    await api.apply([{ object, source: 'test' }], { actor })
  }
  const world: World = {
    api,
    source,
    clock,
    async takenOver() {
      const { reconciler } = externalController(options)
      await reconciler.reconcile({ kind: 'Secret', namespace, name: 'db' }, stop.signal)
    },
    async everything() {
      await api.flush()
      const entries = (await store.list([''])).entries
      return inspect([logged, entries], { depth: 20, maxArrayLength: null, maxStringLength: null })
    },
    secret: (name = 'db') => api.get<Secret>({ kind: 'Secret', namespace, name }),
    apply: (external, more = {}, name = 'db') =>
      put('Secret', { name, namespace }, { external: { ...vaultSpec('db'), ...external }, ...more }),
    async login(credential = CREDENTIAL) {
      const place = { namespace, name: 'login', key: 'credential' }
      const value = new TextEncoder().encode(credential)
      const sealed = { credential: await sealValue(value, place, [own.recipient]) }
      await put('Secret', { name: 'login', namespace }, { sealed, recipients: [own.recipient] })
    },
    recipient: (name, key) => put('Recipient', { name }, { key, role: 'Operator' }),
    async opened(identity = own) {
      const values: Record<string, string> = {}
      for (const [key, sealed] of Object.entries((await world.secret())?.status?.fetched ?? {})) {
        const value = await openValue(sealed, { namespace, name: 'db', key }, [identity])
        values[key] = new TextDecoder().decode(value)
      }
      return values
    },
    fetched: (reason = 'Fetched') =>
      world.until(async () => {
        const secret = await world.secret()
        assert.is(findCondition(secret?.status?.conditions, 'Fetched')?.reason, reason)
        return secret as Secret
      }),
    async until(check) {
      const deadline = performance.now() + 8_000
      for (;;) {
        try {
          return await check()
        } catch (error) {
          if (performance.now() > deadline) throw error
        }
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    },
    async looks(count) {
      await world.until(async () => assert.is(source.asked.length, count))
      // through with what it found: nothing is under way any more
      for (let quiet = 0; quiet < 5; quiet++) await new Promise((resolve) => setTimeout(resolve, 5))
    },
  }
  try {
    await manager.caughtUp
    await run(world)
  } finally {
    stop.abort()
    await ended
    await api.flush()
    await store.close()
  }
}

const messageOf = (secret: Secret | undefined) =>
  findCondition(secret?.status?.conditions, 'Fetched')?.message ?? ''

test('fetches what is kept elsewhere and seals it to the control plane and the operators', () =>
  withWorld(async (world) => {
    const { source } = world
    source.put('db', { user: 'app', password: 'planted-1' })
    await world.recipient('ada', operator.recipient)
    await world.login()
    await world.apply({})
    const secret = await world.fetched()
    assert.equal(await world.opened(own), { user: 'app', password: 'planted-1' })
    assert.equal(await world.opened(operator), { user: 'app', password: 'planted-1' })
    assert.equal(secret.status?.fetchedFor, [own.recipient, operator.recipient].sort())
    assert.is(secret.status?.fetchedAt, '2026-11-20T10:00:00.000Z')
    assert.is(messageOf(secret), 'version 1')
    assert.not.match(await world.everything(), 'planted')
  }))

test('looks every so often, and equal values stay what they are', () =>
  withWorld(async (world) => {
    const { source, clock } = world
    source.put('db', { user: 'app', password: 'planted-1' })
    await world.login()
    await world.apply({ refresh: '10s' })
    const first = await world.fetched()
    await world.looks(1)
    clock.advance(9_999)
    await world.looks(1)
    clock.advance(1)
    await world.looks(2)
    assert.equal(await world.secret(), first, 'nothing was written')
    // the same under a new number
    source.put('db', { user: 'app', password: 'planted-1' })
    clock.advance(10_000)
    await world.looks(3)
    const second = (await world.secret()) as Secret
    assert.equal(second.status?.fetched, first.status?.fetched)
    assert.is(secretVersion(second), secretVersion(first))
    assert.is(second.status?.fetchedAt, first.status?.fetchedAt)
    source.put('db', { user: 'app', password: 'planted-2' })
    clock.advance(10_000)
    await world.looks(4)
    const third = (await world.secret()) as Secret
    assert.equal(await world.opened(), { user: 'app', password: 'planted-2' })
    assert.is(third.status?.fetched?.user?.version, first.status?.fetched?.user?.version)
    assert.is.not(third.status?.fetched?.password?.version, first.status?.fetched?.password?.version)
    assert.is.not(third.status?.fetchedAt, first.status?.fetchedAt)
  }))

test('a process that takes over finds the same values to be the same', () =>
  withWorld(async (world) => {
    world.source.put('db', { user: 'app', password: 'planted-1' })
    await world.login()
    await world.apply({})
    const first = await world.fetched()
    await world.looks(1)
    await world.takenOver()
    assert.is(world.source.asked.length, 2)
    assert.equal(await world.secret(), first)
  }))

test('an outage keeps the values and says how old they are; its end is noticed', () =>
  withWorld(async (world) => {
    const { source, clock } = world
    source.put('db', { password: 'planted-1' })
    await world.login()
    await world.apply({ refresh: '1h' })
    const first = await world.fetched()
    await world.looks(1)
    source.fails = () =>
      new ExternalError('Unreachable', 'Vault at x cannot be reached', { next: 'start it' })
    clock.advance(3_600_000)
    const failed = await world.fetched('Unreachable')
    await world.looks(2)
    assert.equal(failed.status?.fetched, first.status?.fetched)
    const said = 'Vault at x cannot be reached (start it); the values are those of 2026-11-20T10:00:00Z'
    assert.is(messageOf(failed), said)
    // who takes over does not know when they were seen last, only when they came
    await world.takenOver()
    assert.is(messageOf(await world.secret()), `${said} or later`)
    await world.looks(3)
    // not only after an hour
    clock.advance(30_000)
    await world.looks(4)
    const still = await world.secret()
    assert.is(messageOf(still), said, 'however long it is away')
    clock.advance(30_000)
    await world.looks(5)
    assert.equal(await world.secret(), still, 'the same outage is one write')
    source.fails = undefined
    clock.advance(30_000)
    const back = await world.fetched()
    assert.equal(back.status?.fetched, first.status?.fetched)
    await world.api.flush()
    const { items } = await world.api.list(world.api.kinds.byKind('Event'))
    assert.equal(items.map(({ reason, message, count }) => `${reason} ${count ?? 1}: ${message}`).sort(), [
      'FetchUnreachable 1: Vault at x cannot be reached (start it)',
      'Fetched 2: version 1',
    ])
  }))

test('who asks to be left alone is left alone', () =>
  withWorld(async (world) => {
    const { source, clock } = world
    source.fails = () => new ExternalError('Unavailable', 'too many', { retryAfterMs: 90_000 })
    await world.login()
    await world.apply({ refresh: '5s' })
    await world.fetched('Unavailable')
    await world.looks(1)
    clock.advance(89_999)
    await world.looks(1)
    clock.advance(1)
    await world.looks(2)
  }))

test('a Secret that was never fetched has no values, and gets them when its credentials come', () =>
  withWorld(async (world) => {
    world.source.put('db', { password: 'planted-1' })
    await world.apply({ refresh: '24h' })
    const waiting = await world.fetched('MissingSecret')
    assert.is(waiting.status?.fetched, undefined)
    assert.match(messageOf(waiting), /^there is no Secret default\/login \(.*\); there are no values yet$/)
    await world.login('planted-wrong')
    await world.fetched('NotPermitted')
    await world.login()
    await world.fetched()
    assert.equal(await world.opened(), { password: 'planted-1' })
    assert.not.match(await world.everything(), 'planted')
  }))

test('another recipient gets the same values, at the same versions, and one that leaves is dropped', () =>
  withWorld(async (world) => {
    world.source.put('db', { password: 'planted-1' })
    await world.login()
    await world.apply({})
    const first = await world.fetched()
    await world.recipient('ada', operator.recipient)
    await world.until(async () => assert.equal(await world.opened(operator), { password: 'planted-1' }))
    const second = (await world.secret()) as Secret
    assert.is(secretVersion(second), secretVersion(first), 'no service is replaced for it')
    assert.is(second.status?.fetchedAt, first.status?.fetchedAt)
    const everything = await world.everything()
    assert.match(everything, `sealed to ${operator.recipient} as well from now on`)
    await world.api.delete({ kind: 'Recipient', name: 'ada' }, { actor })
    await world.until(async () => assert.equal((await world.secret())?.status?.fetchedFor, [own.recipient]))
    assert.is(secretVersion((await world.secret()) as Secret), secretVersion(first))
  }))

test('without an identity nothing is fetched, so that nothing is taken for changed', () => {
  let identities: readonly Identity[] | undefined
  return withWorld(
    async (world) => {
      world.source.put('db', { password: 'planted-1' })
      await world.login()
      await world.apply({ refresh: '5s' })
      assert.match(messageOf(await world.fetched('NotOpened')), /the identity is lost/)
      assert.equal(world.source.asked, [])
      identities = [own]
      world.clock.advance(5_000)
      await world.fetched()
    },
    async () => {
      if (identities === undefined) throw new Error('the identity is lost')
      return identities
    },
  )
})

test('values that are taken for immutable are fetched once', () =>
  withWorld(async (world) => {
    const { source, clock } = world
    source.put('db', { password: 'planted-1' })
    await world.login()
    await world.apply({ refresh: '5s' }, { immutable: true })
    await world.fetched()
    source.put('db', { password: 'planted-2' })
    clock.advance(60_000)
    await world.looks(1)
    assert.equal(await world.opened(), { password: 'planted-1' })
  }))

test('what another writes into the status stays, and wakes nobody', () =>
  withWorld(async (world) => {
    const { source, clock, api } = world
    source.put('db', { password: 'planted-1' })
    await world.login()
    await world.apply({ refresh: '5s' })
    await world.fetched()
    await world.looks(1)
    const ref = { kind: 'Secret', namespace, name: 'db' }
    await api.amendStatus(ref, (status) => ({ ...(status as object), usedBy: 'web' }))
    await world.looks(1)
    source.put('db', { password: 'planted-2' })
    clock.advance(5_000)
    await world.until(async () => assert.equal(await world.opened(), { password: 'planted-2' }))
    assert.is((await world.secret())?.status?.usedBy, 'web')
  }))

test('where values are sealed here from now on, what was fetched goes', () =>
  withWorld(async (world) => {
    world.source.put('db', { password: 'planted-1' })
    await world.login()
    await world.apply({ refresh: '5s' })
    await world.fetched()
    await world.looks(1)
    const place = { namespace, name: 'db', key: 'password' }
    const sealed = { password: await sealValue(new Uint8Array([1]), place, [own.recipient]) }
    const spec = { sealed, recipients: [own.recipient] }
    const object = {
      apiVersion: 'nsctl.dev/v1alpha1',
      kind: 'Secret',
      metadata: { name: 'db', namespace },
      spec,
    }
    await world.api.apply([{ object: object as unknown as AnyResource, source: 'test' }], { actor })
    await world.until(async () => {
      const { status } = (await world.secret()) as Secret
      assert.is(status?.fetched, undefined)
      assert.is(status?.fetchedAt, undefined)
      assert.is(findCondition(status?.conditions, 'Fetched'), undefined)
    })
    world.clock.advance(60_000)
    await world.looks(1)
  }))

for (const { name, put, external = {}, reason, says } of [
  {
    name: 'more than an object may hold',
    put: { big: 'planted'.repeat(20_000) },
    reason: 'Unusable',
    says: /^it is too large/,
  },
  {
    name: 'a key that is not there',
    external: { items: [{ from: 'none' }] },
    reason: 'Missing',
    says: /no key "none"/,
  },
  { name: 'a key that no file can have', put: { 'a/b': 'x' }, reason: 'Unusable', says: /its key "a\/b"/ },
] as const) {
  test(`${name} is said, and the last values stay`, () =>
    withWorld(async (world) => {
      const { source, clock } = world
      source.put('db', { password: 'planted-1' })
      await world.login()
      await world.apply({ refresh: '5s' })
      await world.fetched()
      await world.looks(1)
      source.put('db', put ?? { password: 'planted-1' })
      if ('items' in external) await world.apply({ refresh: '5s', ...external })
      clock.advance(5_000)
      const failed = await world.fetched(reason)
      assert.match(messageOf(failed), says)
      assert.equal(await world.opened(), { password: 'planted-1' })
      assert.not.match(await world.everything(), 'planted')
    }))
}

test('a Recipient to whom nothing can be sealed is named', () =>
  withWorld(async (world) => {
    world.source.put('db', { password: 'planted-1' })
    await world.login()
    // a key of all zeros: well-formed, and nobody's
    await world.recipient('bob', 'age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z')
    await world.apply({})
    assert.match(
      messageOf(await world.fetched('Unusable')),
      /the Recipient bob: .*nsctl secret recipients remove bob/,
    )
  }))

test.run()

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { EventInput } from '../../src/api/api.ts'
import { MAX_EVENTS_PER_OBJECT } from '../../src/api/events.ts'
import { NsctlError } from '../../src/core/errors.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'
import type { Store } from '../../src/store/store.ts'
import { openBench, options, service, web } from './support.ts'

const crash: EventInput = {
  about: { ...web, uid: 'u1' },
  type: 'Warning',
  reason: 'CrashLoop',
  message: 'exits with 1',
  source: 'agent',
}

async function eventsOf(api: Awaited<ReturnType<typeof openBench>>['api'], namespace = 'default') {
  return (await api.list(api.kinds.byKind('Event'), { namespace })).items
}

test('equal events are counted in one, a burst is one write', async () => {
  const { api, clock, store } = await openBench()
  for (let i = 0; i < 5; i++) {
    await api.recordEvent(crash)
    clock.advance(10)
  }
  assert.equal(await eventsOf(api), [])
  const before = (await store.list([''])).revision
  await api.flush()
  assert.is((await store.list([''])).revision, before + 1)
  clock.advance(60_000)
  await api.recordEvent(crash)
  await api.flush()
  const [event, ...others] = await eventsOf(api)
  assert.is(others.length, 0)
  assert.match(event?.metadata.name ?? '', /^web\.[a-z0-9]{10}$/)
  assert.is(event?.count, 6)
  assert.is(event?.firstTimestamp, '2026-01-01T00:00:00Z')
  assert.is(event?.lastTimestamp, '2026-01-01T00:01:00Z')
  assert.equal(event?.involvedObject, { ...web, uid: 'u1' })
  assert.is(event?.objectText, 'service/web')
})

test('what differs in message, reason, type or object is another event', async () => {
  const { api } = await openBench()
  for (const other of [
    {},
    { message: 'x' },
    { reason: 'X' },
    { type: 'Normal' as const },
    { about: { ...crash.about, uid: 'u2' } },
    { about: { ...crash.about, kind: 'Instance' } },
  ])
    await api.recordEvent({ ...crash, ...other })
  await api.flush()
  assert.is((await eventsOf(api)).length, 6)
})

test('events are written by themselves after a moment', async () => {
  const { api, clock, store } = await openBench()
  await api.recordEvent(crash)
  clock.advance(200)
  for (let i = 0; i < 50 && (await store.listKeys('obj/')).length === 0; i++) await Promise.resolve()
  assert.is((await eventsOf(api)).length, 1)
})

test('two processes count the same event together', async () => {
  const { api, store } = await openBench()
  const other = (await openBench(store)).api
  await Promise.all([api.recordEvent(crash), other.recordEvent(crash), other.recordEvent(crash)])
  await Promise.all([api.flush(), other.flush()])
  const [event] = await eventsOf(api)
  assert.is(event?.count, 3)
})

test('an object has only so many different events, and the oldest go', async () => {
  const { api, clock } = await openBench()
  for (let i = 0; i < MAX_EVENTS_PER_OBJECT + 5; i++) {
    await api.recordEvent({ ...crash, message: `exits with ${i}` })
    await api.recordEvent({ ...crash, about: { kind: 'Instance', name: 'web' }, message: 'other' })
    clock.advance(1000)
    await api.flush()
  }
  const events = await eventsOf(api)
  const own = events.filter(({ objectText }) => objectText === 'service/web')
  assert.is(own.length, MAX_EVENTS_PER_OBJECT)
  assert.not.ok(own.some(({ message }) => message === 'exits with 0'))
  assert.ok(own.some(({ message }) => message === `exits with ${MAX_EVENTS_PER_OBJECT + 4}`))
  assert.is(events.length, MAX_EVENTS_PER_OBJECT + 1, 'those of others are not counted')
})

test('it is not counted how many events each of many objects has, as long as it has few', async () => {
  const store = createMemoryStore()
  let counted = 0
  const listKeys = store.listKeys.bind(store)
  store.listKeys = (prefix) => {
    counted++
    return listKeys(prefix)
  }
  const { api } = await openBench(store)
  for (let i = 0; i < 30; i++)
    for (const message of ['started', 'ready'])
      await api.recordEvent({ ...crash, about: { kind: 'Instance', name: `web-${i}` }, message })
  await api.flush()
  assert.is((await eventsOf(api)).length, 60)
  assert.is(counted, 0)
})

/** A store whose writes fail while `away`. */
function failing(store: Store): Store & { away: boolean } {
  const wrapper = Object.create(store, {
    away: { value: false, writable: true },
    commit: {
      value: (transactions: Parameters<Store['commit']>[0]) => {
        if (wrapper.away) throw new NsctlError('Unreachable', 'the store is away')
        return store.commit(transactions)
      },
    },
  })
  for (const method of ['get', 'getMany', 'list', 'listKeys', 'watch'] as const)
    Object.defineProperty(wrapper, method, { value: (store[method] as () => unknown).bind(store) })
  return wrapper
}

test('events survive a store that is away, never throw, and come when it is back', async () => {
  const store = failing(createMemoryStore())
  const { api, clock } = await openBench(store)
  store.away = true
  await api.recordEvent(crash)
  await api.flush()
  await api.recordEvent(crash)
  await api.recordEvent({ ...crash, message: 'another' })
  await api.flush()
  store.away = false
  clock.advance(5000)
  await api.flush()
  assert.equal((await eventsOf(api)).map(({ count }) => count).sort(), [1, 2])
})

test('events of cluster objects lie in the namespace default', async () => {
  const { api } = await openBench()
  await api.recordEvent({ ...crash, about: { kind: 'Node', name: 'alpha.example.org' } })
  await api.flush()
  assert.is((await eventsOf(api))[0]?.involvedObject && (await eventsOf(api)).length, 1)
})

test('events expire an hour after the last, audit records after 90 days', async () => {
  const { api, clock } = await openBench()
  await api.apply([service('web')], options)
  await api.recordEvent(crash)
  await api.recordEvent({ ...crash, message: 'again and again' })
  await api.flush()
  clock.advance(59 * 60_000)
  await api.recordEvent({ ...crash, message: 'again and again' })
  await api.flush()
  assert.equal(await api.expire(), { events: 0, audit: 0 })
  clock.advance(2 * 60_000)
  assert.equal(await api.expire(), { events: 1, audit: 0 })
  assert.equal(
    (await eventsOf(api)).map(({ message }) => message),
    ['again and again'],
  )
  clock.advance(90 * 24 * 3_600_000)
  assert.equal(await api.expire(), { events: 1, audit: 1 })
  assert.equal(await api.audit(), [])
})

test('a pass reads of the audit trail what it removes, however long the trail is', async () => {
  const store = createMemoryStore()
  let read = 0
  const counting = new Proxy(store, {
    get(target, name) {
      const member = Reflect.get(target, name)
      if (name !== 'listKeys') return typeof member === 'function' ? member.bind(target) : member
      return async (prefix: string) => {
        const keys = await target.listKeys(prefix)
        if (prefix.startsWith('audit/')) read += keys.length
        return keys
      }
    },
  })
  const { api, clock } = await openBench(counting)
  const day = 24 * 3_600_000
  for (let n = 0; n < 100; n++) {
    await api.apply([service(`web-${n}`)], options)
    clock.advance(day)
  }
  assert.equal(await api.expire(), { events: 0, audit: 10 })
  assert.is(read, 10)
  clock.advance(day)
  assert.equal(await api.expire(), { events: 0, audit: 1 })
  assert.equal(await api.expire(), { events: 0, audit: 0 })
  assert.is(read, 11)
  assert.is((await api.audit()).length, 89)
})

test('audit records of a clock that was set back by years go in their time', async () => {
  const { api, clock } = await openBench()
  const day = 24 * 3_600_000
  await api.apply([service('web')], options)
  clock.advance(91 * day)
  assert.is((await api.expire()).audit, 1)
  clock.jumpWall(-56 * 365 * day)
  await api.expire()
  await api.apply([service('mail')], options)
  clock.advance(89 * day)
  assert.is((await api.expire()).audit, 0)
  clock.advance(2 * day)
  assert.is((await api.expire()).audit, 1)
})

test('expiry works in pages', async () => {
  const { api, clock } = await openBench()
  for (let i = 0; i < 1200; i++) await api.apply([service(`web-${i}`)], options)
  clock.advance(91 * 24 * 3_600_000)
  assert.equal(await api.expire(), { events: 0, audit: 1200 })
})

for (const jumpMs of [2 * 3_600_000, -2 * 3_600_000])
  test(`a pass is skipped after the wall clock has jumped by ${jumpMs / 3_600_000} h`, async () => {
    const { api, clock } = await openBench()
    await api.recordEvent(crash)
    await api.flush()
    clock.jumpWall(jumpMs)
    clock.advance(1000)
    assert.equal(await api.expire(), { events: 0, audit: 0 })
    assert.is((await eventsOf(api)).length, 1)
    clock.advance(1000)
    assert.equal(await api.expire(), { events: jumpMs > 0 ? 1 : 0, audit: 0 })
  })

test.run()

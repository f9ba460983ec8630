import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openApi } from '../../src/api/open.ts'
import { ManualClock } from '../../src/core/clock.ts'
import { NsctlError } from '../../src/core/errors.ts'
import { randomIds } from '../../src/core/ids.ts'
import { ownKey } from '../../src/engine/controller.ts'
import { type LeaderOptions, runAsLeader, type Term } from '../../src/engine/leader.ts'
import { createManager } from '../../src/engine/manager.ts'
import { settled } from '../../src/engine/reconciler.ts'
import { EngineTally } from '../../src/engine/tally.ts'
import { type LeaseHolder, readLease, thisProcess } from '../../src/store/lease.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'
import type { Store } from '../../src/store/store.ts'
import { RecordingLogger, turn, until } from './harness.ts'

const TTL_MS = 4000

/** The same store as seen by one process, that can be cut off from it. */
function cuttable(store: Store): { readonly seen: Store; away: boolean } {
  const link = { away: false, seen: store }
  link.seen = new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        if (link.away) throw new NsctlError('Unreachable', 'the store is away')
        return value.apply(target, args)
      }
    },
  })
  return link
}

interface Candidate {
  readonly holder: LeaseHolder
  readonly logger: RecordingLogger
  readonly tally: EngineTally
  readonly link: { away: boolean }
  readonly store: Store
  readonly terms: { readonly term: Term; readonly signal: AbortSignal }[]
  readonly abort: AbortController
  readonly ended: Promise<unknown>
}

function candidate(store: Store, clock: ManualClock, name: string, lead?: LeaderOptions['lead']): Candidate {
  const link = cuttable(store)
  const terms: { term: Term; signal: AbortSignal }[] = []
  const [logger, tally, abort] = [new RecordingLogger(), new EngineTally(), new AbortController()]
  const holder = { ...thisProcess(), host: name }
  const options: LeaderOptions = {
    store: link.seen,
    lease: 'control-plane',
    ttlMs: TTL_MS,
    holder,
    clock,
    logger,
    metrics: tally,
    random: () => 0.5,
    async lead(term, signal) {
      terms.push({ term, signal })
      if (lead) return lead(term, signal)
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
    },
  }
  const ended = runAsLeader(options, abort.signal).then(
    () => 'done',
    (error) => error,
  )
  return { holder, logger, tally, link, store: link.seen, terms, abort, ended }
}

/** Lets time pass in steps, with all that it sets off. */
async function pass(clock: ManualClock, forMs: number): Promise<void> {
  for (let passed = 0; passed < forMs; passed += 100) {
    clock.advance(100)
    await turn()
  }
}

test('one leads, the other follows at once when the first stops', async () => {
  const [store, clock] = [createMemoryStore(), new ManualClock()]
  const first = candidate(store, clock, 'alpha')
  await until('a leader', () => first.terms.length === 1)
  const second = candidate(store, clock, 'beta')
  await pass(clock, 3 * TTL_MS)
  assert.is(second.terms.length, 0)
  assert.equal(
    [first.tally.leaders.get('control-plane'), second.tally.leaders.get('control-plane')],
    [true, false],
  )

  first.abort.abort()
  assert.is(await first.ended, 'done')
  await until('the second', () => second.terms.length === 1)
  assert.is(second.terms[0]!.term.epoch, first.terms[0]!.term.epoch + 1)
  assert.equal(
    [first.tally.leaders.get('control-plane'), second.tally.leaders.get('control-plane')],
    [false, true],
  )
  assert.equal(first.logger.messages('warn', 'error'), [])
  second.abort.abort()
  await second.ended
  assert.is(await readLease(store, 'control-plane'), undefined)
})

test('a leader that is cut off stops before another leads, and comes back as a candidate', async () => {
  const [store, clock] = [createMemoryStore(), new ManualClock()]
  const first = candidate(store, clock, 'alpha')
  await until('a leader', () => first.terms.length === 1)
  const second = candidate(store, clock, 'beta')
  await pass(clock, TTL_MS)
  first.link.away = true
  let overlapped = false
  for (let i = 0; i < 30 && second.terms.length === 0; i++) {
    await pass(clock, 200)
    overlapped ||= second.terms.length > 0 && !first.terms[0]!.signal.aborted
  }
  assert.is(second.terms.length, 1)
  assert.is(overlapped, false)
  assert.ok(first.terms[0]!.signal.aborted)
  await pass(clock, 10_000)
  assert.match(first.logger.messages('warn')[0] ?? '', /^no longer leading \(control-plane\): the lease/)
  assert.match(
    first.logger.messages('warn')[1] ?? '',
    /^cannot reach for the lease control-plane, trying again/,
  )
  assert.is(first.logger.messages('warn').length, 2, 'an outage is logged once')

  first.link.away = false
  second.abort.abort()
  await second.ended
  await pass(clock, 10_000)
  assert.is(first.terms.length, 2)
  assert.is(first.terms[1]!.term.epoch, 3)
  first.abort.abort()
  assert.is(await first.ended, 'done')
})

test('a leader deposed in the middle of a reconcile can no longer write, and its manager ends', async () => {
  const [store, clock] = [createMemoryStore(), new ManualClock()]
  const api = await openApi({ store, clock, ids: randomIds })
  const service = {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default' },
    spec: { replicas: 1, template: { source: { command: ['sleep', '1'] } } },
  }
  await api.apply([{ object: service, source: 'web.yaml' }], { actor: { name: 'ada' } })

  const [reached, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const writes = new Set<string>()
  const lead = (stubborn: boolean) => async (term: Term, signal: AbortSignal) => {
    const fenced = api.fenced(term.fence)
    const manager = createManager({ api: fenced, clock, logger: new RecordingLogger() })
    manager.add({
      name: 'service',
      watches: [{ kind: 'Service', toKeys: ownKey }],
      reconciler: {
        async reconcile(key) {
          if (stubborn) {
            reached.resolve()
            await goOn.promise
          }
          const by = stubborn ? 'alpha' : 'beta'
          await fenced.updateStatus(key, { observedGeneration: stubborn ? 1 : 2 }).then(
            () => writes.add(by),
            (error) => {
              writes.add(`${by} ${error.code}`)
              throw error
            },
          )
          return settled
        },
      },
    })
    await manager.run(signal)
  }
  const first = candidate(store, clock, 'alpha', lead(true))
  await reached.promise
  const second = candidate(store, clock, 'beta', lead(false))
  // alpha's reconcile is in the middle; its lease cannot be renewed
  first.link.away = true
  for (let i = 0; i < 100 && writes.size === 0; i++) await pass(clock, 100)
  assert.equal([...writes], ['beta'])
  goOn.resolve()
  await until('the late write', () => writes.size === 2)
  assert.equal([...writes], ['beta', 'alpha Fenced'])
  const stored = await api.get({ kind: 'Service', namespace: 'default', name: 'web' })
  assert.is(stored?.status?.observedGeneration, 2)
  first.abort.abort()
  second.abort.abort()
  assert.equal(await Promise.all([first.ended, second.ended]), ['done', 'done'])
})

test('what fails while leading is released and passed on', async () => {
  const [store, clock] = [createMemoryStore(), new ManualClock()]
  const error = new NsctlError('Failed', 'a port is in use')
  const one = candidate(store, clock, 'alpha', () => Promise.reject(error))
  assert.is(await one.ended, error)
  assert.is(await readLease(store, 'control-plane'), undefined)
  assert.is(one.tally.leaders.get('control-plane'), false)
})

test('where something may still be running the lease is left to expire', async () => {
  const [store, clock] = [createMemoryStore(), new ManualClock()]
  const error = new NsctlError('Timeout', 'still running')
  const one = candidate(store, clock, 'alpha', () => Promise.reject(error))
  assert.is(await one.ended, error)
  assert.is((await readLease(store, 'control-plane'))?.holder.id, one.holder.id)
})

test('a refused write ends the term, and the next attempt is not made at once', async () => {
  const [store, clock] = [createMemoryStore(), new ManualClock()]
  const one = candidate(store, clock, 'alpha', (_, signal) => {
    if (one.terms.length < 3) return Promise.reject(new NsctlError('Fenced', 'another has taken over'))
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
  })
  await until('the first term', () => one.terms.length === 1)
  for (let i = 0; i < 5; i++) await turn()
  assert.is(one.terms.length, 1)
  await pass(clock, 1000)
  assert.is(one.terms.length, 3)
  assert.equal(
    one.logger.messages('warn'),
    Array(2).fill('no longer leading (control-plane): another has taken over'),
  )
  one.abort.abort()
  assert.is(await one.ended, 'done')
})

test('who is done by itself is done, and who was told to stop may throw the reason', async () => {
  const [store, clock] = [createMemoryStore(), new ManualClock()]
  const done = candidate(store, clock, 'alpha', async () => {})
  assert.is(await done.ended, 'done')
  const thrower = candidate(
    store,
    clock,
    'alpha',
    (_, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      }),
  )
  await until('the term', () => thrower.terms.length === 1)
  thrower.abort.abort()
  assert.is(await thrower.ended, 'done')
  assert.is(await readLease(store, 'control-plane'), undefined)
})

test('what is wrong with the store beyond an outage ends the campaign', async () => {
  const clock = new ManualClock()
  const error = new NsctlError('StoreCorrupt', 'page 7 is damaged')
  const store = new Proxy(createMemoryStore(), {
    get: () => () => {
      throw error
    },
  })
  assert.is(await candidate(store, clock, 'alpha').ended, error)
})

test('stopping while waiting for the lease just stops', async () => {
  const [store, clock] = [createMemoryStore(), new ManualClock()]
  const first = candidate(store, clock, 'alpha')
  await until('a leader', () => first.terms.length === 1)
  const second = candidate(store, clock, 'beta')
  await pass(clock, 1000)
  second.abort.abort()
  assert.is(await second.ended, 'done')
  assert.equal(second.terms, [])
  first.abort.abort()
  await first.ended
})

test.run()

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock } from '../../src/core/clock.ts'
import { NsctlError } from '../../src/core/errors.ts'
import { type ControllerSpec, ownKey } from '../../src/engine/controller.ts'
import { createManager, type Manager } from '../../src/engine/manager.ts'
import { type Outcome, recheck, settled } from '../../src/engine/reconciler.ts'
import type { AnyResource, ObjectRef } from '../../src/resources/object.ts'
import { FakeReader, object, ref } from './fake-reader.ts'
import { RecordingLogger, turn, until } from './harness.ts'

interface Bench {
  readonly reader: FakeReader
  readonly clock: ManualClock
  readonly logger: RecordingLogger
  readonly manager: Manager
  /** Keys in the order in which they were reconciled. */
  readonly reconciled: string[]
  readonly abort: AbortController
  /** Starts the manager. */
  run(): Promise<void>
}

type Reconcile = (key: ObjectRef, signal: AbortSignal, bench: Bench) => Promise<Outcome>

function bench(reconcile: Reconcile, spec: Partial<ControllerSpec> = {}): Bench {
  const reader = new FakeReader()
  const clock = new ManualClock()
  const logger = new RecordingLogger()
  const manager = createManager({ api: reader, clock, logger, random: () => 0.5, stopTimeoutMs: 1000 })
  const abort = new AbortController()
  const one: Bench = {
    reader,
    clock,
    logger,
    manager,
    reconciled: [],
    abort,
    run: () => manager.run(abort.signal),
  }
  manager.add({
    name: 'service',
    watches: [
      { kind: 'Service', toKeys: ownKey },
      { kind: 'Instance', toKeys: ownerKeys },
    ],
    reconciler: {
      reconcile(key, signal) {
        one.reconciled.push(key.name)
        return reconcile(key, signal, one)
      },
    },
    ...spec,
  })
  return one
}

/** The Services that own it. */
function ownerKeys({ metadata }: AnyResource): readonly ObjectRef[] {
  const { namespace, ownerReferences = [] } = metadata
  return ownerReferences
    .filter(({ kind }) => kind === 'Service')
    .map(({ kind, name }) => ({ kind, namespace, name }))
}

async function ended(running: Promise<void>): Promise<unknown> {
  return running.then(
    () => undefined,
    (error) => error,
  )
}

test('has caught up once all that was there has been reconciled, however often that took', async () => {
  const first = Promise.withResolvers<void>()
  const one = bench(async (key, _signal, { reconciled }) => {
    if (key.name === 'slow') await first.promise
    if (key.name === 'web' && reconciled.filter((name) => name === 'web').length === 1)
      throw new Error('once')
    return settled
  })
  let caughtUp = false
  void one.manager.caughtUp.then(() => {
    caughtUp = true
  })
  for (const name of ['web', 'slow', 'mail']) one.reader.put(object('Service', name))
  const running = one.run()
  await until('the first reconciles', () => one.reconciled.length === 3)
  one.clock.advance(60_000 - 1)
  await until('another try', () => one.reconciled.length === 4)
  assert.is(caughtUp, false)
  first.resolve()
  await until('that it has caught up', () => caughtUp)
  one.abort.abort()
  await running
})

test('reconciles what is there, what comes, what is owned and what goes', async () => {
  const one = bench(async () => settled)
  one.reader.put(object('Service', 'web'))
  const running = one.run()
  await until('the first reconcile', () => one.reconciled.length === 1)
  assert.is(one.reader.lists, 1)
  assert.equal(one.reader.watches, [{ from: 2, kinds: ['Service', 'Instance'] }])

  one.reader.put(object('Service', 'mail'))
  await until('mail', () => one.reconciled.length === 2)
  const owner = { apiVersion: 'nsctl.dev/v1alpha1', kind: 'Service', name: 'web', uid: 'uid-Service-web' }
  one.reader.put(object('Instance', 'web-0', { metadata: { ownerReferences: [owner] } }))
  await until('web, by its instance', () => one.reconciled.length === 3)
  assert.equal(
    one.manager.cache.byOwner('uid-Service-web').map((each) => each.metadata.name),
    ['web-0'],
  )
  one.reader.remove('Service', 'mail')
  await until('mail, by its deletion', () => one.reconciled.length === 4)
  assert.equal(one.reconciled, ['web', 'mail', 'web', 'mail'])
  one.abort.abort()
  await running
})

test('nothing is reconciled before the cache is in sync', async () => {
  const one = bench(async (key) => {
    assert.ok(one.manager.cache.get(key) !== undefined)
    return settled
  })
  one.reader.put(object('Service', 'web'))
  one.reader.outage = new NsctlError('Unreachable', 'the store is away')
  const handle = one.manager.add({
    name: 'other',
    watches: [{ kind: 'Service', toKeys: () => [] }],
    reconciler: {
      async reconcile(key) {
        one.reconciled.push(`other ${key.name}`)
        return settled
      },
    },
  })
  handle.enqueue(ref('Service', 'early'))
  const running = one.run()
  for (let i = 0; i < 20; i++) {
    await turn()
    one.clock.advance(5_000)
  }
  assert.equal(one.reconciled, [])
  assert.equal(one.logger.messages('warn', 'error').length, 1, 'an outage is logged once')
  one.reader.outage = undefined
  await turn()
  one.clock.advance(5_000)
  await until('both', () => one.reconciled.length === 2)
  assert.equal(one.reconciled.sort(), ['other early', 'web'])
  assert.equal(one.logger.messages('info').length, 1)
  one.abort.abort()
  await running
})

test('a recheck comes after its time, and an event supersedes it', async () => {
  const one = bench(async () => (one.reconciled.length < 3 ? recheck(1000, 'probing') : settled))
  one.reader.put(object('Service', 'web'))
  const running = one.run()
  await until('the first reconcile', () => one.reconciled.length === 1)
  await turn()
  one.clock.advance(999)
  await turn()
  assert.is(one.reconciled.length, 1)
  one.clock.advance(1)
  await until('the recheck', () => one.reconciled.length === 2)
  one.clock.advance(500)
  one.reader.put(object('Service', 'web', { spec: { replicas: 3 } }))
  await until('the event', () => one.reconciled.length === 3)
  one.clock.advance(10_000)
  await turn()
  await turn()
  assert.is(one.reconciled.length, 3, 'it was settled, so the old recheck no longer holds')
  one.abort.abort()
  await running
})

for (const c of [
  {
    name: 'an error',
    thrown: new NsctlError('Failed', 'no such program'),
    level: 'warn',
    says: /^reconcile failed: no such program$/,
  },
  {
    name: 'a bug',
    thrown: new TypeError('x is not a function'),
    level: 'error',
    says: /^reconcile failed: x is not a function$/,
  },
  { name: 'something that is no error', thrown: 'oops', level: 'error', says: /^reconcile failed: oops$/ },
  {
    name: 'a conflict',
    thrown: new NsctlError('Conflict', 'written meanwhile'),
    level: 'debug',
    says: /^conflict, reconciling again/,
  },
]) {
  for (const how of ['rejects', 'throws'] as const) {
    test(`${c.name}: retried with backoff until it goes away, logged once a failure (${how})`, async () => {
      const one = bench((_, __, { reconciled }) => {
        if (reconciled.length > 3) return Promise.resolve(settled)
        if (how === 'throws') throw c.thrown
        return Promise.reject(c.thrown)
      })
      one.reader.put(object('Service', 'web'))
      const running = one.run()
      await until('the first', () => one.reconciled.length === 1)
      for (const [tries, waitMs] of [
        [2, 2.5],
        [3, 5],
        [4, 10],
      ] as const) {
        await turn()
        one.clock.advance(waitMs - 0.1)
        await turn()
        assert.is(one.reconciled.length, tries - 1)
        one.clock.advance(0.1)
        await until(`try ${tries}`, () => one.reconciled.length === tries)
      }
      const lines = one.logger.lines.filter((line) => c.says.test(line.message))
      assert.equal(
        lines.map((line) => [line.level, line.fields.failures, line.fields.key, line.fields.controller]),
        [1, 2, 3].map((failures) => [c.level, failures, 'Service/default/web', 'service']),
      )
      assert.is('stack' in lines[0]!.fields, c.thrown instanceof TypeError)
      one.abort.abort()
      await running
    })
  }
}

test('after a success the backoff starts anew', async () => {
  const one = bench(async (_, __, { reconciled }) => {
    if (reconciled.length === 4) return settled
    throw new NsctlError('Failed', 'no such program')
  })
  one.reader.put(object('Service', 'web'))
  const running = one.run()
  for (let tries = 1; tries <= 4; tries++) {
    await until(`try ${tries}`, () => one.reconciled.length === tries)
    await turn()
    one.clock.advance(100)
  }
  one.reader.put(object('Service', 'web', { spec: { replicas: 2 } }))
  await until('the next', () => one.reconciled.length === 5)
  await turn()
  assert.equal(
    one.logger.lines.map((line) => line.fields.retryInMs),
    [3, 5, 10, 3],
  )
  one.abort.abort()
  await running
})

test('an outage of the store is one line, not one per key and try', async () => {
  let away = true
  const one = bench(async () => {
    if (away) throw new NsctlError('Unreachable', 'no store')
    return settled
  })
  for (let i = 0; i < 20; i++) one.reader.put(object('Service', `web-${i}`))
  const running = one.run()
  for (let i = 0; i < 10; i++) {
    await turn()
    one.clock.advance(1000)
  }
  assert.equal(one.logger.messages('warn', 'error'), [
    'reconciles fail until this is over, and are retried: no store',
  ])
  away = false
  const before = one.reconciled.length
  one.clock.advance(1_000_000)
  await until('all 20', () => one.reconciled.length === before + 20)
  one.abort.abort()
  await running
})

test('never two at once for one key, at most `concurrency` in all', async () => {
  const ends: (() => void)[] = []
  const now = new Set<string>()
  let most = 0
  const one = bench(
    async (key) => {
      assert.not(now.has(key.name))
      now.add(key.name)
      most = Math.max(most, now.size)
      await new Promise<void>((resolve) => {
        ends.push(resolve)
      })
      now.delete(key.name)
      return settled
    },
    { concurrency: 3 },
  )
  for (let i = 0; i < 5; i++) one.reader.put(object('Service', `s${i}`))
  const running = one.run()
  await until('three', () => now.size === 3)
  one.reader.put(object('Service', 's0', { spec: { replicas: 2 } }))
  for (let done = 0; done < 6; done++) {
    await until(`reconcile ${done}`, () => ends.length > 0)
    ends.shift()?.()
    await turn()
  }
  assert.equal(one.reconciled, ['s0', 's1', 's2', 's3', 's4', 's0'])
  assert.is(most, 3)
  one.abort.abort()
  await running
})

test('a reconcile beyond its time limit is aborted and retried', async () => {
  const one = bench(
    (_, signal) =>
      new Promise((resolve, reject) => {
        if (one.reconciled.length > 1) return resolve(settled)
        signal.addEventListener('abort', () => reject(signal.reason))
      }),
    { timeoutMs: 2000 },
  )
  one.reader.put(object('Service', 'web'))
  const running = one.run()
  await until('the first', () => one.reconciled.length === 1)
  one.clock.advance(1999)
  await turn()
  assert.equal(one.logger.messages('warn', 'error'), [])
  one.clock.advance(1)
  await turn()
  assert.equal(one.logger.messages('warn', 'error'), [
    'reconcile failed: reconcile of Service/default/web took longer than 2000 ms',
  ])
  one.clock.advance(3)
  await until('the second', () => one.reconciled.length === 2)
  one.abort.abort()
  await running
})

test('one that ignores its time limit is reported once and keeps its key, but not its place', async () => {
  const releases: (() => void)[] = []
  const one = bench(
    (key) => {
      if (key.name === 'other') return Promise.resolve(settled)
      return new Promise((resolve) => {
        releases.push(() => resolve(settled))
      })
    },
    { timeoutMs: 1000, concurrency: 1 },
  )
  one.reader.put(object('Service', 'hangs'))
  const running = one.run()
  await until('it hangs', () => one.reconciled.length === 1)
  one.reader.put(object('Service', 'other'))
  await turn()
  assert.equal(one.reconciled, ['hangs'])
  one.clock.advance(1000)
  one.clock.advance(1000)
  await until('the other', () => one.reconciled.length === 2)
  one.reader.put(object('Service', 'hangs', { spec: { replicas: 2 } }))
  one.clock.advance(60_000)
  await turn()
  assert.equal(one.reconciled, ['hangs', 'other'])
  assert.equal(one.logger.messages('warn', 'error'), [
    'reconcile ignores that it was aborted; Service/default/hangs stays locked until it ends',
  ])
  releases.shift()?.()
  await until('the key again', () => one.reconciled.length === 3)
  // there is one place again, and not two: what hung gave up its own already
  one.reader.put(object('Service', 'other', { spec: { replicas: 2 } }))
  await turn()
  await turn()
  assert.is(one.reconciled.length, 3)
  releases.shift()?.()
  await until('the other again', () => one.reconciled.length === 4)
  one.abort.abort()
  await running
})

test('stopping aborts what runs, waits for it, and starts nothing more', async () => {
  let aborted = false
  let finish = () => {}
  const one = bench(
    (_, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          aborted = true
          finish = () => reject(signal.reason)
        })
      }),
    { concurrency: 1 },
  )
  one.reader.put(object('Service', 'web'))
  one.reader.put(object('Service', 'mail'))
  const running = one.run()
  let over = false
  const end = ended(running).finally(() => {
    over = true
  })
  await until('the first', () => one.reconciled.length === 1)
  one.abort.abort()
  await until('the abort', () => aborted)
  for (let i = 0; i < 5; i++) await turn()
  assert.is(over, false)
  finish()
  assert.is(await end, undefined)
  assert.equal(one.reconciled, ['web'])
  assert.equal(one.logger.messages('warn', 'error'), [], 'being stopped is no failure')
})

test('what does not stop in time is named', async () => {
  const one = bench(() => new Promise(() => {}))
  one.reader.put(object('Service', 'web'))
  one.manager.addRunnable({ name: 'stubborn', run: () => new Promise(() => {}) })
  one.manager.addRunnable({ name: 'docile', run: async () => {} })
  const end = ended(one.run())
  await until('the first', () => one.reconciled.length === 1)
  one.abort.abort()
  await turn()
  one.clock.advance(1000)
  const error = (await end) as NsctlError
  assert.is(error.code, 'Timeout')
  assert.is(
    error.message,
    'still running 1000 ms after it was told to stop: service Service/default/web, stubborn',
  )
})

test('a fenced write ends the manager with that error, and nothing more is reconciled', async () => {
  const fenced = new NsctlError('Fenced', 'another leads')
  const one = bench(async () => Promise.reject(fenced), { concurrency: 1 })
  one.reader.put(object('Service', 'web'))
  one.reader.put(object('Service', 'mail'))
  assert.is(await ended(one.run()), fenced)
  assert.equal(one.reconciled, ['web'])
})

test('runnables start with the controllers, stop with them, and a failed one stops all', async () => {
  const one = bench(async () => settled)
  const told: string[] = []
  let fail = (_: Error) => {}
  one.manager.addRunnable({
    name: 'server',
    run: (signal) =>
      new Promise((resolve) => {
        told.push('started')
        signal.addEventListener('abort', () => {
          told.push('stopped')
          resolve()
        })
      }),
  })
  one.manager.addRunnable({
    name: 'sweep',
    run: () =>
      new Promise((_, reject) => {
        fail = reject
      }),
  })
  const end = ended(one.run())
  await until('the start', () => told.length === 1)
  const error = new Error('port 9090 is in use')
  fail(error)
  assert.is(await end, error)
  assert.equal(told, ['started', 'stopped'])
})

test('stopping before the store was ever there just stops', async () => {
  const one = bench(async () => settled)
  one.reader.outage = new NsctlError('Unreachable', 'the store is away')
  const end = ended(one.run())
  await turn()
  one.abort.abort()
  assert.is(await end, undefined)
  const aborted = bench(async () => settled)
  aborted.abort.abort()
  assert.is(await ended(aborted.run()), undefined)
})

test('all keys are looked at again every resyncMs', async () => {
  const one = bench(async () => settled, { resyncMs: 60_000 })
  one.reader.put(object('Service', 'a'))
  one.reader.put(object('Service', 'b'))
  const running = one.run()
  await until('both', () => one.reconciled.length === 2)
  for (const total of [4, 6]) {
    await turn()
    one.clock.advance(60_000)
    await until('both again', () => one.reconciled.length === total)
  }
  one.abort.abort()
  await running
})

test('a manager runs once, and its cache knows what it watches', async () => {
  const one = bench(async () => settled)
  assert.throws(() => one.manager.cache.list('Volume'), /nobody watches kind Volume/)
  assert.equal(one.manager.cache.list('Instance'), [])
  one.abort.abort()
  await one.run()
  assert.throws(() => one.manager.addRunnable({ name: 'late', run: async () => {} }), /runs once/)
})

test('ten thousand reconciles that find nothing to do leave the event loop to others in between', async () => {
  const one = bench(async () => settled)
  // a clock that the reconciles themselves move on: each takes 0.1 ms
  const spec: ControllerSpec<string> = {
    name: 'many',
    watches: [],
    reconciler: {
      async reconcile() {
        done++
        one.clock.advance(0.1)
        return settled
      },
    },
  }
  let done = 0
  const handle = one.manager.add(spec)
  for (let i = 0; i < 1000; i++) handle.enqueue(`key-${i}`)
  const running = one.run()
  let turns = 0
  while (done < 1000) {
    await turn()
    turns++
  }
  assert.ok(turns >= 15 && turns <= 60, `1000 × 0.1 ms in turns of 5 ms took ${turns} turns`)
  one.abort.abort()
  await running
})

test.run()

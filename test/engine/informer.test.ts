import { isDeepStrictEqual } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openApi } from '../../src/api/open.ts'
import { ManualClock, systemClock } from '../../src/core/clock.ts'
import { NsctlError } from '../../src/core/errors.ts'
import { randomIds } from '../../src/core/ids.ts'
import { Informers, type WatchableReader } from '../../src/engine/informer.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'
import { FakeReader, object, ref } from './fake-reader.ts'
import { RecordingLogger, turn, until } from './harness.ts'

function bench() {
  const [reader, clock, logger] = [new FakeReader(), new ManualClock(), new RecordingLogger()]
  const informers = new Informers({ reader, clock, logger, random: () => 1 })
  informers.addKind('Service')
  const abort = new AbortController()
  const changes: string[] = []
  informers.cache.onChange('Service', ({ kind, ref: { name } }) => changes.push(`${kind} ${name}`))
  const run = () => informers.run(abort.signal)
  return { reader, clock, logger, informers, cache: informers.cache, abort, changes, run }
}

test('lists once and then watches from the revision of the listing', async () => {
  const one = bench()
  one.reader.put(object('Service', 'web'))
  one.reader.put(object('Instance', 'web-0'))
  const running = one.run()
  await one.cache.synced
  await until('the watch', () => one.reader.watches.length === 1)
  assert.equal(one.reader.watches, [{ from: 3, kinds: ['Service'] }])
  one.reader.put(object('Service', 'mail'))
  one.reader.remove('Service', 'web')
  await until('the changes', () => one.changes.length === 3)
  assert.equal(one.changes, ['put web', 'put mail', 'delete web'])
  assert.is(one.cache.revision, one.reader.revision)
  assert.is(one.reader.lists, 1)
  one.abort.abort()
  await running
})

test('narrows what it lists and watches to its scope', async () => {
  const [reader, clock] = [new FakeReader(), new ManualClock()]
  const scope = { node: 'alpha' }
  const informers = new Informers({ reader, clock, logger: new RecordingLogger(), random: () => 1, scope })
  informers.addKind('Instance')
  const abort = new AbortController()
  const running = informers.run(abort.signal)
  await until('the watch', () => reader.watches.length === 1)
  assert.equal(reader.watches[0]?.scope, scope)
  abort.abort()
  await running
})

test('told to start over it lists again, and tells what is gone, changed and new', async () => {
  const one = bench()
  for (const name of ['same', 'changed', 'gone']) one.reader.put(object('Service', name))
  const running = one.run()
  await until('the first listing', () => one.changes.length === 3)
  one.changes.length = 0
  one.reader.outage = new NsctlError('Unreachable', 'the store is away')
  one.reader.breakWatches()
  await turn()
  one.reader.put(object('Service', 'changed', { spec: { replicas: 2 } }))
  one.reader.put(object('Service', 'new'))
  one.reader.remove('Service', 'gone')
  one.reader.forgetHistory()
  one.reader.outage = undefined
  one.clock.advance(10_000)
  await until('the second listing', () => one.reader.lists === 2)
  await until('the changes', () => one.changes.length === 3)
  assert.equal([...one.changes].sort(), ['delete gone', 'put changed', 'put new'])
  one.reader.put(object('Service', 'later'))
  await until('the watch goes on', () => one.changes.length === 4)
  one.abort.abort()
  await running
})

test('an outage: keeps what it has, says so once, backs off, and goes on where it was', async () => {
  const one = bench()
  one.reader.put(object('Service', 'web'))
  const running = one.run()
  await until('the watch', () => one.reader.watches.length === 1)
  one.reader.outage = new NsctlError('Unreachable', 'the store is away')
  one.reader.breakWatches()
  for (let passedMs = 0; passedMs < 60_000; passedMs += 50) {
    await turn()
    one.clock.advance(50)
  }
  assert.is(one.cache.get(ref('Service', 'web'))?.metadata.name, 'web')
  assert.equal(one.logger.messages('warn', 'error'), [
    'cannot watch the store, trying again: the store is away',
  ])
  const tries = one.reader.watches.length - 1
  // 100, 200, 400, … ms up to 5 s each: 6 tries in 6.3 s, then one every 5 s
  assert.ok(tries >= 15 && tries <= 18, `${tries} tries in a minute`)

  one.reader.outage = new NsctlError('StoreCorrupt', 'page 7 is damaged')
  one.clock.advance(5_000)
  await turn()
  assert.equal(one.logger.messages('error'), ['cannot watch the store, trying again: page 7 is damaged'])

  one.reader.put(object('Service', 'mail'))
  one.reader.outage = undefined
  one.clock.advance(5_000)
  await until('what changed meanwhile', () => one.changes.length === 2)
  assert.equal(one.changes, ['put web', 'put mail'])
  assert.is(one.reader.lists, 1, 'it went on from where it was')
  assert.equal(one.logger.messages('info'), ['the store is back'])

  one.reader.outage = new NsctlError('Unreachable', 'away again')
  one.reader.breakWatches()
  await turn()
  await turn()
  assert.is(one.logger.messages('warn').length, 2, 'the next outage is news again')
  one.abort.abort()
  await running
})

test('a watch that ends by itself is taken up again', async () => {
  const one = bench()
  const running = one.run()
  await until('the watch', () => one.reader.watches.length === 1)
  one.reader.breakWatches()
  await turn()
  await turn()
  one.clock.advance(100)
  await until('the second watch', () => one.reader.watches.length === 2)
  one.reader.put(object('Service', 'web'))
  await until('the change', () => one.changes.length === 1)
  one.abort.abort()
  await running
})

test('is done as soon as it is told to stop, whatever it waits for', async () => {
  const away = bench()
  away.reader.outage = new NsctlError('Unreachable', 'the store is away')
  const running = away.run()
  await turn()
  away.abort.abort()
  await running
  const never = bench()
  never.abort.abort()
  await never.run()
  assert.is(never.reader.lists, 0)
})

test('a kind that there is not is a bug at once', () => {
  const reader = new FakeReader()
  const kinds = {
    byKind: (kind: string) => {
      throw new NsctlError('Bug', `there is no kind ${kind}`)
    },
  }
  const options = { clock: new ManualClock(), logger: new RecordingLogger(), random: () => 1 }
  const broken = { listAll: reader.listAll.bind(reader), watch: reader.watch.bind(reader), kinds }
  assert.throws(() => new Informers({ ...options, reader: broken }).addKind('Servise'), /no kind Servise/)
})

test('over the real api: with writers side by side, a store that forgets and a watch that breaks, the cache ends as what is stored', async () => {
  // so little history that the informer falls behind and is told to start over
  const store = createMemoryStore({ historyRevisions: 5 })
  const api = await openApi({ store, clock: systemClock, ids: randomIds })
  let lists = 0
  let batches = 0
  const reader: WatchableReader = {
    kinds: api.kinds,
    // slow, so that it falls behind what the store remembers, and cut off now and then
    async *watch(...args) {
      for await (const batch of api.watch(...args)) {
        yield batch
        if (++batches % 4 === 0) throw new NsctlError('Unreachable', 'cut off')
        if (batches % 3 === 0) for (let turns = 0; turns < 10; turns++) await turn()
      }
    },
    listAll(...args) {
      lists++
      return api.listAll(...args)
    },
  }
  const informers = new Informers({
    reader,
    clock: systemClock,
    logger: new RecordingLogger(),
    random: Math.random,
    backoff: { baseMs: 1, maxMs: 5 },
  })
  for (const kind of ['Namespace', 'Service']) informers.addKind(kind)
  const replayed = new Map<string, string | undefined>()
  informers.cache.onChange('Service', (change) => {
    if (change.kind === 'delete') replayed.delete(change.ref.name)
    else replayed.set(change.ref.name, change.object.metadata.resourceVersion)
  })
  const abort = new AbortController()
  const running = informers.run(abort.signal)
  const actor = { name: 'ada' }
  const write = async (writer: number) => {
    for (let i = 0; i < 30; i++) {
      await turn()
      const name = `web-${(writer * 7 + i) % 20}`
      const spec = { replicas: i, template: { source: { command: ['sleep', '1'] } } }
      const metadata = { name, namespace: 'default' }
      const service = { apiVersion: 'nsctl.dev/v1alpha1', kind: 'Service', metadata, spec }
      if (i % 5 === 4) await api.delete({ kind: 'Service', ...metadata }, { actor }).catch(ignoreLost)
      else await api.apply([{ object: service, source: 'stdin' }], { actor }).catch(ignoreLost)
    }
  }
  await Promise.all([0, 1, 2, 3].map(write))
  const { items } = await api.list(api.kinds.byKind('Service'))
  const versions = (objects: readonly AnyResource[]) =>
    new Map(objects.map(({ metadata }) => [metadata.name, metadata.resourceVersion] as const).sort())
  const wanted = versions(items)
  const cached = () => versions(informers.cache.list('Service'))
  await until('the cache catches up', () => isDeepStrictEqual(cached(), wanted), 2000)
  assert.ok(wanted.size > 0)
  assert.equal(new Map([...replayed].sort()), wanted)
  assert.ok(lists > 1 && batches > lists, `${lists} listings, ${batches} batches: both ways are gone`)
  abort.abort()
  await running
  await store.close()
})

/** Writers get in each other's way: who comes too late has lost, and that is none of this test's business. */
function ignoreLost(error: unknown): void {
  const codes = ['Conflict', 'NotFound', 'Terminating']
  if (!(error instanceof NsctlError && codes.includes(error.code))) throw error
}

test.run()

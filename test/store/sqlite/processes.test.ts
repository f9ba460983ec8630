/** Several processes on one store: locks, and waking each other. A watcher whose clock stands still cannot poll. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock } from '../../../src/core/clock.ts'
import { isNsctlError } from '../../../src/core/errors.ts'
import { commit, put } from '../contract-read.ts'
import { follow } from '../watching.ts'
import { Scene } from './scene.ts'

const STORE_MODULE = join(import.meta.dirname, '../../../src/store/sqlite/store.ts')

function inScene(name: string, run: (scene: Scene) => Promise<void>): void {
  test(name, async () => {
    const scene = new Scene()
    try {
      await run(scene)
    } finally {
      await scene.end()
    }
  })
}

/** A process that opens the store as nsctl does and then runs `program`. */
function user(scene: Scene, program: string) {
  return scene.run(`
    const { openSqliteStore } = await import(${JSON.stringify(STORE_MODULE)})
    const clock = { now: Date.now, monotonic: () => performance.now(), schedule: (ms, run) => { const t = setTimeout(run, ms); t.unref(); return () => clearTimeout(t) } }
    const logger = { log() {}, with: () => logger }
    const store = await openSqliteStore({ path, clock, logger })
    ${program}`)
}

const HOLD = `
  const db = new sqlite.DatabaseSync(path)
  db.exec('BEGIN IMMEDIATE')
  console.log('locked')
  process.stdin.once('data', () => { db.exec('COMMIT'); db.close(); process.stdin.destroy() })`

inScene(
  'a store that another process holds is StoreLocked after a while, and readable meanwhile',
  async (scene) => {
    const store = await scene.open({ busyTimeoutMs: 300 })
    const revision = await commit(store, put('a', '1'))
    const child = scene.run(HOLD)
    await child.wrote(1)
    let turns = 0
    const ticking = setInterval(() => turns++, 5)
    const started = performance.now()
    try {
      await commit(store, put('a', '2'))
      assert.unreachable('it was not locked')
    } catch (error) {
      assert.ok(isNsctlError(error, 'StoreLocked'), String(error))
      assert.is(error.exitCode, 3)
      if (process.platform === 'linux') assert.match(error.message, `locked by process ${child.process.pid}`)
    } finally {
      clearInterval(ticking)
    }
    assert.ok(performance.now() - started >= 290, 'it gave up too early')
    assert.ok(turns > 10, `the event loop stood still: ${turns} turns`)
    assert.equal(await store.get('a'), { key: 'a', value: '1', revision })
    child.process.stdin!.end('go\n')
    await child.exit
    await commit(store, put('a', '3', revision))
  },
)

inScene('a commit that waits for a lock goes through once it is free', async (scene) => {
  const store = await scene.open()
  const child = scene.run(HOLD)
  await child.wrote(1)
  const waiting = commit(store, put('a', '1'))
  setTimeout(() => child.process.stdin!.end('go\n'), 50)
  await waiting
  assert.is((await store.get('a'))?.value, '1')
})

inScene('a process that waits for a lock does not end before its commit', async (scene) => {
  await scene.open()
  const holder = scene.run(HOLD)
  await holder.wrote(1)
  const writer = user(
    scene,
    `await store.commit([[{ kind: 'put', key: 'a', value: '1' }]]); console.log('done')`,
  )
  setTimeout(() => holder.process.stdin!.end('go\n'), 600)
  await writer.exit
  assert.equal(writer.lines, ['done'])
})

inScene('a watcher is woken by the commit of another process that exits at once', async (scene) => {
  const store = await scene.open({ clock: new ManualClock() })
  const { revision } = await store.list([])
  const watching = follow(store, ['a'], revision)
  await commit(store, put('a', 'own'))
  await watching.until('its own change', (w) => w.changes().length === 1)
  const child = user(
    scene,
    `await store.commit([[{ kind: 'put', key: 'a', value: 'other' }]]); process.exit(0)`,
  )
  await watching.until('the change of the other process', (w) => w.changes().length === 2)
  await child.exit
  const again = user(
    scene,
    `await store.commit([[{ kind: 'put', key: 'a', value: 'closed' }]]); await store.close()`,
  )
  await watching.until('the change of the one that closes', (w) => w.changes().length === 3)
  await again.exit
  await watching.stop()
})

inScene('a watcher is woken where the path is too long for a socket', async (scene) => {
  const path = join(scene.directory, 'd'.repeat(120), 'store.db')
  const clock = new ManualClock()
  const [reader, writer] = [await scene.open({ path, clock }), await scene.open({ path })]
  const watching = follow(reader, ['a'], (await reader.list([])).revision)
  await commit(reader, put('a', 'own'))
  await watching.until('its own change', (w) => w.changes().length === 1)
  if (process.platform !== 'linux') clock.advance(250)
  await commit(writer, put('a', 'other'))
  if (process.platform !== 'linux') clock.advance(250)
  await watching.until('the change of the other', (w) => w.changes().length === 2)
  await watching.stop()
})

inScene('what nobody announced is found by the poll', async (scene) => {
  const clock = new ManualClock()
  const store = await scene.open({ clock })
  const { revision } = await store.list([])
  const watching = follow(store, ['a'], revision)
  await commit(store, put('a', 'own'))
  await watching.until('its own change', (w) => w.changes().length === 1)
  // as a writer does that is killed between COMMIT and its poke
  const child = scene.run(`
    const db = new sqlite.DatabaseSync(path)
    db.exec("BEGIN IMMEDIATE; DELETE FROM entries WHERE key = 'a'; INSERT INTO log VALUES (${revision + 2}, '[[],[\\"a\\"]]'); COMMIT")`)
  await child.exit
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.is(watching.changes().length, 1, 'it was announced: the test shows nothing')
  clock.advance(250)
  await watching.until('the change', (w) => w.changes().length === 2)
  await watching.stop()
})

inScene('a watcher that was killed is forgotten by the next writer', async (scene) => {
  const store = await scene.open()
  const child = user(
    scene,
    `
    const ended = new AbortController()
    setTimeout(() => console.log('watching'), 50)
    for await (const batch of store.watch([''], 1, ended.signal)) void batch`,
  )
  await child.wrote(1)
  await commit(store, put('a', '1'))
  const directory = `${scene.path}-wake`
  assert.is(readdirSync(directory).length, 1)
  await child.kill()
  await commit(store, put('a', '2'))
  const other = await scene.open()
  await commit(other, put('a', '3'))
  assert.equal(readdirSync(directory), [])
})

inScene('a watch that ends takes its socket away', async (scene) => {
  const store = await scene.open()
  const watching = follow(store, ['a'], (await store.list([])).revision)
  await commit(store, put('a', '1'))
  await watching.until('a', (w) => w.changes().length === 1)
  assert.is(readdirSync(`${scene.path}-wake`).length, 1)
  await watching.stop()
  assert.equal(readdirSync(`${scene.path}-wake`), [])
})

inScene('without watchers there is neither socket nor poll', async (scene) => {
  const scheduled: number[] = []
  const clock = new ManualClock()
  const schedule = clock.schedule.bind(clock)
  clock.schedule = (delayMs, run) => {
    scheduled.push(delayMs)
    return schedule(delayMs, run)
  }
  const store = await scene.open({ clock })
  await commit(store, put('a', '1'))
  await store.list([''])
  assert.equal(scheduled, [])
  assert.not(existsSync(`${scene.path}-wake`))
})

inScene('many commits of one turn share one sync, each atomic by itself', async (scene) => {
  const store = await scene.open()
  const results = await Promise.all([
    store.commit([[put('a', '1', 0)], [put('a', '2', 0), put('never', '')]]),
    store.commit([[put('a', '3', 0)]]),
    store.commit([[put('b', '1', 0)]]),
  ])
  assert.equal(
    results.flat().map((result) => result.kind),
    ['committed', 'conflict', 'conflict', 'committed'],
  )
  assert.is(await store.get('never'), undefined)
})

inScene('a call larger than a group is committed whole and in order', async (scene) => {
  const store = await scene.open()
  const small = store.commit([[put('first', '')]])
  const large = store.commit(
    Array.from({ length: 9_000 }, (_, i) => [put(`k/${i}`, 'x'), put('count', String(i))]),
  )
  const last = store.commit([[put('last', '')]])
  const revisions = (await Promise.all([small, large, last]))
    .flat()
    .map((r) => (r.kind === 'committed' ? r.revision : 0))
  assert.is(revisions.length, 9_002)
  assert.ok(revisions.every((revision, i) => i === 0 || revision === revisions[i - 1]! + 1))
  assert.is((await store.get('count'))?.value, '8999')
})

test.run()

/** What is etcd's own, with one server: its history, its limits, a watch in pieces, a cable that is pulled. */
import { type Test, test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Store } from '../../../src/store/store.ts'
import { needs } from '../../parts.ts'
import { commit, put, remove } from '../contract-read.ts'
import { follow } from '../watching.ts'
import { type Cable, layCable } from './proxy.ts'
import { type EtcdCluster, errorOf, hasEtcd, openStoreIn, startEtcd } from './scene.ts'

let cluster: EtcdCluster
let stores = 0

test.before(async () => {
  if (hasEtcd) cluster = await startEtcd({ flags: ['--max-txn-ops', '128'] })
})

test.after(async () => {
  if (hasEtcd) await cluster.stop()
})

const it = needs(test, hasEtcd, 'Debian packages') as Test

async function withStore(run: (store: Store, prefix: string) => Promise<void>): Promise<void> {
  const prefix = `server/${stores++}`
  const store = await openStoreIn(cluster, prefix)
  try {
    await run(store, prefix)
  } finally {
    await store.close()
  }
}

/** A store behind a cable. */
async function withCable(run: (store: Store, cable: Cable, direct: Store) => Promise<void>): Promise<void> {
  await withStore(async (direct, prefix) => {
    const cable = await layCable(cluster.endpoints[0]!)
    const store = await openStoreIn(cluster, prefix, { endpoints: [cable.endpoint] })
    try {
      await run(store, cable, direct)
    } finally {
      await store.close()
      await cable.close()
    }
  })
}

it('as many operations as the store says fit, and one more is refused before it is sent', () =>
  withStore(async (store) => {
    const most = store.maxOperations!
    const puts = Array.from({ length: most }, (_, i) => put(`k/${i}`, `${i}`))
    const revision = await commit(store, ...puts)
    assert.is((await store.list(['k/'])).entries.length, most)
    assert.is(await commit(store, ...puts.map((one) => ({ ...one, expect: revision }))), revision)
    const { code, message } = await errorOf(store.commit([[...puts, put('one more', '')]]))
    assert.is(code, 'TooLarge')
    assert.match(message, `a transaction of ${most + 1} operations; at most ${most} fit`)
  }))

it('what the store says a transaction may have is kept, changed and kept the same, however it is spread', () =>
  withStore(async (store) => {
    for (const [count, keyLength] of [
      [1, 1],
      [2, 900],
      [store.maxOperations!, 900],
      [store.maxOperations!, 20],
    ] as const) {
      const keys = Array.from({ length: count }, (_, i) => `${count}/${i}`.padEnd(keyLength, 'k'))
      const room = store.maxTransactionBytes! - keys.join('').length
      const values = (letter: string) => letter.repeat(Math.floor(room / count))
      const write = (letter: string, expect?: number) =>
        commit(store, ...keys.map((key) => put(key, values(letter), expect)))
      const first = await write('a', 0)
      assert.is(await write('a'), first, 'the same again is no write')
      assert.is(await write('a', first), first)
      const second = await write('b', first)
      assert.is((await store.get(keys[0]!))?.revision, second)
      assert.equal(await store.commit([[put(keys[0]!, values('c'), first)]]), [
        { kind: 'conflict', key: keys[0]!, actual: second },
      ])
      await write('d')
    }
    const large = 'x'.repeat(1024 * 1024)
    const { code, message } = await errorOf(store.commit([[put('b', large, 0), put('c', large, 0)]]))
    assert.is(code, 'TooLarge')
    assert.match(message, 'a transaction is too large for the store etcd://')
    assert.is(await store.get('b'), undefined)
  }))

it('of writers of one large value each overwrites another, and none is lost', () =>
  withStore(async (store) => {
    const values = ['a', 'b', 'c', 'd', 'e', 'f'].map((letter) => letter.repeat(600_000))
    const results = await Promise.all(values.map((value) => commit(store, put('k', value))))
    assert.is(new Set(results).size, values.length)
    const last = await store.get('k')
    assert.is(last?.revision, Math.max(...results))
    assert.ok(last?.value === values[results.indexOf(last?.revision ?? 0)])
  }))

it('a listing of many pages is one snapshot, while others write and etcd is compacted', () =>
  withStore(async (store, prefix) => {
    const keys = Array.from({ length: 2_500 }, (_, i) => `k/${String(i).padStart(5, '0')}`)
    for (let at = 0; at < keys.length; at += 100)
      await commit(store, ...keys.slice(at, at + 100).map((key) => put(key, '0')))
    const other = await openStoreIn(cluster, prefix)
    let running = true
    const writing = (async () => {
      for (let round = 1; running; round++) {
        const revision = await commit(other, put(keys[0]!, `${round}`), put(keys.at(-1)!, `${round}`))
        if (round % 10 === 0) await cluster.ctl('compact', String(revision))
      }
    })()
    const seen = new Set<string>()
    for (let i = 0; i < 30; i++) {
      const { entries, revision } = await store.list(['k/'])
      assert.is(entries.length, keys.length)
      assert.is(entries[0]!.value, entries.at(-1)!.value, 'both ends are of one transaction')
      assert.ok(entries[0]!.revision <= revision)
      seen.add(entries[0]!.value)
    }
    running = false
    await writing
    await other.close()
    assert.ok(seen.size > 3, `nothing moved meanwhile: ${seen.size}`)
  }))

it('a watch whose revision was compacted starts over, and goes on from there', () =>
  withStore(async (store) => {
    const from = await commit(store, put('a', '1'))
    const last = await commit(store, put('a', '2'), put('b', '2'))
    await cluster.ctl('compact', String(last))
    const watching = follow(store, [''], from - 1)
    await watching.until('relist', (w) => w.batches.length > 0)
    assert.equal(watching.batches, [{ kind: 'relist', revision: last }])
    const next = await commit(store, remove('b'))
    await watching.until('the change after it', (w) => w.changes().length > 0)
    await watching.stop()
    assert.equal(watching.changes(), [{ kind: 'delete', key: 'b', revision: next }])
  }))

it('a watch that keeps up does not notice a compaction', () =>
  withStore(async (store) => {
    const watching = follow(store, [''], await commit(store, put('a', '0')))
    for (let round = 1; round <= 5; round++) {
      const revision = await commit(store, put('a', `${round}`))
      await cluster.ctl('compact', String(revision))
    }
    await watching.until('all', (w) => w.changes().length === 5)
    await watching.stop()
    assert.ok(watching.batches.every((batch) => batch.kind === 'changes'))
  }))

it('what etcd sends in parts is put together again', () =>
  withStore(async (store) => {
    const from = await commit(store, put('a', ''))
    const large = 'x'.repeat(100_000)
    const revisions: number[] = []
    for (let round = 0; round < 6; round++)
      revisions.push(
        await commit(store, ...Array.from({ length: 12 }, (_, i) => put(`${round}/${i}`, large, 0))),
      )
    const watching = follow(store, [''], from)
    await watching.until('all', (w) => w.changes().length === 72)
    await watching.stop()
    const found = watching.batches.map((batch) =>
      batch.kind === 'changes' ? [...new Set(batch.changes.map((change) => change.revision))] : [],
    )
    assert.equal(found.flat(), revisions)
    assert.ok(found.length > 1, 'it came in one piece, which shows nothing')
  }))

it('a watch that was cut off goes on without loss and without repeats', () =>
  withCable(async (store, cable, direct) => {
    const watching = follow(store, [''], await commit(direct, put('a', 'before')))
    const revisions: number[] = []
    for (let round = 0; round < 5; round++) {
      revisions.push(await commit(direct, put('a', `${round}`)))
      await watching.until('what came before the cut', (w) => w.changes().length === revisions.length)
      cable.cut()
      revisions.push(await commit(direct, put('a', `${round} while cut off`)))
      cable.mend()
    }
    await watching.until('the last', (w) => w.changes().at(-1)?.revision === revisions.at(-1))
    await watching.stop()
    assert.equal(
      watching.changes().map((change) => change.revision),
      revisions,
    )
    assert.ok(cable.connections > 2, `${cable.connections} connections`)
  }))

it('a watch that was cut off while etcd was compacted starts over', () =>
  withCable(async (store, cable, direct) => {
    const watching = follow(store, [''], await commit(direct, put('a', '1')))
    const seen = await commit(direct, put('a', '2'))
    await watching.until('the first', (w) => w.changes().length === 1)
    cable.cut()
    await commit(direct, put('a', '3'))
    const last = await commit(direct, put('a', '4'))
    await cluster.ctl('compact', String(last))
    cable.mend()
    await watching.until('relist', (w) => w.batches.some((batch) => batch.kind === 'relist'))
    await watching.stop()
    assert.equal(
      watching.batches.map((batch) => [batch.kind, batch.revision]),
      [
        ['changes', seen],
        ['relist', last],
      ],
    )
  }))

it('a watch that stays cut off fails, and can be taken up again', () =>
  withCable(async (store, cable, direct) => {
    const from = await commit(direct, put('a', '1'))
    const watching = follow(store, [''], from)
    const first = await commit(direct, put('a', '2'))
    await watching.until('the first', (w) => w.changes().length === 1)
    cable.cut()
    const { code } = await errorOf(watching.until('its end', (w) => w.changes().length > 1))
    assert.is(code, 'Unreachable')
    const second = await commit(direct, put('a', '3'))
    assert.is((await errorOf(store.get('a'))).code, 'Unreachable')
    cable.mend()
    const again = follow(store, [''], first)
    await again.until('the second', (w) => w.changes().length === 1)
    await again.stop()
    assert.equal(again.changes(), [{ kind: 'put', key: 'a', value: '3', revision: second }])
  }))

it('a connection on which nothing comes any more is found out within seconds', () =>
  withCable(async (store, cable, direct) => {
    const watching = follow(store, [''], await commit(direct, put('a', '1')))
    await commit(direct, put('a', '2'))
    await watching.until('the first', (w) => w.changes().length === 1)
    cable.hold()
    const begun = performance.now()
    const lost = await errorOf(store.commit([[put('b', '1')]]))
    const tookMs = performance.now() - begun
    assert.is(lost.code, 'Unreachable')
    assert.match(lost.message, /it does not answer|no answer within/)
    assert.ok(tookMs < 4_500, `${tookMs} ms`)
    const last = await commit(direct, put('a', '3'))
    cable.mend()
    await watching.until('what was missed', (w) => w.changes().at(-1)?.revision === last)
    await watching.stop()
    assert.equal(watching.changes().filter(({ key }) => key === 'a').length, 2)
  }))

it('what changes elsewhere is not sent to who watches something else', () =>
  withCable(async (store, cable, direct) => {
    const from = await commit(direct, put('node/a/x', '1'))
    const watching = follow(store, ['node/a/services/', 'node/a/status/'], from)
    await commit(direct, put('node/a/status/x', '1'))
    await watching.until('the first', (w) => w.changes().length === 1)
    const before = cable.receivedBytes
    for (let i = 0; i < 20; i++) await commit(direct, put(`node/b/status/${i}`, 'x'.repeat(1000)))
    await commit(direct, put('node/a/status/y', '1'))
    await watching.until('the second', (w) => w.changes().length === 2)
    await watching.stop()
    const bytes = cable.receivedBytes - before
    assert.ok(bytes < 500, `${bytes} bytes for one small change`)
  }))

test.run()

/** What lies under one node, and a lease's record: a watch of either tells all of it, and is woken by nothing else. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Operation, Store } from '../../../src/store/store.ts'
import { type ConsulCluster, startConsul } from '../../lab/consul.ts'
import { canFetchDebs } from '../../lab/servers.ts'
import { needs } from '../../parts.ts'
import { commit, put, remove } from '../contract-read.ts'
import { type Committed, judgeWatch } from '../history.ts'
import { follow } from '../watching.ts'
import { type CountingProxy, startProxy } from './proxy.ts'
import { freshUrl, openAt } from './scene.ts'

const AGENTS = 150
let cluster: ConsulCluster
let address: string

const settled = () => new Promise((resolve) => setTimeout(resolve, 300))

/** One change to each of some keys under nodes and elsewhere, each value once. */
async function write(store: Store, writer: number, rounds: number, committed: Committed[]): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const value = `${writer}.${round}`
    const node = `node/n${(writer + round) % 3}`
    const transaction: Operation[] = [
      put(`${node}/instances/${round % 4}`, value),
      put(`obj/${writer}`, value),
    ]
    if (round % 5 === 4) transaction.push(put(`node/n0/status/${writer}`, value))
    const [result] = await store.commit([transaction])
    if (result!.kind === 'committed') committed.push({ revision: result!.revision, transaction })
  }
}

if (needs(test, canFetchDebs(), 'Debian packages') === test) {
  test.before(async () => {
    cluster = await startConsul({ config: { limits: { http_max_conns_per_client: 1_000 } } })
    address = cluster.servers[0]!.address
  })
  test.after(() => cluster.stop())

  test('the watches of single nodes lose, invent and reorder nothing under many writers', async () => {
    const url = freshUrl(address)
    const stores = await Promise.all(Array.from({ length: 4 }, () => openAt(url)))
    const before = await stores[0]!.list([''])
    const watches = [['node/n0/'], ['node/n1/instances/', 'node/n1/status/'], ['node/n2/instances/1']].map(
      (prefixes, i) => ({
        prefixes,
        watching: follow(stores[i]!, prefixes, before.revision),
      }),
    )
    const committed: Committed[] = []
    await Promise.all(Array.from({ length: 8 }, (_, i) => write(stores[i % 4]!, i, 20, committed)))
    const transaction = [
      put('node/n0/end', 'x'),
      put('node/n1/status/end', 'x'),
      put('node/n2/instances/1end', 'x'),
    ]
    const end = await commit(stores[0]!, ...transaction)
    committed.push({ revision: end, transaction })
    const { entries } = await stores[1]!.list([''])
    for (const { prefixes, watching } of watches) {
      await watching.until('the end', (w) => w.batches.some(({ revision }) => revision >= end))
      await watching.stop()
      const covers = (key: string) => prefixes.some((prefix) => key.startsWith(prefix))
      // whoever falls behind by more than a scope tells starts over, and then knows what is listed
      const restarts = watching.batches.findLastIndex(({ kind }) => kind === 'relist')
      const from = restarts < 0 ? before.revision : watching.batches[restarts]!.revision
      assert.equal(judgeWatch(committed, watching.batches.slice(restarts + 1), from, entries, covers), [])
    }
    await Promise.all(stores.map((store) => store.close()))
  })

  test('a watch of a node that nobody has written to hears its first change, and its deletion', async () => {
    const url = freshUrl(address)
    const store = await openAt(url)
    const watching = follow(store, ['node/new/'], (await store.list([])).revision)
    await settled()
    await commit(store, put('node/other/a', '1'))
    const revision = await commit(store, put('node/new/a', '1'))
    const gone = await commit(store, remove('node/new/a', revision))
    await watching.until('the deletion', (w) => w.changes().at(-1)?.kind === 'delete')
    await watching.stop()
    assert.equal(watching.changes().at(-1), { kind: 'delete', key: 'node/new/a', revision: gone })
    assert.ok(watching.batches.every(({ kind }) => kind === 'changes'))
    await store.close()
  })

  test('who comes back after more commits than a scope tells starts over, and goes on', async () => {
    const store = await openAt(freshUrl(address))
    const from = await commit(store, put('node/n1/a', 'first'))
    let recent = from
    for (let i = 0; i < 30; i++) {
      if (i === 20) recent = await commit(store, put('node/n1/a', 'recent'))
      await commit(store, put('node/n1/a', `${i}`))
    }
    const late = follow(store, ['node/n1/'], from)
    await late.until('a relist', (w) => w.batches.length > 0)
    assert.is(late.batches[0]?.kind, 'relist')
    const inTime = follow(store, ['node/n1/'], recent)
    const next = await commit(store, put('node/n1/a', 'next'))
    for (const watching of [late, inTime]) {
      await watching.until('the next', (w) => w.changes().at(-1)?.revision === next)
      await watching.stop()
    }
    assert.ok(inTime.batches.every(({ kind }) => kind === 'changes'))
    await store.close()
  })

  test('a transaction over more nodes than fit drops all scopes, and everybody starts over', async () => {
    const url = freshUrl(address)
    const [store, other] = await Promise.all([openAt(url), openAt(url)])
    const { revision } = await store.list([])
    await commit(store, put('node/n1/a', 'before'), put('node/away/a', 'before'))
    const watching = follow(other, ['node/n1/'], revision)
    const untouched = follow(other, ['node/away/'], revision)
    await watching.until('the first', (w) => w.changes().length === 1)
    const wide = await commit(store, ...Array.from({ length: 60 }, (_, i) => put(`node/n${i}/a`, 'wide')))
    await watching.until('starting over', (w) => w.batches.at(-1)?.kind === 'relist')
    assert.ok(watching.batches.at(-1)!.revision >= wide)
    await settled()
    const next = await commit(other, put('node/n1/a', 'after'), put('node/away/a', 'after'))
    for (const one of [watching, untouched]) {
      await one.until('what came after', (w) => w.changes().at(-1)?.revision === next)
      await one.stop()
    }
    await Promise.all([store.close(), other.close()])
  })

  test('of commits that are too long for a scope each is heard of, also one after another', async () => {
    const store = await openAt(freshUrl(address))
    const { revision } = await store.list([])
    const watching = follow(store, ['node/n1/'], revision)
    const long = (value: string) =>
      Array.from({ length: 10 }, (_, i) => put(`node/n1/${'long-'.repeat(50)}${i}`, value))
    for (const value of ['first', 'second', 'third']) {
      const at = await commit(store, ...long(value))
      await watching.until(`the ${value}`, (w) => (w.batches.at(-1)?.revision ?? 0) >= at)
    }
    await watching.stop()
    assert.equal(
      watching.batches.map(({ kind }) => kind),
      ['relist', 'relist', 'relist'],
    )
    await store.close()
  })

  test('a watch of a lease’s record hears each renewal, its release and the next, and nothing else', async () => {
    const proxy: CountingProxy = await startProxy(address)
    const url = freshUrl('ADDRESS')
    const store = await openAt(url.replace('ADDRESS', address))
    const standby = await openAt(url.replace('ADDRESS', proxy.address))
    const key = 'lease/leader/holder'
    const from = await commit(store, put(key, 'first'))
    const watching = follow(standby, [key], from)
    const renewed = await commit(store, put(key, 'renewed'))
    await watching.until('the renewal', (w) => w.changes().length > 0)
    assert.equal(watching.changes(), [{ kind: 'put', key, value: 'renewed', revision: renewed }])
    await settled()
    proxy.reset()
    for (let i = 0; i < 30; i++) await commit(store, put(`obj/${i}`, 'x'), put('lease/leader/epoch', `${i}`))
    await settled()
    assert.is(proxy.bytes(), 0)
    const released = await commit(store, remove(key, renewed))
    await watching.until('the release', (w) => w.batches.at(-1)?.kind === 'relist')
    assert.ok(watching.batches.at(-1)!.revision >= released)
    await commit(store, put('obj/other', 'x'))
    const next = await commit(store, put(key, 'next'))
    await watching.until('the next', (w) => w.changes().at(-1)?.revision === next)
    assert.is(watching.batches.filter(({ kind }) => kind === 'relist').length, 1)
    await watching.stop()
    const ahead = follow(standby, [key], next + 1_000_000)
    await ahead.until('starting over', (w) => w.batches[0]?.kind === 'relist')
    await ahead.stop()
    await Promise.all([store.close(), standby.close()])
    proxy.close()
  })

  test(`of ${AGENTS} agents an unrelated change wakes none, and a node’s own change only its own`, async () => {
    const proxy: CountingProxy = await startProxy(address)
    const url = freshUrl('ADDRESS')
    const store = await openAt(url.replace('ADDRESS', address))
    const agents = await openAt(url.replace('ADDRESS', proxy.address))
    await store.commit(Array.from({ length: AGENTS }, (_, i) => [put(`node/n${i}/a`, 'before')]))
    const { revision } = await store.list([])
    const watches = Array.from({ length: AGENTS }, (_, i) => follow(agents, [`node/n${i}/`], revision))
    // their own first, so that each is known to wait
    await store.commit(Array.from({ length: AGENTS }, (_, i) => [put(`node/n${i}/a`, 'begun')]))
    for (const watching of watches) await watching.until('its own', (w) => w.changes().length > 0)
    await settled()
    proxy.reset()
    for (let i = 0; i < 30; i++) await commit(store, put(`obj/${i}`, 'x'), put('node/elsewhere/a', `${i}`))
    await settled()
    assert.is(proxy.bytes(), 0)
    const own = await commit(store, put('node/n7/a', 'x'.repeat(1_000)))
    await watches[7]!.until('its own', (w) => w.changes().at(-1)?.revision === own)
    await settled()
    assert.ok(proxy.answered() <= 2, `${proxy.answered()} connections`)
    assert.ok(proxy.bytes() <= 6 * 1024, `${proxy.bytes()} bytes`)
    for (const watching of watches) await watching.stop()
    await Promise.all([store.close(), agents.close()])
    proxy.close()
  })
}

test.run()

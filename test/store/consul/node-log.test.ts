/** What whoever has a node's token may do at the worst moment: between what a writer or a watcher has seen and what it does. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../../src/core/clock.ts'
import { randomIds } from '../../../src/core/ids.ts'
import { parseConsulUrl } from '../../../src/store/consul/address.ts'
import { Blocker } from '../../../src/store/consul/blocker.ts'
import type { KvClient, KvOperation } from '../../../src/store/consul/client.ts'
import { Committer } from '../../../src/store/consul/committer.ts'
import { type FeedReader, LogFeed } from '../../../src/store/consul/feed.ts'
import { openFormat } from '../../../src/store/consul/format.ts'
import { headsOf } from '../../../src/store/consul/heads.ts'
import { Layout } from '../../../src/store/consul/layout.ts'
import { encodeLog } from '../../../src/store/consul/records.ts'
import { sizeOf } from '../../../src/store/consul/sizes.ts'
import { Recall } from '../../../src/store/recall.ts'
import type { Operation } from '../../../src/store/store.ts'
import { put, remove } from '../contract-read.ts'
import { FakeKv } from './fake-kv.ts'

const layout = new Layout('p/')
const address = parseConsulUrl('consul://h/p')
const STATUS = 'node/n1/status/instances/default/a'
const MANY = 60

/** A Consul where somebody writes `key` before each transaction that names it. */
async function raced(key: string) {
  const kv = new FakeKv({ fault: () => 'none', later: () => {} })
  const { sizes } = await openFormat({ client: kv, layout, address, create: true })
  let count = 0
  const transact = async (operations: readonly KvOperation[]) => {
    const isWrite = operations.some(({ Verb }) => !/^(get|check)/.test(Verb))
    if (isWrite && ++count > MANY) throw new Error('it goes on and on')
    if (isWrite && operations.some(({ Key }) => Key === key)) {
      const isThere = kv.entries.has(key)
      const mine: KvOperation =
        isThere && count % 2 === 0
          ? { Verb: 'delete', Key: key }
          : { Verb: 'set', Key: key, Value: btoa(String(count)) }
      await kv.transact([mine])
    }
    return kv.transact(operations)
  }
  const client: KvClient = {
    transact,
    keys: (prefix) => kv.keys(prefix),
    block: () => kv.block(),
    close() {},
  }
  const clock = systemClock
  const committer = new Committer({
    ...{ client, layout, sizes, clock, ids: randomIds, giveUpMs: 2_000, pick: () => 0 },
    recall: new Recall(),
  })
  const commit = (...transaction: readonly Operation[]) =>
    committer.add([transaction], [sizeOf(transaction, layout)]).then(([result]) => result?.kind)
  return { commit, kv, count: () => count }
}

test('a scope that somebody writes before every commit is written over', async () => {
  const { commit, kv } = await raced(layout.scope('n1'))
  const all = Promise.all([commit(put('node/n1/instances/default/a', 'x')), commit(put('obj/web', 'y'))])
  assert.equal(await all, ['committed', 'committed'])
  const { id, ...told } = JSON.parse(kv.entries.get(layout.scope('n1'))?.value ?? '')
  assert.equal(told, { items: [] }, 'its agent lists again')
  assert.type(id, 'string')
})

test('a status that comes and goes before every commit holds up nothing but its own removal', async () => {
  const { commit, count } = await raced(layout.dataKey(STATUS))
  await commit(put('node/n1/instances/default/a', 'x'))
  const removal = commit(remove('node/n1/instances/default/a'), remove(STATUS)).catch(() => 'given up')
  const others = ['a', 'b', 'c'].map((name) => commit(put(`obj/${name}`, 'y')))
  assert.equal(await Promise.all(others), ['committed', 'committed', 'committed'])
  assert.ok(count() < 10, `${count()} transactions`)
  await removal
})

test('a log that is written after its head is not believed: it would put the watch before what others did', async () => {
  const log = layout.nodeLog('n1')
  const shards = Array.from({ length: 16 }, (_, shard) => ({
    key: layout.head(shard),
    value: '0',
    index: 10,
  }))
  const heads = headsOf([...shards, { key: log.head, value: '1', index: 50 }], layout, {
    shards: 16,
    slots: 1_024,
  })
  const late = {
    key: log.entry(1),
    value: encodeLog({ n: 1, id: 'x', put: [STATUS], delete: [] }),
    index: 90,
  }
  const entries = [
    late,
    { key: layout.dataKey(STATUS), value: 'Running', index: 50 },
    { key: layout.dataKey('node/n1/status/later'), value: '', index: 80 },
  ]
  const reader: FeedReader = {
    ...{ layout, sizes: { shards: 16, slots: 1_024 }, first: 1, recall: new Recall(), follows: () => true },
    read: async (keys) =>
      new Map(entries.filter(({ key }) => keys.includes(key)).map((entry) => [entry.key, entry])),
    readTrees: async (trees) => entries.filter(({ key }) => trees.some((tree) => key.startsWith(tree))),
    heads: async () => heads,
  }
  const client = {} as KvClient
  const blocker = new Blocker({ client, clock: systemClock, key: layout.heads, recurse: true, giveUpMs: 1 })
  const page = await new LogFeed(reader, blocker, () => true).read(20)
  assert.equal(page.batch, {
    kind: 'changes',
    revision: 50,
    changes: [{ kind: 'put', key: STATUS, value: 'Running', revision: 50 }],
  })
})

test.run()

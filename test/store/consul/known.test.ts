/** What a process knows already it does not ask Consul for. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../../src/core/clock.ts'
import { randomIds } from '../../../src/core/ids.ts'
import { parseConsulUrl } from '../../../src/store/consul/address.ts'
import { Blocker } from '../../../src/store/consul/blocker.ts'
import type { KvClient } from '../../../src/store/consul/client.ts'
import { Committer } from '../../../src/store/consul/committer.ts'
import { type FeedReader, LogFeed } from '../../../src/store/consul/feed.ts'
import { openFormat } from '../../../src/store/consul/format.ts'
import { headsOf } from '../../../src/store/consul/heads.ts'
import { Layout } from '../../../src/store/consul/layout.ts'
import { readSnapshot } from '../../../src/store/consul/reading.ts'
import { encodeLog } from '../../../src/store/consul/records.ts'
import { sizeOf } from '../../../src/store/consul/sizes.ts'
import { Recall } from '../../../src/store/recall.ts'
import type { Transaction } from '../../../src/store/store.ts'
import { put } from '../contract-read.ts'
import { FakeKv } from './fake-kv.ts'

const layout = new Layout('p/')
const address = parseConsulUrl('consul://h/p')

test('what is known of the revision that is to be reported is not read', async () => {
  const log = layout.shardLog(3, 1_024)
  const shards = Array.from({ length: 16 }, (_, shard) => ({
    key: layout.head(shard),
    value: shard === 3 ? '1' : '0',
    index: shard === 3 ? 50 : 10,
  }))
  const change = encodeLog({ n: 1, id: 'x', put: ['obj/own', 'obj/other', 'obj/old'], delete: [] })
  const entries = [
    { key: log.entry(1), value: change, index: 50 },
    ...['own', 'other', 'old'].map((name) => ({
      key: layout.dataKey(`obj/${name}`),
      value: 'now',
      index: 50,
    })),
  ]
  const asked: string[] = []
  const recall = new Recall()
  recall.set('obj/own', 'now', 50)
  recall.set('obj/old', 'before', 40)
  const sizes = { shards: 16, slots: 1_024 }
  const reader: FeedReader = {
    ...{ layout, sizes, first: 1, recall, follows: () => true },
    async read(keys) {
      asked.push(...keys)
      return new Map(entries.filter(({ key }) => keys.includes(key)).map((entry) => [entry.key, entry]))
    },
    readTrees: async () => [],
    heads: async () => headsOf(shards, layout, sizes),
  }
  const client = {} as KvClient
  const blocker = new Blocker({ client, clock: systemClock, key: layout.heads, recurse: true, giveUpMs: 1 })
  const { batch } = await new LogFeed(reader, blocker, () => true).read(20)
  const changes = batch?.kind === 'changes' ? batch.changes : []
  assert.equal(changes.map((one) => [one.key, one.kind === 'put' && one.value, one.revision]).sort(), [
    ['obj/old', 'now', 50],
    ['obj/other', 'now', 50],
    ['obj/own', 'now', 50],
  ])
  assert.equal(asked.filter((key) => key.startsWith(layout.data)).sort(), [
    layout.dataKey('obj/old'),
    layout.dataKey('obj/other'),
  ])
  assert.is(recall.get('obj/old')?.value, 'now', 'and is known from then on')
})

test('what was made at the revision that is reported is told as new, whoever made it', async () => {
  const kv = new FakeKv({ fault: () => 'none', later: () => {} })
  const { sizes, first } = await openFormat({ client: kv, layout, address, create: true })
  const recalls = [new Recall(), new Recall()]
  const [own, other] = recalls.map(
    (recall) =>
      new Committer({
        ...{ client: kv, layout, sizes, clock: systemClock, ids: randomIds, giveUpMs: 2_000, recall },
        pick: () => 0,
      }),
  )
  const write = async (committer: Committer, transaction: Transaction) =>
    committer.add([transaction], [sizeOf(transaction, layout)])
  await write(own!, [{ kind: 'put', key: 'obj/own', value: '1', expect: 0 }])
  await write(other!, [{ kind: 'put', key: 'obj/other', value: '1', expect: 0 }])
  await write(other!, [{ kind: 'put', key: 'obj/changed', value: '1', expect: 0 }])
  await write(own!, [put('obj/changed', '2')])
  const read = (keys: readonly string[]) => readSnapshot(kv, { keys })
  const heads = async () =>
    headsOf((await readSnapshot(kv, { keys: [], trees: [layout.heads] })).values(), layout, sizes)
  const reader: FeedReader = {
    ...{ layout, sizes, first, recall: recalls[0]!, follows: () => true, read, heads },
    readTrees: async () => [],
  }
  const blocker = new Blocker({
    client: kv,
    clock: systemClock,
    key: layout.heads,
    recurse: true,
    giveUpMs: 1,
  })
  const { batch } = await new LogFeed(reader, blocker, () => true).read(first)
  const changes = batch?.kind === 'changes' ? batch.changes : []
  assert.equal(changes.map((one) => [one.key, one.kind === 'put' && one.isNew === true]).sort(), [
    ['obj/changed', false],
    ['obj/other', true],
    ['obj/own', true],
  ])
})

test('a scope that was heard of is written over at once, though another has moved it on', async () => {
  for (const isHeard of [false, true]) {
    let count = 0
    const kv = new FakeKv({
      fault() {
        count++
        return 'none'
      },
      later: () => {},
    })
    const { sizes } = await openFormat({ client: kv, layout, address, create: true })
    const shared = { client: kv, layout, sizes, clock: systemClock, ids: randomIds, giveUpMs: 2_000 }
    const [one, other] = [0, 1].map(
      (shard) => new Committer({ ...shared, recall: new Recall(), pick: () => shard }),
    )
    const to = (committer: Committer | undefined, key: string) => {
      const transaction = [put(key, 'x')]
      return committer!.add([transaction], [sizeOf(transaction, layout)])
    }
    await to(one, 'node/n1/instances/default/a')
    await to(other, 'node/n1/instances/default/b')
    const key = layout.scope('n1')
    if (isHeard) one!.heardScope({ key, ...kv.entries.get(key)! })
    count = 0
    await to(one, 'node/n1/instances/default/c')
    assert.is(count, isHeard ? 1 : 2)
    const told = JSON.parse(kv.entries.get(key)!.value)
    assert.equal(
      told.items.map((item: { readonly put: readonly string[] }) => item.put[0]?.at(-1)),
      ['a', 'b', 'c'],
    )
  }
})

test.run()

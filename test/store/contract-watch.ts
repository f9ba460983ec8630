/** Contract: watching. */
import * as assert from 'uvu/assert'
import type { Change } from '../../src/store/store.ts'
import type { ContractCase } from './contract.ts'
import { commit, put, remove } from './contract-read.ts'
import { follow } from './watching.ts'

const inOrder = (changes: readonly Change[]) =>
  changes.every((c, i) => i === 0 || changes[i - 1]!.revision <= c.revision)

export const watchCases: readonly ContractCase[] = [
  {
    name: 'a watch reports what changed after its revision, and nothing from before',
    async run({ store }) {
      const from = await commit(store, put('a', 'before'), put('b', 'before'))
      const second = await commit(store, put('a', 'missed'))
      const watching = follow(store, [''], from)
      await watching.until('the change made before watching', (w) => w.changes().length === 1)
      const third = await commit(store, put('c', 'live'), remove('b'))
      await watching.until('the live change', (w) => w.changes().length === 3)
      await watching.stop()
      assert.equal(watching.changes()[0], { kind: 'put', key: 'a', value: 'missed', revision: second })
      assert.equal(
        watching
          .changes()
          .slice(1)
          .sort((x, y) => (x.key < y.key ? -1 : 1)),
        [
          { kind: 'delete', key: 'b', revision: third },
          { kind: 'put', key: 'c', value: 'live', revision: third },
        ],
      )
      assert.is(watching.batches.at(-1)?.revision, third)
    },
  },
  {
    name: 'a watch says of no key that it is new which was there',
    async run({ store }) {
      const from = await commit(store, put('a', 'before'))
      const watching = follow(store, [''], from)
      const written = [
        await commit(store, put('a', '1'), put('b', '1')),
        await commit(store, put('b', '2'), remove('a')),
        await commit(store, put('a', '3')),
      ]
      await watching.until('the last', (w) => w.batches.at(-1)?.revision === written[2])
      await watching.stop()
      const isMade = ({ key, revision }: Change) => revision === (key === 'a' ? written[2] : written[0])
      assert.ok(watching.news().every(isMade), JSON.stringify(watching.batches))
    },
  },
  {
    name: 'a watch from 0 reports everything',
    async run({ store }) {
      await commit(store, put('a', '1'))
      await commit(store, put('b', '2'))
      const watching = follow(store, [''], 0)
      await watching.until('both', (w) => w.changes().length === 2)
      await watching.stop()
      assert.equal(
        watching.changes().map((change) => change.key),
        ['a', 'b'],
      )
    },
  },
  {
    name: 'a patient watch hears of the same, while others hear of it at once',
    async run({ store }) {
      const { revision: from } = await store.list([])
      const abort = new AbortController()
      const heard: string[] = []
      const patient = (async () => {
        for await (const batch of store.watch(['a/'], from, abort.signal, { patient: true }))
          if (batch.kind === 'changes') heard.push(...batch.changes.map(({ key }) => key))
      })()
      const watching = follow(store, ['a/'], from)
      for (let i = 0; i < 20; i++) await commit(store, put(`a/${i}`, ''), put(`b/${i}`, ''))
      await watching.until('the last', (w) => w.changes().some(({ key }) => key === 'a/19'))
      await watching.stop()
      for (let left = 500; left > 0 && !heard.includes('a/19'); left--)
        await new Promise((resolve) => setTimeout(resolve, 10))
      abort.abort()
      await patient
      assert.equal(
        heard,
        watching.changes().map(({ key }) => key),
      )
    },
  },
  {
    name: 'a watch covers its prefixes only, each change once',
    async run({ store }) {
      const { revision: from } = await store.list([])
      const watching = follow(store, ['a/', 'a/b/', '😀'], from)
      for (const key of ['a', 'a/b/1', 'b/a/', '😀', 'a/z', '😁', 'end']) await commit(store, put(key, key))
      await commit(store, remove('b/a/'))
      await commit(store, remove('a/z'))
      await commit(store, put('a/last', ''))
      await watching.until('the last', (w) => w.changes().some((change) => change.key === 'a/last'))
      await watching.stop()
      const seen = watching.changes().filter((change) => change.key !== 'a/z')
      assert.equal(
        seen.map((change) => change.key),
        ['a/b/1', '😀', 'a/last'],
      )
      assert.is(
        watching
          .changes()
          .filter((change) => change.key === 'a/z')
          .at(-1)?.kind,
        'delete',
      )
    },
  },
  {
    name: 'what was deleted while nobody watched is reported as deleted',
    async run({ store }) {
      const from = await commit(store, put('a', '1'), put('b', '1'), put('c', '1'))
      const gone = await commit(store, remove('a'))
      await commit(store, remove('b'))
      const back = await commit(store, put('b', 'again'))
      const watching = follow(store, [''], from)
      await watching.until('the end of b', (w) => w.changes().some((change) => change.revision === back))
      await watching.stop()
      assert.ok(inOrder(watching.changes()))
      assert.equal(
        watching.changes().filter((change) => change.key === 'a'),
        [{ kind: 'delete', key: 'a', revision: gone }],
      )
      assert.equal(watching.changes().at(-1), { kind: 'put', key: 'b', value: 'again', revision: back })
      assert.ok(watching.changes().every((change) => change.key !== 'c'))
    },
  },
  {
    name: 'a no-op write wakes nobody',
    async run({ store }) {
      const from = await commit(store, put('a', '1'))
      const watching = follow(store, [''], from)
      await commit(store, put('a', '1'))
      await commit(store, remove('nothing'))
      const revision = await commit(store, put('b', '1'))
      await watching.until('b', (w) => w.changes().length > 0)
      await watching.stop()
      assert.equal(watching.changes(), [{ kind: 'put', key: 'b', value: '1', revision }])
    },
  },
  {
    name: 'a watch can be taken up again after any batch',
    async run({ store }) {
      const { revision: from } = await store.list([])
      const keys = Array.from({ length: 1300 }, (_, i) => `k/${String(i).padStart(5, '0')}`)
      const atOnce = Math.min(50, Math.floor((store.maxOperations ?? Number.POSITIVE_INFINITY) / 2))
      const transactions = Array.from({ length: Math.ceil(keys.length / atOnce) }, (_, i) =>
        keys.slice(i * atOnce, (i + 1) * atOnce).flatMap((key) => [put(key, key), put(`other/${key}`, '')]),
      )
      await store.commit(transactions)
      const seen: string[] = []
      let cursor = from
      while (seen.length < keys.length) {
        const watching = follow(store, ['k/'], cursor)
        await watching.until('a batch', (w) => w.batches.length > 0)
        await watching.stop()
        const [batch] = watching.batches
        assert.is(batch?.kind, 'changes')
        seen.push(...(batch?.kind === 'changes' ? batch.changes.map((change) => change.key) : []))
        assert.ok(batch!.revision > cursor)
        cursor = batch!.revision
      }
      assert.equal(seen, keys)
    },
  },
  {
    name: 'a transaction is never cut in two batches',
    async run({ store }) {
      const { revision: from } = await store.list([])
      const length = Math.min(700, store.maxOperations ?? Number.POSITIVE_INFINITY)
      const many = (name: string) => Array.from({ length }, (_, i) => put(`${name}/${i}`, ''))
      const revisions = [await commit(store, ...many('a')), await commit(store, ...many('b'))]
      const watching = follow(store, [''], from)
      await watching.until('all', (w) => w.changes().length >= 2 * length)
      await watching.stop()
      const found = watching.batches.map(
        (batch) => new Set(batch.kind === 'changes' ? batch.changes.map((c) => c.revision) : []),
      )
      for (const revision of revisions) assert.is(found.filter((set) => set.has(revision)).length, 1)
    },
  },
  {
    name: 'a revision from the future starts over, and goes on from there',
    async run({ store }) {
      const revision = await commit(store, put('a', '1'))
      const watching = follow(store, [''], revision + 1_000_000)
      await watching.until('relist', (w) => w.batches.length > 0)
      assert.equal(watching.batches, [{ kind: 'relist', revision }])
      const next = await commit(store, put('a', '2'))
      await watching.until('the change after it', (w) => w.changes().length > 0)
      await watching.stop()
      assert.equal(watching.changes(), [{ kind: 'put', key: 'a', value: '2', revision: next }])
    },
  },
  {
    name: 'a revision too old starts over, and goes on from there',
    needs: 'historyRevisions',
    async run({ store, historyRevisions }) {
      const from = await commit(store, put('a', '1'))
      let last = from
      for (let done = 0; done < historyRevisions! * 2; done += 50) {
        const results = await store.commit(
          Array.from({ length: 50 }, (_, i) => [put('count', `${done}-${i}`)]),
        )
        const end = results.at(-1)!
        if (end.kind === 'committed') last = end.revision
      }
      const watching = follow(store, [''], from)
      await watching.until('relist', (w) => w.batches.length > 0)
      assert.equal(watching.batches, [{ kind: 'relist', revision: last }])
      const next = await commit(store, put('a', '2'))
      await watching.until('the change after it', (w) => w.changes().length > 0)
      await watching.stop()
      assert.equal(watching.changes(), [{ kind: 'put', key: 'a', value: '2', revision: next }])
      const recent = follow(store, [''], last)
      await recent.until('the recent change', (w) => w.batches.length > 0)
      await recent.stop()
      assert.equal(recent.changes(), watching.changes(), 'what is recent needs no new list')
    },
  },
  {
    name: 'aborting ends a watch without an error, also before it began',
    async run({ store }) {
      const { revision: from } = await store.list([])
      const waiting = follow(store, [''], from)
      const unread = follow(store, [''], 0)
      await commit(store, put('a', '1'))
      await waiting.until('a', (w) => w.changes().length > 0)
      await waiting.stop()
      await unread.stop()
      for await (const batch of store.watch([''], 0, AbortSignal.abort())) {
        assert.unreachable(`an aborted watch reported ${JSON.stringify(batch)}`)
      }
      await commit(store, put('a', '2'))
      assert.is(waiting.changes().length, 1)
    },
  },
  {
    name: 'closing the store ends its watches',
    async run({ store }) {
      const { revision } = await store.list([])
      const ended = (async () => {
        for await (const _ of store.watch([''], revision, new AbortController().signal)) void _
      })()
      await new Promise((resolve) => setImmediate(resolve))
      await store.close()
      await ended
    },
  },
  {
    name: 'changes of another connection are reported',
    needs: 'reopen',
    async run({ store, reopen }) {
      const other = await reopen!()
      try {
        const { revision: from } = await store.list([])
        const watching = follow(store, ['a'], from)
        const first = await commit(other, put('a', '1'))
        await watching.until('the change', (w) => w.changes().length > 0)
        const second = await commit(other, remove('a'))
        await watching.until('the deletion', (w) => w.changes().length > 1)
        await watching.stop()
        assert.equal(watching.changes(), [
          { kind: 'put', key: 'a', value: '1', revision: first },
          { kind: 'delete', key: 'a', revision: second },
        ])
      } finally {
        await other.close()
      }
    },
  },
]

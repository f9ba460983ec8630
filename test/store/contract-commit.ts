/** Contract: transactions, preconditions, no-op writes. */
import * as assert from 'uvu/assert'
import type { Operation, Store } from '../../src/store/store.ts'
import type { ContractCase } from './contract.ts'
import { check, commit, keysOf, put, remove } from './contract-read.ts'

/** The transaction must be refused with this conflict, and leave nothing behind. */
async function refuses(store: Store, transaction: readonly Operation[], key: string, actual: number) {
  const before = await store.list([''])
  assert.equal(await store.commit([transaction]), [{ kind: 'conflict', key, actual }])
  assert.equal(await store.list(['']), before)
}

export const commitCases: readonly ContractCase[] = [
  {
    name: 'all operations of a transaction share one revision',
    async run({ store }) {
      await commit(store, put('old', '1'))
      const revision = await commit(store, put('a', '1'), remove('old'), put('b', '2'))
      const { entries } = await store.list([''])
      assert.equal(
        entries.map((entry) => [entry.key, entry.revision]),
        [
          ['a', revision],
          ['b', revision],
        ],
      )
    },
  },
  {
    name: 'expect holds for what was read, and only for that',
    async run({ store }) {
      const first = await commit(store, put('a', '1', 0))
      const second = await commit(store, put('a', '2', first))
      await refuses(store, [put('a', '3', first)], 'a', second)
      await refuses(store, [put('a', '3', second + 1)], 'a', second)
      await refuses(store, [remove('a', first)], 'a', second)
      await commit(store, remove('a', second))
      await refuses(store, [put('a', '4', second)], 'a', 0)
    },
  },
  {
    name: 'expect 0 means that it must not be there',
    async run({ store }) {
      const revision = await commit(store, put('a', '1', 0), check('b', 0), remove('c', 0))
      await refuses(store, [put('a', '1', 0)], 'a', revision)
      await refuses(store, [check('a', 0), put('d', '')], 'a', revision)
      await refuses(store, [remove('a', 0)], 'a', revision)
    },
  },
  {
    name: 'a conflict anywhere undoes all of the transaction and names the first',
    async run({ store }) {
      const revision = await commit(store, put('a', '1'), put('b', '1'))
      await refuses(store, [put('n', ''), put('a', '2'), put('b', '2', 0), remove('z', 5)], 'b', revision)
      await refuses(store, [remove('a'), put('n', ''), check('gone', 7)], 'gone', 0)
    },
  },
  {
    name: 'check writes nothing and may name a key that is written',
    async run({ store }) {
      const epoch = await commit(store, put('epoch', '1'))
      const revision = await commit(store, check('epoch', epoch), put('a', '1'))
      assert.is((await store.get('epoch'))?.revision, epoch)
      const next = await commit(store, check('epoch', epoch), put('epoch', '2', epoch), check('a', revision))
      await refuses(store, [check('epoch', epoch), put('a', '2')], 'epoch', next)
      assert.is(await commit(store, check('epoch', next)), next, 'only checks: no revision')
    },
  },
  {
    name: 'a put of the same text moves no revision, and its precondition counts',
    async run({ store }) {
      const revision = await commit(store, put('a', 'same'))
      assert.is(await commit(store, put('a', 'same')), revision)
      assert.is(await commit(store, put('a', 'same', revision)), revision)
      assert.equal(await store.list(['']), { entries: [{ key: 'a', value: 'same', revision }], revision })
      await refuses(store, [put('a', 'same', revision - 1)], 'a', revision)
      const other = await commit(store, put('a', 'same'), put('b', '1'))
      assert.is((await store.get('a'))?.revision, revision, 'unchanged beside an effective write')
      assert.is((await store.get('b'))?.revision, other)
    },
  },
  {
    name: 'deleting what is not there is no write',
    async run({ store }) {
      const revision = await commit(store, put('a', '1'))
      assert.is(await commit(store, remove('b')), revision)
      assert.is((await store.list([])).revision, revision)
      assert.is(await commit(store), revision, 'an empty transaction')
    },
  },
  {
    name: 'transactions of one call happen in order, each for itself',
    async run({ store }) {
      const results = await store.commit([
        [put('a', '1', 0)],
        [put('a', '2', 0), put('lost', '')],
        [put('a', '3'), put('b', '3')],
        [remove('b')],
        [put('b', '5', 0)],
      ])
      assert.equal(
        results.map((result) => result.kind),
        ['committed', 'conflict', 'committed', 'committed', 'committed'],
      )
      const revisions = results.map((result) =>
        result.kind === 'committed' ? result.revision : result.actual,
      )
      assert.is(revisions[1], revisions[0], 'the conflict is with the first')
      assert.ok(
        revisions[0]! < revisions[2]! && revisions[2]! < revisions[3]! && revisions[3]! < revisions[4]!,
      )
      assert.equal((await store.list([''])).entries, [
        { key: 'a', value: '3', revision: revisions[2]! },
        { key: 'b', value: '5', revision: revisions[4]! },
      ])
      assert.equal(await store.commit([]), [])
    },
  },
  {
    name: 'a thousand transactions in one call',
    async run({ store }) {
      const key = (i: number) => `many/${String(i).padStart(4, '0')}`
      const transactions = Array.from({ length: 1000 }, (_, i) => [
        put(key(i), `v${i}`, 0),
        put(`log/${i}`, ''),
      ])
      const results = await store.commit(transactions)
      const revisions = results.map((r) => (r.kind === 'committed' ? r.revision : 0))
      assert.ok(revisions[0]! > 0 && revisions.every((r, i) => i === 0 || r >= revisions[i - 1]!), 'in order')
      assert.is((await keysOf(store, 'many/')).length, 1000)
      const last = results[999]!
      assert.is((await store.get(key(999)))?.revision, last.kind === 'committed' ? last.revision : 0)
    },
  },
  {
    name: 'of many who expect the same revision one wins',
    async run({ store, reopen }) {
      const other = (await reopen?.()) ?? store
      try {
        const revision = await commit(store, put('a', 'start'))
        const results = await Promise.all(
          Array.from({ length: 20 }, (_, i) =>
            (i % 2 ? store : other).commit([[put('a', `${i}`, revision)]]),
          ),
        )
        const winners = results.flatMap(([result], i) => (result!.kind === 'committed' ? [i] : []))
        assert.is(winners.length, 1)
        assert.is((await store.get('a'))?.value, String(winners[0]))
      } finally {
        if (other !== store) await other.close()
      }
    },
  },
  {
    name: 'what no store can keep is refused before anything is written',
    async run({ store }) {
      const before = await store.list([''])
      const bad: readonly (readonly Operation[])[] = [
        [put('', 'empty key')],
        [put('a\0b', 'NUL in a key')],
        [put('a', 'first'), put('a', 'second')],
        [put('a', 'first'), remove('a')],
        [put('k'.repeat(2000), 'long key')],
        [put('a', 'x'.repeat(1024 * 1024 + 1))],
        [put('a', 'lone \ud800 surrogate')],
      ]
      for (const transaction of bad) {
        try {
          await store.commit([[put('fine', '')], transaction])
          assert.unreachable(`taken: ${JSON.stringify(transaction).slice(0, 100)}`)
        } catch (error) {
          assert.match(String((error as { code?: string }).code), /^(Bug|TooLarge)$/)
        }
      }
      assert.equal(await store.list(['']), before)
    },
  },
  {
    name: 'commits that were accepted are finished before close resolves',
    needs: 'reopen',
    async run({ store, reopen }) {
      const accepted = [commit(store, put('a', '1')), commit(store, put('b', '2'))]
      await store.close()
      await Promise.all(accepted)
      const again = await reopen!()
      try {
        assert.equal(await keysOf(again, ''), ['a', 'b'])
      } finally {
        await again.close()
      }
    },
  },
]

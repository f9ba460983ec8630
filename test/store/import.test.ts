/** Filling a store from a snapshot: all of it in its order, or a note that says that it is not all. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../src/core/errors.ts'
import { guardStore } from '../../src/store/guarded.ts'
import { type ImportOptions, importSnapshot } from '../../src/store/import.ts'
import { planImport, readUnfinishedImport, refuseUnfinishedImport } from '../../src/store/import-plan.ts'
import { firstEntries, readLayout, readTokenFloor } from '../../src/store/layout.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'
import { differingKeys, IMPORT_KEY, type Snapshot, takeSnapshot } from '../../src/store/snapshot.ts'
import type { Store, Transaction } from '../../src/store/store.ts'
import { STORES } from '../api/support.ts'
import { anySnapshot } from './snapshots.ts'

const options: ImportOptions = {
  from: 'shop.export',
  at: '2026-11-20T18:00:00.000Z',
  fence: [],
  signal: new AbortController().signal,
}

async function bring(
  store: Store,
  snapshot: Snapshot,
  more: Partial<ImportOptions> & { readonly replace?: boolean } = {},
): Promise<void> {
  const { entries } = await takeSnapshot(store)
  const plan = planImport(snapshot, entries, await readUnfinishedImport(store), more.replace ?? false)
  await importSnapshot(store, snapshot, plan, { ...options, ...more })
}

/** Pairs of neighbours in the order of the source's revisions must be no younger here. */
function assertSameOrder(source: Snapshot, copy: Snapshot): void {
  const revisions = new Map(copy.entries.map(({ key, revision }) => [key, revision]))
  const ordered = source.entries.toSorted((a, b) => a.revision - b.revision)
  for (const [at, entry] of ordered.entries()) {
    const before = ordered[at - 1]
    if (before !== undefined) assert.ok(revisions.get(before.key)! <= revisions.get(entry.key)!)
  }
}

/** Seven revisions of three keys each. */
const SNAPSHOT: Snapshot = {
  revision: 50,
  entries: Array.from({ length: 21 }, (_, n) => ({
    key: `obj/${String(n).padStart(2, '0')}`,
    revision: 40 - Math.floor(n / 3),
    value: `value ${n}`,
  })),
}

/** `store`, except that after `count` commits nothing is heard of it any more. */
function cutOffAfter(store: Store, count: number): Store {
  let commits = 0
  return new Proxy(store, {
    get(target, name) {
      if (name !== 'commit') {
        const member = Reflect.get(target, name)
        return typeof member === 'function' ? member.bind(target) : member
      }
      return (transactions: readonly Transaction[]) => {
        if (commits++ < count) return target.commit(transactions)
        throw new Error('cut off')
      }
    },
  })
}

/** `store` as an engine that takes little at a time, and counts. */
function narrow(store: Store, maxOperations: number, maxTransactionBytes: number): Store {
  return new Proxy(store, {
    get(target, name) {
      if (name === 'maxOperations') return maxOperations
      if (name === 'maxTransactionBytes') return maxTransactionBytes
      if (name === 'commit')
        return (transactions: readonly Transaction[]) => {
          for (const transaction of transactions) {
            assert.ok(transaction.length <= maxOperations, `${transaction.length} operations`)
            const bytes = transaction.reduce(
              (sum, one) => sum + one.key.length + (one.kind === 'put' ? one.value.length : 0),
              0,
            )
            assert.ok(bytes <= maxTransactionBytes, `${bytes} bytes`)
          }
          return target.commit(transactions)
        }
      const member = Reflect.get(target, name)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}

test('export, import and export again give the same entries in the same order', () =>
  fc.assert(
    fc.asyncProperty(anySnapshot(), async (snapshot) => {
      const store = createMemoryStore()
      await bring(store, snapshot)
      const copy = await takeSnapshot(store)
      assert.equal(
        copy.entries.map(({ key, value }) => [key, value]),
        snapshot.entries.map(({ key, value }) => [key, value]),
      )
      assertSameOrder(snapshot, copy)
      assert.is(await readUnfinishedImport(store), undefined)
    }),
  ))

for (const { name, use } of STORES) {
  test(`${name}: what was written together is together again, earlier before later`, () =>
    use(async (store) => {
      await bring(store, SNAPSHOT)
      const copy = await takeSnapshot(store)
      assert.equal(differingKeys(SNAPSHOT.entries, copy.entries), [])
      assertSameOrder(SNAPSHOT, copy)
      assert.is(new Set(copy.entries.map(({ revision }) => revision)).size, 7)
    }))

  test(`${name}: cut off after any commit it says so, and the same again makes it whole`, () =>
    use(async (store) => {
      for (let commits = 1; ; commits++) {
        const half = {
          ...SNAPSHOT,
          entries: SNAPSHOT.entries.map((entry) => ({ ...entry, value: entry.value.padEnd(300_000) })),
        }
        const failed = await bring(cutOffAfter(store, commits), half).then(
          () => undefined,
          (error: Error) => error,
        )
        if (failed === undefined) {
          assert.ok(commits > 4, `only ${commits} commits`)
          break
        }
        assert.is(failed.message, 'cut off')
        assert.is((await readUnfinishedImport(store))?.from, 'shop.export')
        await assertConflict(refuseUnfinishedImport(store), /half filled: the import of shop\.export/)
        await bring(store, half)
        const copy = await takeSnapshot(store)
        assert.equal(differingKeys(half.entries, copy.entries), [])
        assertSameOrder(half, copy)
        await refuseUnfinishedImport(store)
        await bring(store, { revision: 1, entries: [] }, { replace: true })
      }
    }))
}

async function assertConflict(work: Promise<unknown>, message: RegExp): Promise<void> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.ok(isNsctlError(error, 'Conflict'), `no conflict: ${error}`)
  assert.match((error as Error).message, message)
}

test('a store that is not empty is refused, and untouched', async () => {
  const store = createMemoryStore()
  await store.commit([[{ kind: 'put', key: 'obj/mine', value: 'x' }]])
  const before = await store.list([''])
  await assertConflict(bring(store, SNAPSHOT), /^the store is not empty: it holds 1 key$/)
  assert.equal(await store.list(['']), before)
})

test('the same again finds everything there', async () => {
  const store = createMemoryStore()
  await bring(store, SNAPSHOT)
  const before = await takeSnapshot(store)
  await bring(store, SNAPSHOT)
  assert.equal((await takeSnapshot(store)).entries, before.entries)
  await assertConflict(bring(store, { ...SNAPSHOT, entries: SNAPSHOT.entries.slice(1) }), /not empty/)
  const more = { key: 'obj/more', revision: 1, value: 'x' }
  await assertConflict(bring(store, { ...SNAPSHOT, entries: [...SNAPSHOT.entries, more] }), /not empty/)
})

test('leases are no contents, and stay', async () => {
  const store = createMemoryStore()
  await store.commit([[{ kind: 'put', key: 'lease/leader/epoch', value: '7' }]])
  await bring(store, SNAPSHOT)
  await bring(store, { revision: 1, entries: [] }, { replace: true })
  assert.equal(await store.listKeys(''), ['lease/leader/epoch'])
})

test('replacing takes away what is there, and remembers where that was kept', async () => {
  const store = createMemoryStore()
  await store.commit([[{ kind: 'put', key: 'obj/mine', value: 'x' }]])
  await bring(cutOffAfter(store, 1), SNAPSHOT, { replace: true, backup: 'first.export' }).catch(() => {})
  assert.is((await readUnfinishedImport(store))?.backup, 'first.export')
  await assertConflict(bring(store, SNAPSHOT), /not what it began to write: obj\/mine/)
  await bring(cutOffAfter(store, 2), SNAPSHOT, { replace: true, backup: 'second.export' }).catch(() => {})
  assert.is((await readUnfinishedImport(store))?.backup, 'first.export')
  await bring(store, SNAPSHOT, { replace: true, backup: 'third.export' })
  assert.equal(differingKeys(SNAPSHOT.entries, (await takeSnapshot(store)).entries), [])
})

test('another import than the one that was cut off is refused', async () => {
  const store = createMemoryStore()
  const signal = new AbortController()
  await bring(cutOffAfter(store, 2), SNAPSHOT).catch(() => {})
  signal.abort(new Error('stopped'))
  const other = { ...SNAPSHOT, entries: SNAPSHOT.entries.map((entry) => ({ ...entry, value: 'other' })) }
  await assertConflict(bring(store, other), /cut off/)
})

test('a store that takes little at a time is given no more', async () => {
  const store = createMemoryStore()
  const fence = [{ kind: 'check', key: 'lease/leader/epoch', expect: 0 }] as const
  await bring(narrow(store, 3, 100), SNAPSHOT, { fence })
  const copy = await takeSnapshot(store)
  assert.equal(differingKeys(SNAPSHOT.entries, copy.entries), [])
  assertSameOrder(SNAPSHOT, copy)
})

test('what does not fit into the engine is refused before anything is written', async () => {
  const store = createMemoryStore()
  const large = { revision: 2, entries: [{ key: 'obj/large', revision: 1, value: 'x'.repeat(100) }] }
  const error = await bring(narrow(store, 10, 60), large).then(
    () => undefined,
    (thrown) => thrown,
  )
  assert.ok(isNsctlError(error, 'TooLarge'))
  assert.equal(await store.listKeys(''), [])
})

test('another writer is noticed, and the import stays unfinished', async () => {
  for (const [value, key] of [
    ['x', 'obj/stranger'],
    ['x', 'obj/20'],
  ] as const) {
    const store = createMemoryStore()
    const meddled = new Proxy(store, {
      get(target, name) {
        const member = Reflect.get(target, name)
        if (name === 'commit')
          return async (transactions: readonly Transaction[]) => {
            const results = await target.commit(transactions)
            await target.commit([[{ kind: 'put', key, value }]])
            return results
          }
        return typeof member === 'function' ? member.bind(target) : member
      },
    })
    await assertConflict(bring(meddled, SNAPSHOT), /somebody else writes into the store/)
    assert.ok(await store.get(IMPORT_KEY))
  }
})

test('it does not write once the lease is lost, and ends when it is told to', async () => {
  const store = createMemoryStore()
  const fence = [{ kind: 'check', key: 'lease/leader/epoch', expect: 99 }] as const
  await assertConflict(bring(store, SNAPSHOT, { fence }), /lease\/leader\/epoch/)
  assert.equal(await store.listKeys(''), [])
  const stopped = await bring(store, SNAPSHOT, { signal: AbortSignal.abort() }).then(
    () => undefined,
    (error) => error,
  )
  assert.is(stopped?.name, 'AbortError')
})

test('what comes of another store has larger fencing tokens than it had there', async () => {
  const store = createMemoryStore({ first: firstEntries({ major: 2, minor: 0 }, '0.1.0', 1_000) })
  assert.is(await readTokenFloor(store), 1_000)
  await bring(store, SNAPSHOT)
  assert.is(await readTokenFloor(store), Date.parse(options.at))
  const earlier = createMemoryStore({ first: firstEntries({ major: 2, minor: 0 }, '0.1.0', 9e12) })
  await bring(earlier, SNAPSHOT)
  assert.is(await readTokenFloor(earlier), 9e12)
})

test('who has not looked again does not write into a store that is filled, and it says the later layout', async () => {
  const store = createMemoryStore({ first: firstEntries({ major: 2, minor: 0 }, '0.1.0') })
  const own = { major: 2, minor: 0 }
  const writer = await guardStore(store, own)
  const cut = cutOffAfter(store, 1)
  await bring(cut, SNAPSHOT, { layout: { major: 2, minor: 1 } }).catch(() => {})
  await assertConflict(
    writer.commit([[{ kind: 'put', key: 'a', value: 'b' }]]),
    /half filled: the import of shop\.export/,
  )
  await bring(store, SNAPSHOT, { layout: { major: 2, minor: 1 } })
  const { layout, isFilling } = await readLayout(store)
  assert.equal([layout, isFilling], [{ major: 2, minor: 1 }, undefined])
  await writer.commit([[{ kind: 'put', key: 'a', value: 'b' }]])
  assert.is((await store.get('a'))?.value, 'b')
})

test.run()

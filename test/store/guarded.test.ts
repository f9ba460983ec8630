/** A store under guard keeps the contract, and is written to by nobody who has not seen what has become of it. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../src/core/errors.ts'
import { guardStore } from '../../src/store/guarded.ts'
import { firstEntries, type LayoutVersion, layoutOperation, readLayout } from '../../src/store/layout.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'
import { LAYOUT_KEY } from '../../src/store/snapshot.ts'
import type { Operation, Store } from '../../src/store/store.ts'
import { storeContract } from './contract.ts'
import { put } from './contract-read.ts'

const OWN: LayoutVersion = { major: 2, minor: 3 }
const layout = (major: number, minor: number): LayoutVersion => ({ major, minor })

/** A store of `found`, and the same under guard. */
async function guarded(found: LayoutVersion, own: LayoutVersion = OWN): Promise<readonly [Store, Store]> {
  const store = createMemoryStore({ first: firstEntries(found, '0.1.0') })
  return [store, await guardStore(store, own)]
}

async function say(store: Store, mark: Partial<Parameters<typeof layoutOperation>[0]>): Promise<void> {
  const before = await readLayout(store)
  const [result] = await store.commit([[layoutOperation({ ...before, ...mark }, before)]])
  assert.is(result?.kind, 'committed')
}

async function refusal(attempt: () => Promise<unknown>): Promise<string> {
  try {
    await attempt()
  } catch (error) {
    if (isNsctlError(error, 'StoreFormat', 'Conflict', 'StoreCorrupt'))
      return `${error.code}: ${error.message}`
    throw error
  }
  return 'taken'
}

const write = (store: Store, key: string) => store.commit([[put(key, 'x')]])

// the entry that says the layout is taken out of the contract's sight: its stores are empty
storeContract('guarded', async () => {
  const store = createMemoryStore({ historyRevisions: 400, first: firstEntries(OWN, '0.1.0') })
  return {
    store: withoutMark(await guardStore(store, OWN)),
    historyRevisions: 400,
    cleanup: async () => {},
  }
})

function withoutMark(store: Store): Store {
  const sees = ({ key }: { readonly key: string }) => key !== LAYOUT_KEY
  return {
    url: store.url,
    get: (key) => store.get(key),
    getMany: (keys) => store.getMany(keys),
    list: async (prefixes) => {
      const { entries, revision } = await store.list(prefixes)
      return { entries: entries.filter(sees), revision }
    },
    listKeys: async (prefix) => (await store.listKeys(prefix)).filter((key) => sees({ key })),
    watch: (prefixes, from, signal) => store.watch(prefixes, from, signal),
    stats: async () => {
      const stats = await store.stats()
      return { ...stats, keys: stats.keys - 1 }
    },
    commit: (transactions) => store.commit(transactions),
    close: () => store.close(),
  }
}

for (const { found, want } of [
  { found: layout(2, 3), want: 'taken' },
  { found: layout(2, 4), want: 'taken' },
  {
    found: layout(2, 5),
    want: 'StoreFormat: the store memory: has layout 2.5, this nsctl reads layouts up to 2.4',
  },
  {
    found: layout(3, 0),
    want: 'StoreFormat: the store memory: has layout 3.0, this nsctl reads layouts up to 2.4',
  },
  {
    found: layout(2, 2),
    want: 'StoreFormat: the store memory: has layout 2.2, this nsctl writes layout 2.3',
  },
  {
    found: layout(1, 9),
    want: 'StoreFormat: the store memory: has layout 1.9, this nsctl writes layout 2.3',
  },
] as const)
  test(`a store of layout ${found.major}.${found.minor} and a process of 2.3: ${want.slice(0, 11)}`, async () => {
    assert.is(await refusal(() => guarded(found)), want)
    // a process that was there before is told as well, with its next write
    const [store, before] = await guarded(OWN)
    await write(before, 'a')
    await say(store, { layout: found })
    assert.is(await refusal(() => write(before, 'b')), want)
    assert.is((await store.get('b')) === undefined, want !== 'taken')
  })

test('a store that does not say is of layout 1.0', async () => {
  const store = createMemoryStore()
  assert.is(
    await refusal(() => guardStore(store, OWN)),
    'StoreFormat: the store memory: has layout 1.0, this nsctl writes layout 2.3',
  )
  assert.ok(await guardStore(store, layout(1, 0)))
})

test('what goes on at the moment is told to those who write meanwhile', async () => {
  const [store, writer] = await guarded(OWN)
  await say(store, { upgrade: { to: layout(2, 4), since: 'now', backup: 'b.export' } })
  assert.is(
    await refusal(() => write(writer, 'a')),
    'Conflict: the store memory: is half upgraded: its upgrade to layout 2.4, begun at now, is under way or was cut off',
  )
  const done: Operation = { kind: 'put', key: LAYOUT_KEY, value: '{"layout":"2.4"}' }
  await store.commit([[done]])
  assert.is(await refusal(() => write(writer, 'a')), 'taken')
  await say(store, { isFilling: true })
  await store.commit([[put('import/unfinished', '{"from":"x.export","since":"then"}')]])
  assert.is(
    await refusal(() => write(writer, 'b')),
    'Conflict: the store memory: is half filled: the import of x.export, begun at then, was cut off',
  )
  assert.is(await store.get('b'), undefined)
})

test('several transactions go on in their order where the store is only newer', async () => {
  const store = createMemoryStore({ first: firstEntries(OWN, '0.1.0') })
  // somebody upgrades it while a commit is on its way, after its first transaction
  let isFirst = true
  const racing: Store = {
    ...withoutMark(store),
    async commit(transactions) {
      if (!isFirst) return store.commit(transactions)
      isFirst = false
      const first = await store.commit(transactions.slice(0, 1))
      await say(store, { layout: layout(2, 4) })
      return [...first, ...(await store.commit(transactions.slice(1)))]
    },
  }
  const guard = await guardStore(racing, OWN)
  const results = await guard.commit([[put('a', '1')], [put('a', '2')], [put('b', '1', 99)], [put('a', '3')]])
  assert.equal(
    results.map(({ kind }) => kind),
    ['committed', 'committed', 'conflict', 'committed'],
  )
  assert.is((await store.get('a'))?.value, '3')
})

test('what a transaction may have is less by the check', async () => {
  const store = createMemoryStore({ first: firstEntries(OWN, '0.1.0') })
  const limited: Store = { ...withoutMark(store), maxOperations: 64, maxTransactionBytes: 1_000 }
  const guard = await guardStore(limited, OWN)
  assert.equal([guard.maxOperations, guard.maxTransactionBytes], [63, 1_000 - LAYOUT_KEY.length])
})

test('what nobody has written there is damage', async () => {
  for (const value of ['', '{', '{}', '{"layout":2}', '{"layout":"2"}', '{"layout":"2.x"}', '[]']) {
    const store = createMemoryStore({ first: [{ key: LAYOUT_KEY, value }] })
    assert.is(
      await refusal(() => guardStore(store, OWN)),
      'StoreCorrupt: the store memory: does not say which layout it has',
    )
  }
})

test.run()

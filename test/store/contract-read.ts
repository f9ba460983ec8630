/** Contract: reading, order, keys and values. */
import * as assert from 'uvu/assert'
import type { Operation, Store } from '../../src/store/store.ts'
import type { ContractCase } from './contract.ts'

export const put = (key: string, value: string, expect?: number): Operation =>
  expect === undefined ? { kind: 'put', key, value } : { kind: 'put', key, value, expect }
export const remove = (key: string, expect?: number): Operation =>
  expect === undefined ? { kind: 'delete', key } : { kind: 'delete', key, expect }
export const check = (key: string, expect: number): Operation => ({ kind: 'check', key, expect })

/** Commits one transaction that must go through; its revision. */
export async function commit(store: Store, ...transaction: readonly Operation[]): Promise<number> {
  const [result] = await store.commit([transaction])
  if (result?.kind !== 'committed') throw new Error(`not committed: ${JSON.stringify(result)}`)
  return result.revision
}

export async function keysOf(store: Store, ...prefixes: readonly string[]): Promise<readonly string[]> {
  return (await store.list(prefixes)).entries.map((entry) => entry.key)
}

/** In order of UTF-8 bytes; UTF-16 would put 😀 before ｚ. */
const ORDERED_KEYS = ['!', 'A', 'a', 'a-', 'a/', 'a/b', 'a0', 'aa', 'b', 'z', 'é', 'ｚ', '😀', '😀/x']

const VALUES: readonly { readonly name: string; readonly value: string }[] = [
  { name: 'empty', value: '' },
  { name: 'a NUL and other control characters', value: 'a\0b\u0001\r\n\t' },
  { name: 'many scripts', value: 'größe 日本語 😀 é ‎ \u{10ffff}' },
  { name: 'what looks like JSON', value: '{"a":[1,null,"\\u0000"]}' },
  { name: 'what looks like SQL', value: "'; DROP TABLE entries; --" },
  { name: '200 KiB', value: '0123456789abcdef'.repeat(12_800) },
  { name: '400 KiB of three-byte characters', value: '日'.repeat(136_000) },
]

export const readCases: readonly ContractCase[] = [
  {
    name: 'a new store is empty and has a positive revision',
    async run({ store }) {
      const { entries, revision } = await store.list([''])
      assert.equal(entries, [])
      assert.ok(Number.isSafeInteger(revision) && revision > 0, `revision ${revision}`)
      assert.is(await store.get('a'), undefined)
      assert.equal(await store.listKeys(''), [])
    },
  },
  {
    name: 'an entry is read back with the revision of its commit',
    async run({ store }) {
      const first = await commit(store, put('a', '1'), put('b', '2'))
      const second = await commit(store, put('b', '3'))
      assert.ok(second > first)
      assert.equal(await store.get('a'), { key: 'a', value: '1', revision: first })
      assert.equal(await store.get('b'), { key: 'b', value: '3', revision: second })
      assert.is((await store.list([])).revision, second)
    },
  },
  {
    name: 'getMany gives what is there in the order asked for',
    async run({ store }) {
      const revision = await commit(store, put('a', '1'), put('b', '2'), put('c', '3'))
      const entries = await store.getMany(['c', 'nothing', 'a', 'c'])
      assert.equal(entries, [
        { key: 'c', value: '3', revision },
        { key: 'a', value: '1', revision },
        { key: 'c', value: '3', revision },
      ])
      assert.equal(await store.getMany([]), [])
    },
  },
  {
    name: 'getMany asks for many keys alike, whether fewer or more are stored than asked for',
    async run({ store }) {
      const numbers = Array.from({ length: 30 }, (_, index) => index)
      const asked = [...numbers.map((number) => `asked/${number * 2}`), 'é/ключ', '~last']
      for (const end of [5, 60]) {
        for (let number = 0; number < end; number++) await commit(store, put(`asked/${number}`, `${number}`))
        // in a folder of the folder, which nobody asks for
        await commit(store, put('é/ключ', 'x'), put('asked/0/deep', ''), put('asked', ''))
        const found = (await store.getMany(asked)).map(({ key, value }) => [key, value])
        const wanted = numbers.filter((number) => number * 2 < end).map((number) => number * 2)
        assert.equal(found, [...wanted.map((number) => [`asked/${number}`, `${number}`]), ['é/ключ', 'x']])
      }
    },
  },
  {
    name: 'keys are ordered by their bytes',
    async run({ store }) {
      const shuffled = [...ORDERED_KEYS].sort((a, b) => (a.length * 7 - b.length * 5) % 3 || (a < b ? 1 : -1))
      for (const key of shuffled) await commit(store, put(key, key))
      assert.equal(await keysOf(store, ''), ORDERED_KEYS)
      assert.equal(await store.listKeys(''), ORDERED_KEYS)
    },
  },
  {
    name: 'a prefix covers exactly the keys that start with it',
    async run({ store }) {
      await commit(store, ...ORDERED_KEYS.map((key) => put(key, '')))
      for (const prefix of ['a', 'a/', 'a/b', 'é', '😀', '\u{10ffff}', 'b/', 'x']) {
        const want = ORDERED_KEYS.filter((key) => key.startsWith(prefix))
        assert.equal(await keysOf(store, prefix), want, `list ${prefix}`)
        assert.equal(await store.listKeys(prefix), want, `listKeys ${prefix}`)
      }
    },
  },
  {
    name: 'the empty prefix is everything, no prefix is nothing',
    async run({ store }) {
      const revision = await commit(store, put('a', ''), put('😀', ''))
      assert.equal(await keysOf(store, ''), ['a', '😀'])
      assert.equal(await store.list([]), { entries: [], revision })
    },
  },
  {
    name: 'several prefixes make one list in order, each key once',
    async run({ store }) {
      await commit(store, ...['a/1', 'a/b/1', 'b/1', 'c/1', 'd/1'].map((key) => put(key, '')))
      assert.equal(await keysOf(store, 'd/', 'a/', 'a/b/', 'c/', 'a/'), ['a/1', 'a/b/1', 'c/1', 'd/1'])
    },
  },
  {
    name: 'keys of 255 characters in each segment and of any script',
    async run({ store }) {
      const long = `obj/${'n'.repeat(255)}/${'x'.repeat(255)}`
      const keys = [long, `${long}y`, `ключ/${'ж'.repeat(255)}`, 'q\'uo"te%_\\*?/[x]']
      for (const key of keys) await commit(store, put(key, `value of ${key}`))
      for (const key of keys) assert.is((await store.get(key))?.value, `value of ${key}`)
      assert.equal(await keysOf(store, long), [long, `${long}y`])
      assert.equal(await keysOf(store, 'q\'uo"te%_\\*?/'), ['q\'uo"te%_\\*?/[x]'])
    },
  },
  ...VALUES.map(
    ({ name, value }): ContractCase => ({
      name: `a value may be ${name}`,
      async run({ store }) {
        // what is more than the store takes is tested by itself, for it is to be refused
        if (Buffer.byteLength(value) > (store.maxTransactionBytes ?? Number.POSITIVE_INFINITY)) return
        const revision = await commit(store, put('value', value))
        // compared by hand: a diff of 400 KiB helps nobody
        const entry = await store.get('value')
        assert.ok(entry?.value === value, `get gave ${entry?.value.length} characters`)
        assert.is(entry.revision, revision)
        assert.ok((await store.list(['val'])).entries[0]?.value === value, 'list')
        assert.is(await commit(store, put('value', value)), revision, 'the same text again is no write')
      },
    }),
  ),
  {
    name: 'stats count what is there',
    async run({ store }) {
      const revision = await commit(store, put('a', '1'), put('b', '2'))
      const stats = await store.stats()
      assert.is(stats.keys, 2)
      assert.is(stats.revision, revision)
      assert.is(stats.url, store.url)
      assert.ok(stats.bytes > 0)
    },
  },
  {
    name: 'what was committed is there after closing and opening again',
    needs: 'reopen',
    async run({ store, reopen }) {
      await commit(store, put('a', '1'), put('b', '2'))
      const revision = await commit(store, put('a', '日本'), remove('b'))
      await store.close()
      const again = await reopen!()
      try {
        assert.equal(await again.list(['']), { entries: [{ key: 'a', value: '日本', revision }], revision })
      } finally {
        await again.close()
      }
    },
  },
  {
    name: 'two connections see each other at once',
    needs: 'reopen',
    async run({ store, reopen }) {
      const other = await reopen!()
      try {
        const first = await commit(store, put('a', '1'))
        assert.equal(await other.get('a'), { key: 'a', value: '1', revision: first })
        const second = await commit(other, put('a', '2', first))
        assert.equal(await store.get('a'), { key: 'a', value: '2', revision: second })
        assert.equal(await store.commit([[put('a', '3', first)]]), [
          { kind: 'conflict', key: 'a', actual: second },
        ])
      } finally {
        await other.close()
      }
    },
  },
  {
    name: 'a closed store refuses reads and writes, and closes again in peace',
    async run({ store }) {
      await store.close()
      await store.close()
      for (const use of [
        () => store.get('a'),
        () => store.list(['']),
        () => store.commit([[put('a', '1')]]),
      ]) {
        const refused = await use().then(
          () => 'it was used',
          (error: unknown) => String(error),
        )
        assert.match(refused, /is closed/)
      }
    },
  },
]

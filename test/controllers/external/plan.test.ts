import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { planFetched, selectItems, type Values } from '../../../src/controllers/external/plan.ts'
import { ExternalError } from '../../../src/secrets/external.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const values = (of: Readonly<Record<string, string>>): Values =>
  new Map(Object.entries(of).map(([key, value]) => [key, bytes(value)]))

for (const { name, fetched, opened, stored = Object.keys(opened), same = true, want } of [
  {
    name: 'seals all at first',
    fetched: { b: '1', a: '2' },
    opened: {},
    want: { keep: [], reseal: [], seal: ['a', 'b'], drop: [] },
  },
  {
    name: 'keeps what is equal',
    fetched: { a: '1' },
    opened: { a: '1' },
    want: { keep: ['a'], reseal: [], seal: [], drop: [] },
  },
  {
    name: 'seals what has changed, and drops what is gone',
    fetched: { a: '1', b: '2' },
    opened: { a: '1', b: '1', c: '3' },
    want: { keep: ['a'], reseal: [], seal: ['b'], drop: ['c'] },
  },
  {
    name: 'reseals what is equal for others',
    fetched: { a: '1', b: '2' },
    opened: { a: '1', b: '1' },
    same: false,
    want: { keep: [], reseal: ['a'], seal: ['b'], drop: [] },
  },
  {
    name: 'takes for new what it cannot open',
    fetched: { a: '1' },
    opened: {},
    stored: ['a'],
    want: { keep: [], reseal: [], seal: ['a'], drop: [] },
  },
] as readonly {
  name: string
  fetched: Record<string, string>
  opened: Record<string, string>
  stored?: readonly string[]
  same?: boolean
  want: object
}[]) {
  test(`planFetched ${name}`, () => {
    const input = { fetched: values(fetched), stored, opened: values(opened), sameRecipients: same }
    assert.equal(planFetched(input), want)
  })
}

test('each key is planned for once, and a version stays exactly where the value does', () => {
  const some = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('x', 'y', ''))
  fc.assert(
    fc.property(some, some, some, fc.boolean(), (fetched, readable, unreadable, sameRecipients) => {
      const stored = [...new Set([...Object.keys(readable), ...Object.keys(unreadable)])]
      const plan = planFetched({
        fetched: values(fetched),
        stored,
        opened: values(readable),
        sameRecipients,
      })
      const all = [...plan.keep, ...plan.reseal, ...plan.seal, ...plan.drop].sort()
      assert.equal(all, [...new Set([...Object.keys(fetched), ...stored])].sort())
      for (const key of Object.keys(fetched)) {
        const stays = Object.hasOwn(readable, key) && readable[key] === fetched[key]
        assert.is(plan.keep.includes(key) || plan.reseal.includes(key), stays)
      }
      assert.is(sameRecipients ? plan.reseal.length : plan.keep.length, 0)
      for (const key of plan.drop) assert.not.ok(Object.hasOwn(fetched, key))
    }),
  )
})

test('items are taken under the names that they have here', () => {
  const all = values({ user: 'u', 'odd/key': 'p', more: 'm' })
  const items = [{ from: 'user' }, { from: 'odd/key', key: 'password' }]
  assert.equal(selectItems(all, items), values({ user: 'u', password: 'p' }))
  assert.equal(selectItems(values({ a: '1' }), undefined), values({ a: '1' }))
  assert.equal(selectItems(all, []), values({}))
})

for (const { name, items, reason, says } of [
  { name: 'a key that is not there', items: [{ from: 'none' }], reason: 'Missing', says: /no key "none"/ },
  { name: 'a name that no file can have', items: undefined, reason: 'Unusable', says: /its key "odd\/key"/ },
] as const) {
  test(`selectItems refuses ${name}`, () => {
    try {
      selectItems(values({ 'odd/key': 'planted' }), items)
      assert.unreachable()
    } catch (error) {
      assert.instance(error, ExternalError)
      assert.is((error as ExternalError).reason, reason)
      assert.match((error as ExternalError).message, says)
      assert.ok((error as ExternalError).next)
    }
  })
}

test.run()

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type CatalogEntry, checksText, type RegisteredEntry } from '../../src/traffic/catalog.ts'
import { planCatalog } from '../../src/traffic/catalog-plan.ts'
import { entry } from './contract.ts'

const tcp = {
  kind: 'tcp',
  host: '127.0.0.1',
  port: 1,
  periodMs: 1_000,
  timeoutMs: 500,
  failureThreshold: 1,
} as const

function asRegistered({ checks, ...facts }: CatalogEntry, failing?: string): RegisteredEntry {
  return { ...facts, checks: checksText(checks), ...(failing === undefined ? {} : { failing }) }
}

const texts = (wanted: readonly CatalogEntry[], registered: readonly RegisteredEntry[]) =>
  planCatalog(wanted, registered).map(
    (one) => `${one.kind} ${one.kind === 'register' ? one.entry.id : one.id}`,
  )

const plain = (id: string, more: Partial<CatalogEntry> = {}) => entry(id, { checks: [tcp], ...more })

for (const { name, wanted, registered, want } of [
  { name: 'registers what is missing', wanted: [plain('a')], registered: [], want: ['register a'] },
  {
    name: 'leaves alone what is there',
    wanted: [plain('a')],
    registered: [asRegistered(plain('a'))],
    want: [],
  },
  {
    name: 'ends first, then registers, then renews',
    wanted: [entry('ttl'), plain('new')],
    registered: [asRegistered(entry('ttl')), asRegistered(plain('old'))],
    want: ['deregister old', 'register new', 'renew ttl'],
  },
  {
    name: 'replaces what has another port',
    wanted: [plain('a')],
    registered: [asRegistered(plain('a', { port: 1 }))],
    want: ['register a'],
  },
  {
    name: 'replaces what has other checks',
    wanted: [plain('a')],
    registered: [asRegistered(plain('a', { checks: [{ ...tcp, port: 2 }] }))],
    want: ['register a'],
  },
  {
    name: 'leaves alone what is failing: whether it lives is not for the plan to say',
    wanted: [plain('a')],
    registered: [asRegistered(plain('a'), 'refused')],
    want: [],
  },
]) {
  test(name, () => assert.equal(texts(wanted, registered), want))
}

const some = fc
  .uniqueArray(
    fc.record({
      id: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      port: fc.constantFrom(1, 2),
      tags: fc.constantFrom<readonly string[]>(['x'], []),
      meta: fc.constantFrom<CatalogEntry['meta']>({}, { k: 'v' }),
      checks: fc.constantFrom<CatalogEntry['checks']>([tcp], [{ kind: 'ttl', ttlMs: 1_000 }]),
    }),
    { selector: ({ id }) => id },
  )
  .map((entries) => entries.map(({ id, ...more }) => entry(id, more)))

test('carried out, it makes any catalog hold exactly what is wanted, and then finds nothing to do', () => {
  fc.assert(
    fc.property(some, some, (wanted, before) => {
      const catalog = new Map(before.map((one) => [one.id, asRegistered(one)]))
      const actions = planCatalog(wanted, [...catalog.values()])
      for (const action of actions) {
        if (action.kind === 'deregister') assert.ok(catalog.delete(action.id), 'ends only what is there')
        if (action.kind === 'register') catalog.set(action.entry.id, asRegistered(action.entry))
        if (action.kind === 'renew') assert.ok(catalog.has(action.id), 'renews only what is there')
      }
      const byId = (entries: readonly RegisteredEntry[]) => entries.toSorted((a, b) => (a.id < b.id ? -1 : 1))
      assert.equal(byId([...catalog.values()]), byId(wanted.map((one) => asRegistered(one))))
      const again = planCatalog(wanted, [...catalog.values()])
      assert.ok(again.every(({ kind }) => kind === 'renew'))
    }),
  )
})

test.run()

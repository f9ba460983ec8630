import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { RevisionRecord } from '../../src/api/api.ts'
import type { Json } from '../../src/core/json.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'
import type { Store } from '../../src/store/store.ts'
import { keysOf, openBench, options, refused, STORES, service, storedJson, web } from './support.ts'

const REVISION_1 = 'rev/nsctl.dev/services/default/web/00000001'
const command = (word: string) => ({ template: { source: { command: ['run', word] } } })

/** What history says of each revision, newest first. */
const specs = (history: readonly RevisionRecord[]) =>
  history.map(({ revision, spec }) => [revision, spec] as const)

test('the spec of the present revision is stored once, and kept when the object moves on', async () => {
  const { api, store } = await openBench()
  await api.apply([service('web', { ...command('a'), replicas: 2 })], options)
  const first = (await api.get<AnyResource>(web))?.spec
  assert.is(((await storedJson(store, REVISION_1)) as { spec?: Json }).spec, undefined)
  assert.equal(specs(await api.history(web)), [[1, first]])

  await api.patch(web, 'merge', { metadata: { labels: { tier: 'front' } } }, options)
  assert.equal(await keysOf(store, REVISION_1), [REVISION_1], 'labels are no move')

  await api.scale(web, 5, options)
  assert.equal(await keysOf(store, REVISION_1), [REVISION_1, `${REVISION_1}/spec`])
  await api.scale(web, 6, options)
  assert.equal(specs(await api.history(web)), [[1, first]], 'scaling again does not touch what was kept')

  await api.rollback(web, { ...options, toRevision: 1 })
  await api.apply([service('web', command('b'))], options)
  assert.equal(specs(await api.history(web)).at(-1), [1, first])
  await api.delete(web, { ...options, cascade: 'orphan' })
  assert.equal(await keysOf(store, 'rev/'), [], 'nothing is left behind')
})

test('history mixes up no objects whose names begin alike', async () => {
  const { api } = await openBench()
  await api.apply([service('web', command('a')), service('web-2', command('b'))], options)
  const [one, two] = [await api.history(web), await api.history({ ...web, name: 'web-2' })]
  assert.equal([one.length, two.length], [1, 1])
  assert.is.not(JSON.stringify(one[0]?.spec), JSON.stringify(two[0]?.spec))
})

test('a record that holds its own spec, as older ones do, is taken at its word', async () => {
  const { api, store } = await openBench()
  await api.apply([service('web', command('a'))], options)
  const record = (await storedJson(store, REVISION_1)) as object
  const value = JSON.stringify({ ...record, spec: { own: true } })
  await store.commit([[{ kind: 'put', key: REVISION_1, value }]])
  assert.equal(specs(await api.history(web)), [[1, { own: true }]])
})

test('a revision whose spec is nowhere is said to be damage, not shown as empty', async () => {
  const { api, store } = await openBench()
  await api.apply([service('web', command('a'))], options)
  await api.scale(web, 3, options)
  await store.commit([[{ kind: 'delete', key: `${REVISION_1}/spec` }]])
  assert.match((await refused('StoreCorrupt', () => api.history(web))).message, /00000001$/)
})

type Step =
  | { readonly do: 'apply' | 'patch' | 'label'; readonly word: string }
  | { readonly do: 'scale' | 'rollback' | 'limit'; readonly number: number }
  | { readonly do: 'status' | 'recreate' }

const word = fc.constantFrom('a', 'b', 'c')
const number = fc.integer({ min: 0, max: 4 })
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constantFrom('apply', 'patch', 'label'), word }),
  fc.record({ do: fc.constantFrom('scale', 'rollback', 'limit'), number }),
  fc.record({ do: fc.constantFrom('status', 'recreate') }),
)

/** Does as it says; what cannot be done is refused and changes nothing. */
async function take(store: Store, what: Step): Promise<void> {
  const { api } = await openBench(store)
  switch (what.do) {
    case 'apply':
      await api.apply([service('web', command(what.word))], options)
      return
    case 'patch':
      await api.patch(web, 'merge', { spec: command(what.word) }, options)
      return
    case 'label':
      await api.patch(web, 'merge', { metadata: { labels: { word: what.word } } }, options)
      return
    case 'scale':
      await api.scale(web, what.number, options)
      return
    case 'limit':
      await api.patch(web, 'merge', { spec: { revisionHistoryLimit: what.number + 1 } }, options)
      return
    case 'rollback': {
      const kept = await api.history(web)
      await api.rollback(web, { ...options, toRevision: kept[what.number % kept.length]!.revision })
      return
    }
    case 'status':
      await api.updateStatus(web, { observedGeneration: 1 })
      return
    case 'recreate':
      await api.delete(web, { ...options, cascade: 'orphan' })
      await api.apply([service('web', command('a'))], options)
  }
}

async function holds(store: Store, steps: readonly Step[]): Promise<void> {
  const { api } = await openBench(store)
  let born = new Map<number, unknown>()
  let uid: string | undefined
  let kept = 0
  for (const what of [{ do: 'apply', word: 'a' } as const, ...steps]) {
    await take(store, what)
    const { metadata, spec } = (await api.get<AnyResource>(web))!
    if (metadata.uid !== uid) {
      born = new Map()
      kept = 0
    }
    uid = metadata.uid
    const revision = metadata.revision ?? 0
    if (!born.has(revision)) born.set(revision, spec)
    const history = await api.history(web)
    const wanted = history.map((record) => [record.revision, born.get(record.revision)])
    assert.equal(specs(history), wanted, `after ${JSON.stringify(what)}`)
    assert.is(history[0]?.revision, revision, 'the present revision is among them')
    const limit = spec?.revisionHistoryLimit as number
    assert.ok(history.length <= Math.max(limit + 1, kept), 'old ones go')
    assert.ok(history.length >= Math.min(limit + 1, kept), 'and no others')
    kept = history.length
  }
}

test('whatever is done, history tells each revision as it was when it was made', () =>
  fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 14 }), (steps) => holds(createMemoryStore(), steps)),
    { numRuns: 150 },
  ))

for (const { name, use } of STORES)
  test(`so it does over ${name}`, () =>
    use((store) =>
      holds(store, [
        { do: 'scale', number: 3 },
        { do: 'apply', word: 'b' },
        { do: 'limit', number: 1 },
        { do: 'rollback', number: 1 },
        { do: 'recreate' },
        { do: 'patch', word: 'c' },
        { do: 'rollback', number: 1 },
      ]),
    ))

test.run()

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Manifest } from '../../src/api/api.ts'
import { versionOf } from '../../src/api/definitions.ts'
import { rewriteStored } from '../../src/api/rewrite.ts'
import { canonicalJson, clone } from '../../src/core/json.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import type { Store, Transaction } from '../../src/store/store.ts'
import { gear, gearDefinition } from '../resources/conversion/fixtures.ts'
import { openBench, options, STORES } from './support.ts'

// biome-ignore lint/suspicious/noExplicitAny: definitions are changed freely here
type Loose = any

const big = { kind: 'Gear', namespace: 'default', name: 'big' } as const
const crd = { kind: 'CustomResourceDefinition', name: 'gears.example.org' } as const

function said(object: AnyResource): Manifest {
  return { object, source: 'gear.yaml' }
}

function redefined(change: (spec: Loose) => void): AnyResource {
  const definition = clone(gearDefinition()) as Loose
  change(definition.spec)
  return definition
}

const onlyAlpha = redefined((spec) => {
  delete spec.conversion
  spec.versions = [{ ...spec.versions[0], storage: true }]
})
const withoutAlpha = redefined((spec) => {
  spec.versions.shift()
  spec.conversion.versions.shift()
})

const onlyV1 = redefined((spec) => {
  delete spec.conversion
  spec.versions.splice(0, 2)
})

/** Objects with every kind of record beside them, made while there was one version only. */
async function fill(store: Store): Promise<void> {
  const { api } = await openBench(store)
  await api.apply([said(onlyAlpha)], options)
  const specs = [
    { size: 1, host: 'a', legacy: { depth: 1 } },
    { size: 2, host: 'b' },
    { size: 2, host: 'c' },
  ]
  for (const spec of specs) await api.apply([said(gear('v1alpha1', spec))], options)
  await api.scale(big, 7, options)
  await api.patch(big, 'merge', { spec: { mode: 'fast' } }, options)
  for (const name of ['one', 'two'])
    await api.apply([said(gear('v1alpha1', { host: name }, { name }))], options)
  await api.apply([said(gearDefinition())], options)
}

async function versionsOf(store: Store): Promise<readonly string[]> {
  const { entries } = await store.list(['obj/example.org/', 'applied/example.org/', 'rev/example.org/'])
  return [...new Set(entries.flatMap((entry) => versionOf(entry, 'v1alpha1') ?? []))]
}

for (const { name, use } of STORES) {
  test(`rewriteStored: everything is written in the stored version, and means what it meant (${name})`, () =>
    use(async (store) => {
      await fill(store)
      const { api } = await openBench(store)
      const refs = [big, { ...big, name: 'one' }]
      const everything = async () => ({
        objects: await Promise.all(refs.map((ref) => api.get({ ...ref, version: 'v1alpha1' }))),
        history: await Promise.all(refs.map((ref) => api.history({ ...ref, version: 'v1alpha1' }))),
      })
      const plain = (value: unknown) => canonicalJson(value).replaceAll(/"resourceVersion":"\d+"/g, '')
      const before = await everything()
      assert.equal(await versionsOf(store), ['v1alpha1'])

      const [planned] = await rewriteStored(store, { dryRun: true })
      assert.equal(await versionsOf(store), ['v1alpha1'], 'a dry run writes nothing')
      const [done] = await rewriteStored(store)
      assert.equal(done, planned)
      assert.is(done?.objects, 3)
      assert.equal(done?.from, ['v1alpha1', 'v1'])
      assert.equal(await versionsOf(store), ['v1'])
      assert.equal((await api.get(crd))?.status, { storedVersions: ['v1'] })
      assert.is(plain(await everything()), plain(before))
      assert.equal(await rewriteStored(store), [], 'nothing is left to do')

      const again = gear('v1alpha1', { host: 'one' }, { name: 'one' })
      assert.is((await api.apply([said(again)], options)).results[0]?.verdict, 'unchanged')
      const [less] = (await api.apply([said(gear('v1alpha1', {}, { name: 'two' }))], options)).results
      assert.equal(
        less?.changes,
        [{ path: ['spec', 'host'], from: 'two' }],
        'the last manifest is still known',
      )
      const [first] = (await api.apply([said(withoutAlpha)], options)).results
      assert.is(first?.verdict, 'configured', 'the old version can go')
      await api.rollback(big, { ...options, toRevision: 1 })
      assert.equal((await api.get(big))?.spec?.hosts, ['a'])
      await api.scale(big, 3, options)
      await api.patch(big, 'merge', { spec: { mode: 'Turbo' } }, options)

      // what was written while there were several versions is read when there is one again
      const history = await api.history(big)
      await api.apply([said(onlyV1)], options)
      const specs = (records: typeof history) =>
        records.map(({ revision, spec, changes }) => ({ revision, spec, changes }))
      assert.equal(specs(await api.history(big)), specs(history))
      await api.rollback(big, { ...options, toRevision: 2 })
      assert.equal((await api.get(big))?.spec?.hosts, ['b'])
      const same = gear('v1', { hosts: ['one'], engine: 'classic', scaling: {} }, { name: 'one' })
      await api.apply([said(same)], options)
      assert.is((await api.apply([said(same)], options)).results[0]?.verdict, 'unchanged')
    }))
}

test('rewriteStored: cut off anywhere, nothing is lost, and it goes on', async () => {
  for (const STORE of STORES.slice(0, 1))
    await STORE.use(async (store) => {
      await fill(store)
      const { api } = await openBench(store)
      const before = (await api.history(big)).map(({ spec, revision }) => ({ spec, revision }))
      for (let budget = 0; ; budget++) {
        let left = budget
        const cut = {
          get: (key: string) => store.get(key),
          list: (prefixes: readonly string[]) => store.list(prefixes),
          async commit(transactions: readonly Transaction[]) {
            const results = []
            for (const one of transactions) {
              if (left-- <= 0) throw new Error('cut off')
              results.push(...(await store.commit([one])))
            }
            return results
          },
        } as unknown as Store
        const isDone = await rewriteStored(cut).then(
          () => true,
          () => false,
        )
        const after = (await api.history(big)).map(({ spec, revision }) => ({ spec, revision }))
        assert.equal(after, before)
        if (isDone) break
        // each round begins where the last was cut off, one transaction further
        assert.ok(budget < 20)
      }
      assert.equal(await versionsOf(store), ['v1'])
    })
})

test.run()

/** What people may say of what nsctl writes. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { ResourceApi } from '../../src/api/api.ts'
import type { Json } from '../../src/core/json.ts'
import type { Store } from '../../src/store/store.ts'
import { beforeCommits, instance, openBench, options, refused, STORES, service } from './support.ts'

const test = suite('marks of instances')
const ref = { kind: 'Instance', namespace: 'default', name: 'web-0-x' } as const
const busy = (value: Json) => ({ metadata: { annotations: { 'nsctl.dev/busy': value } } })
const annotate = { ...options, verb: 'annotated' } as const

async function benchOf(store?: Store) {
  const bench = await openBench(store)
  await bench.api.createOwned([instance('web-0-x')])
  await bench.api.updateStatus(ref, { phase: 'Running', ready: true })
  return bench
}

async function annotationsOf(api: ResourceApi) {
  return (await api.get(ref))?.metadata.annotations
}

for (const { name, use } of STORES)
  test(`an instance is said to be busy, and not any more, over ${name}`, () =>
    use(async (store) => {
      const { api } = await benchOf(store)
      const before = await api.get(ref)
      const dry = await api.patch(ref, 'merge', busy('true'), { ...annotate, dryRun: true })
      assert.equal([dry.verdict, await annotationsOf(api)], ['annotated', undefined])
      const { verdict, changes, object } = await api.patch(ref, 'merge', busy('true'), annotate)
      const path = ['metadata', 'annotations', 'nsctl.dev/busy']
      assert.equal([verdict, changes], ['annotated', [{ path, to: 'true' }]])
      const now = await api.get(ref)
      assert.equal(object, now)
      assert.equal(now?.metadata.annotations, { 'nsctl.dev/busy': 'true' })
      assert.equal([now?.status, now?.spec], [before?.status, before?.spec])
      assert.is((await api.patch(ref, 'merge', busy('true'), annotate)).verdict, 'unchanged')
      assert.equal(
        (await api.audit({ ref })).map(({ verb, by }) => [verb, by]),
        [['annotate', 'ada']],
      )
      await api.updateStatus(ref, { phase: 'Running', ready: false })
      assert.equal(await annotationsOf(api), { 'nsctl.dev/busy': 'true' }, 'the agent leaves it alone')
      await api.patch(ref, 'merge', busy(null), annotate)
      assert.equal((await annotationsOf(api)) ?? {}, {})
    }))

for (const [name, patch, message] of [
  ['another value', busy('yes'), /nsctl\.dev\/busy"\]: must be "true" or "false", not "yes"/],
  ['no text', busy(true), /nsctl\.dev\/busy"\]: must be "true" or "false", not true/],
  [
    'another annotation',
    { metadata: { annotations: { note: 'x' } } },
    /an Instance is written by nsctl only/,
  ],
  [
    'another of our own',
    { metadata: { annotations: { 'nsctl.dev/other': 'x', 'nsctl.dev/busy': 'true' } } },
    /an Instance is written by nsctl only/,
  ],
  ['a label', { metadata: { labels: { a: 'b' } } }, /an Instance is written by nsctl only/],
  ['its spec', { spec: { node: 'beta' } }, /an Instance is written by nsctl only/],
  ['its spec beside it', { ...busy('true'), spec: { attempt: 9 } }, /an Instance is written by nsctl only/],
] as const)
  test(`refused: ${name}`, async () => {
    const { api } = await benchOf()
    const error = await refused('Invalid', () => api.patch(ref, 'merge', patch as Json, annotate))
    assert.match(error.message, message)
    assert.match(error.next ?? '', 'nsctl annotate instance web-0-x nsctl.dev/busy=true')
    assert.is(await annotationsOf(api), undefined)
  })

test('what is read before must be what is there', async () => {
  const { api } = await benchOf()
  const metadata = { annotations: { 'nsctl.dev/busy': 'true' }, resourceVersion: '1' }
  await refused('Conflict', () => api.patch(ref, 'merge', { metadata }, annotate))
})

test('who comes in between does not undo it, nor is undone', async () => {
  const { api, store } = await benchOf()
  let times = 0
  const racing = beforeCommits(store, async () => {
    if (times++ < 2) await api.updateOwned(ref, (spec) => ({ ...spec, attempt: times }))
  })
  const { api: slow } = await openBench(racing)
  await slow.patch(ref, 'merge', busy('true'), annotate)
  const now = await api.get(ref)
  assert.equal([now?.spec?.attempt, now?.metadata.annotations], [2, { 'nsctl.dev/busy': 'true' }])
})

test('it is said of instances only, and of those that are there', async () => {
  const { api } = await benchOf()
  await api.apply([service('web')], options)
  const other = await refused('Invalid', () =>
    api.patch({ kind: 'Service', namespace: 'default', name: 'web' }, 'merge', busy('true'), annotate),
  )
  assert.match(other.message, 'nsctl.dev/ is nsctl')
  await refused('NotFound', () => api.patch({ ...ref, name: 'gone' }, 'merge', busy('true'), annotate))
  await api.ensure({
    ...{ apiVersion: 'nsctl.dev/v1alpha1', kind: 'Node', metadata: { name: 'alpha' }, spec: {} },
  } as never)
  const node = await refused('Invalid', () =>
    api.patch({ kind: 'Node', name: 'alpha' }, 'merge', busy('true'), annotate),
  )
  assert.match(node.message, 'nsctl.dev/ is nsctl')
})

test.run()

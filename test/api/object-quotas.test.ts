/** Counts that quotas limit: refused where objects are made, also where several come at once. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ResourceQuota } from '../../src/resources/generated/types.ts'
import { beforeCommits, manifest, openBench, options, refused, STORES, service } from './support.ts'

const quota = (hard: object, name = 'team') => manifest('ResourceQuota', { name }, { spec: { hard } })
const config = (name: string) => manifest('Config', { name }, { spec: { data: { a: 'b' } } })

test('one too many is refused, with where it stands, what is used and what to do', async () => {
  const { api } = await openBench()
  await api.apply([quota({ 'count/services': 1 }), service('web')], options)
  const error = await refused('QuotaExceeded', () => api.apply([service('more')], options))
  assert.is(error.exitCode, 4)
  assert.match(
    error.message,
    'web.yaml: service/more would be one too many: resourcequota/team allows count/services 1 in namespace default, and 1 are used',
  )
  assert.match(error.next ?? '', 'nsctl describe resourcequota team -n default')
  await refused('QuotaExceeded', () => api.create(service('more'), options))
  await refused('QuotaExceeded', () => api.apply([service('more')], { ...options, dryRun: true }))
})

test('a set is refused as a whole; what is there may change, and other kinds and namespaces go on', async () => {
  const { api } = await openBench()
  await api.apply([quota({ 'count/services': 2 }), service('a')], options)
  await refused('QuotaExceeded', () => api.apply([service('b'), service('c')], options))
  assert.is(await api.get({ kind: 'Service', namespace: 'default', name: 'b' }), undefined)
  await api.apply([service('a', { replicas: 3 }), service('b'), config('c')], options)
  await api.apply([manifest('Namespace', { name: 'shop' })], options)
  await api.apply([service('x', {}, { namespace: 'shop' })], options)
})

test('partial applies as many as there is room for', async () => {
  const { api } = await openBench()
  await api.apply([quota({ 'count/configs': 2 })], options)
  const { results, failed } = await api.apply(['a', 'b', 'c'].map(config), { ...options, partial: true })
  assert.equal([results.length, failed.length], [2, 1])
})

test('what is removed makes room, and so does a quota that is raised', async () => {
  const { api } = await openBench()
  await api.apply([quota({ 'count/configs': 1 }), config('a')], options)
  await api.delete({ kind: 'Config', namespace: 'default', name: 'a' }, options)
  await api.apply([config('b')], options)
  await refused('QuotaExceeded', () => api.apply([config('c')], options))
  await api.apply([quota({ 'count/configs': 2 })], options)
  await api.apply([config('c')], options)
})

test('of several quotas each holds', async () => {
  const { api } = await openBench()
  await api.apply([quota({ 'count/configs': 5 }), quota({ 'count/configs': 1 }, 'other')], options)
  const error = await refused('QuotaExceeded', () => api.apply([config('a'), config('b')], options))
  assert.match(error.message, 'resourcequota/other allows count/configs 1')
})

for (const { name, use } of STORES)
  test(`${name}: of many processes that make one each as many succeed as there is room for`, async () =>
    use(async (store) => {
      const apis = await Promise.all(Array.from({ length: 12 }, async () => (await openBench(store)).api))
      await apis[0]!.apply([quota({ 'count/services': 5 })], options)
      const outcomes = await Promise.allSettled(
        apis.map((api, at) => api.apply([service(`s${at}`)], options)),
      )
      const made = outcomes.filter(({ status }) => status === 'fulfilled').length
      assert.is(made, 5)
      for (const one of outcomes)
        if (one.status === 'rejected') assert.is((one.reason as { code: string }).code, 'QuotaExceeded')
      assert.is((await apis[0]!.list(apis[0]!.kinds.byKind('Service'))).items.length, 5)
    }))

test('a set of several transactions takes its quota from one to the next', async () => {
  const { api } = await openBench()
  await api.apply([quota({ 'count/configs': 250 })], options)
  await api.apply(
    Array.from({ length: 250 }, (_, at) => config(`c${at}`)),
    options,
  )
  const found = await api.get<ResourceQuota>({ kind: 'ResourceQuota', namespace: 'default', name: 'team' })
  assert.is(found?.status?.admissions, 3)
  await refused('QuotaExceeded', () => api.apply([config('more')], options))
})

test('who is overtaken between the look and the commit looks again', async () => {
  const bench = await openBench()
  await bench.api.apply([quota({ 'count/configs': 1 })], options)
  let overtaken = false
  const slow = await openBench(
    beforeCommits(bench.store, async (transactions) => {
      const makes = transactions.flat().some(({ key }) => key.endsWith('/configs/default/slow'))
      if (!makes || overtaken) return
      overtaken = true
      await bench.api.apply([config('fast')], options)
    }),
  )
  await refused('QuotaExceeded', () => slow.api.apply([config('slow')], options))
})

test.run()

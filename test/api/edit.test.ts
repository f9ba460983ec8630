import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MAX_OBJECT_BYTES } from '../../src/api/admission/limits.ts'
import { FINALIZERS } from '../../src/api/api.ts'
import { valueAt } from '../../src/core/json.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'
import type { Store, Transaction } from '../../src/store/store.ts'
import { actor, manifest, openBench, options, refused, service, web } from './support.ts'

async function running(spec: Record<string, unknown> = {}) {
  const bench = await openBench()
  await bench.api.apply([service('web', spec)], options)
  return bench
}

const command = (...words: string[]) => ({ template: { source: { command: words } } })
const causes = async (api: Awaited<ReturnType<typeof running>>['api']) =>
  (await api.history(web)).map(({ revision, cause }) => `r${revision} ${cause}`)

test('scale moves the generation and no revision', async () => {
  const { api } = await running({ replicas: 2 })
  const scaled = await api.scale(web, 5, options)
  assert.is(scaled.verdict, 'scaled')
  assert.equal(scaled.changes, [{ path: ['spec', 'replicas'], from: 2, to: 5 }])
  assert.is(scaled.object.metadata.generation, 2)
  assert.is(scaled.object.metadata.revision, 1)
  assert.equal(await causes(api), ['r1 applied'])
  assert.is((await api.scale(web, 5, options)).verdict, 'unchanged')
})

test('scale refuses what the schema does, another number than was expected, and kinds without replicas', async () => {
  const { api } = await running({ replicas: 2 })
  for (const wrong of [-1, 10_001, 1.5])
    assert.match(
      (await refused('Invalid', () => api.scale(web, wrong, options))).message,
      /^service\/web: spec\.replicas: must be/,
    )
  const error = await refused('Conflict', () => api.scale(web, 3, { actor, expectCurrent: 4 }))
  assert.is(error.message, 'service/web has 2 replicas, not 4')
  assert.is((await api.scale(web, 3, { actor, expectCurrent: 2 })).verdict, 'scaled')
  await refused('Unsupported', () => api.scale({ kind: 'Namespace', name: 'default' }, 1, options))
  const gone = await refused('NotFound', () => api.scale({ ...web, name: 'nope' }, 1, options))
  assert.is(gone.message, 'there is no service/nope in namespace default')
})

test('scale says when somebody else owns the replicas', async () => {
  const { api } = await running()
  await api.takeFields(web, 'scaledobject/web', ['spec.replicas'])
  const { warnings } = await api.scale(web, 3, options)
  assert.equal(warnings, ['spec.replicas is owned by scaledobject/web, which may change it again'])
})

test('scaling a daemon says that it does nothing', async () => {
  const { api } = await running({ placement: { strategy: 'perNode' } })
  const { warnings } = await api.scale(web, 4, options)
  assert.equal(warnings, [
    'service/web: spec.replicas (4) has no effect with placement strategy perNode: each node that matches has one',
  ])
})

test('a dry run of any verb writes nothing', async () => {
  const { api, store } = await running()
  const { revision } = await store.list([''])
  const dry = { actor, dryRun: true }
  assert.is((await api.scale(web, 3, dry)).object.spec?.replicas, 3)
  assert.is((await api.patch(web, 'merge', { spec: { replicas: 4 } }, dry)).verdict, 'patched')
  assert.is((await api.delete(web, dry)).verdict, 'deleted')
  await refused('NotFound', () => api.rollback(web, dry))
  assert.is((await store.list([''])).revision, revision)
})

test('a change of spec is a revision: who, when, from where, why and what', async () => {
  const { api, clock } = await running()
  clock.advance(60_000)
  await api.apply([service('web', command('false'))], {
    actor: { name: 'bob', from: 'git 3f9c2e1 (web.yaml)' },
  })
  const [newest, oldest] = await api.history(web)
  assert.is(newest?.revision, 2)
  assert.is(newest?.generation, 2)
  assert.is(newest?.by, 'bob')
  assert.is(newest?.from, 'git 3f9c2e1 (web.yaml)')
  assert.is(newest?.at, '2026-01-01T00:01:00Z')
  assert.equal(newest?.changes, [
    { path: ['spec', 'template', 'source', 'command'], from: ['true'], to: ['false'] },
  ])
  assert.equal(newest?.spec, (await api.get(web))?.spec as never)
  assert.is(oldest?.cause, 'applied')
})

test('rollback makes a new revision out of the last but one, or of any that is kept', async () => {
  const { api } = await running(command('one'))
  await api.apply([service('web', command('two'))], options)
  await api.apply([service('web', command('three'))], options)
  const back = await api.rollback(web, options)
  assert.is(back.verdict, 'rolled back')
  assert.is(back.object.metadata.revision, 4)
  assert.equal(valueAt(back.object, ['spec', 'template', 'source']), { command: ['two'] })
  await api.rollback(web, { actor, toRevision: 1 })
  assert.equal(await causes(api), [
    'r5 rolled back to r1',
    'r4 rolled back to r2',
    'r3 applied',
    'r2 applied',
    'r1 applied',
  ])
  const same = await api.rollback(web, { actor, toRevision: 1 })
  assert.is(same.verdict, 'unchanged')
  assert.equal(same.warnings, ['service/web is as in r1 already'])
  const error = await refused('NotFound', () => api.rollback(web, { actor, toRevision: 9 }))
  assert.is(error.message, 'service/web has no revision r9')
  assert.is(error.next, 'revisions that are kept: r1, r2, r3, r4, r5')
})

test('rollback brings back replicas that came with a revision, not those that were scaled since', async () => {
  const { api } = await running({ replicas: 2 })
  await api.apply([service('web', { replicas: 4 })], options)
  assert.is((await api.rollback(web, options)).object.spec?.replicas, 2)
  await api.apply([service('web', { replicas: 2, ...command('two') })], options)
  await api.scale(web, 7, options)
  const back = await api.rollback(web, options)
  assert.is(back.object.spec?.replicas, 7)
  assert.equal(back.warnings, ['spec.replicas was scaled since r4 and stays 7'])
  assert.equal(valueAt(back.object, ['spec', 'template', 'source']), { command: ['true'] })
})

test('rollback never undoes a scaling, whatever else was changed after it', async () => {
  const { api } = await running(command('one'))
  await api.scale(web, 5, options)
  await api.apply([service('web', command('two'))], options)
  const back = await api.rollback(web, options)
  assert.is(back.object.spec?.replicas, 5)
  assert.equal(back.warnings, ['spec.replicas was scaled since r1 and stays 5'])
  assert.equal(valueAt(back.object, ['spec', 'template', 'source']), { command: ['one'] })
  await api.apply([service('web', { replicas: 9, ...command('three') })], options)
  const again = await api.rollback(web, { actor, toRevision: 1 })
  assert.is(again.object.spec?.replicas, 5)
  assert.equal(again.warnings, ['spec.replicas was scaled since r1 and goes back to 5'])
})

test('rollback of the first revision and of a kind without revisions is refused', async () => {
  const { api } = await running()
  assert.match((await refused('NotFound', () => api.rollback(web, options))).message, 'no revision before r1')
  await refused('Unsupported', () => api.rollback({ kind: 'Namespace', name: 'default' }, options))
})

test('a rolled back object goes on with the next apply', async () => {
  const { api } = await running(command('one'))
  await api.apply([service('web', command('two'))], options)
  await api.rollback(web, options)
  const [again] = (await api.apply([service('web', command('two'))], options)).results
  assert.is(again?.verdict, 'configured')
  assert.is(again?.object.metadata.revision, 4)
})

test('old revisions go beyond the limit, but never the one that is called stable', async () => {
  const { api } = await running({ revisionHistoryLimit: 3 })
  await api.updateStatus(web, { stableRevision: 2 })
  for (let i = 2; i <= 8; i++)
    await api.apply([service('web', { revisionHistoryLimit: 3, ...command(`v${i}`) })], options)
  assert.equal(
    (await api.history(web)).map(({ revision }) => revision),
    [8, 7, 6, 5, 2],
  )
  await api.apply([service('web', { revisionHistoryLimit: 1, ...command('v9') })], options)
  assert.equal(
    (await api.history(web)).map(({ revision }) => revision),
    [9, 8, 2],
  )
})

test('ten old revisions are kept where the object does not say', async () => {
  const bench = await openBench()
  for (let i = 1; i <= 14; i++) await bench.api.apply([service('web', command(`v${i}`))], options)
  assert.is((await bench.api.history(web)).length, 11)
})

test('replace takes labels, annotations and spec, and nothing of what the server owns', async () => {
  const { api } = await running({ replicas: 2 })
  const read = (await api.get(web)) as AnyResource
  const edited = {
    ...read,
    metadata: { ...read.metadata, labels: { a: '1' }, generation: 99, uid: read.metadata.uid },
    spec: { ...command('false') },
    status: { readyReplicas: 99 },
  } as unknown as AnyResource
  const result = await api.replace(edited, options)
  assert.is(result.verdict, 'edited')
  assert.is(result.object.metadata.generation, 2)
  assert.equal(result.object.metadata.labels, { a: '1' })
  assert.is(result.object.spec?.replicas, 1, 'what is left out goes back to its default')
  assert.is(result.object.status, undefined)
  const error = await refused('Conflict', () => api.replace(edited, options))
  assert.match(error.message, 'service/web has changed since it was read')
  assert.equal(await causes(api), ['r2 edited', 'r1 applied'])
})

test('replace and patch are validated', async () => {
  const { api } = await running()
  const read = (await api.get(web)) as AnyResource
  const error = await refused('Invalid', () =>
    api.replace({ ...read, spec: { replcas: 1 } } as unknown as AnyResource, options),
  )
  assert.match(error.issues.join('\n'), 'service/web: spec.replcas: unknown field; did you mean "replicas"?')
  assert.match(error.next ?? '', /^nothing was changed/)
  await refused('Invalid', () => api.patch(web, 'merge', { spec: { template: null } }, options))
  await refused('Invalid', () => api.replace(manifest('Volume', { name: 'x' }).object, options))
  const env = [
    { name: 'A', value: 'x'.repeat(60_000) },
    { name: 'B', value: 'x'.repeat(60_000) },
  ]
  const third = [...env, { name: 'C', value: 'x'.repeat(MAX_OBJECT_BYTES - 120_000) }]
  assert.is((await api.patch(web, 'merge', { spec: { template: { env } } }, options)).verdict, 'patched')
  await refused('TooLarge', () => api.patch(web, 'merge', { spec: { template: { env: third } } }, options))
})

test('the three kinds of patches', async () => {
  const { api } = await running({
    template: { source: { command: ['true'] }, env: [{ name: 'A', value: '1' }] },
  })
  await api.patch(web, 'strategic', { spec: { template: { env: [{ name: 'B', value: '2' }] } } }, options)
  await api.patch(web, 'json', [{ op: 'replace', path: '/spec/replicas', value: 3 }], options)
  const labels = { tier: 'front' }
  const { object, verdict } = await api.patch(
    web,
    'merge',
    { metadata: { labels } },
    { actor, verb: 'labeled' },
  )
  assert.is(verdict, 'labeled')
  assert.equal(object.metadata.labels, labels)
  assert.is(object.spec?.replicas, 3)
  assert.equal(valueAt(object, ['spec', 'template', 'env']), [
    { name: 'A', value: '1' },
    { name: 'B', value: '2' },
  ])
  assert.equal(
    (await api.audit()).map(({ verb }) => verb),
    ['label', 'patch', 'patch', 'apply'],
  )
})

for (const [what, patch] of [
  ['name', { metadata: { name: 'other' } }],
  ['namespace', { metadata: { namespace: 'other' } }],
  ['kind', { kind: 'Namespace' }],
  ['uid', { metadata: { uid: 'x' } }],
  ['status', { status: { readyReplicas: 9 } }],
  ['nsctl.dev label', { metadata: { labels: { 'nsctl.dev/x': '1' } } }],
  ['whole object', 7],
] as const)
  test(`a patch of the ${what} is refused`, async () => {
    const { api } = await running()
    await refused('Invalid', () => api.patch(web, 'merge', patch as never, options))
  })

test('a resourceVersion in a patch is a precondition', async () => {
  const { api } = await running()
  const resourceVersion = (await api.get(web))?.metadata.resourceVersion as string
  const patch = { metadata: { resourceVersion }, spec: { replicas: 2 } }
  assert.is((await api.patch(web, 'merge', patch, options)).verdict, 'patched')
  await refused('Conflict', () => api.patch(web, 'merge', { ...patch, spec: { replicas: 3 } }, options))
})

test('a restart is a revision of its own', async () => {
  const { api } = await running()
  const patch = { spec: { template: { restartedAt: '2026-01-01T00:00:00Z' } } }
  const { verdict } = await api.patch(web, 'merge', patch, { actor, verb: 'restarted' })
  assert.is(verdict, 'restarted')
  assert.equal(await causes(api), ['r2 restarted', 'r1 applied'])
})

test('what is being deleted can still lose its finalizers by hand, and is gone with the last', async () => {
  const { api, store } = await running()
  await api.delete(web, options)
  await refused('Terminating', () => api.scale(web, 3, options))
  assert.equal((await api.get(web))?.metadata.finalizers, [FINALIZERS.children])
  await api.patch(web, 'merge', { metadata: { finalizers: null } }, options)
  assert.is(await api.get(web), undefined)
  assert.equal(await store.listKeys('rev/'), [])
})

test('the audit trail: newest first, of one object, so many', async () => {
  const { api, clock } = await running()
  await api.apply([service('mail')], options)
  for (let i = 2; i < 6; i++) {
    clock.advance(1000)
    await api.scale(web, i, options)
  }
  assert.is((await api.audit()).length, 6)
  assert.equal(
    (await api.audit({ ref: web, limit: 2 })).map(({ at, verb }) => `${at} ${verb}`),
    ['2026-01-01T00:00:04.000Z scale', '2026-01-01T00:00:03.000Z scale'],
  )
  assert.equal((await api.audit({ ref: { kind: 'Service', name: 'mail' } }))[0], {
    at: '2026-01-01T00:00:00.000Z',
    by: 'ada',
    from: 'file web.yaml',
    verb: 'apply',
    object: { kind: 'Service', namespace: 'default', name: 'mail' },
    revision: 1,
  })
})

test('objects that are applied together share a transaction and its audit record', async () => {
  const { api, store } = await openBench()
  const before = (await store.list([''])).revision
  const set = Array.from({ length: 150 }, (_, n) => service(`s-${n}`))
  await api.apply(set, options)
  // the default namespace, a hundred, fifty
  assert.is((await store.list([''])).revision, before + 3)
  assert.is((await store.listKeys('audit/')).length, 2)
  const names = (await api.audit()).map(({ object }) => object.name)
  assert.equal(new Set(names), new Set(set.map(({ object }) => object.metadata.name)))
  assert.is((await api.audit({ limit: 7 })).length, 7)
})

/** A store that says of itself that it takes less, and notes what it is given. */
function limited(limits: Pick<Store, 'maxOperations' | 'maxTransactionBytes'>) {
  const given: Transaction[] = []
  const store: Store = new Proxy(createMemoryStore(), {
    get(target, name) {
      if (name in limits) return Reflect.get(limits, name)
      const member: unknown = Reflect.get(target, name)
      if (name === 'commit')
        return (transactions: readonly Transaction[]) => {
          given.push(...transactions)
          return target.commit(transactions)
        }
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
  return { store, given }
}

test('where a transaction holds few operations, few objects share one', async () => {
  const { store, given } = limited({ maxOperations: 10 })
  const { api } = await openBench(store)
  await api.apply(
    Array.from({ length: 20 }, (_, n) => service(`s-${n}`)),
    options,
  )
  const sizes = given.map((operations) => operations.length)
  assert.ok(Math.max(...sizes) <= 10, `${sizes}`)
  assert.ok(sizes.length <= 7, `${sizes}`)
  assert.is((await api.audit()).length, 20)
})

test('where a transaction holds few bytes, few objects share one', async () => {
  const { store, given } = limited({ maxTransactionBytes: 20_000 })
  const { api } = await openBench(store)
  const template = { source: { command: ['true'] }, env: [{ name: 'LONG', value: 'é'.repeat(1_500) }] }
  await api.apply(
    Array.from({ length: 20 }, (_, n) => service(`s-${n}`, { template })),
    options,
  )
  const sizes = given.map((operations) =>
    operations.reduce(
      (sum, one) => sum + Buffer.byteLength(one.key + (one.kind === 'put' ? one.value : '')),
      0,
    ),
  )
  assert.ok(Math.max(...sizes) <= 20_000, `${sizes}`)
  assert.ok(sizes.length <= 7, `${sizes}`)
  assert.is((await api.audit()).length, 20)
})

test('an object with more revisions than a transaction holds operations can be deleted', async () => {
  const { store, given } = limited({ maxOperations: 20 })
  const { api } = await openBench(store)
  for (let n = 0; n < 40; n++)
    await api.apply([service('web', { revisionHistoryLimit: 60, template: templateOf(n) })], options)
  assert.is((await api.history(web)).length, 40)
  await api.delete(web, options)
  await api.removeFinalizer(web, FINALIZERS.children)
  assert.equal([await store.listKeys('obj/nsctl.dev/services/'), await store.listKeys('rev/')], [[], []])
  const sizes = given.map((operations) => operations.length)
  assert.ok(Math.max(...sizes) <= 20, `${sizes}`)
})

function templateOf(n: number) {
  return { source: { command: ['true', `${n}`] } }
}

test.run()

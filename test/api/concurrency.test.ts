/** Several writers at once, and a process that dies between the transactions of a set. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ResourceApi } from '../../src/api/api.ts'
import { isNsctlError, NsctlError } from '../../src/core/errors.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'
import type { Store } from '../../src/store/store.ts'
import {
  actor,
  beforeCommits,
  lastApplied,
  openBench,
  options,
  refused,
  STORES,
  service,
  web,
} from './support.ts'

const WRITERS = 8

async function manyApis(store: Store): Promise<readonly ResourceApi[]> {
  return Promise.all(Array.from({ length: WRITERS }, async () => (await openBench(store)).api))
}

/** Tries again after a conflict, as a person would, and counts what went through. */
async function insist(run: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await run()
      return
    } catch (error) {
      if (!isNsctlError(error, 'Conflict')) throw error
    }
  }
}

for (const { name, use } of STORES) {
  test(`${WRITERS} writers of one object lose no update (${name})`, () =>
    use(async (store) => {
      const apis = await manyApis(store)
      await apis[0]?.apply([service('web')], options)
      const rounds = 5
      await Promise.all(
        apis.map(async (api, writer) => {
          for (let round = 0; round < rounds; round++) {
            const key = `w${writer}-${round}`
            if (writer % 2 === 0)
              await insist(() => api.patch(web, 'merge', { metadata: { labels: { [key]: 'x' } } }, options))
            else await insist(() => api.scale(web, 100 + writer * rounds + round, options))
          }
        }),
      )
      const object = await apis[0]?.get(web)
      assert.is(Object.keys(object?.metadata.labels ?? {}).length, (WRITERS / 2) * rounds)
      assert.is(object?.metadata.generation, 1 + (WRITERS / 2) * rounds, 'every scale counts once')
      assert.is((await apis[0]?.audit())?.length, 1 + WRITERS * rounds)
    }))

  test(`${WRITERS} appliers of a new object: one makes it, nobody undoes another (${name})`, () =>
    use(async (store) => {
      const apis = await manyApis(store)
      const verdicts = await Promise.all(
        apis.map(
          async (api) => (await api.apply([service('web', { replicas: 2 })], options)).results[0]?.verdict,
        ),
      )
      assert.equal(verdicts.sort(), ['created', ...Array(WRITERS - 1).fill('unchanged')])
      assert.is((await apis[0]?.history(web))?.length, 1)
    }))

  test(`revisions and audit have no gaps under ${WRITERS} appliers (${name})`, () =>
    use(async (store) => {
      const apis = await manyApis(store)
      await Promise.all(
        apis.map((api, writer) =>
          insist(() => api.apply([service('web', { replicas: writer + 1 })], options)),
        ),
      )
      const object = await apis[0]?.get(web)
      const history = (await apis[0]?.history(web)) ?? []
      const revision = object?.metadata.revision ?? 0
      assert.equal(
        history.map((record) => record.revision),
        Array.from({ length: revision }, (_, i) => revision - i),
      )
      assert.equal(history[0]?.spec as unknown, object?.spec as unknown)
      assert.is((await apis[0]?.audit({ ref: web }))?.length, revision)
    }))
}

test('a conflict is merged again with what the other one did', async () => {
  const store = createMemoryStore()
  const other = (await openBench(store)).api
  await other.apply([service('web', { replicas: 2 })], options)
  let interferences = 0
  const { api } = await openBench(
    beforeCommits(store, async () => {
      if (interferences++ < 3)
        await other.patch(web, 'merge', { metadata: { labels: { [`l${interferences}`]: 'x' } } }, options)
    }),
  )
  const [result] = (await api.apply([service('web', { replicas: 3 })], options)).results
  assert.is(result?.verdict, 'configured')
  assert.equal(Object.keys(result?.object.metadata.labels ?? {}), ['l1', 'l2', 'l3'])
  assert.is(result?.object.spec?.replicas, 3)
})

test('a first attempt says of every key what it expects, so that stores over the network need not read', async () => {
  const store = createMemoryStore()
  const said: (number | undefined)[] = []
  const { api } = await openBench(
    beforeCommits(store, async (transactions) => {
      for (const transaction of transactions) for (const { expect } of transaction) said.push(expect)
    }),
  )
  await api.apply([service('web'), service('api')], options)
  await api.apply([service('web', { replicas: 2 }), service('api', { replicas: 2 })], options)
  assert.ok(said.length > 8 && !said.includes(undefined), String(said))
})

test('what an interrupted deletion left of a revision is written over', async () => {
  const { api, store } = await openBench()
  const key = 'rev/nsctl.dev/services/default/web/00000001'
  await store.commit([[{ kind: 'put', key, value: '{"revision":1,"cause":"left behind"}' }]])
  const [result] = (await api.apply([service('web')], options)).results
  assert.is(result?.verdict, 'created')
  assert.equal(
    (await api.history(web)).map(({ cause }) => cause),
    ['applied'],
  )
})

test('who is never let through is told so, and what went through is named', async () => {
  const store = createMemoryStore()
  const other = (await openBench(store)).api
  await other.apply([service('web')], options)
  let count = 0
  const { api } = await openBench(
    beforeCommits(store, async () => {
      await other.patch(web, 'merge', { metadata: { labels: { n: String(count++) } } }, options)
    }),
  )
  const error = await refused('Conflict', () =>
    api.apply([service('mail'), service('web', { replicas: 3 })], options),
  )
  assert.match(error.message, 'service/web was changed by others 5 times')
  assert.match(error.next ?? '', '1 of 2 objects were applied')
  // the set as one transaction, then five times the object by itself
  assert.is(count, 6)
  assert.is((await other.get(web))?.spec?.replicas, 1)
  await refused('Conflict', () => api.scale(web, 3, options))
  const { results, failed } = await api.apply([service('web', { replicas: 3 }), service('x')], {
    actor,
    partial: true,
  })
  assert.equal([results.length, failed.length], [1, 1])
})

test('one object of many that others change holds up none of the others, and nothing is recorded twice', async () => {
  const store = createMemoryStore()
  const other = (await openBench(store)).api
  await other.apply([service('web')], options)
  let interfered = false
  const { api } = await openBench(
    beforeCommits(store, async () => {
      if (interfered) return
      interfered = true
      await other.patch(web, 'merge', { metadata: { labels: { theirs: 'x' } } }, options)
    }),
  )
  const names = Array.from({ length: 250 }, (_, n) => `s-${n}`)
  const set = [...names.map((name) => service(name, { replicas: 1 })), service('web', { replicas: 3 })]
  const { results } = await api.apply(set, options)
  assert.equal(
    results.map(({ verdict }) => verdict),
    [...names.map(() => 'created'), 'configured'],
  )
  const changed = await api.get(web)
  assert.equal([changed?.metadata.labels?.theirs, changed?.spec?.replicas], ['x', 3])
  for (const name of names) await assertWhole(api, store, name)
  assert.equal(
    (await api.audit({ ref: web })).map(({ verb }) => verb),
    ['apply', 'patch', 'apply'],
  )
})

test('a namespace that ends between the look at it and the commit takes nothing new', async () => {
  const store = createMemoryStore()
  const other = (await openBench(store)).api
  await other.apply(
    [
      {
        ...service('x'),
        object: { ...service('x').object, kind: 'Namespace', metadata: { name: 'shop' }, spec: {} },
      },
    ],
    options,
  )
  let done = false
  const { api } = await openBench(
    beforeCommits(store, async () => {
      if (done) return
      done = true
      await other.delete({ kind: 'Namespace', name: 'shop' }, options)
    }),
  )
  await refused('Terminating', () => api.apply([service('web', {}, { namespace: 'shop' })], options))
  assert.is(await other.get({ ...web, namespace: 'shop' }), undefined)
})

/** Dies after `survivors` transactions of a commit: those are stored, the caller hears nothing of them. */
function dying(store: Store, survivors: number): Store {
  return beforeCommits(store, async (transactions) => {
    await store.commit(transactions.slice(0, survivors))
    throw new NsctlError('Unreachable', 'the process was killed')
  })
}

for (const { name, use } of STORES)
  test(`a set that is cut off anywhere leaves each object whole, and applying again finishes it (${name})`, () =>
    use(async (store) => {
      const names = ['a', 'b', 'c', 'd']
      const healthy = (await openBench(store)).api
      for (let survivors = 0; survivors <= names.length + 1; survivors++) {
        const spec = { replicas: survivors + 1 }
        const set = names.map((one) => service(one, spec))
        const { api } = await openBench(dying(store, survivors))
        await refused('Unreachable', () => api.apply(set, options))
        for (const one of names) await assertWhole(healthy, store, one)
        await healthy.apply(set, options)
        for (const one of names) {
          await assertWhole(healthy, store, one)
          assert.is((await healthy.get({ kind: 'Service', name: one }))?.spec?.replicas, survivors + 1)
        }
      }
    }))

/** Object, revisions, last applied manifest and audit tell one story. */
async function assertWhole(api: ResourceApi, store: Store, name: string): Promise<void> {
  const ref = { kind: 'Service', namespace: 'default', name }
  const object = await api.get(ref)
  const history = await api.history(ref)
  const applied = await lastApplied(api, store, name)
  const audit = await api.audit({ ref })
  if (object === undefined) {
    assert.equal([history.length, applied, audit.length], [0, undefined, 0])
    return
  }
  assert.is(history.length, object.metadata.revision)
  assert.is(audit.length, object.metadata.revision)
  assert.equal(history[0]?.spec as unknown, object.spec as unknown)
  assert.is((applied as unknown as { spec: { replicas: number } }).spec.replicas, object.spec?.replicas)
}

test('the check for wholeness notices a half-written object', async () => {
  for (const [key, value] of [
    ['rev/nsctl.dev/services/default/web/00000002', '{}'],
    ['applied/nsctl.dev/services/default/web', '{"spec":{"replicas":9}}'],
  ] as const) {
    const { api, store } = await openBench()
    await api.apply([service('web', { replicas: 1 })], options)
    await assertWhole(api, store, 'web')
    await store.commit([[{ kind: 'put', key, value }]])
    let caught = false
    await assertWhole(api, store, 'web').catch(() => {
      caught = true
    })
    assert.ok(caught, key)
  }
})

test.run()

/** One scaler for each Service, and one Service at each place where one is exposed. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FINALIZERS, type Manifest, type ResourceApi } from '../../src/api/api.ts'
import { checkEntries } from '../../src/api/check/check.ts'
import { repairFindings } from '../../src/api/check/repair.ts'
import { isNsctlError } from '../../src/core/errors.ts'
import type { ScaledObject } from '../../src/resources/generated/types.ts'
import { type AnyResource, API_VERSION } from '../../src/resources/object.ts'
import { createKindRegistry } from '../../src/resources/registry.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'
import type { Store } from '../../src/store/store.ts'
import { beforeCommits, manifest, openBench, options, refused, STORES } from './support.ts'

function scaler(
  name: string,
  target: string | Record<string, unknown> = 'web',
  namespace = 'default',
): Manifest {
  const scaleTargetRef = typeof target === 'string' ? { name: target } : target
  const triggers = [{ type: 'redis', metadata: { address: 'redis:6379', listName: 'work' } }]
  return manifest('ScaledObject', { name, namespace }, { spec: { scaleTargetRef, triggers } })
}

async function scalersOf(api: ResourceApi): Promise<readonly string[]> {
  return (await api.list(api.kinds.byKind('ScaledObject'), {})).items.map(({ metadata }) => metadata.name)
}

const TAKEN =
  /service\/web is scaled by scaledobject\/first already: scaledobject\/second cannot scale it, too/

for (const { name, use } of STORES)
  test(`a second scaler of a Service is refused and both are named, over ${name}`, async () =>
    use(async (store) => {
      const { api } = await openBench(store)
      await api.apply([scaler('first')], options)
      const error = await refused('Conflict', () => api.apply([scaler('second')], options))
      assert.match(error.message, TAKEN)
      assert.match(error.next ?? '', 'nsctl delete scaledobject/first -n default')
      await refused('Conflict', () => api.apply([scaler('second')], { ...options, dryRun: true }))
      assert.equal(await scalersOf(api), ['first'])
    }))

test('two of one set on the same Service are refused', async () => {
  const { api } = await openBench()
  const error = await refused('Conflict', () => api.apply([scaler('first'), scaler('second')], options))
  assert.match(error.message, TAKEN)
  assert.equal(await scalersOf(api), [])
})

test('a scaler goes to another Service, and leaves the one before free', async () => {
  const { api } = await openBench()
  await api.apply([scaler('first')], options)
  await api.apply([scaler('first', 'api')], options)
  await api.apply([scaler('second')], options)
  const error = await refused('Conflict', () => api.apply([scaler('second', 'api')], options))
  assert.match(error.message, 'service/api is scaled by scaledobject/first already')
  const edit = api.patch(
    { kind: 'ScaledObject', namespace: 'default', name: 'second' },
    'merge',
    { spec: { scaleTargetRef: { name: 'api' } } },
    options,
  )
  assert.ok(
    isNsctlError(
      await edit.then(
        () => undefined,
        (reason: unknown) => reason,
      ),
      'Conflict',
    ),
  )
})

test('a scaler that is removed leaves its Service free, and one that is applied again keeps it', async () => {
  const { api, store } = await openBench()
  await api.apply([scaler('first')], options)
  await api.apply([scaler('first')], options)
  await api.delete({ kind: 'ScaledObject', namespace: 'default', name: 'first' }, options)
  assert.equal(await store.listKeys('claim/'), [])
  await api.apply([scaler('second')], options)
  assert.equal(await store.listKeys('claim/'), ['claim/scale/default/web'])
})

test('what cannot be scaled is claimed by nobody, and other namespaces are others', async () => {
  const { api } = await openBench()
  const rollout = { name: 'web', kind: 'Rollout', apiVersion: 'argoproj.io/v1alpha1' }
  await api.apply([manifest('Namespace', { name: 'far' })], options)
  await api.apply(
    [scaler('a', rollout), scaler('b', rollout), scaler('c'), scaler('d', 'web', 'far')],
    options,
  )
  assert.is((await scalersOf(api)).length, 4)
})

for (const { name, use } of STORES)
  test(`of many that want one Service at once one gets it, over ${name}`, async () =>
    use(async (store) => {
      const apis = await Promise.all([1, 2, 3, 4].map(async () => (await openBench(store)).api))
      const outcomes = await Promise.allSettled(
        apis.map((api, index) => api.apply([scaler(`scaler-${index}`)], options)),
      )
      assert.is(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
      for (const outcome of outcomes)
        if (outcome.status === 'rejected')
          assert.ok(isNsctlError(outcome.reason, 'Conflict'), String(outcome.reason))
      assert.is((await scalersOf(apis[0]!)).length, 1)
    }))

function exposed(name: string, expose: Record<string, unknown>, namespace = 'default'): Manifest {
  const template = { source: { command: ['/bin/server'] }, ports: [{ name: 'http' }] }
  return manifest('Service', { name, namespace }, { spec: { template, expose } })
}

const web = { domain: 'web.example.org' }

for (const { name, use } of STORES)
  test(`a second Service at one domain and path is refused, in another namespace too, over ${name}`, async () =>
    use(async (store) => {
      const { api } = await openBench(store)
      await api.apply([manifest('Namespace', { name: 'far' })], options)
      await api.apply([exposed('first', { domains: ['web.example.org', 'www.example.org'] })], options)
      const error = await refused('Conflict', () => api.apply([exposed('second', web, 'far')], options))
      assert.match(
        error.message,
        /service\/first in namespace default is exposed at web\.example\.org already: service\/second cannot be, too/,
      )
      await api.apply(
        [
          exposed('path', { ...web, path: '/api' }),
          exposed('port', { ...web, listen: '8080' }),
          exposed('other', { domain: 'other.example.org' }, 'far'),
        ],
        options,
      )
    }))

test('two of one set at the same place are refused, and an edit that goes there', async () => {
  const { api } = await openBench()
  await refused('Conflict', () => api.apply([exposed('first', web), exposed('second', web)], options))
  await api.apply([exposed('first', web), exposed('second', { listen: '8080' })], options)
  const ref = { kind: 'Service', namespace: 'default', name: 'second' }
  const there = { spec: { expose: { domain: 'web.example.org', listen: null } } }
  await refused('Conflict', () => api.patch(ref, 'merge', there, options))
})

test('Services that hand their places round in one set each get the next', async () => {
  const { api, store } = await openBench()
  const [a, b, c] = ['a', 'b', 'c'].map((one) => ({
    domains: [`${one}.example.org`, `www.${one}.example.org`],
  }))
  await api.apply([exposed('first', a!), exposed('second', b!), exposed('third', c!)], options)
  await api.apply([exposed('first', b!), exposed('second', c!), exposed('third', a!)], options)
  const held = (await store.getMany(await store.listKeys('claim/'))).map(
    ({ key, value }) => `${decodeURIComponent(key).split('/')[3]} ${value}`,
  )
  assert.equal(held.filter((one) => !one.startsWith('www')).sort(), [
    'a.example.org default/third',
    'b.example.org default/first',
    'c.example.org default/second',
  ])
  assert.is(held.length, 6)
  assert.equal(await findings(store), [])
})

test('a Service that goes elsewhere, is exposed no more or is removed leaves its place free', async () => {
  const { api, store } = await openBench()
  const keys = () => store.listKeys('claim/')
  const ref = { kind: 'Service', namespace: 'default', name: 'first' }
  await api.apply([exposed('first', { ...web, path: '/a' })], options)
  assert.equal(await keys(), ['claim/expose/%3A443/web.example.org/%2Fa'])
  await api.apply([exposed('first', { listen: '127.0.0.1:8080' })], options)
  assert.equal(await keys(), ['claim/expose/127.0.0.1%3A8080/*/%2F'])
  assert.equal(await findings(store), [])
  await api.patch(ref, 'merge', { spec: { expose: null } }, options)
  assert.equal(await keys(), [])
  await api.apply([exposed('first', web)], options)
  await api.requestDelete(ref)
  await api.removeFinalizer(ref, 'nsctl.dev/children')
  assert.equal(await keys(), [])
})

test('a place that is kept for nobody is found and removed', async () => {
  const store = createMemoryStore()
  const { api } = await openBench(store)
  await api.apply([exposed('first', web)], options)
  const stray = 'claim/expose/%3A443/lost.example.org/%2F'
  await store.commit([[{ kind: 'put', key: stray, value: 'default/first', expect: 0 }]])
  const found = await findings(store)
  assert.equal(
    found.map(({ key }) => key),
    [stray],
  )
  await repairFindings(store, found)
  assert.equal(await store.listKeys('claim/'), ['claim/expose/%3A443/web.example.org/%2F'])
})

async function findings(store: Store) {
  const { entries } = await store.list([''])
  return checkEntries(entries, createKindRegistry())
}

/** Who scales what, by Service. */
async function claimsOf(store: Store): Promise<Readonly<Record<string, string>>> {
  const { entries } = await store.list(['claim/scale/default/'])
  return Object.fromEntries(
    entries.map(({ key, value }) => [key.slice('claim/scale/default/'.length), value]),
  )
}

/** ScaledObjects by their Services, as they are stored. */
async function targetsOf(api: ResourceApi): Promise<Readonly<Record<string, unknown>>> {
  const { items } = await api.list(api.kinds.byKind('ScaledObject'), {})
  return Object.fromEntries(
    items.map((object) => [
      (object as unknown as ScaledObject).spec.scaleTargetRef.name,
      object.metadata.name,
    ]),
  )
}

const handOvers: readonly {
  readonly name: string
  /** Scalers by name, each with its Service. */
  readonly before: Readonly<Record<string, string>>
  readonly set: Readonly<Record<string, string>>
  /** By Service. */
  readonly after: Readonly<Record<string, string>>
}[] = [
  {
    name: 'a Service goes from one to another',
    before: { a: 'web' },
    set: { a: 'api', b: 'web' },
    after: { api: 'a', web: 'b' },
  },
  {
    name: 'two swap theirs',
    before: { a: 'web', b: 'api' },
    set: { a: 'api', b: 'web' },
    after: { api: 'a', web: 'b' },
  },
  {
    name: 'three move on in a row',
    before: { a: 'one', b: 'two', c: 'three' },
    set: { a: 'two', b: 'three', c: 'four' },
    after: { two: 'a', three: 'b', four: 'c' },
  },
  {
    name: 'four go round, beside one that takes what is free',
    before: { a: 'one', b: 'two', c: 'three', d: 'four' },
    set: { a: 'two', b: 'three', c: 'four', d: 'one', e: 'five' },
    after: { two: 'a', three: 'b', four: 'c', one: 'd', five: 'e' },
  },
]

for (const { name: storeName, use } of STORES)
  for (const { name, before, set, after } of handOvers)
    for (const order of ['as written', 'backwards'])
      test(`${name}, ${order}, over ${storeName}`, async () =>
        use(async (store) => {
          const { api } = await openBench(store)
          const documents = (of: Readonly<Record<string, string>>) =>
            Object.entries(of).map(([scalerName, service]) => scaler(scalerName, service))
          await api.apply(documents(before), options)
          const wanted = documents(set)
          if (order === 'backwards') wanted.reverse()
          const said = await api.apply(wanted, { ...options, dryRun: true })
          assert.equal(Object.keys(await claimsOf(store)).sort(), Object.values(before).sort())
          const done = await api.apply(wanted, options)
          assert.equal(
            said.results.map(({ verdict }) => verdict),
            done.results.map(({ verdict }) => verdict),
          )
          assert.equal(await targetsOf(api), after)
          assert.equal(await claimsOf(store), after)
          assert.equal(await findings(store), [])
        }))

test('what one gives up for a kind that is not scaled here goes to another', async () => {
  const { api, store } = await openBench()
  await api.apply([scaler('a')], options)
  const rollout = { name: 'web', kind: 'Rollout', apiVersion: 'argoproj.io/v1alpha1' }
  await api.apply([scaler('b'), scaler('a', rollout)], options)
  assert.equal(await claimsOf(store), { web: 'b' })
})

for (const { name, set, message } of [
  {
    name: 'who holds it goes on with it, whatever stands before it',
    set: [scaler('b', 'web'), scaler('a', 'web')],
    message: /service\/web is scaled by scaledobject\/a already: scaledobject\/b cannot scale it, too/,
  },
  {
    name: 'two want what a third gives up',
    set: [scaler('b', 'web'), scaler('c', 'web'), scaler('a', 'api')],
    message: /service\/web is scaled by scaledobject\/b already: scaledobject\/c cannot scale it, too/,
  },
  {
    name: 'who is to give it up cannot, because of what it is to get',
    set: [scaler('b', 'web'), scaler('a', 'taken')],
    message: /service\/taken is scaled by scaledobject\/other already: scaledobject\/a cannot/,
  },
])
  test(`${name}: refused, and a dry run says the same`, async () => {
    const { api, store } = await openBench()
    await api.apply([scaler('a'), scaler('other', 'taken')], options)
    const dry = await refused('Conflict', () => api.apply(set, { ...options, dryRun: true }))
    const error = await refused('Conflict', () => api.apply(set, options))
    assert.match(error.message, message)
    assert.equal([dry.message, dry.issues], [error.message, error.issues])
    assert.equal(await claimsOf(store), { web: 'a', taken: 'other' })
  })

test('with what is right going through, nobody gets what is not given up after all', async () => {
  const { api, store } = await openBench()
  await api.apply([scaler('a'), scaler('other', 'taken')], options)
  const set = [scaler('c', 'free'), scaler('b', 'web'), scaler('a', 'taken')]
  const { results, failed } = await api.apply(set, { ...options, partial: true })
  assert.equal([results.length, failed.length], [1, 2])
  assert.equal(await claimsOf(store), { web: 'a', taken: 'other', free: 'c' })
})

test('a hand-over that somebody else comes before is made on the newest', async () => {
  const store = createMemoryStore()
  const { api } = await openBench(store)
  await api.apply([scaler('a', 'web'), scaler('b', 'api')], options)
  let raced = false
  const racing = beforeCommits(store, async () => {
    if (raced) return
    raced = true
    const annotate = { metadata: { annotations: { note: 'somebody else' } } }
    await api.patch({ kind: 'ScaledObject', namespace: 'default', name: 'a' }, 'merge', annotate, options)
  })
  const { api: slow } = await openBench(racing)
  await slow.apply([scaler('a', 'api'), scaler('b', 'web')], options)
  assert.ok(raced)
  assert.equal(await claimsOf(store), { api: 'a', web: 'b' })
  const a = await api.get({ kind: 'ScaledObject', namespace: 'default', name: 'a' })
  assert.is(a?.metadata.annotations?.note, 'somebody else')
})

test('a large set hands over across its transactions', async () => {
  const { api, store } = await openBench()
  const names = Array.from({ length: 250 }, (_, index) => `s${String(index).padStart(3, '0')}`)
  await api.apply(
    names.map((name) => scaler(name, name)),
    options,
  )
  // each takes its neighbour's: one ring of 120, and a row of the others
  const next = (index: number) => (index < 120 ? names[(index + 1) % 120]! : (names[index + 1] ?? 'last'))
  await api.apply(
    names.map((name, index) => scaler(name, next(index))),
    options,
  )
  const claims = await claimsOf(store)
  assert.is(Object.keys(claims).length, 250)
  for (const [index, name] of names.entries()) assert.is(claims[next(index)], name)
})

test('a claim of nobody is found and removed', async () => {
  const store = createMemoryStore()
  const { api } = await openBench(store)
  await api.apply([scaler('first')], options)
  await store.commit([[{ kind: 'put', key: 'claim/scale/default/lost', value: 'gone', expect: 0 }]])
  await store.commit([[{ kind: 'put', key: 'claim/scale/default/other', value: 'first', expect: 0 }]])
  const found = await findings(store)
  assert.equal(
    found.map(({ key }) => key),
    ['claim/scale/default/lost', 'claim/scale/default/other'],
  )
  await repairFindings(store, found)
  assert.equal(await findings(store), [])
  assert.equal(await store.listKeys('claim/'), ['claim/scale/default/web'])
})

const INSTANCE = { kind: 'Instance', namespace: 'default' }

function unique(name: string, node: string, ordinal = 0): AnyResource {
  const spec = { service: 'web', ordinal, node, templateHash: 'h', attempt: 0, template: {}, unique: true }
  const metadata = { name, namespace: 'default', finalizers: [FINALIZERS.runtime] }
  return { apiVersion: API_VERSION, kind: 'Instance', metadata, spec } as unknown as AnyResource
}

for (const { name, use } of STORES)
  test(`of a unique ordinal there is one instance, wherever it is, over ${name}`, async () =>
    use(async (store) => {
      const { api } = await openBench(store)
      const names = async () =>
        (await api.list(api.kinds.byKind('Instance'), {})).items.map(({ metadata }) => metadata.name).sort()
      await api.createOwned([unique('web-0-a', 'n1'), unique('web-1-a', 'n1', 1)])
      await api.createOwned([unique('web-0-b', 'n2')])
      assert.equal(await names(), ['web-0-a', 'web-1-a'])
      assert.equal(
        checkEntries((await store.list([''])).entries, createKindRegistry()).filter(({ key }) =>
          key.startsWith('claim/'),
        ),
        [],
      )
      await api.requestDelete({ ...INSTANCE, name: 'web-0-a' })
      await api.createOwned([unique('web-0-b', 'n2')])
      assert.equal(await names(), ['web-0-a', 'web-1-a'], 'it may run yet')
      await api.removeFinalizer({ ...INSTANCE, name: 'web-0-a' }, FINALIZERS.runtime)
      await api.createOwned([unique('web-0-b', 'n2')])
      assert.equal(await names(), ['web-0-b', 'web-1-a'])
    }))

test.run()

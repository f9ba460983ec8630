/** What agents write is believed of their node and in its shape, whatever somebody with an agent's credential puts there. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ResourceBatch } from '../../src/api/api.ts'
import { EVENTS_KEPT_MS } from '../../src/api/expire.ts'
import { openApi } from '../../src/api/open.ts'
import { randomIds } from '../../src/core/ids.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'
import { instance, manifest, openBench, options, refused, service } from './support.ts'

const about = { kind: 'Instance', namespace: 'default', name: 'web-0-x' } as const
const crash = { about, type: 'Warning', reason: 'Crash', message: 'it ended', source: 'agent alpha' } as const

async function scene() {
  const bench = await openBench(createMemoryStore())
  const { api, store, clock } = bench
  await api.ensure(manifest('Node', { name: 'alpha' }, { spec: {} }).object)
  await api.createOwned([instance('web-0-x'), instance('web-1-x')])
  const agent = await openApi({ store, clock, ids: randomIds, node: 'alpha' })
  const events = async () => (await api.list(api.kinds.byKind('Event'))).items
  return { ...bench, agent, events }
}

const INSTANCES = 'node/alpha/status/instances/default'

test('an agent works with what lies under its node alone', async () => {
  const { agent, store, api } = await scene()
  const read: string[] = []
  const seen = new Proxy(store, {
    get: (target, name) => {
      const value = target[name as keyof typeof target]
      if (typeof value !== 'function') return value
      return (...args: readonly unknown[]) => {
        if (name === 'commit')
          for (const operation of (args[0] as readonly (readonly { readonly key: string }[])[]).flat())
            read.push(operation.key)
        else read.push(...[args[0]].flat().map(String))
        return (value as (...all: readonly unknown[]) => unknown).apply(target, [...args])
      }
    },
  })
  const narrow = await openApi({ store: seen, clock: (await scene()).clock, ids: randomIds, node: 'alpha' })
  await narrow.listAll([api.kinds.byKind('Instance')], { node: 'alpha' })
  await narrow.updateStatus(about, { phase: 'Running' })
  await narrow.updateStatus({ kind: 'Node', name: 'alpha' }, { phase: 'Ready' })
  await narrow.recordEvent(crash)
  await narrow.flush()
  assert.is((await agent.get(about))?.status?.phase, 'Running')
  const own = /^(node\/alpha\/|event\/alpha\/|obj(status)?\/nsctl.dev\/nodes\/_\/alpha$)/
  assert.ok(read.length > 5)
  for (const key of read) assert.match(key, own)
})

test('an agent takes its Node as the control plane has made it', async () => {
  const { agent, api, store } = await scene()
  const { revision } = await store.list([''])
  const wanted = manifest('Node', { name: 'alpha', labels: { a: 'b' } }, { spec: {} }).object
  assert.equal(await agent.ensure(wanted), await api.get({ kind: 'Node', name: 'alpha' }))
  assert.is((await store.list([''])).revision, revision, 'nothing was written')
  await refused('Unreachable', () => agent.ensure({ ...wanted, metadata: { name: 'beta' } } as never))
})

test('an event of an agent is one like any other, and always that agent’s', async () => {
  const { agent, api, store, events, clock } = await scene()
  const stop = new AbortController()
  const batches: ResourceBatch[] = []
  const { revision } = await store.list([''])
  const watching = (async () => {
    for await (const batch of api.watch([api.kinds.byKind('Event')], revision, stop.signal))
      batches.push(batch)
  })()
  await agent.recordEvent({ ...crash, source: 'somebody else' })
  await agent.flush()
  await agent.recordEvent(crash)
  await agent.flush()
  await api.recordEvent(crash)
  await api.flush()
  const [one, other] = [...(await events())].sort((a, b) => Number(b.count) - Number(a.count))
  assert.equal([one?.count, one?.source, other?.count], [2, 'agent alpha', 1])
  assert.equal(await api.get({ kind: 'Event', namespace: 'default', name: one?.metadata.name ?? '' }), one)
  assert.equal((await api.list(api.kinds.byKind('Event'), { namespace: 'other' })).items, [])
  for (let left = 100; left > 0 && batches.length < 2; left--)
    await new Promise((resolve) => setTimeout(resolve, 10))
  stop.abort()
  await watching
  assert.ok(
    batches.some(
      (batch) => batch.kind === 'changes' && batch.changes.some(({ ref }) => ref.name === one?.metadata.name),
    ),
  )
  clock.advance(EVENTS_KEPT_MS + 60_000)
  await api.expire()
  clock.advance(60_000)
  await store.commit([[{ kind: 'put', key: 'event/alpha/default/odd', value: '{' }]])
  await api.expire()
  assert.equal(await store.listKeys('event/'), [], 'it expires, and so does what is none')
})

test('an event that says it is something else is an event of that agent', async () => {
  const { agent, store, events, api } = await scene()
  await api.apply([service('web')], options)
  await agent.recordEvent(crash)
  await agent.flush()
  const [key = ''] = await store.listKeys('event/')
  const honest = JSON.parse((await store.get(key))?.value ?? '')
  const forged = {
    ...honest,
    kind: 'Service',
    apiVersion: 'x/v1',
    source: 'controller',
    metadata: { ...honest.metadata, name: 'web', namespace: 'kube', ownerReferences: [{ uid: 'x' }] },
  }
  await store.commit([[{ kind: 'put', key, value: JSON.stringify(forged) }]])
  const [event] = await events()
  assert.equal(
    [event?.kind, event?.source, event?.metadata.namespace, event?.metadata.ownerReferences],
    ['Event', 'agent alpha', 'default', undefined],
  )
  assert.is((await api.list(api.kinds.byKind('Service'))).items.length, 1)
  for (const value of [
    '{',
    'null',
    '[]',
    '7',
    '{}',
    '{"metadata":null}',
    JSON.stringify({ ...honest, count: 'x' }),
    JSON.stringify({ ...honest, involvedObject: 3 }),
  ]) {
    await store.commit([[{ kind: 'put', key, value }]])
    assert.equal(await events(), [], value)
  }
})

test('a status that is none keeps nobody from reading the rest', async () => {
  const { api, agent, store } = await scene()
  await agent.updateStatus({ ...about, name: 'web-1-x' }, { phase: 'Running' })
  const kinds = ['Instance', 'Node'].map((kind) => api.kinds.byKind(kind))
  for (const value of [
    '{',
    'null',
    '[]',
    '"x"',
    '{"phase":7}',
    '{"ports":[{"name":"a"}]}',
    '{"conditions":"x"}',
    '{"conditions":[null]}',
    '{"programs":{}}',
  ]) {
    await store.commit([[{ kind: 'put', key: `${INSTANCES}/web-0-x`, value }]])
    const { lists } = await api.listAll(kinds)
    assert.equal(
      lists[0]?.map(({ status }) => status),
      [undefined, { phase: 'Running' }],
      value,
    )
    assert.is((await api.get(about))?.status, undefined)
  }
  await store.commit([[{ kind: 'put', key: 'objstatus/nsctl.dev/nodes/_/alpha', value: '{"capacity":[]}' }]])
  assert.is((await api.list(kinds[1]!)).items[0]?.status, undefined)
  // the agent itself writes over it
  await agent.updateStatus(about, { phase: 'Running' })
  assert.is((await api.get(about))?.status?.phase, 'Running')
})

test('what others compute with can be computed with', async () => {
  const { api, agent, store } = await scene()
  const key = 'objstatus/nsctl.dev/nodes/_/alpha'
  const status = async () => (await api.get({ kind: 'Node', name: 'alpha' }))?.status
  for (const said of [
    { capacity: { cpu: 'many' } },
    { allocatable: { memory: '1e9999' } },
    { addresses: ['127.0.0.1"}\n'] },
    { addresses: ['evil.example'] },
    { metricsUrl: 'http://169.254.169.254/latest/meta-data' },
    { conditions: [{ type: 'Ready', status: 'True', reason: 'X', lastTransitionTime: 'then' }] },
  ]) {
    await store.commit([[{ kind: 'put', key, value: JSON.stringify({ phase: 'Ready', ...said }) }]])
    assert.is(await status(), undefined, JSON.stringify(said))
  }
  for (const ports of [
    [{ name: 'http', port: 0 }],
    [{ name: 'http', port: 70_000 }],
    [{ name: 'http', port: 1.5 }],
  ]) {
    await store.commit([[{ kind: 'put', key: `${INSTANCES}/web-0-x`, value: JSON.stringify({ ports }) }]])
    assert.is((await api.get(about))?.status, undefined, JSON.stringify(ports))
  }
  const honest = {
    phase: 'Ready',
    capacity: { cpu: '2500m', memory: '1.5Gi' },
    allocatable: { cpu: '2', memory: '512' },
    addresses: ['10.0.0.1', 'fd00::1'],
    metricsUrl: 'http://127.0.0.1:9464/metrics',
  }
  await agent.updateStatus({ kind: 'Node', name: 'alpha' }, honest)
  assert.equal(await status(), honest)
})

test.run()

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FINALIZERS } from '../../../src/api/api.ts'
import { openApi } from '../../../src/api/open.ts'
import { garbageController } from '../../../src/controllers/garbage/controller.ts'
import { nodeController } from '../../../src/controllers/node/controller.ts'
import { ManualClock } from '../../../src/core/clock.ts'
import { NsctlError } from '../../../src/core/errors.ts'
import { randomIds } from '../../../src/core/ids.ts'
import type { JsonObject } from '../../../src/core/json.ts'
import { createManager } from '../../../src/engine/manager.ts'
import { findCondition } from '../../../src/resources/conditions.ts'
import type { Node } from '../../../src/resources/generated/types.ts'
import { type AnyResource, API_VERSION } from '../../../src/resources/object.ts'
import { createMemoryStore } from '../../../src/store/memory/store.ts'
import type { Transaction } from '../../../src/store/store.ts'
import { RecordingLogger, turn } from '../../engine/harness.ts'

const options = { actor: { name: 'test' } }

/** The Node controller over a memory store, with nodes whose agents renew their leases every 4 s unless they are silent. */
async function openCluster(...names: readonly string[]) {
  const store = createMemoryStore()
  const clock = new ManualClock()
  const api = await openApi({ store, clock, ids: randomIds })
  const logger = new RecordingLogger()
  const silent = new Set<string>()
  const state = { away: false }
  let renewals = 0

  const renew = async (name: string) => {
    renewals++
    await store.commit([[{ kind: 'put', key: `lease/node/${name}/holder`, value: String(renewals) }]])
  }
  const add = async (name: string) => {
    await api.ensure({ apiVersion: API_VERSION, kind: 'Node', metadata: { name }, spec: {} } as AnyResource)
    const ready = {
      type: 'Ready',
      status: 'True',
      reason: 'AgentRunning',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    }
    await api.updateStatus(
      { kind: 'Node', name },
      { phase: 'Ready', runtime: 'process', conditions: [ready] },
    )
    await renew(name)
  }
  for (const name of names) await add(name)

  const start = () => {
    const stop = new AbortController()
    const manager = createManager({ api, clock, logger })
    const { cache } = manager
    const reading = {
      get: (key: string) => store.get(key),
      getMany: (keys: readonly string[]) => store.getMany(keys),
      listKeys: (prefix: string) => store.listKeys(prefix),
      commit: (transactions: readonly Transaction[]) => store.commit(transactions),
      list: async (prefixes: readonly string[]) => {
        if (state.away) throw new NsctlError('Unreachable', 'the store is away')
        return store.list(prefixes)
      },
    }
    const nodes = nodeController({ cache, api, store: reading, clock, logger })
    const handle = manager.add(nodes.spec)
    manager.addRunnable(nodes.watch((ref) => handle.enqueue(ref)))
    manager.add(garbageController({ cache, api }))
    return { stop, ended: manager.run(stop.signal) }
  }
  let running = start()
  await turns()

  async function turns(): Promise<void> {
    for (let i = 0; i < 12; i++) await turn()
  }

  return {
    api,
    state,
    silent,
    add,
    renew,
    clock,
    turns,
    /** Lets time pass; the agents of those that are not silent renew meanwhile. */
    async pass(forMs: number) {
      for (let passed = 0; passed < forMs; passed += 500) {
        if (!state.away && passed % 4_000 === 0)
          for (const { metadata } of (await api.list<Node>(api.kinds.byKind('Node'))).items)
            if (!silent.has(metadata.name)) await renew(metadata.name)
        clock.advance(500)
        await turns()
      }
    },
    async node(name: string) {
      const node = await api.get<Node>({ kind: 'Node', name })
      return `${node?.status?.phase} ${findCondition(node?.status?.conditions, 'Ready')?.reason}`
    },
    async events() {
      await api.flush()
      return (await api.list<AnyResource>(api.kinds.byKind('Event'))).items.map(
        (one) => `${(one as unknown as JsonObject).reason}`,
      )
    },
    async restart() {
      running.stop.abort()
      await running.ended
      running = start()
      await turns()
    },
    async stop() {
      running.stop.abort()
      await running.ended
    },
  }
}

const LOST = 'NotReady NodeLost'
const READY = 'Ready AgentRunning'

test('a silent node is lost after the grace period and not before, and ready again as soon as it is heard of', async () => {
  const cluster = await openCluster('a', 'b', 'c')
  await cluster.pass(8_000)
  cluster.silent.add('a')
  await cluster.pass(10_000)
  assert.is(await cluster.node('a'), READY)
  await cluster.pass(6_000)
  assert.is(await cluster.node('a'), LOST)
  assert.equal([await cluster.node('b'), await cluster.node('c')], [READY, READY])
  cluster.silent.delete('a')
  await cluster.pass(2_000)
  assert.is(await cluster.node('a'), READY)
  assert.equal((await cluster.events()).sort(), ['NodeLost', 'NodeReady'])
  await cluster.stop()
})

test('a store that is away for long loses nobody', async () => {
  const cluster = await openCluster('a', 'b')
  await cluster.pass(8_000)
  cluster.state.away = true
  await cluster.pass(120_000)
  cluster.state.away = false
  await cluster.turns()
  await cluster.pass(3_000)
  assert.equal([await cluster.node('a'), await cluster.node('b')], [READY, READY])
  assert.equal(await cluster.events(), [])
  await cluster.stop()
})

test('most nodes silent at once: they are not ready, and none is lost until the others are back', async () => {
  const cluster = await openCluster('a', 'b', 'c')
  await cluster.pass(8_000)
  cluster.silent.add('a').add('b')
  await cluster.pass(40_000)
  assert.equal(
    [await cluster.node('a'), await cluster.node('b')],
    ['NotReady NodeSilent', 'NotReady NodeSilent'],
  )
  cluster.silent.delete('b')
  await cluster.pass(2_000)
  assert.equal([await cluster.node('a'), await cluster.node('b')], [LOST, READY])
  await cluster.stop()
})

test('a control plane that is cut off from all its nodes loses none of them', async () => {
  const cluster = await openCluster('a', 'b', 'c')
  // not all renew at the same moment
  await cluster.pass(5_000)
  await cluster.renew('b')
  await cluster.pass(1_000)
  await cluster.renew('c')
  for (const name of ['a', 'b', 'c']) cluster.silent.add(name)
  await cluster.pass(60_000)
  const all = await Promise.all(['a', 'b', 'c'].map((name) => cluster.node(name)))
  assert.equal(new Set(all), new Set(['NotReady NodeSilent']))
  for (const name of ['a', 'b', 'c']) cluster.silent.delete(name)
  await cluster.pass(6_000)
  assert.equal(await Promise.all(['a', 'b', 'c'].map((name) => cluster.node(name))), [READY, READY, READY])
  await cluster.stop()
})

test('a successor takes nobody for heard of whom it has not heard', async () => {
  const cluster = await openCluster('a', 'b', 'c')
  cluster.silent.add('a')
  await cluster.pass(20_000)
  assert.is(await cluster.node('a'), LOST)
  await cluster.restart()
  await cluster.pass(40_000)
  assert.is(await cluster.node('a'), LOST)
  assert.equal(await cluster.events(), ['NodeLost'])
  cluster.silent.delete('a')
  await cluster.pass(2_000)
  assert.is(await cluster.node('a'), READY)
  await cluster.stop()
})

test('one that comes and goes has to stay before it counts', async () => {
  const cluster = await openCluster('a', 'b', 'c')
  const loseAndFind = async () => {
    cluster.silent.add('a')
    await cluster.pass(20_000)
    cluster.silent.delete('a')
    await cluster.pass(2_000)
  }
  await loseAndFind()
  assert.is(await cluster.node('a'), READY)
  await loseAndFind()
  assert.is(await cluster.node('a'), 'NotReady NodeSettling')
  await cluster.pass(16_000)
  assert.is(await cluster.node('a'), READY)
  await cluster.stop()
})

test('an agent that was stopped is waited for like a silent one', async () => {
  const cluster = await openCluster('a', 'b', 'c')
  await cluster.pass(4_000)
  cluster.silent.add('a')
  const stopped = {
    type: 'Ready',
    status: 'False',
    reason: 'AgentStopped',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  }
  await cluster.api.updateStatus({ kind: 'Node', name: 'a' }, { phase: 'NotReady', conditions: [stopped] })
  await cluster.pass(10_000)
  assert.is(await cluster.node('a'), 'NotReady AgentStopped')
  await cluster.pass(10_000)
  assert.is(await cluster.node('a'), LOST)
  await cluster.stop()
})

function instance(name: string, node: string): AnyResource {
  return {
    apiVersion: API_VERSION,
    kind: 'Instance',
    metadata: { name, namespace: 'default', finalizers: [FINALIZERS.runtime] },
    spec: { service: 'web', ordinal: 0, node, templateHash: 'h', attempt: 0, template: {} },
  } as unknown as AnyResource
}

function volume(name: string, node: string): AnyResource {
  return {
    apiVersion: API_VERSION,
    kind: 'Volume',
    metadata: { name, namespace: 'default', finalizers: [FINALIZERS.data] },
    spec: { service: 'web', volume: 'data', ordinal: 0, node },
  } as unknown as AnyResource
}

const there = async (cluster: Awaited<ReturnType<typeof openCluster>>, kind: string) =>
  (await cluster.api.list<AnyResource>(cluster.api.kinds.byKind(kind))).items.map(
    ({ metadata }) => metadata.name,
  )

test('a lost node that is deleted takes its instances with it, and leaves its data on record', async () => {
  const cluster = await openCluster('a', 'b', 'c')
  await cluster.api.createOwned([
    instance('web-0-x', 'a'),
    instance('web-1-y', 'b'),
    volume('web-data-0', 'a'),
  ])
  cluster.silent.add('a')
  await cluster.pass(20_000)
  await cluster.api.delete({ kind: 'Node', name: 'a' }, options)
  await cluster.pass(5_000)
  assert.equal(await there(cluster, 'Node'), ['b', 'c'])
  assert.equal(await there(cluster, 'Instance'), ['web-1-y'])
  assert.equal(await there(cluster, 'Volume'), ['web-data-0'])
  await cluster.stop()
})

test('with --purge its data goes, too', async () => {
  const cluster = await openCluster('a', 'b', 'c')
  await cluster.api.createOwned([
    instance('web-0-x', 'a'),
    volume('web-data-0', 'a'),
    volume('web-data-1', 'b'),
  ])
  cluster.silent.add('a')
  await cluster.pass(20_000)
  await cluster.api.delete({ kind: 'Node', name: 'a' }, { ...options, purge: true })
  await cluster.pass(5_000)
  assert.equal(await there(cluster, 'Node'), ['b', 'c'])
  assert.equal(await there(cluster, 'Volume'), ['web-data-1'])
  await cluster.stop()
})

function unique(name: string, node: string, ordinal: number, storage?: readonly JsonObject[]): AnyResource {
  const { spec, ...rest } = instance(name, node)
  return {
    ...rest,
    spec: { ...spec, ordinal, unique: true, ...(storage && { storage }) },
  } as unknown as AnyResource
}

test('what is unique leaves a node that is lost, behind its fence; what has data there stays', async () => {
  const cluster = await openCluster('a', 'b', 'c')
  const data = [{ name: 'data', path: '/data' }]
  await cluster.api.createOwned([
    unique('web-0-x', 'a', 0),
    unique('web-1-y', 'b', 1),
    unique('web-2-z', 'a', 2, data),
    instance('web-3-p', 'a'),
  ])
  cluster.silent.add('a')
  await cluster.pass(13_000)
  assert.equal(await there(cluster, 'Instance'), ['web-0-x', 'web-1-y', 'web-2-z', 'web-3-p'])
  await cluster.pass(5_000)
  assert.equal(await there(cluster, 'Instance'), ['web-1-y', 'web-2-z', 'web-3-p'])
  assert.ok((await cluster.events()).includes('Fenced'))
  await cluster.stop()
})

test('what is unique comes to a node after it was lost, and leaves it as well', async () => {
  const cluster = await openCluster('a', 'b', 'c')
  cluster.silent.add('a')
  await cluster.pass(20_000)
  await cluster.api.createOwned([unique('web-0-x', 'a', 0)])
  await cluster.pass(20_000)
  assert.equal(await there(cluster, 'Instance'), [])
  await cluster.stop()
})

test('what is on a node that is heard of is its agent’s to end', async () => {
  const cluster = await openCluster('a', 'b', 'c')
  await cluster.api.createOwned([instance('web-0-x', 'a')])
  await cluster.pass(4_000)
  await cluster.api.delete({ kind: 'Node', name: 'a' }, options)
  await cluster.pass(10_000)
  assert.equal(await there(cluster, 'Instance'), ['web-0-x'])
  assert.equal(await there(cluster, 'Node'), ['a', 'b', 'c'])
  await cluster.api.updateStatus(
    { kind: 'Instance', name: 'web-0-x', namespace: 'default' },
    { phase: 'Stopped' },
  )
  await cluster.pass(3_000)
  assert.equal(await there(cluster, 'Node'), ['b', 'c'])
  await cluster.stop()
})

test('what is on a node that there is not goes', async () => {
  const cluster = await openCluster('a')
  await cluster.api.createOwned([instance('web-0-x', 'gone'), instance('web-1-y', 'a')])
  await cluster.pass(2_000)
  assert.equal(await there(cluster, 'Instance'), ['web-1-y'])
  await cluster.stop()
})

test('draining by force ends runs of Jobs, and draining alone does not', async () => {
  const cluster = await openCluster('a', 'b')
  const run = instance('load-0-x', 'a')
  await cluster.api.createOwned([{ ...run, spec: { ...run.spec, job: 'load' } }])
  const drain = (force: boolean) =>
    cluster.api.patch({ kind: 'Node', name: 'a' }, 'merge', { spec: { drain: { force } } }, options)
  const ends = async () =>
    (await cluster.api.get({ kind: 'Instance', name: 'load-0-x', namespace: 'default' }))?.metadata
      .deletionTimestamp !== undefined
  await drain(false)
  await cluster.pass(3_000)
  assert.not(await ends())
  await drain(true)
  await cluster.pass(3_000)
  assert.ok(await ends())
  await cluster.stop()
})

test.run()

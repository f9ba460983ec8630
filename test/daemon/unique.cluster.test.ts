/** Unique Services on three agents over one store, whose programs leave traces: never two of one at a time, whatever becomes of the agents. */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FENCE_FALLEN_MS, FENCE_KILL_MS } from '../../src/resources/fencing.ts'
import type { Instance, Node } from '../../src/resources/generated/types.ts'
import { createHome, type Home } from '../commands/nsctl.ts'
import { judge, tracing } from '../lab/unique.ts'
import { Running, until } from './processes.ts'

const NAMES = ['n1', 'n2', 'n3'] as const
/** Replaced as soon as its node is lost, whether or not it runs there: shows what would be found. */
const CARELESS = 9

interface Cluster {
  readonly control: Home
  readonly store: readonly string[]
  readonly homes: ReadonlyMap<string, Home>
  readonly agents: Map<string, Running>
  readonly controller: Running
}

const test = suite<{ cluster: Cluster }>('unique')

test.before(async (context) => {
  const control = createHome()
  const store = ['--store', `sqlite:${control.folder}/store.db`]
  const controller = new Running(control, ['controller', ...store])
  const homes = new Map(NAMES.map((name) => [name, createHome()]))
  const cluster: Cluster = { control, store, homes, agents: new Map(), controller }
  context.cluster = cluster
  await controller.says(/leading, term 1/)
  await Promise.all(NAMES.map((name) => start(cluster, name)))
  for (const ordinal of [0, 1, 2]) await apply(cluster, `u${ordinal}`, ordinal, { unique: true })
  await until(() => allReady(cluster, 'u0', 'u1', 'u2'), 30_000)
  const here = { key: 'kubernetes.io/hostname', operator: 'In', values: [await nodeOf(cluster, 'u0')] }
  const preferred = [{ weight: 100, preference: { matchExpressions: [here] } }]
  await apply(cluster, 'careless', CARELESS, { placement: { affinity: { node: { preferred } } } })
  await until(() => allReady(cluster, 'careless'), 30_000)
})

test.after(async ({ cluster }) => {
  for (const agent of cluster.agents.values()) await agent.stop('SIGKILL')
  await cluster.controller.stop('SIGKILL')
  const ends: string[] = []
  for (const home of cluster.homes.values()) {
    const { code, stderr } = await home.run(['down', ...cluster.store])
    if (code !== 0) ends.push(stderr)
    home.remove()
  }
  cluster.control.remove()
  // what is left would run for ever
  assert.equal(ends, [])
})

async function start(cluster: Cluster, name: string): Promise<void> {
  const words = ['up', '--node', name, '--runtime', 'process', '--no-metrics', ...cluster.store]
  const agent = new Running(cluster.homes.get(name) as Home, words)
  cluster.agents.set(name, agent)
  await agent.says(/is ready after/)
}

async function run(cluster: Cluster, ...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cluster.control.run([...words, ...cluster.store])
  assert.is(code, 0, stderr)
  return stdout
}

async function apply(
  cluster: Cluster,
  name: string,
  ordinal: number,
  spec: object,
  level = '1',
): Promise<void> {
  const source = { command: tracing(traceOf(cluster), ordinal) }
  const template = { source, env: [{ name: 'LEVEL', value: level }] }
  const manifest = {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Service',
    metadata: { name },
    spec: { ...spec, template },
  }
  cluster.control.write(`${name}.json`, JSON.stringify(manifest))
  await run(cluster, 'apply', '-f', `${name}.json`)
}

const traceOf = ({ control }: Cluster) => `${control.folder}/trace`

async function listOf<T>(cluster: Cluster, kind: string): Promise<readonly T[]> {
  return (JSON.parse(await run(cluster, 'get', kind, '-o', 'json')) as { readonly items: readonly T[] }).items
}

async function instanceOf(cluster: Cluster, service: string): Promise<Instance> {
  const all = await listOf<Instance>(cluster, 'instances')
  const found = all.filter(
    ({ spec, metadata }) => spec.service === service && metadata.deletionTimestamp === undefined,
  )
  const [newest] = found.sort((a, b) => b.spec.attempt - a.spec.attempt)
  assert.ok(newest, `${service} has no instance`)
  return newest as Instance
}

async function nodeOf(cluster: Cluster, service: string): Promise<string> {
  return (await instanceOf(cluster, service)).spec.node
}

async function allReady(cluster: Cluster, ...services: readonly string[]): Promise<void> {
  for (const service of services) assert.is((await instanceOf(cluster, service)).status?.ready, true, service)
}

async function whole(cluster: Cluster): Promise<void> {
  const nodes = await listOf<Node>(cluster, 'nodes')
  assert.ok(nodes.every(({ status }) => status?.phase === 'Ready'))
  await allReady(cluster, 'u0', 'u1', 'u2', 'careless')
}

const uidOf = async (cluster: Cluster, service: string) => (await instanceOf(cluster, service)).metadata.uid
const pidOf = async (cluster: Cluster, service: string) => (await instanceOf(cluster, service)).status?.pid

/** Replaced elsewhere, and ready there; how long that took. */
async function replaced(cluster: Cluster, service: string, before: string): Promise<number> {
  const fromMs = performance.now()
  await until(async () => {
    const { spec, status } = await instanceOf(cluster, service)
    assert.is.not(spec.node, before)
    assert.is(status?.ready, true)
  }, 40_000)
  return performance.now() - fromMs
}

test('each is started with a token, which describe shows', async ({ cluster }) => {
  const { metadata, status } = await instanceOf(cluster, 'u0')
  assert.ok((status?.fencingToken ?? 0) > 0)
  assert.match(
    await run(cluster, 'describe', 'instance', metadata.name),
    `fencing token ${status?.fencingToken}`,
  )
})

test('an agent that is started again, in order or after kill -9, ends nothing', async ({ cluster }) => {
  const node = await nodeOf(cluster, 'u0')
  const before = await pidOf(cluster, 'u0')
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    await cluster.agents.get(node)?.stop(signal)
    await start(cluster, node)
    await sleep(FENCE_KILL_MS + 1_000)
    assert.is(await pidOf(cluster, 'u0'), before, signal)
  }
})

test('an agent that stands still: its unique programs end, are replaced, and are not doubled when it goes on', async ({
  cluster,
}) => {
  const node = await nodeOf(cluster, 'u0')
  assert.is(await nodeOf(cluster, 'careless'), node)
  const agent = cluster.agents.get(node) as Running
  agent.child.kill('SIGSTOP')
  const ms = await replaced(cluster, 'u0', node)
  console.log(`agent frozen: unique replaced and ready after ${Math.round(ms)} ms`)
  assert.ok(ms >= FENCE_FALLEN_MS - 4_500)
  await sleep(3_000)
  agent.child.kill('SIGCONT')
  await until(() => whole(cluster), 40_000)
})

test('an agent that was killed and stays away: the same', async ({ cluster }) => {
  const node = await nodeOf(cluster, 'u1')
  await cluster.agents.get(node)?.stop('SIGKILL')
  const ms = await replaced(cluster, 'u1', node)
  console.log(`agent killed: unique replaced and ready after ${Math.round(ms)} ms`)
  await start(cluster, node)
  await until(() => whole(cluster), 40_000)
})

test('an agent that is away for longer than its programs may run, and back before they are replaced', async ({
  cluster,
}) => {
  const node = await nodeOf(cluster, 'u2')
  const uid = await uidOf(cluster, 'u2')
  const { status } = await instanceOf(cluster, 'u2')
  const agent = cluster.agents.get(node) as Running
  agent.child.kill('SIGSTOP')
  await sleep(FENCE_KILL_MS + 500)
  agent.child.kill('SIGCONT')
  await until(async () => {
    const now = await instanceOf(cluster, 'u2')
    assert.is(now.status?.ready, true)
    assert.is.not(now.status?.pid, status?.pid)
    // of the same instance, and of another where its node counted as lost by then
    if (now.metadata.uid === uid) assert.ok((now.status?.fencingToken ?? 0) > (status?.fencingToken ?? 0))
  }, 40_000)
  await until(() => whole(cluster), 40_000)
})

test('a changed template is started once the former has ended', async ({ cluster }) => {
  const before = await uidOf(cluster, 'u0')
  await apply(cluster, 'u0', 0, { unique: true }, '2')
  await until(async () => assert.is.not(await uidOf(cluster, 'u0'), before), 20_000)
  await until(() => whole(cluster), 20_000)
})

test('none was doubled, each token was larger; the careless one was doubled, and that is seen', async ({
  cluster,
}) => {
  const { lives, doubled, stale } = judge([readFileSync(traceOf(cluster), 'utf8')])
  const unique = lives.filter(({ ordinal }) => ordinal !== CARELESS)
  console.log(
    `unique lives ${unique.length}, doubled ${doubled.filter(({ a }) => a.ordinal !== CARELESS).length}; careless doubled ${doubled.filter(({ a }) => a.ordinal === CARELESS).length}`,
  )
  assert.equal(
    doubled.filter(({ a }) => a.ordinal !== CARELESS),
    [],
  )
  assert.equal(
    stale.filter(({ ordinal }) => ordinal !== CARELESS),
    [],
  )
  assert.ok(unique.length >= 7)
  assert.ok(doubled.some(({ a }) => a.ordinal === CARELESS))
})

test.run()

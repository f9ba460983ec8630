/** Three agents as processes of their own over one store, and a controller: what becomes of Services when nodes go and come. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Instance, Node, Service } from '../../src/resources/generated/types.ts'
import { createHome, type Home } from '../commands/nsctl.ts'
import { Running, until } from './processes.ts'

const GRACE_MS = 6_000
const NAMES = ['n1', 'n2', 'n3'] as const

interface Cluster {
  readonly control: Home
  readonly store: readonly string[]
  readonly homes: ReadonlyMap<string, Home>
  readonly agents: Map<string, Running>
  controller: Running
}

const test = suite<{ cluster: Cluster }>('nodes')

test.before(async (context) => {
  const control = createHome()
  const store = ['--store', `sqlite:${control.folder}/store.db`]
  const controller = new Running(control, ['controller', ...store, '--node-grace', `${GRACE_MS}ms`])
  const homes = new Map(NAMES.map((name) => [name, createHome()]))
  const cluster: Cluster = { control, store, homes, agents: new Map(), controller }
  context.cluster = cluster
  await controller.says(/leading, term 1/)
  await Promise.all(NAMES.map((name) => start(cluster, name)))
  await apply(cluster, 'web', 'replicas: 3')
})

test.after(async ({ cluster }) => {
  for (const agent of cluster.agents.values()) await agent.stop('SIGKILL')
  await cluster.controller.stop('SIGKILL')
  for (const home of cluster.homes.values()) {
    await home.run(['down', '--runtime', 'process', ...cluster.store])
    home.remove()
  }
  cluster.control.remove()
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

async function apply(cluster: Cluster, name: string, spec: string): Promise<void> {
  cluster.control.write(
    `${name}.yaml`,
    `apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: ${name}}
spec:
  ${spec}
  template: {source: {command: [sleep, '100000']}}
`,
  )
  await run(cluster, 'apply', '-f', `${name}.yaml`)
  await run(cluster, 'wait', '--for=condition=Ready', `service/${name}`)
}

const listOf = async <T>(cluster: Cluster, kind: string): Promise<readonly T[]> =>
  (JSON.parse(await run(cluster, 'get', kind, '-o', 'json')) as { readonly items: readonly T[] }).items

const instancesOf = async (cluster: Cluster, service = 'web') =>
  (await listOf<Instance>(cluster, 'instances')).filter(({ spec }) => spec.service === service)

async function phaseOf(cluster: Cluster, name: string): Promise<string> {
  const found = (await listOf<Node>(cluster, 'nodes')).find(({ metadata }) => metadata.name === name)
  const ready = found?.status?.conditions?.find(({ type }) => type === 'Ready')
  return `${found?.status?.phase} ${ready?.reason}`
}

/** Three that are ready on nodes other than `lost`, and no more anywhere but there. */
async function whole(cluster: Cluster, lost?: string): Promise<void> {
  const there = (await instancesOf(cluster)).filter(({ spec }) => spec.node !== lost)
  assert.is(there.filter(({ status }) => status?.ready === true).length, 3)
  assert.is(there.length, 3)
  const services = await listOf<Service>(cluster, 'services')
  const status = services.find(({ metadata }) => metadata.name === 'web')?.status
  assert.equal([status?.ready, status?.availableReplicas], ['3/3', 3])
}

const isAlive = (pid: number | undefined) => {
  try {
    process.kill(pid ?? 0, 0)
    return pid !== undefined
  } catch {
    return false
  }
}

test('an agent per node, each with an instance', async ({ cluster }) => {
  await until(() => whole(cluster))
  const nodes = (await instancesOf(cluster)).map(({ spec }) => spec.node)
  assert.equal(nodes.sort(), [...NAMES])
  assert.match(await run(cluster, 'get', 'nodes'), /n1 +Ready /)
})

test('kill -9 of an agent: its programs run on, are replaced after the grace period, and end when it is back', async ({
  cluster,
}) => {
  const before = (await instancesOf(cluster)).find(({ spec }) => spec.node === 'n1')
  const pid = before?.status?.pid
  await cluster.agents.get('n1')?.stop('SIGKILL')
  const killedMs = performance.now()
  await until(async () => assert.is(await phaseOf(cluster, 'n1'), 'NotReady NodeLost'), 20_000)
  const lostMs = performance.now() - killedMs
  await until(() => whole(cluster, 'n1'))
  const wholeMs = performance.now() - killedMs
  assert.ok(lostMs >= GRACE_MS - 4_500, `lost after ${lostMs} ms: sooner than a renewal and the grace period`)
  assert.ok(wholeMs <= GRACE_MS + 5_000, `replaced after ${wholeMs} ms`)
  assert.ok(isAlive(pid), 'what runs there goes on')
  // nobody can know that
  const shown = await run(cluster, 'get', 'instances')
  assert.match(shown, /web-\d-\w+ +n1 +Unknown +no .* node\/n1 is lost: last heard of as Running, ready\n/)
  assert.match(await run(cluster, 'describe', 'node', 'n1'), / n1 +unknown +no /)
  console.log(
    `grace ${GRACE_MS} ms: lost after ${Math.round(lostMs)} ms, replaced and ready after ${Math.round(wholeMs)} ms`,
  )
  await start(cluster, 'n1')
  await until(async () => assert.is(await phaseOf(cluster, 'n1'), 'Ready AgentRunning'))
  await until(() => whole(cluster))
  await until(() => assert.not(isAlive(pid)))
})

test('an agent that is frozen for longer than the grace period goes on where it was, and its surplus ends', async ({
  cluster,
}) => {
  const agent = cluster.agents.get('n2') as Running
  agent.child.kill('SIGSTOP')
  await until(async () => assert.is(await phaseOf(cluster, 'n2'), 'NotReady NodeLost'), 20_000)
  await until(() => whole(cluster, 'n2'))
  // until it has to see that its lease is over
  await new Promise((resolve) => setTimeout(resolve, 12_000))
  agent.child.kill('SIGCONT')
  await until(async () => assert.is(await phaseOf(cluster, 'n2'), 'Ready AgentRunning'), 20_000)
  await until(() => whole(cluster))
  assert.is(agent.child.exitCode, null)
})

test('a second agent of one name is refused, with both named', async ({ cluster }) => {
  const home = createHome()
  const first = cluster.agents.get('n3')?.child.pid
  const second = new Running(home, ['up', '--node', 'n3', '--runtime', 'process', ...cluster.store])
  try {
    assert.is(await second.ended, 4)
    assert.match(second.output, `node n3 has an agent: pid ${first} on `)
    assert.match(second.output, `this is pid ${second.child.pid} on `)
    assert.is(await phaseOf(cluster, 'n3'), 'Ready AgentRunning')
  } finally {
    await second.stop('SIGKILL')
    home.remove()
  }
})

test('drain moves what runs there, with no instance too few meanwhile; the command may die', async ({
  cluster,
}) => {
  await until(() => whole(cluster))
  const draining = new Running(cluster.control, ['drain', 'n3', ...cluster.store])
  await draining.says(/node\/n3 cordoned, draining/)
  await draining.stop('SIGKILL')
  let fewest = 3
  await until(async () => {
    const instances = await instancesOf(cluster)
    const serving = instances.filter(
      ({ status, metadata }) => status?.ready === true && metadata.deletionTimestamp === undefined,
    )
    fewest = Math.min(fewest, serving.length)
    assert.not(instances.some(({ spec }) => spec.node === 'n3'))
  })
  assert.is(fewest, 3)
  const again = await run(cluster, 'drain', 'n3', '--timeout', '10s')
  assert.is(again, 'node/n3 is draining already\nnode/n3 drained\n')
  assert.match(await run(cluster, 'get', 'nodes'), /n3 +Ready,SchedulingDisabled /)
  await run(cluster, 'uncordon', 'n3')
})

test('a Node that is lost and deleted is gone with what it had; its agent is a node again when it comes back', async ({
  cluster,
}) => {
  await apply(cluster, 'each', 'placement: {strategy: perNode}')
  await until(async () => assert.is((await instancesOf(cluster, 'each')).length, 3))
  await cluster.agents.get('n1')?.stop('SIGKILL')
  await until(async () => assert.is(await phaseOf(cluster, 'n1'), 'NotReady NodeLost'), 20_000)
  await run(cluster, 'delete', 'node', 'n1')
  const left = await listOf<Node>(cluster, 'nodes')
  assert.equal(left.map(({ metadata }) => metadata.name).sort(), ['n2', 'n3'])
  await until(() => whole(cluster))
  await until(async () => assert.is((await instancesOf(cluster, 'each')).length, 2))
  await start(cluster, 'n1')
  await until(async () => assert.is((await instancesOf(cluster, 'each')).length, 3))
  await until(() => whole(cluster))
})

test('of agents that run controllers too another leads when the leader is killed, and replaces what that ran', async ({
  cluster,
}) => {
  await run(cluster, 'delete', 'service', 'each', '--wait=false')
  await cluster.controller.stop()
  const leads = () => [...cluster.agents].filter(([, agent]) => /leading \(leader\)/.test(agent.output))
  const [[first]] = await until(() => {
    const found = leads()
    assert.is(found.length, 1)
    return found as [[string, Running]]
  })
  await until(() => whole(cluster))
  await cluster.agents.get(first)?.stop('SIGKILL')
  const killedMs = performance.now()
  // these were not told another grace period than the usual one
  await until(async () => assert.is(await phaseOf(cluster, first), 'NotReady NodeLost'), 30_000)
  await until(() => whole(cluster, first))
  console.log(`leader killed: replaced and ready after ${Math.round(performance.now() - killedMs)} ms`)
  await start(cluster, first)
  await until(() => whole(cluster))
})

test.run()

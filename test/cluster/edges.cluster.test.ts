/** Two machines with a load balancer each, before two that run a Service: what becomes of requests when one of the edges comes to grief. */
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Cluster, type Machine } from '../lab/cluster.ts'
import { canMakeNetworks } from '../lab/network.ts'
import { canBootNodes } from '../lab/node.ts'
import { canFetchDebs } from '../lab/servers.ts'
import { needs } from '../parts.ts'
import { ask } from '../traffic/load.ts'
import { type Figures, SteadyLoad } from '../traffic/steady.ts'

const REPLICAS = 4
const HOST = 'web.test'
const NONE = { GET: {}, POST: {} }
const PROGRAM = `require('node:http').createServer((q, r) => { q.resume(); q.on('end', () => setTimeout(() => r.end(String(process.pid) + require('node:os').hostname()), 3)) }).listen(Number(process.env.PORT))`
const WEB = {
  apiVersion: 'nsctl.dev/v1alpha1',
  kind: 'Service',
  metadata: { name: 'web' },
  spec: {
    replicas: REPLICAS,
    expose: { domain: HOST, listen: '8080' },
    template: {
      source: { command: ['node', '-e', PROGRAM], workingDir: '/' },
      ports: [{ name: 'http' }],
      readiness: { http: { port: 'http' } },
    },
  },
}

const clustered = needs(
  test,
  canBootNodes() && canMakeNetworks() && canFetchDebs(),
  'root on Linux with Debian packages, to boot nodes on a network',
)

let cluster: Cluster
const urlOf = ({ address }: Machine) => `http://${address}:8080/`
const edge = (name: string) => cluster.machine(name)

clustered('each edge leads to all instances', async () => {
  cluster = await Cluster.start({ nodes: 2, edges: 2, controllers: 1 })
  await cluster.apply(WEB)
  await led(['e1', 'e2'])
  for (const one of cluster.edges) assert.is((await answers(one)).size, REPLICAS)
})

clustered('no request fails on either while all instances are replaced', async () => {
  const load = start(...cluster.edges)
  await restart()
  await led(['e1', 'e2'])
  report('rolling update behind two edges', await end(load), { failed: NONE })
})

clustered('an agent that is killed has its edge lead on', async () => {
  const load = start(edge('e1'))
  await edge('e1').node.run(['systemctl', 'kill', '--signal=SIGKILL', 'nsctl.service'])
  await sleep(500)
  await cluster.until('it is back', async () => await isActive(edge('e1')))
  await led(['e1', 'e2'])
  report('the agent of an edge killed, and started by its unit', await end(load), { failed: NONE })
})

clustered('an edge that loses power holds up nobody on the other, and no rollout', async () => {
  const load = start(edge('e2'))
  await edge('e1').node.kill()
  const startedMs = performance.now()
  await restart()
  const tookMs = performance.now() - startedMs
  await led(['e2'])
  const figures = await end(load)
  report(`rolling update in ${(tookMs / 1000).toFixed(1)} s, one edge dead`, figures, { failed: NONE })
})

clustered('once it is back it leads to what is there now', async () => {
  await edge('e1').reboot()
  await cluster.until('all nodes are ready', async () =>
    (await cluster.list('nodes')).every(({ status }) => status.phase === 'Ready'),
  )
  await led(['e1', 'e2'])
  // all of that may be what was said before the power went
  await cluster.until('all instances answer behind both', async () => {
    const behind = await Promise.all(cluster.edges.map((one) => answers(one).catch(() => new Set())))
    return behind.every(({ size }) => size === REPLICAS)
  })
  const load = start(...cluster.edges)
  await sleep(3_000)
  report('both again', await end(load), { failed: NONE })
})

function start(...edges: readonly Machine[]): SteadyLoad {
  const targets = edges.map((one) => ({ url: urlOf(one), host: HOST }))
  return new SteadyLoad({ targets, perSecond: 60, limitMs: 10_000 })
}

async function end(load: SteadyLoad): Promise<Figures> {
  load.stop()
  const figures = await load.take()
  await load.close()
  return figures
}

function report(what: string, figures: Figures, { failed }: Pick<Figures, 'failed'>): void {
  const { requests, medianMs, p99Ms, slowestMs } = figures
  console.log(
    `${what}: ${requests} requests, failed ${JSON.stringify(figures.failed)}, median ${medianMs} ms, p99 ${p99Ms} ms, slowest ${slowestMs} ms`,
  )
  assert.equal(figures.failed, failed)
}

async function restart(): Promise<void> {
  await cluster.nsctl(['rollout', 'restart', 'service/web'])
  await cluster.nsctl(['rollout', 'status', 'service/web', '--timeout=120s'])
}

/** These edges lead to all instances, of which there are as many as are wanted. */
async function led(edges: readonly string[]): Promise<void> {
  await cluster.until('all is led', async () => {
    const [routes, instances] = [await cluster.list('routes'), await cluster.list('instances')]
    const found = routes.filter(({ spec }) => edges.includes(spec.node))
    return (
      instances.length === REPLICAS &&
      found.length === edges.length &&
      found.every(({ status }) => status?.phase === 'Led' && status.backends === REPLICAS)
    )
  })
}

async function isActive({ node }: Machine): Promise<boolean> {
  return (await node.exec(['systemctl', 'is-active', '--quiet', 'nsctl.service'])).code === 0
}

/** Who answers there. */
async function answers(machine: Machine): Promise<ReadonlySet<string>> {
  const said = new Set<string>()
  for (let count = 0; count < 40; count++) said.add((await ask(urlOf(machine), { host: HOST })).text)
  return new Set([...said].sort())
}

clustered('the cluster goes', async () => {
  await cluster.stop()
})

test.run()

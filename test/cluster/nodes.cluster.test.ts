/** Three machines with a real systemd, Consul and two controllers: what becomes of a Service while machines come to grief. */
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Cluster, type Machine, type Shown } from '../lab/cluster.ts'
import { canMakeNetworks } from '../lab/network.ts'
import { canBootNodes } from '../lab/node.ts'
import { needs } from '../parts.ts'

const REPLICAS = 6
// starts in a second
const PROGRAM = `setTimeout(() => require('node:http').createServer((q, r) => r.end(require('node:os').hostname())).listen(Number(process.env.PORT)), 1000)`
const WEB = {
  apiVersion: 'nsctl.dev/v1alpha1',
  kind: 'Service',
  metadata: { name: 'web' },
  spec: {
    replicas: REPLICAS,
    placement: { strategy: 'spread' },
    template: {
      source: { command: ['node', '-e', PROGRAM], workingDir: '/' },
      ports: [{ name: 'http' }],
      readiness: { http: { port: 'http' } },
    },
  },
}

const clustered = needs(
  test,
  canBootNodes() && canMakeNetworks(),
  'root on Linux, to boot nodes on a network',
)

let cluster: Cluster

clustered('three machines register with their addresses, and six instances spread over them', async () => {
  cluster = await Cluster.start({ nodes: 3, controllers: 2 })
  await cluster.apply(WEB)
  await allReady()
  assert.equal(await perNode(), { n1: 2, n2: 2, n3: 2 })
  for (const { name, address } of cluster.machines)
    assert.ok((await cluster.get('node', name)).status.addresses.includes(address))
  for (const one of await cluster.list('instances')) assert.is(await answerOf(one), 200)
})

clustered(
  'a machine that loses power is replaced after the grace period, and has its surplus ended when it is back',
  async () => {
    const lost = cluster.machine('n1')
    const startedMs = performance.now()
    await lost.node.kill()
    await cluster.until('six run elsewhere', async () => (await readyOn('n2', 'n3')).length === REPLICAS)
    report('power failure: replaced after', performance.now() - startedMs)
    assert.is((await cluster.get('node', 'n1')).status.phase, 'NotReady')
    await lost.reboot()
    await settled()
  },
)

clustered(
  'a machine that is frozen beyond the grace period is replaced, and thaws into what is wanted now',
  async () => {
    const frozen = cluster.machine('n2')
    const startedMs = performance.now()
    frozen.node.freeze()
    await cluster.until('six run elsewhere', async () => (await readyOn('n1', 'n3')).length === REPLICAS)
    report('frozen: replaced after', performance.now() - startedMs)
    frozen.node.thaw()
    await settled()
  },
)

clustered(
  'what is cut off runs on there, is replaced elsewhere, and the surplus goes once the cable is back',
  async () => {
    const cut = cluster.machine('n3')
    const before = await pidsOn(cut)
    const startedMs = performance.now()
    await cut.cut()
    await cluster.until('six run elsewhere', async () => (await readyOn('n1', 'n2')).length === REPLICAS)
    report('cut off: replaced after', performance.now() - startedMs)
    assert.equal(await pidsOn(cut), before, 'nobody ends what a machine runs because it was cut off')
    await cut.heal()
    await settled()
  },
)

clustered('a store that stands still for a minute stops and moves nothing', async () => {
  const before = await Promise.all(cluster.machines.map(pidsOn))
  const names = await namesOf()
  const [server] = cluster.consul.servers
  server!.process.freeze()
  await sleep(60_000)
  server!.process.thaw()
  await settled()
  // long enough for whoever believes that the nodes were silent
  await sleep(20_000)
  assert.equal(await Promise.all(cluster.machines.map(pidsOn)), before)
  assert.equal(await namesOf(), names)
})

clustered('the leader is killed in the middle of a rollout, and the next one ends it', async () => {
  const { status } = await cluster.get('service', 'web')
  const changed = structuredClone(WEB)
  await cluster.apply({
    ...changed,
    spec: { ...changed.spec, template: { ...changed.spec.template, env: [{ name: 'LEVEL', value: '2' }] } },
  })
  await cluster.until('the rollout is under way', async () => {
    const { updatedReplicas = 0 } = (await cluster.get('service', 'web')).status
    return updatedReplicas > 0 && updatedReplicas < REPLICAS
  })
  await cluster.leader().stop('SIGKILL')
  await cluster.until('all have the new template', async () => {
    const now = (await cluster.get('service', 'web')).status
    return (
      now.updatedReplicas === REPLICAS &&
      now.readyReplicas === REPLICAS &&
      now.stableHash !== status.stableHash
    )
  })
  await settled()
})

function report(what: string, ms: number): void {
  console.log(`${what} ${(ms / 1000).toFixed(1)} s`)
}

/** Six instances, each ready, each a unit that runs, and no unit beyond them. */
async function settled(): Promise<void> {
  await cluster.until('all nodes are ready', async () =>
    (await cluster.list('nodes')).every((one) => one.status.phase === 'Ready'),
  )
  await cluster.until(`there are ${REPLICAS} instances, all ready`, async () => {
    const all = await cluster.list('instances')
    return all.length === REPLICAS && all.every((one) => one.status?.ready === true)
  })
  await cluster.until(`there are ${REPLICAS} units`, async () => {
    const units = await Promise.all(cluster.machines.map(pidsOn))
    return units.flat().length === REPLICAS
  })
}

async function namesOf(): Promise<readonly string[]> {
  return (await cluster.list('instances')).map((one) => one.metadata.name).sort()
}

async function readyOn(...nodes: readonly string[]): Promise<readonly Shown[]> {
  const all = await cluster.list('instances')
  return all.filter(({ spec, status }) => nodes.includes(spec.node) && status?.ready === true)
}

/** `unit pid` of each of our units that runs there. */
async function pidsOn({ node }: Machine): Promise<readonly string[]> {
  const script = `for unit in $(systemctl list-units --state=active,activating --plain --no-legend 'nsctl-*@*.service' | cut -d' ' -f1)
    do echo $unit $(systemctl show -p MainPID --value $unit); done`
  const said = await node.run(['sh', '-c', script])
  return said
    .split('\n')
    .filter((line) => line !== '')
    .sort()
}

async function allReady(limitMs?: number): Promise<void> {
  await cluster.until(
    `${REPLICAS} instances are ready`,
    async () => (await cluster.get('service', 'web')).status?.readyReplicas === REPLICAS,
    limitMs,
  )
}

async function perNode(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { spec } of await cluster.list('instances')) counts[spec.node] = (counts[spec.node] ?? 0) + 1
  return counts
}

/** Of the instance's program, as it is reached from another machine. */
async function answerOf({ spec, status }: Shown): Promise<number> {
  const { address } = cluster.machine(spec.node)
  const response = await fetch(`http://${address}:${status.ports[0].port}/`, {
    signal: AbortSignal.timeout(2_000),
  })
  return response.status
}

clustered('the cluster goes', async () => {
  await cluster.stop()
})

test.run()

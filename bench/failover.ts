/** Three machines with a real systemd: from the loss of one until what it ran is ready elsewhere, with the default grace period. */
import { Cluster, type Machine } from '../test/lab/cluster.ts'
import { canMakeNetworks } from '../test/lab/network.ts'
import { canBootNodes } from '../test/lab/node.ts'
import { canFetchDebs } from '../test/lab/servers.ts'
import type { Row } from './measure.ts'

const REPLICAS = 6
const GRACE_MS = 15_000
const REACTION_MS = 3_000
// ready a second after its start
const PROGRAM = `setTimeout(() => require('node:net').createServer().listen(Number(process.env.PORT)), 1000)`
const SERVICE = {
  apiVersion: 'nsctl.dev/v1alpha1',
  kind: 'Service',
  metadata: { name: 'web' },
  spec: {
    replicas: REPLICAS,
    placement: { strategy: 'spread' },
    template: {
      source: { command: ['node', '-e', PROGRAM], workingDir: '/' },
      ports: [{ name: 'tcp' }],
      readiness: { tcp: { port: 'tcp' } },
    },
  },
}

const LOSSES: Readonly<
  Record<string, { lose(one: Machine): Promise<void>; back(one: Machine): Promise<void> }>
> = {
  'power failure': { lose: ({ node }) => node.kill(), back: (one) => one.reboot() },
  freeze: { lose: async ({ node }) => node.freeze(), back: async ({ node }) => node.thaw() },
  'cut cable': { lose: (one) => one.cut(), back: (one) => one.heal() },
}

export async function benchFailover(): Promise<readonly Row[]> {
  if (!canBootNodes() || !canMakeNetworks() || !canFetchDebs()) {
    console.log('left out: failover, which needs root and Debian packages to boot machines of its own')
    return []
  }
  const cluster = await Cluster.start({ nodes: 3, controllers: 1 })
  try {
    await cluster.apply(SERVICE)
    await settled(cluster)
    const rows: Row[] = []
    for (const [index, [what, { lose, back }]] of Object.entries(LOSSES).entries()) {
      const machine = cluster.machines[index]!
      const startedMs = performance.now()
      await lose(machine)
      await cluster.until('all run elsewhere', async () => (await readyBeside(cluster, machine)) === REPLICAS)
      const value = performance.now() - startedMs
      rows.push({
        ...{ bench: 'failover', what: `${what} of a node → replacements ready`, value, unit: 'ms' },
        goal: GRACE_MS + REACTION_MS,
      })
      await back(machine)
      await settled(cluster)
    }
    return rows
  } finally {
    await cluster.stop()
  }
}

async function readyBeside(cluster: Cluster, { name }: Machine): Promise<number> {
  const all = await cluster.list('instances')
  return all.filter(({ spec, status }) => spec.node !== name && status?.ready === true).length
}

async function settled(cluster: Cluster): Promise<void> {
  await cluster.until('all nodes are ready, and all instances', async () => {
    const [nodes, instances] = [await cluster.list('nodes'), await cluster.list('instances')]
    return (
      nodes.every(({ status }) => status?.phase === 'Ready') &&
      instances.length === REPLICAS &&
      instances.every(({ status }) => status?.ready === true)
    )
  })
}

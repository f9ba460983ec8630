/**
 * A rolling update of 200 instances over four machines with a real systemd, through Consul, from starting `nsctl rollout restart` until
 * `nsctl rollout status` says that it is over; against `systemctl restart` of as many units of the same text, on the same machines in the same batches.
 */
import { Cluster, type Machine } from '../test/lab/cluster.ts'
import { canMakeNetworks } from '../test/lab/network.ts'
import { canBootNodes } from '../test/lab/node.ts'
import { canFetchDebs } from '../test/lab/servers.ts'
import { median, type Row } from './measure.ts'

const NODES = 4
const INSTANCES = 200
const BATCHES = 4
const ROUNDS = 3
const PROGRAM =
  'use Socket; socket(S, PF_INET, SOCK_STREAM, 0); setsockopt(S, SOL_SOCKET, SO_REUSEADDR, 1); bind(S, sockaddr_in($ENV{PORT}, INADDR_ANY)); listen(S, 9); close(C) while accept(C, S)'
const SERVICE = {
  apiVersion: 'nsctl.dev/v1alpha1',
  kind: 'Service',
  metadata: { name: 'web' },
  spec: {
    replicas: INSTANCES,
    update: { maxUnavailable: `${100 / BATCHES}%`, maxSurge: 0 },
    template: {
      source: { command: ['perl', '-e', PROGRAM], workingDir: '/' },
      ports: [{ name: 'tcp' }],
      readiness: { tcp: { port: 'tcp' } },
    },
  },
}
/** The same text under a name that is not ours, each with a port of its own. */
const PREPARE = `set -e
cd /run/systemd/system
cp "$(ls -t nsctl-default_web_*@.service | head -1)" a@.service
for i in $(seq 1 ${INSTANCES / NODES}); do echo "PORT=\\"$((30000 + i))\\"" >/run/nsctl/env/a@$i.service; done
systemctl daemon-reload
systemctl start $(seq -f 'a@%g.service' 1 ${INSTANCES / NODES})`
const FINISH = `systemctl stop 'a@*.service'; rm /run/systemd/system/a@.service; systemctl daemon-reload`

interface Round {
  readonly nsctlMs: number
  readonly systemctlMs: number
}

export async function benchRollout(): Promise<readonly Row[]> {
  if (!canBootNodes() || !canMakeNetworks() || !canFetchDebs()) {
    console.log('left out: rollout, which needs root and Debian packages to boot machines of its own')
    return []
  }
  const cluster = await Cluster.start({ nodes: NODES, controllers: 1 })
  try {
    await cluster.apply(SERVICE)
    await cluster.nsctl(['rollout', 'status', 'service/web', '--timeout=180s'])
    const rounds: Round[] = []
    for (let round = 0; round <= ROUNDS; round++) {
      const one = { nsctlMs: await byNsctl(cluster), systemctlMs: await bySystemctl(cluster) }
      // the first warms up
      if (round > 0) rounds.push(one)
    }
    return rowsOf(rounds)
  } finally {
    await cluster.stop()
  }
}

async function byNsctl(cluster: Cluster): Promise<number> {
  const startedMs = performance.now()
  await cluster.nsctl(['rollout', 'restart', 'service/web'])
  await cluster.nsctl(['rollout', 'status', 'service/web', '--timeout=180s'])
  return performance.now() - startedMs
}

/** While nsctl stands still. */
async function bySystemctl(cluster: Cluster): Promise<number> {
  const { machines } = cluster
  const onAll = (script: string) => Promise.all(machines.map(({ node }) => node.run(['sh', '-c', script])))
  await onAll('systemctl kill --signal=SIGSTOP nsctl.service')
  try {
    await onAll(PREPARE)
    const startedMs = performance.now()
    for (let batch = 0; batch < BATCHES; batch++)
      await Promise.all(machines.map((machine) => restart(machine, batch)))
    const tookMs = performance.now() - startedMs
    await onAll(FINISH)
    return tookMs
  } finally {
    await onAll('systemctl kill --signal=SIGCONT nsctl.service')
    await cluster.until('all nodes are ready', async () =>
      (await cluster.list('nodes')).every(({ status }) => status.phase === 'Ready'),
    )
  }
}

async function restart({ node }: Machine, batch: number): Promise<void> {
  const units = Array.from({ length: INSTANCES / NODES }, (_, index) => index)
    .filter((index) => index % BATCHES === batch)
    .map((index) => `a@${index + 1}.service`)
  await node.run(['systemctl', 'restart', ...units])
}

function rowsOf(rounds: readonly Round[]): readonly Row[] {
  const bench = 'rollout'
  const what = `rolling update of ${INSTANCES} instances over ${NODES} machines, ${BATCHES} batches`
  const ratio = median(rounds.map(({ nsctlMs, systemctlMs }) => nsctlMs / systemctlMs))
  return [
    { bench, what: `${what}, to systemctl restart`, value: ratio, unit: '×', goal: 2 },
    { bench, what, value: median(rounds.map(({ nsctlMs }) => nsctlMs)), unit: 'ms' },
    {
      bench,
      what: 'as much by systemctl restart',
      value: median(rounds.map(({ systemctlMs }) => systemctlMs)),
      unit: 'ms',
    },
  ]
}

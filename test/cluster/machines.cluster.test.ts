/** Machines that are not as they should be: a disk that is full, clocks that are a day fast and a day slow. */
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { setClockOf, withClock } from '../lab/clock.ts'
import { Cluster, type Machine, type Shown } from '../lab/cluster.ts'
import { canMakeNetworks } from '../lab/network.ts'
import { canBootNodes, type LabNode } from '../lab/node.ts'
import { canFetchDebs } from '../lab/servers.ts'
import { needs } from '../parts.ts'

const STATE = '/var/lib/nsctl'
/** Beyond the grace period, with a renewal besides. */
const LONGER_THAN_GRACE_MS = 20_000
const CLOCKS: Readonly<Record<string, string>> = { n2: '+1d', n3: '-1d' }
const WEB = {
  apiVersion: 'nsctl.dev/v1alpha1',
  kind: 'Service',
  metadata: { name: 'web' },
  spec: {
    replicas: 6,
    placement: { strategy: 'spread' },
    template: { source: { command: ['sleep', '100000'], workingDir: '/' } },
  },
}

const clustered = needs(
  test,
  canBootNodes() && canMakeNetworks() && canFetchDebs(),
  'root on Linux with Debian packages, to boot nodes on a network',
)

let cluster: Cluster

async function prepare(name: string, node: LabNode): Promise<void> {
  const clock = CLOCKS[name]
  if (clock !== undefined) await setClockOf(node, 'nsctl.service', clock)
  else await node.run(['sh', '-c', `mkdir -p ${STATE} && mount -t tmpfs -o size=48m,mode=700 tmpfs ${STATE}`])
}

clustered('machines with wrong clocks are as good as others', async () => {
  cluster = await Cluster.start({ nodes: 3, controllers: 1, prepare })
  await cluster.apply(WEB)
  await ready(6)
  assert.equal(await perNode(), { n1: 2, n2: 2, n3: 2 })
  const daysOff = await Promise.all(cluster.machines.map(clockOf))
  assert.equal(
    daysOff.map((days) => days.toFixed(0).replace('-0', '0')),
    ['0', '1', '-1'],
  )
  const before = await names()
  await staysSo(before)
})

clustered('one comes back after it lost power, and its own are started again', async () => {
  const machine = cluster.machine('n2')
  await machine.reboot()
  // what the store says may be from before
  await cluster.until('its own run there again', async () => {
    const units = await unitsOn(machine)
    return units.length > 0 && units.length === (await on('n2')).length
  })
  await allReady()
  await ready(6)
})

clustered('a control plane whose clock is a day fast takes over, and moves nothing', async () => {
  const before = await names()
  const leader = cluster.leader()
  const next = await cluster.addController(await withClock('+1d'))
  await leader.stop('SIGKILL')
  await next.says(/leading, term/, 30_000)
  await staysSo(before)
  await cluster.nsctl(['scale', 'service/web', '--replicas', '9'])
  await ready(9)
})

clustered('a full disk is said, and what runs goes on, is restarted, and is not forgotten', async () => {
  const machine = cluster.machine('n1')
  const [before, programs] = [await names(), await unitsOn(machine)]
  await machine.node.exec(['sh', '-c', `dd if=/dev/zero of=${STATE}/fill bs=64k; sync`])
  await cluster.until('the disk is said to be full', async () => await hasPressure('n1'))
  const [unit = ''] = programs[0]!.split(' ')
  await machine.node.run(['systemctl', 'kill', '--signal=SIGKILL', unit])
  await cluster.until('it runs again', async () => {
    const now = await unitsOn(machine)
    // one that systemd is about to start has no process yet
    const isUp = now.every((one) => !one.endsWith(' 0'))
    return isUp && now.length === programs.length && !now.includes(programs[0]!)
  })
  const running = await unitsOn(machine)
  await machine.node.run(['systemctl', 'restart', 'nsctl.service'])
  await allReady()
  await staysSo(before)
  assert.equal(await unitsOn(machine), running, 'an agent that is started anew over a full disk ends nothing')
  await cluster.nsctl(['scale', 'service/web', '--replicas', '11'])
  await ready(11)
  assert.is((await on('n1')).length, programs.length, 'nothing more is placed there')
})

clustered('a disk that has room again is used again', async () => {
  const machine = cluster.machine('n1')
  await machine.node.run(['rm', `${STATE}/fill`])
  await cluster.until('the disk is said to be well', async () => !(await hasPressure('n1')), 120_000)
  await cluster.nsctl(['scale', 'service/web', '--replicas', '14'])
  await ready(14)
  assert.ok((await on('n1')).length > 3)
  await machine.node.run(['systemctl', 'restart', 'nsctl.service'])
  await allReady()
  await staysSo(await names())
})

/** For longer than the grace period the nodes are ready and the instances are these, all of them ready. */
async function staysSo(wanted: readonly string[]): Promise<void> {
  const untilMs = performance.now() + LONGER_THAN_GRACE_MS
  while (performance.now() < untilMs) {
    assert.equal(await phases(), ['Ready', 'Ready', 'Ready'])
    assert.equal(await names(), wanted)
    await sleep(1_000)
  }
  await ready(wanted.length)
}

async function ready(count: number): Promise<void> {
  await cluster.until(`${count} instances are ready`, async () => {
    const all = await cluster.list('instances')
    return all.length === count && all.every(({ status }) => status?.ready === true)
  })
}

async function on(name: string): Promise<readonly Shown[]> {
  return (await cluster.list('instances')).filter(({ spec }) => spec.node === name)
}

async function names(): Promise<readonly string[]> {
  return (await cluster.list('instances')).map(({ metadata }) => metadata.name).sort()
}

async function allReady(): Promise<void> {
  await cluster.until('all nodes are ready', async () => (await phases()).every((one) => one === 'Ready'))
}

async function phases(): Promise<readonly string[]> {
  return (await cluster.list('nodes')).map(({ status }) => status.phase)
}

async function perNode(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { spec } of await cluster.list('instances')) counts[spec.node] = (counts[spec.node] ?? 0) + 1
  return counts
}

interface Condition {
  readonly type: string
  readonly status: string
  readonly lastTransitionTime: string
}

async function hasPressure(name: string): Promise<boolean> {
  const conditions: readonly Condition[] = (await cluster.get('node', name)).status.conditions
  return conditions.some(({ type, status }) => type === 'DiskPressure' && status === 'True')
}

/** How many days off the agent there is, by what it says of its machine. */
async function clockOf({ name }: Machine): Promise<number> {
  const conditions: readonly Condition[] = (await cluster.get('node', name)).status.conditions
  const since = conditions.find(({ type }) => type === 'DiskPressure')?.lastTransitionTime ?? ''
  return (Date.parse(since) - Date.now()) / 86_400_000
}

/** `unit pid` of each of ours that runs there. */
async function unitsOn({ node }: Machine): Promise<readonly string[]> {
  const script = `for unit in $(systemctl list-units --state=active,activating --plain --no-legend 'nsctl-*@*.service' | cut -d' ' -f1)
    do echo $unit $(systemctl show -p MainPID --value $unit); done`
  const said = await node.run(['sh', '-c', script])
  return said
    .split('\n')
    .filter((line) => line !== '')
    .sort()
}

clustered('the cluster goes', async () => {
  await cluster.stop()
})

test.run()

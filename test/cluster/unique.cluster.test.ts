/** Unique Services on three machines with a real systemd, whose programs leave traces there: never two of one at a time, whatever fails. */
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FENCE_KILL_MS } from '../../src/resources/fencing.ts'
import { Cluster, type Machine, type Shown } from '../lab/cluster.ts'
import { canMakeNetworks } from '../lab/network.ts'
import { canBootNodes } from '../lab/node.ts'
import { judge, tracing } from '../lab/unique.ts'
import { needs } from '../parts.ts'

const TRACE = '/var/tmp/trace'
const UNIQUE = ['u0', 'u1', 'u2'] as const
/** Replaced as soon as its node is lost, whether or not it runs there: shows what would be found. */
const CARELESS = 9
/** What a machine may run on after its thaw, until its systemd has looked at the time. */
const THAW_MS = 1_000

const clustered = needs(
  test,
  canBootNodes() && canMakeNetworks(),
  'root on Linux, to boot nodes on a network',
)

let cluster: Cluster

function manifest(name: string, ordinal: number, spec: object): object {
  const source = { command: tracing(TRACE, ordinal), workingDir: '/' }
  const template = { source, security: { relax: ['all'] } }
  return {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Service',
    metadata: { name },
    spec: { ...spec, template },
  }
}

clustered('three machines, a unique Service on each, and one that is not', async () => {
  cluster = await Cluster.start({ nodes: 3, controllers: 2 })
  for (const { node } of cluster.machines) await node.run(['sh', '-c', `: >${TRACE} && chmod 666 ${TRACE}`])
  for (const [ordinal, name] of UNIQUE.entries())
    await cluster.apply(manifest(name, ordinal, { unique: true }))
  await whole(UNIQUE)
  const here = { key: 'kubernetes.io/hostname', operator: 'In', values: [(await instanceOf('u1')).spec.node] }
  const preferred = [{ weight: 100, preference: { matchExpressions: [here] } }]
  await cluster.apply(manifest('careless', CARELESS, { placement: { affinity: { node: { preferred } } } }))
  await whole()
  assert.is((await instanceOf('careless')).spec.node, (await instanceOf('u1')).spec.node)
})

clustered('an agent that is killed and started again, and a leader that is killed, end nothing', async () => {
  const { spec } = await instanceOf('u2')
  const { node } = cluster.machine(spec.node)
  const before = await pidsOn(cluster.machine(spec.node))
  await node.run(['systemctl', 'kill', '--signal=KILL', 'nsctl.service'])
  await cluster.leader().stop('SIGKILL')
  await sleep(FENCE_KILL_MS + 8_000)
  assert.equal(await pidsOn(cluster.machine(spec.node)), before)
  await whole()
})

clustered('a machine that is frozen: replaced, and ended there when it thaws', async () => {
  const { machine, ms } = await lose('u0', ({ node }) => node.freeze())
  report('machine frozen: unique replaced after', ms)
  await sleep(3_000)
  machine.node.thaw()
  await whole()
})

clustered('a cable that is cut: ended there, replaced, and the rest runs on', async () => {
  const careless = await unitOf('careless')
  const { machine, ms } = await lose('u1', (one) => one.cut())
  report('cable cut: unique replaced after', ms)
  const left = await pidsOn(machine)
  assert.ok(
    left.some((line) => line.startsWith(careless)),
    'what is not unique runs on',
  )
  assert.not(left.some((line) => line.includes('_u1_')))
  await sleep(3_000)
  await machine.heal()
  await whole()
})

clustered('an agent that stands still: the same, by systemd’s hand', async () => {
  const signal = (name: string) => (one: Machine) =>
    one.node.run(['systemctl', 'kill', `--signal=${name}`, 'nsctl.service']).then(() => {})
  const { machine, ms } = await lose('u2', signal('STOP'))
  report('agent frozen: unique replaced after', ms)
  await sleep(3_000)
  await signal('CONT')(machine)
  await whole()
})

clustered('power failure: not started at boot where it was replaced', async () => {
  const { machine, ms } = await lose('u0', (one) => one.node.kill())
  report('power failure: unique replaced after', ms)
  await machine.reboot()
  await whole()
})

clustered('a store that is away for a minute: unique ones end and come back, the others run on', async () => {
  const before = (await Promise.all(cluster.machines.map(pidsOn))).flat()
  const isUnique = (line: string) => /_u\d_/.test(line)
  const [server] = cluster.consul.servers
  server!.process.freeze()
  await sleep(FENCE_KILL_MS + 2_000)
  const meanwhile = (await Promise.all(cluster.machines.map(pidsOn))).flat()
  assert.equal(
    meanwhile,
    before.filter((line) => !isUnique(line)),
  )
  await sleep(45_000)
  server!.process.thaw()
  const thawedMs = performance.now()
  await whole()
  report('store back: all unique ones ready after', performance.now() - thawedMs)
  await sleep(20_000)
  const after = (await Promise.all(cluster.machines.map(pidsOn))).flat()
  for (const line of before) if (!isUnique(line)) assert.ok(after.includes(line))
  assert.is(after.length, before.length)
})

clustered('none was doubled beyond the bound, and what was not unique was: the judge sees it', async () => {
  const traces = await Promise.all(cluster.machines.map(({ node }) => node.run(['cat', TRACE])))
  const { lives, doubled, stale } = judge(traces)
  const unique = doubled.filter(({ a }) => a.ordinal !== CARELESS)
  const careless = doubled.filter(({ a }) => a.ordinal === CARELESS)
  const most = (some: typeof doubled) => Math.max(0, ...some.map(({ forMs }) => forMs))
  console.log(
    `lives ${lives.length}; unique doubled ${unique.length}, at most ${most(unique)} ms (after a thaw); others doubled ${careless.length}, at most ${most(careless)} ms`,
  )
  assert.ok(most(unique) <= THAW_MS)
  // but for the one machine that was frozen
  assert.ok(unique.length <= 1, JSON.stringify(unique))
  assert.equal(
    stale.filter(({ ordinal }) => ordinal !== CARELESS),
    [],
  )
  assert.ok(most(careless) > 1_000)
})

clustered('the cluster goes', async () => {
  await cluster.stop()
})

function report(what: string, ms: number): void {
  console.log(`${what} ${(ms / 1000).toFixed(1)} s`)
}

async function instanceOf(service: string): Promise<Shown> {
  const all = await cluster.list('instances')
  const found = all.filter(
    ({ spec, metadata }) => spec.service === service && metadata.deletionTimestamp === undefined,
  )
  const [newest] = found.sort((a, b) => b.spec.attempt - a.spec.attempt)
  assert.ok(newest, `${service} has no instance`)
  return newest as Shown
}

async function unitOf(service: string): Promise<string> {
  const { spec } = await instanceOf(service)
  return `nsctl-default_${service}_${spec.templateHash}@`
}

/** Has the machine of `service` fail, and waits until it is ready on another. */
async function lose(
  service: string,
  fail: (machine: Machine) => void | Promise<void>,
): Promise<{ readonly machine: Machine; readonly ms: number }> {
  const { spec } = await instanceOf(service)
  const machine = cluster.machine(spec.node)
  const fromMs = performance.now()
  await fail(machine)
  await cluster.until(`${service} is ready elsewhere`, async () => {
    const now = await instanceOf(service).catch(() => undefined)
    return now !== undefined && now.spec.node !== machine.name && now.status?.ready === true
  })
  return { machine, ms: performance.now() - fromMs }
}

async function whole(services: readonly string[] = [...UNIQUE, 'careless']): Promise<void> {
  await cluster.until('all nodes and instances are ready, and nothing else runs', async () => {
    const [nodes, instances] = await Promise.all([cluster.list('nodes'), cluster.list('instances')])
    if (!nodes.every(({ status }) => status?.phase === 'Ready')) return false
    if (instances.length !== services.length) return false
    if (!instances.every(({ status }) => status?.ready === true)) return false
    return (await Promise.all(cluster.machines.map(pidsOn))).flat().length === services.length
  })
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

test.run()

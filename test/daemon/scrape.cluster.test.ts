/** Machines that joined, each on a network of its own: what their instances use is scaled by, and shown, over their listeners. */
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Instance, ScaledObject } from '../../src/resources/generated/types.ts'
import { createHome, type Home } from '../commands/nsctl.ts'
import { canMakeNetworks, type Host, makeNetwork, type Network } from '../lab/network.ts'
import { canFetchDebs } from '../lab/servers.ts'
import { needs } from '../parts.ts'
import { type AclLab, startAclLab } from '../store/consul/acl-lab.ts'
import { NSCTL, Running, until } from './processes.ts'

const NAMES = ['n1', 'n2'] as const
const PORT = 9_444

interface Context {
  network: Network
  lab: AclLab
  control: Home
  /** Another user's, without the control plane's identity. */
  stranger: Home
  store: string
  plain: string
  controller: Running
  agents: { readonly home: Home; readonly host: Host; readonly running: Running }[]
}

const all = suite('scraping over listeners')
const test = needs(all, canMakeNetworks() && canFetchDebs(), 'root, namespaces and Debian packages')
let context: Context

if (test === all)
  all.before(() =>
    start().catch((error) => {
      console.log(error)
      throw error
    }),
  )

async function start(): Promise<void> {
  const network = await makeNetwork()
  const lab = await startAclLab({ hosts: [network.here] })
  const [control, stranger] = [createHome(), createHome()]
  control.write('token', lab.master)
  const plain = `consul://${lab.cluster.servers[0]!.address}/scrape`
  const store = `${plain}?token-file=${join(control.folder, 'token')}`
  const listen = `${network.here.address}:0`
  const controller = new Running(control, [
    'controller',
    '--store',
    store,
    '--join-listen',
    listen,
    '--node-grace',
    '5s',
  ])
  context = { network, lab, control, stranger, plain, store, controller, agents: [] }
  await controller.says(/machines can join/, 60_000)
  for (const name of NAMES) {
    const [home, host] = [createHome(), await network.add(name)]
    home.write('token', await nsctl(context, 'node', 'token', 'create', '--name', name))
    const words = [
      'agent',
      '--node',
      name,
      '--runtime',
      'process',
      '--store',
      plain,
      '--join-token-file',
      'token',
    ]
    const running = new Running(
      home,
      [...words, '--address', host.address, '--listen', `${host.address}:${PORT}`],
      [...host.enter, NSCTL],
    )
    context.agents.push({ home, host, running })
    await running.says(/agent of node/, 60_000)
  }
}

all.after(async () => {
  if (context === undefined) return
  const { network, lab, control, stranger, plain, controller, agents } = context
  network?.heal()
  await controller?.stop('SIGKILL')
  for (const { running } of agents ?? []) await running.stop('SIGTERM')
  for (const { home, host } of agents ?? []) {
    await new Running(home, ['down', '--store', plain], [...host.enter, NSCTL]).ended
    home.remove()
  }
  for (const home of [control, stranger]) home?.remove()
  await lab?.cluster.stop()
  await network?.close()
})

async function nsctl({ control, store }: Context, ...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await control.run([...words, '--store', store])
  assert.is(code, 0, stderr)
  return stdout
}

const itemsOf = async <T>(context: Context, ...words: readonly string[]): Promise<readonly T[]> =>
  JSON.parse(await nsctl(context, ...words, '-o', 'json')).items

const SERVICE = `apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: busy}
spec:
  replicas: 2
  placement: {strategy: spread}
  template:
    resources: {cpu: 100m, memory: 64Mi}
    source: {command: [sh, -c, 'while :; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 0.1; done']}
`

const SCALER = `apiVersion: nsctl.dev/v1alpha1
kind: ScaledObject
metadata: {name: busy}
spec:
  scaleTargetRef: {name: busy}
  minReplicaCount: 2
  maxReplicaCount: 4
  pollingInterval: 2
  triggers: [{type: cpu, metricType: Utilization, metadata: {value: '20'}}]
`

const instancesOf = (context: Context) => itemsOf<Instance>(context, 'get', 'instances')

test('what is used on other machines scales', async () => {
  const { control } = context
  control.write('busy.yaml', SERVICE)
  await nsctl(context, 'apply', '-f', 'busy.yaml')
  await nsctl(context, 'wait', '--for=condition=Ready', 'service/busy', '--timeout', '60s')
  assert.equal([...new Set((await instancesOf(context)).map(({ spec }) => spec.node))].sort(), [...NAMES])
  const urls = await nsctl(context, 'get', 'nodes', '-o', 'jsonpath={.items[*].status.metricsUrl}')
  assert.is(urls, '', 'the listener is the only way')
  control.write('scaler.yaml', SCALER)
  await nsctl(context, 'apply', '-f', 'scaler.yaml')
  await until(async () => {
    const ready = (await instancesOf(context)).filter(({ status }) => status?.ready === true)
    assert.is(ready.length, 4, await nsctl(context, 'describe', 'scaler', 'busy'))
  }, 60_000)
})

test('top shows nodes, services and instances of other machines', async () => {
  const nodes = await itemsOf<Record<string, number>>(context, 'top', 'nodes')
  assert.is(nodes.length, 2)
  for (const { cpuMillis = 0, memoryBytes = 0, memoryPercent = 0 } of nodes)
    assert.ok(cpuMillis > 0 && memoryBytes > 0 && memoryPercent > 0, JSON.stringify(nodes))
  const instances = await itemsOf<Record<string, number>>(context, 'top', 'instances')
  assert.is(instances.length, 4)
  for (const { cpuPercent = 0, memoryBytes = 0 } of instances)
    assert.ok(cpuPercent > 0 && memoryBytes > 0, JSON.stringify(instances))
  const [service] = await itemsOf<Record<string, number>>(context, 'top', 'services')
  assert.equal([service?.instances, service?.measured], [4, 4])
})

test('who has no certificate is told why nothing is known', async () => {
  const { stranger, store } = context
  const { code, stdout } = await stranger.run(['top', 'nodes', '--store', store])
  assert.is(code, 1)
  assert.match(
    stdout,
    /n1 +<unknown>.*nobody here may call nodes: the control plane’s identity is on another machine/,
  )
})

test('of a machine that is cut off nothing is pretended, and the scaler goes on with the others', async () => {
  const { network, agents } = context
  const cut = agents.find(({ host }) => host.name === 'n2')!.host
  await network.cut(cut)
  const { stdout } = await context.control.run(['top', 'nodes', '--no-headers', '--store', context.store])
  assert.match(stdout, /^n1 +\d+m .*\nn2 +<unknown> +<unknown> +<unknown> +<unknown> .*\n$/)
  await until(
    async () => assert.match(await nsctl(context, 'top', 'nodes'), /n2 .*it is not heard of/),
    20_000,
  )
  // its instances are replaced on the other, whose figures are enough to decide by
  await until(async () => {
    const [scaler] = await itemsOf<ScaledObject>(context, 'get', 'scaledobjects')
    const decision = await nsctl(context, 'describe', 'scaler', 'busy')
    assert.match(decision, /cpu/)
    assert.is(scaler?.status?.conditions?.find(({ type }) => type === 'Ready')?.status, 'True', decision)
    const there = (await instancesOf(context)).filter(
      ({ spec, status }) => spec.node === 'n1' && status?.ready,
    )
    assert.is(there.length, 4)
  }, 60_000)
  await network.heal(cut)
  await until(async () => assert.match(await nsctl(context, 'top', 'nodes'), /n2 +\d+m/), 30_000)
})

all.run()

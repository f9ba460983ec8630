/** Machines on which nothing of nsctl runs, with sshds, and controllers here that look after them. */
import * as assert from 'uvu/assert'
import { createHome, type Home } from '../../commands/nsctl.ts'
import { Running, until } from '../../daemon/processes.ts'
import { type Host, makeNetwork, type Network } from '../../lab/network.ts'
import { bootNode, type LabNode, NODE_BINARY } from '../../lab/node.ts'
import { type NodeSshd, startNodeSshd } from '../../lab/node-sshd.ts'

/** How long a machine may be silent here. */
export const GRACE_S = 6

export interface Machine {
  readonly name: string
  readonly node: LabNode
  readonly sshd: NodeSshd
  readonly address: string
  readonly host: Host
}

export interface Place {
  readonly home: Home
  readonly network: Network
  readonly machines: readonly Machine[]
  readonly controllers: Running[]
  /** Runs nsctl; throws where it does not exit with 0, and returns what it printed. */
  nsctl(...words: readonly string[]): Promise<string>
  /** The words that add a machine. */
  adding(machine: Machine): readonly string[]
  addController(...words: readonly string[]): Promise<Running>
}

export async function withPlace(count: number, run: (place: Place) => Promise<void>): Promise<void> {
  const network = await makeNetwork()
  const home = createHome()
  const machines: Machine[] = []
  const controllers: Running[] = []
  const store = `sqlite:${home.folder}/store.db`
  const nsctl = async (...words: readonly string[]) => {
    const [verb = '', ...rest] = words
    const { code, stdout, stderr } = await home.run([verb, ...rest], { env: { NSCTL_STORE: store } })
    assert.is(code, 0, `${words.join(' ')}\n${stdout}${stderr}`)
    return stdout
  }
  try {
    for (let one = 1; one <= count; one++) {
      const name = `n${one}`
      const node = await bootNode({ name, release: 'bookworm' })
      const host = await network.adopt(name, node.pid)
      machines.push({ name, node, host, address: host.address, sshd: await startNodeSshd(node) })
    }
    await run({
      ...{ home, network, machines, controllers, nsctl },
      adding: ({ name, address, sshd }) => [
        ...['node', 'add', name, '--ssh', `root@${address}`, '--identity-file', sshd.keyFile],
        ...['--store', store],
      ],
      async addController(...words) {
        const one = new Running(home, [
          'controller',
          '--store',
          store,
          '--node-grace',
          `${GRACE_S}s`,
          ...words,
        ])
        controllers.push(one)
        return one.says(/leading, term|standing by/)
      },
    })
  } catch (error) {
    for (const one of controllers) console.log(`── pid ${one.child.pid}\n${one.output.slice(-8_000)}`)
    for (const { name, node } of machines)
      console.log(`── ${name}\n${(await node.exec(['journalctl', '--no-pager', '-n', '30'])).stdout}`)
    throw error
  } finally {
    for (const one of controllers) await one.stop('SIGKILL')
    for (const { node, sshd } of machines) {
      await node.stop()
      sshd.remove()
    }
    await network.close()
    home.remove()
  }
}

const PROGRAM = `
const { createServer } = require('node:http')
createServer((_, response) => response.end(process.env.WORD)).listen(Number(process.env.PORT), '127.0.0.1')
console.log('serves ' + process.env.WORD + ' with ' + require('node:fs').readFileSync(process.env.CONFIG_SETTINGS + '/mode', 'utf8'))`

/** One that serves `word`, and reads a Config. */
export function service(replicas: number, word: string): string {
  return `apiVersion: nsctl.dev/v1alpha1
kind: Config
metadata: {name: settings}
spec: {data: {mode: gentle}}
---
apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: web}
spec:
  replicas: ${replicas}
  placement: {strategy: spread}
  template:
    source: {command: [${NODE_BINARY}, -e, ${JSON.stringify(PROGRAM)}], workingDir: /}
    env: [{name: WORD, value: ${word}}]
    configs: [{name: settings}]
    ports: [{name: http}]
    resources: {cpu: 10m, memory: 128Mi}
    readiness: {http: {path: /, port: http}, period: 1s}
`
}

/** Main processes of what runs there, by unit. */
export async function pidsOn({ node }: Machine): Promise<ReadonlyMap<string, number>> {
  const shown = await node.run([
    'systemctl',
    'show',
    '-p',
    'Id,MainPID',
    '--state=active',
    'nsctl-*@*.service',
  ])
  const pairs = shown
    .trim()
    .split('\n\n')
    .map(
      (unit) => [/^Id=(.*)$/m.exec(unit)?.[1] ?? '', Number(/^MainPID=(.*)$/m.exec(unit)?.[1] ?? 0)] as const,
    )
  return new Map(pairs.filter(([id, pid]) => id !== '' && pid > 0))
}

export const readyOf = async ({ nsctl }: Place) => {
  const { items } = JSON.parse(await nsctl('get', 'instances', '-o', 'json')) as {
    items: {
      spec: { node: string }
      status?: { ready?: boolean }
      metadata: { deletionTimestamp?: string }
    }[]
  }
  return items.filter(
    ({ status, metadata }) => status?.ready === true && metadata.deletionTimestamp === undefined,
  )
}

export async function allReady(place: Place, count: number, limitMs = 40_000): Promise<void> {
  await until(async () => assert.is((await readyOf(place)).length, count), limitMs)
}

export const statusOf = async (place: Place, name: string) =>
  (await place.nsctl('get', 'node', name, '-o', 'jsonpath={.status.phase}')).trim()

/**
 * Machines on a network, each with a systemd of its own and nsctl installed, a Consul that they have in common, and controllers. What
 * was made goes with this process, however it ends. Root only.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { createHome, type Home } from '../commands/nsctl.ts'
import { NSCTL as NSCTL_HERE, Running } from '../daemon/processes.ts'
import { type ConsulCluster, startConsul } from './consul.ts'
import { CADDY_ADMIN, installCaddy } from './edge.ts'
import { type Host, makeNetwork, type Network } from './network.ts'
import { bootNode, type LabNode, NODE_REPOSITORY } from './node.ts'

const NSCTL = `${NODE_REPOSITORY}/bin/nsctl`
const LOOK_EVERY_MS = 100

export interface ClusterOptions {
  readonly nodes: number
  readonly controllers: number
  /** More of them, `e1`, `e2` …, with a Caddy, tainted so that nothing else runs there. */
  readonly edges?: number
  /** After so long a silent node is taken for lost. */
  readonly grace?: string
  /** What is done to a machine before nsctl is installed there. */
  readonly prepare?: (name: string, node: LabNode, control: Home) => Promise<void>
  /** Further words of `nsctl up` on each machine. */
  readonly words?: readonly string[]
}

/** A machine of the cluster: `n1`, `n2` … */
export interface Machine {
  readonly name: string
  readonly node: LabNode
  /** Where its instances are reached. */
  readonly address: string
  cut(): Promise<void>
  heal(): Promise<void>
  /** Boots it again after a kill, at its address. */
  reboot(): Promise<void>
}

/** An object as `-o json` shows it. */
export interface Shown {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string }
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect to be there
  readonly spec: any
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly status: any
}

export class Cluster {
  readonly machines: Machine[] = []
  readonly edges: Machine[] = []
  readonly controllers: Running[] = []
  readonly #nodes: LabNode[] = []
  readonly #network: Network
  readonly #consul: ConsulCluster
  readonly #home: Home
  readonly #options: ClusterOptions

  private constructor(network: Network, consul: ConsulCluster, options: ClusterOptions) {
    this.#network = network
    this.#consul = consul
    this.#home = createHome()
    this.#options = options
  }

  static async start(options: ClusterOptions): Promise<Cluster> {
    const network = await makeNetwork()
    const consul = await startConsul({ hosts: [network.here] }).catch(async (error) => {
      await network.close()
      throw error
    })
    const cluster = new Cluster(network, consul, options)
    try {
      for (let i = 0; i < options.controllers; i++) await cluster.addController()
      for (let i = 1; i <= options.nodes; i++) cluster.machines.push(await cluster.#add(`n${i}`))
      for (let i = 1; i <= (options.edges ?? 0); i++) cluster.edges.push(await cluster.#addEdge(`e${i}`))
      const count = cluster.#nodes.length
      await cluster.until(`${count} nodes are ready`, async () => {
        const nodes = await cluster.list('nodes')
        return nodes.filter(({ status }) => status?.phase === 'Ready').length === count
      })
      for (const { name } of cluster.edges)
        await cluster.nsctl(['taint', 'node', name, 'edge=yes:NoSchedule'])
    } catch (error) {
      await cluster.stop()
      throw error
    }
    return cluster
  }

  get store(): string {
    return `consul://${this.#consul.servers[0]!.address}/lab`
  }

  /** Where controllers and commands run: it has the control plane's identity. */
  get control(): Home {
    return this.#home
  }

  get consul(): ConsulCluster {
    return this.#consul
  }

  machine(name: string): Machine {
    const found = [...this.machines, ...this.edges].find((one) => one.name === name)
    if (found === undefined) throw new Error(`no machine is called ${name}`)
    return found
  }

  /** @param enter goes before the command, to run it in some other way */
  async addController(enter: readonly string[] = []): Promise<Running> {
    const { grace } = this.#options
    const words = [
      'controller',
      '--store',
      this.store,
      ...(grace === undefined ? [] : ['--node-grace', grace]),
    ]
    const controller = new Running(this.#home, words, [...enter, NSCTL_HERE])
    this.controllers.push(controller)
    return controller.says(/leading, term|standing by/)
  }

  /** The controller that leads. */
  leader(): Running {
    const alive = this.controllers.filter(({ child }) => child.exitCode === null && child.signalCode === null)
    const term = ({ output }: Running) =>
      Number([...output.matchAll(/leading, term (\d+)/g)].at(-1)?.[1] ?? 0)
    const [first] = [...alive].sort((a, b) => term(b) - term(a))
    if (first === undefined) throw new Error('no controller runs')
    return first
  }

  async #add(name: string): Promise<Machine> {
    const machine = await this.#boot(name)
    await this.#install(machine)
    return machine
  }

  async #addEdge(name: string): Promise<Machine> {
    const machine = await this.#boot(name)
    await installCaddy(machine.node)
    await this.#install(machine, ['--caddy-admin', CADDY_ADMIN])
    return machine
  }

  async #install({ name, node }: Machine, more: readonly string[] = []): Promise<void> {
    await this.#options.prepare?.(name, node, this.#home)
    const words = ['up', '--install', '--runtime', 'systemd', '--store', this.store, '--node', name]
    await node.run([NSCTL, ...words, ...(this.#options.words ?? []), ...more])
  }

  async #boot(name: string): Promise<Machine> {
    const node = await bootNode({ name, release: 'trixie' })
    this.#nodes.push(node)
    const plugIn = () => this.#network.adopt(name, node.pid)
    let host: Host = await plugIn()
    const { address } = host
    return {
      ...{ name, node, address },
      cut: () => this.#network.cut(host),
      heal: () => this.#network.heal(host),
      async reboot() {
        await node.reboot()
        host = await plugIn()
      },
    }
  }

  /** Runs nsctl on this machine; returns what it printed. Throws where it does not exit with 0. */
  async nsctl(words: readonly string[], stdin?: string): Promise<string> {
    const options = {
      env: { NSCTL_STORE: this.store, NO_COLOR: '1' },
      ...(stdin === undefined ? {} : { stdin }),
    }
    const { code, stdout, stderr } = await this.#home.run(words, options)
    if (code !== 0) throw new Error(`nsctl ${words.join(' ')}: exit ${code}\n${stdout}${stderr}`)
    return stdout
  }

  async apply(manifest: object): Promise<void> {
    await this.nsctl(['apply', '-f', '-'], JSON.stringify(manifest))
  }

  async get(kind: string, name: string): Promise<Shown> {
    return JSON.parse(await this.nsctl(['get', kind, name, '-o', 'json']))
  }

  async list(kind: string): Promise<readonly Shown[]> {
    return JSON.parse(await this.nsctl(['get', kind, '-o', 'json'])).items
  }

  /** Looks until it holds. @throws after a minute, or the limit, with what the cluster says then */
  async until<T>(what: string, look: () => Promise<T | false | undefined>, limitMs = 60_000): Promise<T> {
    const deadlineMs = performance.now() + limitMs
    for (;;) {
      const found = await look()
      if (found) return found
      if (performance.now() > deadlineMs)
        throw new Error(`${what}: not after ${limitMs} ms\n${await this.lastWords()}`)
      await sleep(LOOK_EVERY_MS)
    }
  }

  async lastWords(): Promise<string> {
    const said = await Promise.all(
      [['get', 'nodes,services,instances'], ['events']].map((words) =>
        this.nsctl(words).catch((error: Error) => error.message),
      ),
    )
    const controllers = this.controllers.map(({ output }) => output.slice(-2_000))
    return [...said, ...controllers].join('\n---\n')
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.stop()))
    await Promise.all(this.controllers.map((one) => one.stop('SIGKILL')))
    await this.#consul.stop()
    await this.#network.close()
    this.#home.remove()
  }
}

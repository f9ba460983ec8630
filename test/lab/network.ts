/**
 * A network whose cables can be pulled: hosts are network namespaces, joined by a bridge that lies in a namespace of its own, and
 * a cable leads from there to this process. What is cut drops every packet without a word, as a broken switch does. Root only.
 *
 * Each namespace is held by a process that dies with this one, and the kernel takes cables and bridge with them: nothing is left,
 * however this process ends, and no name is taken that another run could want.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, readlinkSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { extractDeb } from './servers.ts'

export interface Host {
  readonly name: string
  /** `10.71.4.1` */
  readonly address: string
  /** Goes before a command that is to run there: `[...host.enter, 'curl', …]`. */
  readonly enter: readonly string[]
}

export interface Network {
  /** This process, and all that it starts without `enter`. */
  readonly here: Host
  /** One more host. */
  add(name: string): Promise<Host>
  /** A process's network namespace becomes a host. Under a name that was there before, as after a reboot, it has that one's address. */
  adopt(name: string, pid: number): Promise<Host>
  /** From now on nothing comes from it or reaches it. */
  cut(host: Host): Promise<void>
  /** Those two alone hear nothing of each other. */
  cutBetween(a: Host, b: Host): Promise<void>
  /** Undoes all cuts of `host`, also those between it and others; of all hosts where left out. */
  heal(host?: Host): Promise<void>
  close(): Promise<void>
}

/** True where namespaces and cables can be made. */
export function canMakeNetworks(): boolean {
  return (
    process.platform === 'linux' &&
    process.getuid?.() === 0 &&
    ['/usr/bin/nsenter', '/usr/bin/unshare', '/usr/bin/setpriv'].every((path) => existsSync(path))
  )
}

/** Of this process's end of the cable. */
const HERE = 254
const OWN_DEVICE = `nsctl${process.pid}`
/** Nobody has it: what is sent there is lost. */
const NOWHERE = '02:00:00:00:ff:ff'

export async function makeNetwork(): Promise<Network> {
  const network = new BridgedNetwork(await ipTool(), freeSubnet())
  try {
    await network.open()
    return network
  } catch (error) {
    await network.close()
    throw error
  }
}

interface Member extends Host {
  readonly number: number
  /** Where it is plugged into the bridge. */
  readonly port: string
  /** Where its own end of the cable is configured. */
  readonly space: Space
  readonly device: string
}

class BridgedNetwork implements Network {
  readonly #ip: IpTool
  /** `10.71.4` */
  readonly #subnet: string
  readonly #members: Member[] = []
  readonly #cutPairs: (readonly [Member, Member])[] = []
  readonly #spaces: HeldSpace[] = []
  #bridge: Space = {}
  #adding: Promise<unknown> = Promise.resolve()

  constructor(ip: IpTool, subnet: string) {
    this.#ip = ip
    this.#subnet = subnet
  }

  get here(): Host {
    return this.#members[0]!
  }

  async open(): Promise<void> {
    this.#bridge = await this.#hold()
    await this.#ip(this.#bridge, ['link add br0 type bridge', 'link set br0 up'])
    await this.#join({ name: 'here', number: HERE, space: {}, device: OWN_DEVICE, enter: [] })
  }

  add(name: string): Promise<Host> {
    return this.#inTurn(async () => {
      const space = await this.#hold()
      return this.#plugIn(name, space, this.#members.length)
    })
  }

  adopt(name: string, pid: number): Promise<Host> {
    return this.#inTurn(async () => {
      const before = this.#members.findIndex((one) => one.name === name)
      const [gone] = before < 0 ? [] : this.#members.splice(before, 1)
      return this.#plugIn(name, { pid }, gone?.number ?? this.#members.length)
    })
  }

  /** One after the other: each is introduced to all before it. */
  #inTurn(join: () => Promise<Host>): Promise<Host> {
    const adding = this.#adding.then(join)
    this.#adding = adding.catch(() => {})
    return adding
  }

  async #plugIn(name: string, space: Space & { readonly pid: number }, number: number): Promise<Host> {
    const enter = ['nsenter', '--net', '-t', String(space.pid), '--']
    await this.#ip(space, ['link set lo up'])
    return this.#join({ name, number, space, device: 'eth0', enter })
  }

  async cut(host: Host): Promise<void> {
    await this.#ip(this.#bridge, [`link set ${this.#member(host).port} nomaster`])
  }

  async cutBetween(a: Host, b: Host): Promise<void> {
    const pair = [this.#member(a), this.#member(b)] as const
    this.#cutPairs.push(pair)
    await this.#introduce(pair[0], [[pair[1], NOWHERE]])
    await this.#introduce(pair[1], [[pair[0], NOWHERE]])
  }

  async heal(host?: Host): Promise<void> {
    const healed = host === undefined ? this.#members : [this.#member(host)]
    await this.#ip(
      this.#bridge,
      healed.map(({ port }) => `link set ${port} master br0`),
    )
    for (const pair of this.#cutPairs.filter((one) => one.some((member) => healed.includes(member)))) {
      this.#cutPairs.splice(this.#cutPairs.indexOf(pair), 1)
      await this.#introduce(pair[0], [[pair[1], macOf(pair[1])]])
      await this.#introduce(pair[1], [[pair[0], macOf(pair[0])]])
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#spaces.map(({ release }) => release()))
    // the kernel takes the cables a moment after their namespace, and the next network of this process has one of the same name
    const deadlineMs = performance.now() + 5_000
    while (existsSync(`/sys/class/net/${OWN_DEVICE}`) && performance.now() < deadlineMs) await sleep(20)
  }

  async #hold(): Promise<HeldSpace> {
    const space = await holdSpace()
    this.#spaces.push(space)
    return space
  }

  async #join(wanted: Omit<Member, 'address' | 'port'>): Promise<Member> {
    const { number, space, device } = wanted
    const member: Member = { ...wanted, address: `${this.#subnet}.${number}`, port: `p${number}` }
    const target = space.pid ?? process.pid
    await this.#ip(this.#bridge, [
      `link add ${member.port} type veth peer name ${device} netns ${target}`,
      `link set ${member.port} master br0`,
      `link set ${member.port} up`,
    ])
    await this.#ip(space, [
      `link set ${device} address ${macOf(member)}`,
      `address add ${member.address}/24 dev ${device}`,
      `link set ${device} up`,
    ])
    // nobody asks who has an address: a question without an answer would be noticed
    await this.#introduce(
      member,
      this.#members.map((other) => [other, macOf(other)]),
    )
    for (const other of this.#members) await this.#introduce(other, [[member, macOf(member)]])
    this.#members.push(member)
    return member
  }

  /** Tells `member` under which hardware address it finds the others. */
  async #introduce(member: Member, others: readonly (readonly [Member, string])[]): Promise<void> {
    const { space, device } = member
    await this.#ip(
      space,
      others.map(
        ([{ address }, mac]) => `neigh replace ${address} lladdr ${mac} nud permanent dev ${device}`,
      ),
    )
  }

  #member(host: Host): Member {
    const member = this.#members.find((one) => one === host)
    if (member === undefined) throw new Error(`${host.name} is no host of this network`)
    return member
  }
}

function macOf({ number }: Member): string {
  return `02:00:00:00:00:${number.toString(16).padStart(2, '0')}`
}

/** A network namespace; that of this process where there is no pid. */
interface Space {
  readonly pid?: number
}

interface HeldSpace extends Space {
  readonly pid: number
  /** Ends whoever holds it; it goes once nobody runs in it. */
  release(): Promise<void>
}

/** A namespace of its own, for as long as a process that does nothing else lives. */
async function holdSpace(): Promise<HeldSpace> {
  const command = ['--pdeathsig', 'KILL', 'unshare', '--net', 'sleep', 'infinity']
  const child: ChildProcess = spawn('setpriv', command, { stdio: 'ignore' })
  const ended = once(child, 'close')
  const pid = child.pid!
  const ours = readlinkSync('/proc/self/ns/net')
  const deadlineMs = performance.now() + 5_000
  while (spaceOf(pid) === ours || !isAsleep(pid)) {
    if (performance.now() > deadlineMs) throw new Error('no network namespace could be made')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  return {
    pid,
    async release() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

function spaceOf(pid: number): string {
  return readlinkSync(`/proc/${pid}/ns/net`)
}

function isAsleep(pid: number): boolean {
  return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'sleep'
}

/** Three numbers of an address that no interface of this machine has. */
function freeSubnet(): string {
  const taken = Object.values(networkInterfaces()).flatMap((all) => all?.map(({ address }) => address) ?? [])
  for (let at = process.pid; ; at++) {
    const subnet = `10.${64 + (Math.floor(at / 254) % 128)}.${1 + (at % 254)}`
    if (!taken.some((address) => address.startsWith(`${subnet}.`))) return subnet
  }
}

/** Runs commands of `ip` in a namespace, all of them or, where one fails, it throws. */
type IpTool = (space: Space, commands: readonly string[]) => Promise<void>

/** The machine's own, or else one out of packages with the libraries that it needs. */
async function ipTool(): Promise<IpTool> {
  const own = ['/usr/sbin/ip', '/sbin/ip', '/usr/bin/ip'].find((path) => existsSync(path))
  const { path, env } = own === undefined ? await extractedIp() : { path: own, env: process.env }
  return ({ pid }, commands) => {
    if (commands.length === 0) return Promise.resolve()
    const enter = pid === undefined ? [] : ['nsenter', '--net', '-t', String(pid), '--']
    const [command, ...args] = [...enter, path, '-batch', '-']
    return new Promise((resolve, reject) => {
      const child = execFile(command!, args, { env }, (error, _, said) =>
        error === null ? resolve() : reject(new Error(`ip: ${said}in ${commands.join('; ')}`)),
      )
      child.stdin!.end(`${commands.join('\n')}\n`)
    })
  }
}

async function extractedIp(): Promise<{ readonly path: string; readonly env: NodeJS.ProcessEnv }> {
  const packages = ['iproute2', 'libbpf1', 'libelf1', 'libmnl0', 'libbsd0', 'libmd0', 'libcap2', 'zlib1g']
  const roots = await Promise.all(packages.map((name) => extractDeb('bookworm', name)))
  const folders = roots.flatMap((root) =>
    ['usr/lib', 'lib'].map(
      (folder) => `${root}/${folder}/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`,
    ),
  )
  return { path: `${roots[0]}/bin/ip`, env: { ...process.env, LD_LIBRARY_PATH: folders.join(':') } }
}

/**
 * A machine for tests: Debian with its own systemd as PID 1 of its own namespaces (boot.sh), over a root file system that
 * rootfs.sh builds once and caches. Root only. What a node made goes with it; nothing is left when this process is killed.
 */
import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process'
import {
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const LAB = dirname(fileURLToPath(import.meta.url))
const REPOSITORY = dirname(dirname(LAB))
const BOOT_LIMIT_MS = 60_000

/** Where the repository and Node are inside a node. */
export const NODE_REPOSITORY = '/opt/nsctl'
export const NODE_BINARY = '/opt/nsctl/node_modules/node/bin/node'

export type Release = 'bookworm' | 'trixie'
/** What systemd's version is on each. */
export const SYSTEMD_VERSION: Readonly<Record<Release, number>> = { bookworm: 252, trixie: 257 }

export interface NodeOptions {
  readonly release: Release
  readonly name: string
  /** /etc is read-only, as on NixOS. */
  readonly readOnlyEtc?: boolean
}

export interface ExecResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface LabNode {
  readonly name: string
  /** The pid that this machine sees the node's PID 1 as. */
  readonly pid: number
  /** Beneath it, as this machine sees it, the node's systemd keeps a control group for each unit. */
  readonly controlGroup: string
  readonly isFrozen: boolean
  /** Runs a command inside to its end; what it exits with is in the result, not thrown. */
  exec(command: readonly string[], options?: { readonly input?: string }): Promise<ExecResult>
  /** Like exec, but throws where the command does not exit with 0; returns what it printed. */
  run(command: readonly string[]): Promise<string>
  /** Starts a command inside. */
  spawn(command: readonly string[], options?: SpawnOptions): ChildProcess
  /** Nothing in it runs on until `thaw`, as in a virtual machine that is paused. */
  freeze(): void
  thaw(): void
  /** As a power failure: SIGKILL to everything. The files stay for `reboot`. */
  kill(): Promise<void>
  /** Boots it again over its files; kills it before if it runs. */
  reboot(): Promise<void>
  /** Kills it and removes its files. */
  stop(): Promise<void>
}

/** True where nodes can be booted: root on Linux with the tools at hand. */
export function canBootNodes(): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0
}

/** The root file system of a release, built on first use (30–40 s). */
export async function rootfs(release: Release): Promise<string> {
  const { stdout } = await promisify(execFile)(join(LAB, 'rootfs.sh'), [release], { maxBuffer: 1 << 24 })
  return stdout.trim()
}

/** Boots a node and waits until its systemd has reached its target. */
export async function bootNode(options: NodeOptions): Promise<LabNode> {
  const base = await rootfs(options.release)
  removeStale()
  const dir = mkdtempSync(join(tmpdir(), `nsctl-lab-${options.name}-`))
  writeFileSync(join(dir, 'owner'), String(process.pid))
  const name = dir.slice(dir.indexOf('nsctl-lab-') + 'nsctl-lab-'.length)
  let running: Boot | undefined
  let isFrozen = false
  const freeze = (wanted: boolean) => {
    setFrozen(dir, name, wanted)
    isFrozen = wanted
  }
  const boot = async () => {
    running = await start(name, base, dir, options.readOnlyEtc === true)
  }
  const pid = () => {
    if (running === undefined) throw new Error(`node ${options.name} does not run`)
    return running.pid
  }
  const spawnInside = (command: readonly string[], spawnOptions: SpawnOptions = {}) =>
    spawn('nsenter', ['-t', String(pid()), '-a', '--', 'env', '-i', ...ENV, ...command], spawnOptions)
  const node: LabNode = {
    name: options.name,
    get pid() {
      return pid()
    },
    get controlGroup() {
      return controlGroupOf(dir, name)
    },
    get isFrozen() {
      return isFrozen
    },
    spawn: spawnInside,
    exec: (command, { input } = {}) =>
      collect(
        spawnInside(command, { stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] }),
        input,
      ),
    async run(command) {
      const result = await node.exec(command)
      if (result.code !== 0)
        throw new Error(`${command.join(' ')}: exit ${result.code}: ${result.stderr}${result.stdout}`)
      return result.stdout
    },
    freeze: () => freeze(true),
    thaw: () => freeze(false),
    async kill() {
      if (running === undefined) return
      freeze(false)
      process.kill(running.pid, 'SIGKILL')
      await running.ended
      running = undefined
    },
    async reboot() {
      await node.kill()
      await boot()
    },
    async stop() {
      await node.kill()
      removeCgroups(dir, name)
      rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
    },
  }
  try {
    await boot()
  } catch (error) {
    rmSync(dir, { recursive: true, force: true })
    throw error
  }
  return node
}

const ENV = ['PATH=/opt/nsctl/node_modules/.bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'LANG=C.UTF-8']

interface Boot {
  readonly pid: number
  readonly ended: Promise<void>
}

async function start(name: string, base: string, dir: string, readOnlyEtc: boolean): Promise<Boot> {
  const log = openSync(join(dir, 'log'), 'a')
  const args = ['outside', name, base, dir, REPOSITORY, ...(readOnlyEtc ? ['ro-etc'] : [])]
  // the node goes when this process goes, however it ends
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', join(LAB, 'boot.sh'), ...args], {
    stdio: ['ignore', log, log],
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const deadline = performance.now() + BOOT_LIMIT_MS
  for (;;) {
    const pid = childOf(child.pid!)
    if (pid !== undefined && (await isUp(pid))) return { pid, ended }
    if (child.exitCode !== null || performance.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`node ${name} did not boot:\n${readFileSync(join(dir, 'log'), 'utf8').slice(-4000)}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

function childOf(pid: number): number | undefined {
  try {
    const first = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')[0]
    return first ? Number(first) : undefined
  } catch {
    return undefined
  }
}

/** True once PID 1 is systemd and has started what it should; a unit that failed in a container does not matter. */
async function isUp(pid: number): Promise<boolean> {
  try {
    if (!readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('systemd')) return false
  } catch {
    return false // one of boot.sh's helpers, which has ended
  }
  const args = ['-t', String(pid), '-a', '--', 'systemctl', 'is-system-running']
  const { stdout } = await collect(spawn('nsenter', args, { stdio: ['ignore', 'pipe', 'pipe'] }))
  return /^(running|degraded)/.test(stdout)
}

function collect(child: ChildProcess, input?: string): Promise<ExecResult> {
  return new Promise((resolve, reject) => {
    let stdout = ''
    let stderr = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.once('error', reject)
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }))
    child.stdin?.on('error', () => {}) // it may end without reading
    child.stdin?.end(input)
  })
}

/** What a process that was killed left behind; its nodes were killed with it, but what is frozen dies only once it is thawed. */
function removeStale(): void {
  for (const entry of readdirSync(tmpdir())) {
    if (!entry.startsWith('nsctl-lab-')) continue
    const dir = join(tmpdir(), entry)
    const owner = join(dir, 'owner')
    if (!existsSync(owner) || existsSync(`/proc/${readFileSync(owner, 'utf8')}`)) continue
    const name = entry.slice('nsctl-lab-'.length)
    setFrozen(dir, name, false)
    removeCgroups(dir, name)
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Has nodes with their files in `folder` be gone, whoever booted them; returns how many control groups are still busy. */
export function removeNodeGroups(folder: string): number {
  const groups = readdirSync(folder).flatMap((entry) => {
    if (!entry.startsWith('nsctl-lab-')) return []
    const [dir, name] = [join(folder, entry), entry.slice('nsctl-lab-'.length)]
    setFrozen(dir, name, false)
    removeCgroups(dir, name)
    return hierarchies(dir).map((line) => `${line.split(' ')[0]}/${entry}`)
  })
  return groups.filter((group) => existsSync(group)).length
}

/** By the control group that holds all of it, in the hierarchy that can. */
function setFrozen(dir: string, name: string, isFrozen: boolean): void {
  for (const line of hierarchies(dir)) {
    const [point = '', controllers = ''] = line.split(' ')
    const group = `${point}/nsctl-lab-${name}`
    if (controllers.split(',').includes('freezer') && existsSync(group))
      writeFileSync(`${group}/freezer.state`, isFrozen ? 'FROZEN' : 'THAWED')
    else if (controllers === '' && existsSync(`${group}/cgroup.freeze`))
      writeFileSync(`${group}/cgroup.freeze`, isFrozen ? '1' : '0')
  }
}

/** `/sys/fs/cgroup/memory memory`, a line for each that the node is in. */
function hierarchies(dir: string): readonly string[] {
  const file = join(dir, 'hierarchies')
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
}

/** In the hierarchy of systemd's own, or in the only one. */
function controlGroupOf(dir: string, name: string): string {
  const lines = hierarchies(dir)
  const found = lines.find((line) => line.includes('name=systemd')) ?? lines.at(-1) ?? ''
  return `${found.split(' ')[0]}/nsctl-lab-${name}`
}

function removeCgroups(dir: string, name: string): void {
  for (const line of hierarchies(dir)) removeTree(`${line.split(' ')[0]}/nsctl-lab-${name}`)
}

/** A cgroup can only be removed after its children; one that is still busy is left. */
function removeTree(group: string): void {
  try {
    for (const entry of readdirSync(group, { withFileTypes: true }))
      if (entry.isDirectory()) removeTree(join(group, entry.name))
    rmdirSync(group)
  } catch {
    // another hierarchy's mount of the same group may have removed it already
  }
}

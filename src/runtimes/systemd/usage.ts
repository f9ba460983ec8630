/** CPU, memory and io of everything that runs, read from the cgroup tree (versions 1 and 2) and where that is silent from /proc. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ProgramUsage, programKey, type UsageOptions } from '../runtime.ts'
import { parseUnitName, SLICE } from './names.ts'

const ROOT = '/sys/fs/cgroup'
/** USER_HZ, which the kernel fixes to 100 for everything that it shows. */
const MS_PER_TICK = 10

export interface CgroupTree {
  /** Holds one folder per unit, in it cgroup.procs. */
  readonly processes: string
  /** Version 2, where one folder holds everything. */
  readonly unified: boolean
}

/** Where our slice lies. `controlGroup` is the manager's own place. */
export async function findCgroups(controlGroup: string): Promise<CgroupTree> {
  const unified = (await readText(join(ROOT, 'cgroup.controllers'))) !== undefined
  const base = unified ? ROOT : join(ROOT, 'systemd')
  return { processes: join(base, controlGroup, SLICE), unified }
}

export async function readUsage(
  tree: CgroupTree,
  { io = false }: UsageOptions = {},
): Promise<readonly ProgramUsage[]> {
  const units = await readdir(tree.processes).catch(() => [])
  const usages = await Promise.all(
    units.map(async (unit) => {
      const id = parseUnitName(unit)
      if (id === undefined) return undefined
      const dir = join(tree.processes, unit)
      const usage = (tree.unified && (await readCgroup(dir))) || (await readProcesses(dir))
      if (usage === undefined) return undefined
      const bytes = io
        ? (tree.unified && (await readCgroupIo(dir))) || (await readProcessesIo(dir))
        : undefined
      return { key: programKey(id), ...usage, ...(bytes && { io: bytes }) }
    }),
  )
  return usages.filter((usage) => usage !== undefined)
}

type Figures = Pick<ProgramUsage, 'cpuMs' | 'memoryBytes'>

async function readCgroup(dir: string): Promise<Figures | undefined> {
  const [cpu, memory] = await Promise.all([
    readText(join(dir, 'cpu.stat')),
    readText(join(dir, 'memory.current')),
  ])
  const usedUs = /^usage_usec (\d+)$/m.exec(cpu ?? '')?.[1]
  if (usedUs === undefined || memory === undefined) return undefined
  return { cpuMs: Math.round(Number(usedUs) / 1000), memoryBytes: Number(memory) }
}

type Io = NonNullable<ProgramUsage['io']>

/** Undefined where the group has no io controller. */
async function readCgroupIo(dir: string): Promise<Io | undefined> {
  const text = await readText(join(dir, 'io.stat'))
  if (text === undefined) return undefined
  const sum = (name: string) =>
    Array.from(text.matchAll(new RegExp(`\\b${name}=(\\d+)`, 'g')), ([, bytes]) => Number(bytes)).reduce(
      (total, bytes) => total + bytes,
      0,
    )
  return { readBytes: sum('rbytes'), writtenBytes: sum('wbytes') }
}

/** What the kernel tells only to root and to the processes' own user. */
async function readProcessesIo(dir: string): Promise<Io | undefined> {
  const pids = (await readText(join(dir, 'cgroup.procs')))?.split('\n').filter((pid) => pid !== '') ?? []
  const texts = await Promise.all(pids.map((pid) => readText(`/proc/${pid}/io`)))
  let [readBytes, writtenBytes, isTold] = [0, 0, false]
  for (const text of texts) {
    const [read, written] = ['read_bytes', 'write_bytes'].map((name) =>
      new RegExp(`^${name}: (\\d+)$`, 'm').exec(text ?? ''),
    )
    if (!read || !written) continue
    isTold = true
    readBytes += Number(read[1])
    writtenBytes += Number(written[1])
  }
  return isTold ? { readBytes, writtenBytes } : undefined
}

/** The sum over the processes of the group; children that ended are counted by their parents. */
async function readProcesses(dir: string): Promise<Figures | undefined> {
  const pids = (await readText(join(dir, 'cgroup.procs')))?.split('\n').filter((pid) => pid !== '')
  if (pids === undefined || pids.length === 0) return undefined
  const [stats, states] = await Promise.all([
    Promise.all(pids.map((pid) => readText(`/proc/${pid}/stat`))),
    Promise.all(pids.map((pid) => readText(`/proc/${pid}/status`))),
  ])
  let ticks = 0
  let memoryBytes = 0
  for (const state of states) memoryBytes += 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(state ?? '')?.[1] ?? 0)
  for (const stat of stats) {
    if (stat === undefined) continue
    // the name in parentheses may hold anything; the fields after it begin with the third
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    for (const index of [11, 12, 13, 14]) ticks += Number(fields[index])
  }
  return { cpuMs: ticks * MS_PER_TICK, memoryBytes }
}

async function readText(file: string): Promise<string | undefined> {
  // a program may end between two looks
  return readFile(file, 'utf8').catch(() => undefined)
}

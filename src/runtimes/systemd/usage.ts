/** CPU and memory of everything that runs, read from the cgroup tree (versions 1 and 2) and where that is silent from /proc. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ProgramUsage, programKey } from '../runtime.ts'
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

export async function readUsage(tree: CgroupTree): Promise<readonly ProgramUsage[]> {
  const units = await readdir(tree.processes).catch(() => [])
  const usages = await Promise.all(
    units.map(async (unit) => {
      const id = parseUnitName(unit)
      if (id === undefined) return undefined
      const dir = join(tree.processes, unit)
      const usage = (tree.unified && (await readCgroup(dir))) || (await readProcesses(dir))
      return usage && { key: programKey(id), ...usage }
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

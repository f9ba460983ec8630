/** CPU, memory and io of everything that runs, read from the cgroup tree (versions 1 and 2) and where that is silent from /proc. */
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type ProgramUsage, programKey, type UsageOptions } from '../runtime.ts'
import { parseUnitName, SLICE } from './names.ts'

const ROOT = '/sys/fs/cgroup'
/** USER_HZ, which the kernel fixes to 100 for everything that it shows. */
const MS_PER_TICK = 10

/** What is read of a machine. What is not there, or goes meanwhile, has nothing in it. */
export interface UsageFiles {
  names(folder: string): Promise<readonly string[]>
  text(file: string): Promise<string | undefined>
}

/** This machine's. */
const localFiles: UsageFiles = {
  names: (folder) => readdir(folder).catch(() => []),
  text: (file) => readFile(file, 'utf8').catch(() => undefined),
}

export interface CgroupTree {
  /** Holds one folder per unit, in it cgroup.procs. */
  readonly processes: string
  /** Version 2, where one folder holds everything. */
  readonly unified: boolean
}

/** Where our slice lies. `controlGroup` is the manager's own place. */
export async function findCgroups(controlGroup: string, files = localFiles): Promise<CgroupTree> {
  const unified = (await files.text(join(ROOT, 'cgroup.controllers'))) !== undefined
  const base = unified ? ROOT : join(ROOT, 'systemd')
  return { processes: join(base, controlGroup, SLICE), unified }
}

export async function readUsage(
  tree: CgroupTree,
  { io = false }: UsageOptions = {},
  files = localFiles,
): Promise<readonly ProgramUsage[]> {
  const dirs = await findUnits(files, tree.processes)
  const usages = await Promise.all(
    dirs.map(async (dir) => {
      const id = parseUnitName(basename(dir))
      if (id === undefined) return undefined
      const usage = (tree.unified && (await readCgroup(files, dir))) || (await readProcesses(files, dir))
      if (usage === undefined) return undefined
      const bytes = io
        ? (tree.unified && (await readCgroupIo(files, dir))) || (await readProcessesIo(files, dir))
        : undefined
      return { key: programKey(id), ...usage, ...(bytes && { io: bytes }) }
    }),
  )
  return usages.filter((usage) => usage !== undefined)
}

/** The folders of units; those of a group's are in the one of their slice. */
async function findUnits(files: UsageFiles, slice: string): Promise<readonly string[]> {
  const names = await files.names(slice)
  const found = names.map((name) =>
    name.endsWith('.slice') ? findUnits(files, join(slice, name)) : [join(slice, name)],
  )
  return (await Promise.all(found)).flat()
}

type Figures = Pick<ProgramUsage, 'cpuMs' | 'memoryBytes'>

async function readCgroup(files: UsageFiles, dir: string): Promise<Figures | undefined> {
  const [cpu, memory] = await Promise.all([
    files.text(join(dir, 'cpu.stat')),
    files.text(join(dir, 'memory.current')),
  ])
  const usedUs = /^usage_usec (\d+)$/m.exec(cpu ?? '')?.[1]
  if (usedUs === undefined || memory === undefined) return undefined
  return { cpuMs: Math.round(Number(usedUs) / 1000), memoryBytes: Number(memory) }
}

type Io = NonNullable<ProgramUsage['io']>

/** Undefined where the group has no io controller. */
async function readCgroupIo(files: UsageFiles, dir: string): Promise<Io | undefined> {
  const text = await files.text(join(dir, 'io.stat'))
  if (text === undefined) return undefined
  const sum = (name: string) =>
    Array.from(text.matchAll(new RegExp(`\\b${name}=(\\d+)`, 'g')), ([, bytes]) => Number(bytes)).reduce(
      (total, bytes) => total + bytes,
      0,
    )
  return { readBytes: sum('rbytes'), writtenBytes: sum('wbytes') }
}

/** What the kernel tells only to root and to the processes' own user. */
async function readProcessesIo(files: UsageFiles, dir: string): Promise<Io | undefined> {
  const pids = await pidsIn(files, dir)
  const texts = await Promise.all(pids.map((pid) => files.text(`/proc/${pid}/io`)))
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
async function readProcesses(files: UsageFiles, dir: string): Promise<Figures | undefined> {
  const pids = await pidsIn(files, dir)
  if (pids.length === 0) return undefined
  const [stats, states] = await Promise.all([
    Promise.all(pids.map((pid) => files.text(`/proc/${pid}/stat`))),
    Promise.all(pids.map((pid) => files.text(`/proc/${pid}/status`))),
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

/** Of a unit with a container also what is in the groups that systemd-nspawn makes. */
async function pidsIn(files: UsageFiles, dir: string): Promise<readonly string[]> {
  const groups = [dir, join(dir, 'payload'), join(dir, 'supervisor')]
  const texts = await Promise.all(groups.map((group) => files.text(join(group, 'cgroup.procs'))))
  return texts.flatMap((text) => text?.split('\n').filter((pid) => pid !== '') ?? [])
}

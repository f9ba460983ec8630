/** What Linux says of the machine, read from /proc. What is not there is left out. */
import { readdir, readFile, statfs } from 'node:fs/promises'
import { loadavg } from 'node:os'
import {
  type CpuSeconds,
  type DiskFigures,
  type Mount,
  type PressureFigures,
  parseCpu,
  parseDisks,
  parseMemory,
  parseMounts,
  parsePressure,
} from './parse.ts'

export interface FilesystemFigures extends Mount {
  readonly sizeBytes: number
  readonly freeBytes: number
  /** Of these, what others than root may use. */
  readonly availableBytes: number
}

export interface MachineFigures {
  readonly cpu: CpuSeconds
  /** As /proc/meminfo names them, in bytes. */
  readonly memory: ReadonlyMap<string, number>
  readonly disks: readonly DiskFigures[]
  readonly pressure: readonly PressureFigures[]
  readonly load: readonly number[]
  readonly filesystems: readonly FilesystemFigures[]
}

const RESOURCES = ['cpu', 'memory', 'io'] as const

/** @param root where proc and sys are, / but for tests */
export async function readMachine(root = ''): Promise<MachineFigures> {
  const [stat, memory, disks, mounts, whole, ...pressure] = await Promise.all([
    readText(`${root}/proc/stat`),
    readText(`${root}/proc/meminfo`),
    readText(`${root}/proc/diskstats`),
    readText(`${root}/proc/self/mounts`),
    readdir(`${root}/sys/block`).catch(() => []),
    ...RESOURCES.map((resource) => readText(`${root}/proc/pressure/${resource}`)),
  ])
  return {
    cpu: parseCpu(stat),
    memory: parseMemory(memory),
    disks: parseDisks(disks, new Set(whole)),
    pressure: RESOURCES.flatMap((resource, i) => parsePressure(resource, pressure[i] ?? '')),
    // Windows says zeros
    load: loadavg(),
    filesystems: await readFilesystems(parseMounts(mounts)),
  }
}

async function readFilesystems(mounts: readonly Mount[]): Promise<readonly FilesystemFigures[]> {
  const found = await Promise.all(
    mounts.map(async (mount) => {
      try {
        const { bsize, blocks, bfree, bavail } = await statfs(mount.mountpoint)
        const [sizeBytes, freeBytes] = [blocks * bsize, bfree * bsize]
        return [{ ...mount, sizeBytes, freeBytes, availableBytes: bavail * bsize }]
      } catch {
        // it may be in a place that this user cannot look into
        return []
      }
    }),
  )
  return found.flat()
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '')
}

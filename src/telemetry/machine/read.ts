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

/** Resources that something may wait for. */
export const PRESSED = ['cpu', 'memory', 'io'] as const

/** What of a machine is read; empty where it is not there. */
export interface MachineTexts {
  readonly stat: string
  readonly memory: string
  readonly disks: string
  readonly mounts: string
  /** The disks that are no part of another, by name. */
  readonly wholeDisks: readonly string[]
  /** By the resource. */
  readonly pressure: ReadonlyMap<string, string>
  readonly load: readonly number[]
}

/** In bytes. */
export type Space = Pick<FilesystemFigures, 'sizeBytes' | 'freeBytes' | 'availableBytes'>

/** Pure. @param spaceAt of what is mounted there; undefined for what cannot be looked into */
export function machineFigures(
  texts: MachineTexts,
  spaceAt: (mountpoint: string) => Space | undefined,
): MachineFigures {
  return {
    cpu: parseCpu(texts.stat),
    memory: parseMemory(texts.memory),
    disks: parseDisks(texts.disks, new Set(texts.wholeDisks)),
    pressure: PRESSED.flatMap((resource) => parsePressure(resource, texts.pressure.get(resource) ?? '')),
    load: texts.load,
    filesystems: parseMounts(texts.mounts).flatMap((mount) => {
      const space = spaceAt(mount.mountpoint)
      return space === undefined ? [] : [{ ...mount, ...space }]
    }),
  }
}

/** @param root where proc and sys are, / but for tests */
export async function readMachine(root = ''): Promise<MachineFigures> {
  const [stat, memory, disks, mounts, wholeDisks, ...pressure] = await Promise.all([
    readText(`${root}/proc/stat`),
    readText(`${root}/proc/meminfo`),
    readText(`${root}/proc/diskstats`),
    readText(`${root}/proc/self/mounts`),
    readdir(`${root}/sys/block`).catch(() => []),
    ...PRESSED.map((resource) => readText(`${root}/proc/pressure/${resource}`)),
  ])
  const pressures = new Map(PRESSED.map((resource, index) => [resource, pressure[index] ?? '']))
  // Windows says zeros
  const texts = { stat, memory, disks, mounts, wholeDisks, pressure: pressures, load: loadavg() }
  const spaces = await readSpaces(parseMounts(mounts))
  return machineFigures(texts, (mountpoint) => spaces.get(mountpoint))
}

async function readSpaces(mounts: readonly Mount[]): Promise<ReadonlyMap<string, Space>> {
  const spaces = new Map<string, Space>()
  await Promise.all(
    mounts.map(async ({ mountpoint }) => {
      // it may be in a place that this user cannot look into
      const found = await statfs(mountpoint).catch(() => undefined)
      if (found === undefined) return
      const { bsize, blocks, bfree, bavail } = found
      const [sizeBytes, freeBytes] = [blocks * bsize, bfree * bsize]
      spaces.set(mountpoint, { sizeBytes, freeBytes, availableBytes: bavail * bsize })
    }),
  )
  return spaces
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '')
}

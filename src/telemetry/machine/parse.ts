/** The formats of /proc that tell of a machine. Pure; proc(5) and the kernel's Documentation/accounting/psi.rst say what stands in them. */

/** By mode: user, idle, iowait… */
export type CpuSeconds = ReadonlyMap<string, number>

export interface DiskFigures {
  readonly device: string
  readonly reads: number
  readonly writes: number
  readonly readBytes: number
  readonly writtenBytes: number
  /** In which at least one request was under way. */
  readonly busySeconds: number
}

/** How long something waited for a resource (`some`), and all that could run did (`full`), since the machine was started. */
export interface PressureFigures {
  readonly resource: string
  readonly extent: 'some' | 'full'
  readonly seconds: number
}

export interface Mount {
  readonly device: string
  readonly mountpoint: string
  readonly type: string
}

/** USER_HZ and the sector of /proc/diskstats, which the kernel fixes for everything that it shows. */
const TICKS_PER_SECOND = 100
const SECTOR_BYTES = 512

const MODES = ['user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq', 'steal'] as const

/** The first line of /proc/stat: all processors together. Time of guests is in user and nice already. */
export function parseCpu(stat: string): CpuSeconds {
  const ticks = /^cpu\s+([\d ]+)$/m.exec(stat)?.[1]?.trim().split(/\s+/) ?? []
  return new Map(
    MODES.flatMap((mode, i) => {
      const count = ticks[i]
      return count === undefined ? [] : [[mode, Number(count) / TICKS_PER_SECOND] as const]
    }),
  )
}

/** /proc/meminfo in bytes. */
export function parseMemory(meminfo: string): ReadonlyMap<string, number> {
  const lines = meminfo.matchAll(/^([\w()]+):\s+(\d+)( kB)?$/gm)
  return new Map(
    Array.from(lines, ([, name = '', amount, kB]) => [name, Number(amount) * (kB === undefined ? 1 : 1024)]),
  )
}

/** @param whole the devices that are no part of another. Without loop devices, disks in memory and what was never used. */
export function parseDisks(diskstats: string, whole: ReadonlySet<string>): readonly DiskFigures[] {
  return diskstats.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/)
    const device = fields[2]
    if (device === undefined || !whole.has(device) || /^(loop|ram|zram)\d/.test(device)) return []
    const [reads, readSectors, writes, writtenSectors, busyMs] = [3, 5, 7, 9, 12].map((i) =>
      Number(fields[i]),
    )
    if (reads === undefined || !Number.isFinite(busyMs) || reads + (writes ?? 0) === 0) return []
    return [
      {
        device,
        reads,
        writes: writes ?? 0,
        readBytes: (readSectors ?? 0) * SECTOR_BYTES,
        writtenBytes: (writtenSectors ?? 0) * SECTOR_BYTES,
        busySeconds: (busyMs ?? 0) / 1000,
      },
    ]
  })
}

/** `some avg10=0.00 avg60=0.00 avg300=0.00 total=1234`, in microseconds. */
export function parsePressure(resource: string, text: string): readonly PressureFigures[] {
  return Array.from(text.matchAll(/^(some|full) .*\btotal=(\d+)$/gm), ([, extent, total]) => ({
    resource,
    extent: extent as 'some' | 'full',
    seconds: Number(total) / 1e6,
  }))
}

/** Of /proc/self/mounts what lies on a device, each device once, at its shortest path. */
export function parseMounts(mounts: string): readonly Mount[] {
  const byDevice = new Map<string, Mount>()
  for (const line of mounts.split('\n')) {
    const [device = '', path = '', type = ''] = line.split(' ').map(unescapeOctal)
    if (!device.startsWith('/dev/') || type === 'squashfs' || type === 'iso9660') continue
    const known = byDevice.get(device)
    if (known === undefined || path.length < known.mountpoint.length)
      byDevice.set(device, { device, mountpoint: path, type })
  }
  return [...byDevice.values()]
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)))
}

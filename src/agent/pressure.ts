/** Whether a machine runs out of memory or disk: measured, and slow to be taken back, so that nothing flaps. */
import { readFile, statfs } from 'node:fs/promises'
import type { Clock } from '../core/clock.ts'
import { formatBytes } from '../core/quantity.ts'
import type { ConditionInput } from '../resources/conditions.ts'
import { parseMemory, parsePressure } from '../telemetry/machine/parse.ts'

/** What the machine says at one moment; what it does not say is left out. */
export interface PressureSample {
  readonly memory?: { readonly availableBytes: number; readonly totalBytes: number }
  /** Since boot: how long all that could run waited for memory. */
  readonly stalledSeconds?: number
  readonly disk?: { readonly availableBytes: number; readonly sizeBytes: number; readonly inodesPart: number }
}

const MEBI = 2 ** 20
const MEMORY = { part: 0.05, maxBytes: 256 * MEBI }
const DISK = { part: 0.1, maxBytes: 2048 * MEBI }
const FEW_INODES = 0.05
/** Of the time: so long all that had work to do waited for memory. */
const STALLED = { on: 0.2, off: 0.1 }
/** What was short is enough again from so much more on. */
const RELIEF = 1.5
/** …for so long. */
const CALM_MS = 60_000

interface Gauge {
  isPressed: boolean
  message: string
  calmSinceMs: number | undefined
}

interface Finding {
  /** What is short, as a sentence; undefined where nothing is. */
  readonly short: string | undefined
  /** Well beyond the threshold. */
  readonly isRelieved: boolean
}

export class Pressure {
  readonly #clock: Clock
  readonly #read: () => Promise<PressureSample>
  readonly #memory: Gauge = { isPressed: false, message: ENOUGH, calmSinceMs: undefined }
  readonly #disk: Gauge = { isPressed: false, message: ENOUGH, calmSinceMs: undefined }
  #before: { readonly atMs: number; readonly stalledSeconds: number } | undefined

  constructor(clock: Clock, read: () => Promise<PressureSample>) {
    this.#clock = clock
    this.#read = read
  }

  /** The conditions MemoryPressure and DiskPressure as they are now. What cannot be measured presses nobody. */
  async look(): Promise<readonly ConditionInput[]> {
    const sample = await this.#read()
    const stalled = this.#stalledPart(sample.stalledSeconds)
    const nowMs = this.#clock.monotonic()
    return [
      condition('MemoryPressure', turn(this.#memory, judgeMemory(sample, stalled), nowMs)),
      condition('DiskPressure', turn(this.#disk, judgeDisk(sample), nowMs)),
    ]
  }

  /** Since the look before. */
  #stalledPart(stalledSeconds: number | undefined): number {
    const atMs = this.#clock.monotonic()
    const before = this.#before
    this.#before = stalledSeconds === undefined ? undefined : { atMs, stalledSeconds }
    if (before === undefined || stalledSeconds === undefined || atMs <= before.atMs) return 0
    return ((stalledSeconds - before.stalledSeconds) * 1000) / (atMs - before.atMs)
  }
}

const ENOUGH = 'there is enough'

function judgeMemory({ memory }: PressureSample, stalled: number): Finding {
  const percent = Math.round(stalled * 100)
  if (stalled >= STALLED.on)
    return { short: `everything waited for memory for ${percent} % of the time`, isRelieved: false }
  if (memory === undefined) return { short: undefined, isRelieved: stalled < STALLED.off }
  const { availableBytes, totalBytes } = memory
  const least = Math.min(totalBytes * MEMORY.part, MEMORY.maxBytes)
  const short = availableBytes < least ? leftText(availableBytes, totalBytes, 'memory') : undefined
  return { short, isRelieved: availableBytes >= least * RELIEF && stalled < STALLED.off }
}

function judgeDisk({ disk }: PressureSample): Finding {
  if (disk === undefined) return { short: undefined, isRelieved: true }
  const { availableBytes, sizeBytes, inodesPart } = disk
  const least = Math.min(sizeBytes * DISK.part, DISK.maxBytes)
  const few =
    inodesPart < FEW_INODES ? `only ${Math.round(inodesPart * 100)} % of the inodes are left` : undefined
  const short = availableBytes < least ? leftText(availableBytes, sizeBytes, 'disk') : few
  return { short, isRelieved: availableBytes >= least * RELIEF && inodesPart >= FEW_INODES * RELIEF }
}

function leftText(availableBytes: number, totalBytes: number, what: string): string {
  return `${formatBytes(availableBytes)} of ${formatBytes(totalBytes)} of ${what} were left`
}

/** Pressed at once, relieved after a calm while. The message stays until that turns: figures of each moment would be written each time. */
function turn(gauge: Gauge, { short, isRelieved }: Finding, nowMs: number): Gauge {
  if (short !== undefined && !gauge.isPressed) Object.assign(gauge, { isPressed: true, message: short })
  if (!gauge.isPressed) return gauge
  gauge.calmSinceMs = isRelieved ? (gauge.calmSinceMs ?? nowMs) : undefined
  if (gauge.calmSinceMs !== undefined && nowMs - gauge.calmSinceMs >= CALM_MS)
    Object.assign(gauge, { isPressed: false, message: ENOUGH, calmSinceMs: undefined })
  return gauge
}

function condition(type: 'MemoryPressure' | 'DiskPressure', { isPressed, message }: Gauge): ConditionInput {
  const what = type === 'MemoryPressure' ? 'Memory' : 'Disk'
  return isPressed
    ? { type, status: 'True', reason: `${what}Short`, message }
    : { type, status: 'False', reason: `${what}Enough`, message }
}

/** What a machine says, as it says it; empty where it does not. */
export interface PressureTexts {
  /** /proc/meminfo */
  readonly memory: string
  /** /proc/pressure/memory */
  readonly stalls: string
  readonly disk: DiskCounts | undefined
}

export interface DiskCounts {
  readonly blockBytes: number
  readonly blocks: number
  /** For those that are not root. */
  readonly availableBlocks: number
  readonly inodes: number
  readonly freeInodes: number
}

/** Pure. */
export function samplePressure({ memory, stalls, disk }: PressureTexts): PressureSample {
  const figures = parseMemory(memory)
  const [availableBytes, totalBytes] = [figures.get('MemAvailable'), figures.get('MemTotal')]
  const stalled = parsePressure('memory', stalls).find(({ extent }) => extent === 'full')
  return {
    ...(availableBytes === undefined || totalBytes === undefined
      ? {}
      : { memory: { availableBytes, totalBytes } }),
    ...(stalled === undefined ? {} : { stalledSeconds: stalled.seconds }),
    ...(disk === undefined
      ? {}
      : {
          disk: {
            availableBytes: disk.availableBlocks * disk.blockBytes,
            sizeBytes: disk.blocks * disk.blockBytes,
            // some file systems have no fixed number of them
            inodesPart: disk.inodes === 0 ? 1 : disk.freeInodes / disk.inodes,
          },
        }),
  }
}

/** Of this machine; `folder` lies on the disk that matters. */
export async function readPressure(folder: string): Promise<PressureSample> {
  const [memory, stalls, disk] = await Promise.all([
    readFile('/proc/meminfo', 'utf8').catch(() => ''),
    readFile('/proc/pressure/memory', 'utf8').catch(() => ''),
    statfs(folder).catch(() => undefined),
  ])
  const counts = disk && {
    blockBytes: disk.bsize,
    blocks: disk.blocks,
    availableBlocks: disk.bavail,
    inodes: disk.files,
    freeInodes: disk.ffree,
  }
  return samplePressure({ memory, stalls, disk: counts })
}

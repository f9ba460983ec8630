/** What a node said of its machine at one moment. Pure. */
import { readExposition } from '../../core/exposition.ts'

/** What was not said is left out. */
export interface MachineCounts {
  /** Of all processors together: in which they did something, and all of it. */
  readonly cpu?: { readonly busySeconds: number; readonly totalSeconds: number }
  readonly memory?: { readonly sizeBytes: number; readonly availableBytes: number }
}

const CPU = 'nsctl_node_cpu_seconds_total'
const SIZE = 'nsctl_node_memory_size_bytes'
const AVAILABLE = 'nsctl_node_memory_available_bytes'

/** The part of a node's metrics that is read here. */
export const MACHINE_NAMES: readonly string[] = [CPU, SIZE, AVAILABLE]

/** Waiting for a disk uses no processor; what was stolen, another machine on the same host has used. */
const IDLE_MODES: ReadonlySet<string | undefined> = new Set(['idle', 'iowait', 'steal'])

/** What `text` says of `node`: the listener may be another node's by now. */
export function readMachine(text: string, node: string): MachineCounts {
  let [busySeconds, totalSeconds] = [0, 0]
  const memory = new Map<string, number>()
  for (const { name, labels, value } of readExposition(text, (name) => MACHINE_NAMES.includes(name))) {
    if (labels.node !== node || !Number.isFinite(value) || value < 0) continue
    if (name !== CPU) memory.set(name, value)
    else {
      totalSeconds += value
      if (!IDLE_MODES.has(labels.mode)) busySeconds += value
    }
  }
  const [sizeBytes, availableBytes] = [memory.get(SIZE), memory.get(AVAILABLE)]
  return {
    ...(totalSeconds > 0 ? { cpu: { busySeconds, totalSeconds } } : {}),
    ...(sizeBytes === undefined || availableBytes === undefined
      ? {}
      : { memory: { sizeBytes, availableBytes } }),
  }
}

/** Thousandths of a core between two looks that lie `windowMs` apart; undefined where they do not tell. */
export function machineCpuMillis(
  before: MachineCounts,
  now: MachineCounts,
  windowMs: number,
): number | undefined {
  if (before.cpu === undefined || now.cpu === undefined || windowMs <= 0) return undefined
  const busySeconds = now.cpu.busySeconds - before.cpu.busySeconds
  // it was booted in between
  return busySeconds < 0 || now.cpu.totalSeconds < before.cpu.totalSeconds
    ? undefined
    : (busySeconds * 1_000_000) / windowMs
}

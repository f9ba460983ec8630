/** What a node said of its instances at one moment. Pure. */
import { readExposition } from '../../core/exposition.ts'

/** Of one instance; what was not said is left out. */
export interface InstanceCounts {
  readonly cpuSeconds?: number
  readonly memoryBytes?: number
  /** Read and written. */
  readonly ioBytes?: number
  /** Seconds since 1970, by the node's clock. */
  readonly startedAtSeconds?: number
}

/** By namespace/name. */
export type NodeCounts = ReadonlyMap<string, InstanceCounts>

const MEMBERS: Readonly<Record<string, keyof InstanceCounts>> = {
  nsctl_instance_cpu_seconds_total: 'cpuSeconds',
  nsctl_instance_memory_bytes: 'memoryBytes',
  nsctl_instance_io_read_bytes_total: 'ioBytes',
  nsctl_instance_io_written_bytes_total: 'ioBytes',
  nsctl_instance_start_time_seconds: 'startedAtSeconds',
}

/** The part of a node's metrics that is read here. */
export const READ_NAMES: readonly string[] = Object.keys(MEMBERS)

export function instanceKey(namespace: string, name: string): string {
  return `${namespace}/${name}`
}

/** What `text` says of the instances of `node`: the listener may be another node's by now, where its port was given away. */
export function readCounts(text: string, node: string): NodeCounts {
  const counts = new Map<string, { -readonly [K in keyof InstanceCounts]: InstanceCounts[K] }>()
  for (const { name, labels, value } of readExposition(text, (name) => Object.hasOwn(MEMBERS, name))) {
    const { namespace, instance } = labels
    const member = MEMBERS[name]
    if (member === undefined || namespace === undefined || instance === undefined) continue
    if (labels.node !== node || !Number.isFinite(value) || value < 0) continue
    const key = instanceKey(namespace, instance)
    const known = counts.get(key) ?? {}
    counts.set(key, known)
    known[member] = (known[member] ?? 0) + value
  }
  return counts
}

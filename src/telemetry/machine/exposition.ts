/** The machine as metrics. The prefix keeps them apart from those of a node_exporter on the same machine. */
import type { Exposition, Families, Labels, MetricLine } from '../families.ts'
import { type MachineFigures, readMachine } from './read.ts'

export function machineExposition(
  node: string,
  read: () => Promise<MachineFigures> = readMachine,
): Exposition {
  let figures: MachineFigures | undefined
  const lines =
    (of: (figures: MachineFigures) => readonly MetricLine[]): (() => readonly MetricLine[]) =>
    () =>
      figures === undefined
        ? []
        : of(figures).map(({ labels, value }) => ({ labels: { ...labels, node }, value }))
  return {
    async prepare() {
      figures = undefined
      figures = await read()
    },
    define(families) {
      processorAndMemory(families, lines)
      disks(families, lines)
      pressure(families, lines)
    },
  }
}

type Lines = (of: (figures: MachineFigures) => readonly MetricLine[]) => () => readonly MetricLine[]

const line = (value: number | undefined, labels: Labels = {}): readonly MetricLine[] =>
  value === undefined ? [] : [{ labels, value }]

function processorAndMemory(families: Families, lines: Lines): void {
  families.counter(
    'nsctl_node_cpu_seconds_total',
    'Time of all processors by what they did',
    lines(({ cpu }) => Array.from(cpu, ([mode, value]) => ({ labels: { mode }, value }))),
  )
  for (const [index, minutes] of [1, 5, 15].entries())
    families.gauge(
      `nsctl_node_load${minutes}`,
      `Processes that ran or waited to, on average of ${minutes} min`,
      lines(({ load }) => line(load[index])),
    )
  for (const [name, key, help] of [
    ['nsctl_node_memory_size_bytes', 'MemTotal', 'Memory that there is'],
    [
      'nsctl_node_memory_available_bytes',
      'MemAvailable',
      'Memory that programs can still have without swapping',
    ],
    ['nsctl_node_memory_free_bytes', 'MemFree', 'Memory that nothing uses'],
    ['nsctl_node_memory_cached_bytes', 'Cached', 'Memory that holds files'],
    ['nsctl_node_swap_size_bytes', 'SwapTotal', 'Swap that there is'],
    ['nsctl_node_swap_free_bytes', 'SwapFree', 'Swap that nothing uses'],
  ] as const)
    families.gauge(
      name,
      help,
      lines(({ memory }) => line(memory.get(key))),
    )
}

function disks(families: Families, lines: Lines): void {
  for (const [name, key, help] of [
    ['nsctl_node_disk_read_bytes_total', 'readBytes', 'Bytes that were read'],
    ['nsctl_node_disk_written_bytes_total', 'writtenBytes', 'Bytes that were written'],
    ['nsctl_node_disk_reads_total', 'reads', 'Reads that were completed'],
    ['nsctl_node_disk_writes_total', 'writes', 'Writes that were completed'],
    ['nsctl_node_disk_busy_seconds_total', 'busySeconds', 'Time in which a request was under way'],
  ] as const)
    families.counter(
      name,
      help,
      lines(({ disks }) => disks.flatMap(({ device, [key]: value }) => line(value, { device }))),
    )
  for (const [name, key, help] of [
    ['nsctl_node_filesystem_size_bytes', 'sizeBytes', 'Its size'],
    ['nsctl_node_filesystem_free_bytes', 'freeBytes', 'Bytes that nothing uses'],
    ['nsctl_node_filesystem_available_bytes', 'availableBytes', 'Bytes that others than root can still have'],
  ] as const)
    families.gauge(
      name,
      help,
      lines(({ filesystems }) =>
        filesystems.flatMap(({ device, mountpoint, type, [key]: value }) =>
          line(value, { device, mountpoint, fstype: type }),
        ),
      ),
    )
}

function pressure(families: Families, lines: Lines): void {
  const of = (wanted: 'some' | 'full') =>
    lines(({ pressure }) =>
      pressure
        .filter(({ extent }) => extent === wanted)
        .flatMap(({ resource, seconds }) => line(seconds, { resource })),
    )
  families.counter(
    'nsctl_node_pressure_waiting_seconds_total',
    'Time in which something waited for the resource',
    of('some'),
  )
  families.counter(
    'nsctl_node_pressure_stalled_seconds_total',
    'Time in which all that had work waited for the resource',
    of('full'),
  )
}

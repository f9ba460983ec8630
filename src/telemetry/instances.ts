/** What is known of a node's instances, as metrics. */
import type { Exposition, Families, HistogramLine, Labels, MetricLine } from './families.ts'
import type { HistogramTally } from './histogram.ts'

/** One instance; what is left out is not known. */
export interface InstanceFigures {
  readonly namespace: string
  readonly service: string
  readonly instance: string
  readonly ready: boolean
  /** Only of those that say it. */
  readonly busy?: boolean
  readonly restarts: number
  /** Wall clock; when the oldest of its running programs started. */
  readonly startedAtMs?: number
  /** From the start of its programs until it was ready, the last time. */
  readonly startupMs?: number
  readonly usage?: {
    /** Never less than before, whatever ends and starts again. */
    readonly cpuMs: number
    readonly memoryBytes: number
    /** As `cpuMs`. */
    readonly readBytes?: number
    readonly writtenBytes?: number
  }
  readonly probes: readonly ProbeFigures[]
}

export interface ProbeFigures {
  /** Empty where the instance has one program. */
  readonly program: string
  readonly probe: 'startup' | 'readiness' | 'liveness' | 'busy'
  readonly tally: HistogramTally
}

/** Of a probe's answers. */
export const PROBE_BUCKETS_SECONDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const

/** @param read all instances of the node as they are now */
export function instanceExposition(
  node: string,
  read: () => Promise<readonly InstanceFigures[]>,
): Exposition {
  let instances: readonly { readonly figures: InstanceFigures; readonly labels: Labels }[] = []
  const lines = (value: (figures: InstanceFigures) => number | undefined) => (): readonly MetricLine[] =>
    instances.flatMap(({ figures, labels }) => {
      const found = value(figures)
      return found === undefined ? [] : [{ labels, value: found }]
    })
  return {
    async prepare() {
      instances = []
      instances = (await read()).map((figures) => {
        const { namespace, service, instance } = figures
        return { figures, labels: { namespace, service, instance, node } }
      })
    },
    define(families: Families) {
      usageFamilies(families, lines)
      stateFamilies(families, lines)
      families.histogram(
        'nsctl_instance_probe_duration_seconds',
        'How long probes took to answer, however they did',
        (): readonly HistogramLine[] =>
          instances.flatMap(({ figures, labels }) =>
            figures.probes.map(({ program, probe, tally }) => ({
              labels: { ...labels, ...(program === '' ? {} : { program }), probe },
              tally,
            })),
          ),
      )
    },
  }
}

type Lines = (value: (figures: InstanceFigures) => number | undefined) => () => readonly MetricLine[]

function usageFamilies(families: Families, lines: Lines): void {
  families.counter(
    'nsctl_instance_cpu_seconds_total',
    'CPU time that it used',
    lines(({ usage }) => secondsOf(usage?.cpuMs)),
  )
  families.gauge(
    'nsctl_instance_memory_bytes',
    'Memory that it uses',
    lines(({ usage }) => usage?.memoryBytes),
  )
  families.counter(
    'nsctl_instance_io_read_bytes_total',
    'Bytes that it had read from disks',
    lines(({ usage }) => usage?.readBytes),
  )
  families.counter(
    'nsctl_instance_io_written_bytes_total',
    'Bytes that it had written to disks',
    lines(({ usage }) => usage?.writtenBytes),
  )
}

function stateFamilies(families: Families, lines: Lines): void {
  families.counter(
    'nsctl_instance_restarts_total',
    'How often its programs were started again after they ended',
    lines(({ restarts }) => restarts),
  )
  families.gauge(
    'nsctl_instance_ready',
    '1 where all of its programs run and are ready',
    lines(({ ready }) => Number(ready)),
  )
  families.gauge(
    'nsctl_instance_busy',
    '1 where it is in the middle of something, as its busy probe or its annotation says',
    lines(({ busy }) => (busy === undefined ? undefined : Number(busy))),
  )
  families.gauge(
    'nsctl_instance_start_time_seconds',
    'When the oldest of its running programs started, in seconds since 1970',
    lines(({ startedAtMs }) => secondsOf(startedAtMs)),
  )
  families.gauge(
    'nsctl_instance_startup_seconds',
    'From the start of its programs until it was first ready',
    lines(({ startupMs }) => secondsOf(startupMs)),
  )
}

function secondsOf(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000
}

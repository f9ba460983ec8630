/** Keeps one set of probes per running process, and none for what does not run. */
import type { Clock } from '../../core/clock.ts'
import { parseDurationMs } from '../../core/quantity.ts'
import type { ServiceBusyProbe, ServiceProbe } from '../../resources/generated/types.ts'
import type { ObservedProgram, ProgramId } from '../../runtimes/runtime.ts'
import { HistogramTally } from '../../telemetry/histogram.ts'
import { PROBE_BUCKETS_SECONDS } from '../../telemetry/instances.ts'
import type { GivenPort } from '../ports.ts'
import { type ProbeExec, type ProbeResult, type ProbeSpec, runProbeLoop } from '../probes.ts'
import type { Dial } from '../surroundings.ts'
import type { InstanceRecord, ProbeKind, ProgramRecord } from './record.ts'

const KINDS = ['readiness', 'liveness', 'busy'] as const
const ALL_KINDS = ['startup', ...KINDS] as const

export interface ProbingOptions {
  readonly record: InstanceRecord
  /** Those that should be probed; all others' probes end. */
  readonly programs: readonly {
    readonly name: string
    readonly readiness?: ServiceProbe
    readonly liveness?: ServiceProbe
    readonly startup?: ServiceProbe
    readonly busy?: ServiceBusyProbe
  }[]
  readonly observed: ReadonlyMap<string, ObservedProgram>
  readonly clock: Clock
  readonly dial: Dial
  readonly exec: (id: ProgramId, ...rest: Parameters<ProbeExec>) => Promise<number>
  readonly idOf: (program: string) => ProgramId | undefined
  readonly onVerdict: () => void
}

/** Starts, leaves or ends probes so that each running process is probed, by the verdicts of its own life only. */
export function startProbes(options: ProbingOptions): void {
  for (const program of options.record.programs) {
    const wanted = options.programs.find((one) => one.name === program.name)
    const seen = options.observed.get(program.key)
    const process = seen?.state === 'running' ? `${seen.pid ?? '?'} ${seen.startedAtMs ?? '?'}` : undefined
    if (program.probed !== undefined && program.probed.process === process && wanted !== undefined) continue
    if (program.probed !== undefined || process === undefined) forgetVerdicts(program)
    if (wanted === undefined || process === undefined) continue
    if (ALL_KINDS.every((kind) => wanted[kind] === undefined)) continue
    probeProcess(options, program, wanted, process)
  }
}

export function stopProbes(record: InstanceRecord): void {
  for (const program of record.programs) program.probed?.stop()
}

function forgetVerdicts(program: ProgramRecord): void {
  program.probed?.stop()
  program.probed = undefined
  program.readiness = undefined
  program.liveness = undefined
  program.startup = undefined
  program.busy = undefined
}

function probeProcess(
  options: ProbingOptions,
  program: ProgramRecord,
  wanted: ProbingOptions['programs'][number],
  process: string,
): void {
  const stop = new AbortController()
  program.probed = { process, stop: () => stop.abort() }
  const id = options.idOf(program.name)
  const exec: ProbeExec = async (command, signal) =>
    id === undefined ? 1 : await options.exec(id, command, signal)
  const begin = (kind: ProbeKind, signal: AbortSignal, onVerdict: (result: ProbeResult) => void) => {
    const probe = wanted[kind]
    if (probe === undefined) return
    const tally = program.probeTimes[kind] ?? new HistogramTally(PROBE_BUCKETS_SECONDS)
    program.probeTimes[kind] = tally
    runProbeLoop(
      {
        ...{
          spec: resolveProbe(probe, options.record.ports),
          clock: options.clock,
          dial: options.dial,
          exec,
        },
        ...{ eager: kind === 'readiness' || kind === 'startup', ignoresLate: kind === 'busy' },
        failsByTime: kind === 'startup',
        onVerdict(result) {
          program[kind] = result
          onVerdict(result)
        },
        onAnswer: (tookMs) => tally.observeMs(tookMs),
      },
      signal,
    )
  }
  const beginOthers = () => {
    for (const kind of KINDS) begin(kind, stop.signal, options.onVerdict)
  }
  if (wanted.startup === undefined || program.startup?.healthy === true) {
    beginOthers()
    return
  }
  const started = new AbortController()
  begin('startup', AbortSignal.any([stop.signal, started.signal]), ({ healthy }) => {
    if (healthy) {
      started.abort()
      beginOthers()
    }
    options.onVerdict()
  })
}

/** A probe as the schema has it, with names of ports turned into their numbers. */
export function resolveProbe(probe: ServiceProbe | ServiceBusyProbe, ports: readonly GivenPort[]): ProbeSpec {
  const times = {
    initialDelayMs:
      'initialDelay' in probe && probe.initialDelay !== undefined ? parseDurationMs(probe.initialDelay) : 0,
    periodMs: parseDurationMs(probe.period),
    timeoutMs: parseDurationMs(probe.timeout),
    // of what is busy each answer counts
    failureThreshold: 'failureThreshold' in probe ? probe.failureThreshold : 1,
    successThreshold: 'successThreshold' in probe ? probe.successThreshold : 1,
  }
  const number = (port: number | string) =>
    typeof port === 'number' ? port : (ports.find((one) => one.name === port)?.port ?? Number(port))
  if (probe.http !== undefined) {
    return { check: { kind: 'http', port: number(probe.http.port), path: probe.http.path }, ...times }
  }
  if (probe.tcp !== undefined) return { check: { kind: 'tcp', port: number(probe.tcp.port) }, ...times }
  const command = (probe.exec?.command ?? []) as [string, ...string[]]
  return { check: { kind: 'exec', command }, ...times }
}

/** What the agent remembers of one instance between reconciles: what it saw, counted and decided. Lost with the process. */

import type {
  Instance,
  InstanceMaterial,
  InstanceProgramFailure,
  InstanceProgramStatus,
  InstanceStatus,
} from '../../resources/generated/types.ts'
import type { ObservedProgram, ProgramExit } from '../../runtimes/runtime.ts'
import type { HistogramTally } from '../../telemetry/histogram.ts'
import { afterFailure, type Backoff, noBackoff } from '../backoff.ts'
import type { GivenPort } from '../ports.ts'
import type { ProbeResult } from '../probes.ts'

export type ProbeKind = 'startup' | 'readiness' | 'liveness' | 'busy'

/** Why a program is ended to be started again: what a probe says of it, or that it is unique and its node's lease has run out. */
export interface Unhealthy {
  readonly reason: 'LivenessFailed' | 'StartupFailed' | 'LeaseLost'
  readonly message: string
}

export interface ProgramRecord {
  readonly name: string
  /** The runtime's id as text. */
  readonly key: string
  restarts: number
  lastFailure: InstanceProgramFailure | undefined
  backoff: Backoff
  /** Monotonic; when the agent last started it. */
  startedAtMs: number
  /** What the runtime said of restarts and exits when last looked at, so that nothing is counted twice. */
  seenRestarts: number
  seenExitAtMs: number
  /** The end after which the runtime gave up that the backoff counts already. It may be told before it is final. */
  countedEndAtMs: number
  /** It has run before: the next start counts as a restart. */
  hasRun: boolean
  /** The agent is ending it to start it again, for this reason. */
  endingFor: Unhealthy | undefined
  /** Healthy: it has come up, and is asked no more. */
  startup: ProbeResult | undefined
  readiness: ProbeResult | undefined
  liveness: ProbeResult | undefined
  /** Healthy means busy. */
  busy: ProbeResult | undefined
  /** The process that the verdicts are about. */
  probed: { readonly process: string; readonly stop: () => void } | undefined
  /** How long probes took to answer, since this agent began. */
  readonly probeTimes: Partial<Record<ProbeKind, HistogramTally>>
}

export interface InstanceRecord {
  readonly uid: string
  readonly programs: readonly ProgramRecord[]
  ports: readonly GivenPort[]
  /** What they should be given of Configs and Secrets, when last looked at. */
  wantedMaterials: readonly InstanceMaterial[]
  /** What its programs were last given of it. */
  materials: readonly InstanceMaterial[]
  /** What is to be said of what they are given: what was left out, or why they do not have it yet. */
  materialNote: MaterialNote | undefined
  /** Why it cannot be started at all just now. */
  obstacle: Obstacle | undefined
  /** Calls off the start that is under way; undefined where there is none. */
  callOff: ((reason: Error) => void) | undefined
  /** When its end was first seen to be asked for; wall clock, milliseconds. */
  endingSinceMs: number | undefined
  /** What was last written, so that an unchanged status is not written again. */
  written: InstanceStatus | undefined
  /** Of what is unique: the number that its programs were last started with. */
  fencingToken: number | undefined
  cpuMillis: number | undefined
  memoryBytes: number | undefined
  /** How long it took to be ready after the start at that time. Of a start that no agent saw through it is not known. */
  startup: { readonly startedAt: string; readonly tookMs: number } | undefined
}

/** The condition that says whether an instance has what it names of Configs and Secrets. */
export const MATERIALS_PLACED = 'MaterialsPlaced'

export interface MaterialNote {
  /** It says what keeps the instance from having them; else what was left out. */
  readonly lacking: boolean
  readonly reason: string
  readonly message: string
}

export interface Obstacle {
  readonly phase: 'Pending' | 'Backoff' | 'Failed'
  readonly reason: string
  readonly message: string
}

/** A record that goes on from what an earlier agent wrote of the instance. */
export function makeRecord(
  instance: Instance,
  programs: readonly { readonly name: string; readonly key: string }[],
  observed: ReadonlyMap<string, ObservedProgram>,
): InstanceRecord {
  const { status } = instance
  return {
    uid: instance.metadata.uid ?? '',
    programs: programs.map(({ name, key }) => {
      const known = status?.programs?.find((one) => one.name === name)
      return makeProgramRecord(name, key, known, observed.get(key))
    }),
    ports: status?.ports ?? [],
    wantedMaterials: instance.spec.materials ?? [],
    materials: status?.materials ?? [],
    materialNote: noteIn(status),
    obstacle: undefined,
    callOff: undefined,
    endingSinceMs: undefined,
    written: status,
    fencingToken: status?.fencingToken,
    cpuMillis: status?.cpuMillis,
    memoryBytes: status?.memoryBytes,
    startup: undefined,
  }
}

/** What an earlier agent had to say stays until they are given anew. */
function noteIn(status: InstanceStatus | undefined): MaterialNote | undefined {
  const said = status?.conditions?.find((one) => one.type === MATERIALS_PLACED)
  if (said?.message === undefined) return undefined
  return { lacking: said.status === 'False', reason: said.reason, message: said.message }
}

function makeProgramRecord(
  name: string,
  key: string,
  known: InstanceProgramStatus | undefined,
  seen: ObservedProgram | undefined,
): ProgramRecord {
  // after a reboot another process may have the pid
  const sameProcess =
    known?.pid !== undefined &&
    known.pid === seen?.pid &&
    (seen.startedAtMs === undefined || known.startedAt === new Date(seen.startedAtMs).toISOString())
  return {
    name,
    key,
    restarts: Math.max(known?.restarts ?? 0, seen?.restarts ?? 0),
    lastFailure: known?.lastFailure,
    backoff: noBackoff,
    startedAtMs: 0,
    seenRestarts: seen?.restarts ?? 0,
    // an exit that happened while no agent looked is news
    seenExitAtMs: known?.lastFailure?.at === undefined ? 0 : Date.parse(known.lastFailure.at),
    countedEndAtMs: 0,
    hasRun: known?.startedAt !== undefined,
    endingFor: undefined,
    startup: sameProcess && known?.started === true ? { healthy: true } : undefined,
    readiness: sameProcess && known?.ready === true ? { healthy: true } : undefined,
    liveness: undefined,
    busy: undefined,
    probed: undefined,
    probeTimes: {},
  }
}

/** What is new in `seen`: restarts that the runtime made by itself, and an end after which it does not start again. */
export interface Noted {
  readonly restarted: number
  readonly ended: ProgramExit | undefined
}

/** Counts what the runtime did and saw since last time, and lengthens the backoff after an end. */
export function note(record: ProgramRecord, seen: ObservedProgram | undefined, nowMs: number): Noted {
  if (seen === undefined) return { restarted: 0, ended: undefined }
  // one that was refused is known, and has ended without having run
  record.hasRun ||= seen.state === 'exited' ? seen.lastExit !== undefined : seen.state !== 'starting'
  const restarted = Math.max(0, seen.restarts - record.seenRestarts)
  record.seenRestarts = seen.restarts
  record.restarts += restarted
  const exit = seen.lastExit
  const isNew = exit !== undefined && exit.atMs !== record.seenExitAtMs
  if (isNew) {
    record.seenExitAtMs = exit.atMs
    if (exit.reason !== 'success' || record.endingFor !== undefined)
      record.lastFailure = failureOf(exit, record.endingFor)
  }
  const isFinal = seen.state === 'exited' && exit !== undefined && exit.atMs !== record.countedEndAtMs
  if (!isFinal) return { restarted, ended: undefined }
  record.countedEndAtMs = exit.atMs
  record.backoff = afterFailure(record.backoff, nowMs - record.startedAtMs, nowMs)
  record.endingFor = undefined
  return { restarted, ended: exit }
}

/** Keeps how long the start took that `status` says it is ready after. Later it may become ready again, without a start. */
export function noteStartup(record: InstanceRecord, { startedAt }: InstanceStatus, wallMs: number): void {
  if (startedAt === undefined || startedAt === record.startup?.startedAt) return
  record.startup = { startedAt, tookMs: Math.max(0, wallMs - Date.parse(startedAt)) }
}

/** Why a program is to be started again, as far as probes say so. */
export function unhealthyOf({ liveness, startup }: ProgramRecord): Unhealthy | undefined {
  if (liveness?.healthy === false)
    return { reason: 'LivenessFailed', message: liveness.message ?? 'its liveness probe failed' }
  if (startup?.healthy === false)
    return { reason: 'StartupFailed', message: startup.message ?? 'its startup probe failed' }
  return undefined
}

/** A program's end in the words of status. */
export function failureOf(exit: ProgramExit, endingFor: Unhealthy | undefined): InstanceProgramFailure {
  const at = new Date(exit.atMs).toISOString()
  const facts = {
    ...(exit.exitCode === undefined ? {} : { exitCode: exit.exitCode }),
    ...(exit.signal === undefined ? {} : { signal: exit.signal }),
    at,
  }
  if (endingFor !== undefined) return { reason: endingFor.reason, ...facts, message: endingFor.message }
  const message = exit.message ?? describeExit(exit)
  switch (exit.reason) {
    case 'oom-kill':
      return { reason: 'OOMKilled', ...facts, message }
    case 'signal':
    case 'core-dump':
      return { reason: 'Signal', ...facts, message }
    case 'exec':
      return { reason: 'ProgramNotFound', ...facts, message }
    case 'lost':
      return { reason: 'Lost', ...facts, message }
    default:
      return { reason: 'Error', ...facts, message }
  }
}

/** `exits with 78`, `was ended by SIGKILL`. */
export function describeExit(exit: ProgramExit): string {
  switch (exit.reason) {
    case 'success':
      return 'ended with 0 although it should keep running'
    case 'oom-kill':
      return 'used more memory than it may and was killed'
    case 'signal':
    case 'core-dump':
      return `was ended by ${exit.signal ?? 'a signal'}`
    case 'timeout':
      return 'did not start or end in time'
    case 'resources':
      return 'could not be given what it needs to run'
    case 'exec':
      return 'could not be executed'
    case 'lost':
      return 'ended while nobody looked'
    default:
      return `exits with ${exit.exitCode ?? '?'}`
  }
}

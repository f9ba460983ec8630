/** What an Instance's status says. Pure. */
import { formatCount } from '../../core/words.ts'
import { type ConditionInput, setConditions } from '../../resources/conditions.ts'
import type {
  Instance,
  InstanceFailure,
  InstanceProgramStatus,
  InstanceStatus,
} from '../../resources/generated/types.ts'
import { programsOf } from '../../resources/template.ts'
import type { ObservedProgram, RuntimeInfo } from '../../runtimes/runtime.ts'
import { REGISTERED } from '../catalog/verdicts.ts'
import type { RunEnd } from './plan.ts'
import { describeExit, type InstanceRecord, MATERIALS_PLACED, type ProgramRecord } from './record.ts'
import { materialsChanged } from './refresh.ts'
import { endedState, runEndOf, runFailureText, runPhaseOf, runsOnce } from './run-once.ts'

export interface StatusInput {
  readonly instance: Instance
  readonly record: InstanceRecord
  readonly observed: ReadonlyMap<string, ObservedProgram>
  readonly hasReadiness: (program: string) => boolean
  readonly hasStartup: (program: string) => boolean
  readonly info: RuntimeInfo
  readonly stopped: boolean
  readonly waiting: boolean
  /** What is to be said of it in the catalog of services; undefined where there is none. */
  readonly registered: (ready: boolean) => ConditionInput | undefined
  /** Wall clock, milliseconds. */
  readonly nowMs: number
}

type Phase = NonNullable<InstanceStatus['phase']>

export function instanceStatus(input: StatusInput): InstanceStatus {
  const { record, instance } = input
  const deleting = instance.metadata.deletionTimestamp !== undefined
  const programs = record.programs.map((program) => programStatus(program, input))
  const ready = !deleting && record.obstacle === undefined && programs.every((one) => one.ready === true)
  const phase = phaseOf(input, deleting, programs)
  const trouble = troubleOf(input, phase)
  const startedAt = programs.flatMap((one) => one.startedAt ?? []).sort()[0]
  const pid = programs[0]?.pid
  const restarts = record.programs.reduce((sum, one) => sum + one.restarts, 0)
  const lastFailure = latestFailure(record)
  const notEnforced = notEnforcedFor(instance, input.info.cannot)
  const now = new Date(input.nowMs).toISOString()
  // a program that was started again has to become ready anew, however soon it does
  const readyBefore = record.written?.restarts === restarts ? record.written.readySince : undefined
  const readySince = ready ? (readyBefore ?? now) : undefined
  const said = {
    type: 'Ready',
    status: ready ? 'True' : 'False',
    reason: ready ? 'Ready' : (trouble.reason ?? phase),
  } as const
  return {
    phase,
    ready,
    readyText: ready ? 'yes' : 'no',
    ...(readySince === undefined ? {} : { readySince }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...busyOf(input, startedAt, now),
    restarts,
    ...(pid === undefined ? {} : { pid }),
    ...trouble,
    ...(record.ports.length === 0
      ? {}
      : { ports: record.ports, portsText: record.ports.map((one) => one.port).join(',') }),
    ...(record.fencingToken === undefined ? {} : { fencingToken: record.fencingToken }),
    ...(record.materials.length === 0 ? {} : { materials: record.materials }),
    ...(record.cpuMillis === undefined || phase !== 'Running' ? {} : { cpuMillis: record.cpuMillis }),
    ...(record.memoryBytes === undefined || phase !== 'Running' ? {} : { memoryBytes: record.memoryBytes }),
    ...(notEnforced.length === 0 ? {} : { notEnforced }),
    programs,
    ...(lastFailure === undefined ? {} : { lastFailure }),
    conditions: conditionsOf(input, ready, said, now),
  }
}

/** Of the programs that say whether they are. Until all have answered a process that took them over, what was said last stands. */
function busyOf(
  { instance, record: { programs, written } }: StatusInput,
  startedAt: string | undefined,
  now: string,
): Pick<InstanceStatus, 'busy' | 'busySince'> {
  const asked = programsOf(instance.spec.template).filter((one) => one.busy !== undefined)
  const answers = asked.map(({ name }) => programs.find((one) => one.name === name)?.busy)
  const known = answers.filter((one) => one !== undefined)
  const isSame = written?.startedAt === startedAt
  const wasBusy = isSame && known.length < asked.length ? written?.busy : undefined
  if (known.length === 0 && wasBusy === undefined) return {}
  const busy = wasBusy === true || known.some(({ healthy }) => healthy)
  const since = written?.busy === busy ? written.busySince : undefined
  return { busy, busySince: since ?? now }
}

/** A catalog that is no longer used is not spoken of. */
function conditionsOf(
  { instance, record, registered }: StatusInput,
  ready: boolean,
  said: ConditionInput,
  now: string,
): InstanceStatus['conditions'] {
  const before = record.written?.conditions ?? []
  const about = registered(ready)
  const placed = materialsCondition(instance, record)
  const spoken = [said, ...(placed === undefined ? [] : [placed]), ...(about === undefined ? [] : [about])]
  const isOurs = ({ type }: { readonly type: string }) => type === REGISTERED || type === MATERIALS_PLACED
  const kept = before.filter((one) => !isOurs(one) || spoken.some(({ type }) => type === one.type))
  return setConditions(kept, spoken, now)
}

/** Of an instance that names no Config and no Secret nothing is said, unless it lacks one. */
function materialsCondition(instance: Instance, record: InstanceRecord): ConditionInput | undefined {
  const { materials, materialNote: note } = record
  const type = MATERIALS_PLACED
  const isPlaced = note?.lacking !== true && !materialsChanged(instance, record)
  if (isPlaced && materials.length === 0) return undefined
  const { reason, message } = note ?? { reason: isPlaced ? 'Placed' : 'NotPlaced', message: undefined }
  return { type, status: isPlaced ? 'True' : 'False', reason, ...(message && { message }) }
}

function programStatus(program: ProgramRecord, input: StatusInput): InstanceProgramStatus {
  const seen = input.observed.get(program.key)
  const runs = seen?.state === 'running'
  const started = input.hasStartup(program.name) ? program.startup?.healthy === true : undefined
  const isAnswering = !input.hasReadiness(program.name) || program.readiness?.healthy === true
  const ready = runs && started !== false && isAnswering
  // what nothing stands in the way of is started as soon as this is written
  const before = input.record.obstacle === undefined ? 'starting' : 'pending'
  const end = countedEnd(program, input)
  const state =
    end !== undefined
      ? endedState(end)
      : seen === undefined || seen.state === 'exited'
        ? program.hasRun
          ? 'backoff'
          : before
        : seen.state
  return {
    name: program.name,
    state: input.stopped && end === undefined ? 'exited' : state,
    ...(runs && seen.pid !== undefined ? { pid: seen.pid } : {}),
    ready,
    ...(started === undefined ? {} : { started: runs && started }),
    restarts: program.restarts,
    ...(runs && seen.startedAtMs !== undefined
      ? { startedAt: new Date(seen.startedAtMs).toISOString() }
      : {}),
    ...(program.lastFailure === undefined ? {} : { lastFailure: program.lastFailure }),
  }
}

/** Of a run whose end was asked for only what was written before counts: what has ended since was ended. */
function countedEnd(program: ProgramRecord, { instance, observed, record }: StatusInput): RunEnd | undefined {
  if (!runsOnce(instance)) return undefined
  const end = runEndOf(program, observed.get(program.key), record.written)
  return end?.recorded === false && instance.metadata.deletionTimestamp !== undefined ? undefined : end
}

function phaseOf(input: StatusInput, deleting: boolean, programs: readonly InstanceProgramStatus[]): Phase {
  if (deleting) return input.stopped ? 'Stopped' : 'Stopping'
  if (input.record.obstacle !== undefined) return input.record.obstacle.phase
  const over = runsOnce(input.instance) ? runPhaseOf(runEnds(input)) : undefined
  if (over !== undefined) return over
  if (programs.every((one) => one.state === 'running')) return 'Running'
  return input.waiting ? 'Backoff' : 'Starting'
}

function runEnds({ record, observed }: StatusInput): readonly (RunEnd | undefined)[] {
  return record.programs.map((one) => runEndOf(one, observed.get(one.key), record.written))
}

/** Of a run that is over: what was written stays. */
function runTroubleOf(input: StatusInput): Pick<InstanceStatus, 'reason' | 'message'> {
  const { written, programs } = input.record
  if (written?.phase === 'Failed' && written.message !== undefined) {
    const { reason, message } = written
    return { ...(reason === undefined ? {} : { reason }), message }
  }
  const index = runEnds(input).findIndex((one) => one?.succeeded === false)
  const failed = programs[index]
  if (failed === undefined) return {}
  const text = runFailureText(failed, input.observed.get(failed.key))
  return { reason: failed.lastFailure?.reason ?? 'Error', message: `${label(failed)}${text}` }
}

function troubleOf(input: StatusInput, phase: Phase): Pick<InstanceStatus, 'reason' | 'message'> {
  const { record } = input
  if (phase === 'Stopping' || phase === 'Stopped' || phase === 'Succeeded') return {}
  if (record.obstacle !== undefined)
    return { reason: record.obstacle.reason, message: record.obstacle.message }
  if (phase === 'Failed') return runTroubleOf(input)
  const failing = record.programs.find((one) => {
    const state = input.observed.get(one.key)?.state
    return one.lastFailure !== undefined && state !== 'running'
  })
  if (failing !== undefined) {
    const { reason, message } = failing.lastFailure ?? {}
    const text = `${label(failing)}${message ?? 'fails'}${timesOf(failing)}`
    // the runtime's own quick restarts are behind it by then, except where the agent ended it itself
    const loops =
      failing.backoff.failures > (reason === 'LivenessFailed' || reason === 'StartupFailed' ? 1 : 0)
    return { reason: loops ? 'CrashLoop' : (reason ?? 'Error'), message: text }
  }
  const finished = record.programs.find((one) => input.observed.get(one.key)?.state === 'exited')
  const exit = finished && input.observed.get(finished.key)?.lastExit
  if (finished !== undefined && exit !== undefined)
    return { reason: 'Ended', message: `${label(finished)}${describeExit(exit)}${timesOf(finished)}` }
  const unready = record.programs.find((one) => one.readiness?.healthy === false)
  if (unready !== undefined) {
    return {
      reason: 'Unready',
      message: `${label(unready)}${unready.readiness?.message ?? 'its readiness probe fails'}`,
    }
  }
  return {}
}

function timesOf({ backoff, restarts }: ProgramRecord): string {
  return backoff.failures > 1 ? `, ${formatCount(restarts, 'restart')} so far` : ''
}

function label(program: ProgramRecord): string {
  return program.name === '' ? '' : `${program.name}: `
}

function latestFailure(record: InstanceRecord): InstanceFailure | undefined {
  const failures = record.programs.flatMap((one): InstanceFailure[] =>
    one.lastFailure === undefined
      ? []
      : [{ ...(one.name === '' ? {} : { program: one.name }), ...one.lastFailure }],
  )
  return failures.sort((a, b) => (b.at ?? '').localeCompare(a.at ?? ''))[0]
}

/** The fields that this instance uses and the runtime cannot act on. */
export function notEnforcedFor(instance: Instance, cannot: readonly string[]): readonly string[] {
  const { template, storage } = instance.spec
  const programs = [template, ...(template.programs ?? [])]
  const namesSecret = (instance.spec.materials ?? []).some((one) => one.kind === 'Secret')
  const used: Readonly<Record<string, boolean>> = {
    'resources.cpu': programs.some((one) => one.resources?.cpu !== undefined),
    'resources.memory': programs.some((one) => one.resources?.memory !== undefined),
    'limits.cpu': programs.some((one) => one.limits?.cpu !== undefined),
    'limits.tasks': programs.some((one) => one.limits?.tasks !== undefined),
    'storage.path': (storage ?? []).length > 0,
    network: template.network !== 'host',
    secrets: namesSecret,
    'secrets.memory': namesSecret,
    'secrets.path': (template.secrets ?? []).some((one) => one.path !== undefined),
    'configs.path': (template.configs ?? []).some((one) => one.path !== undefined),
  }
  return cannot.filter((field) => used[field] === true)
}

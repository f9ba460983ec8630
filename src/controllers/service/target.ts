/** Which template a Service's instances should have: the wanted one, or the last good one where that was abandoned. Pure. */
import type { Instance, ServiceStatus } from '../../resources/generated/types.ts'
import type { Material } from '../../resources/materials.ts'

/** Why a template is given up: for status and events. */
export interface Failure {
  readonly reason: 'CrashLoop' | 'CannotStart' | 'DeadlineExceeded' | 'AnalysisFailed' | 'Aborted'
  readonly message: string
}

/** The runtime restarts at once three times a minute; one more failure after that is a crash loop. */
export const CRASH_LOOP_RESTARTS = 4

export interface JudgeInput {
  /** Of the wanted template, not being deleted. */
  readonly current: readonly Instance[]
  readonly progressDeadlineMs: number
  readonly isAvailable: (instance: Instance) => boolean
  /** Milliseconds since it was first seen unavailable, by the monotonic clock. */
  readonly unavailableMs: (instance: Instance) => number
}

/** The first sign that the wanted template will not become ready, or undefined while there is hope. */
export function judge(input: JudgeInput): Failure | undefined {
  for (const instance of input.current) {
    const { status } = instance
    const { name } = instance.metadata
    if (input.isAvailable(instance)) continue
    if (status?.phase === 'Failed') {
      return { reason: 'CannotStart', message: `${name}: ${status.message ?? 'cannot be started'}` }
    }
    if ((status?.restarts ?? 0) >= CRASH_LOOP_RESTARTS && status?.ready !== true) {
      return { reason: 'CrashLoop', message: `${name} ${describeEnd(status)} (${status?.restarts} restarts)` }
    }
    if (input.unavailableMs(instance) >= input.progressDeadlineMs) {
      const seconds = Math.round(input.progressDeadlineMs / 100) / 10
      const why = status?.message ?? 'its readiness probe has not succeeded'
      return { reason: 'DeadlineExceeded', message: `${name} was not ready after ${seconds} s: ${why}` }
    }
  }
  return undefined
}

function describeEnd(status: Instance['status']): string {
  const failure = status?.lastFailure
  if (failure?.signal !== undefined) return `is ended by ${failure.signal}`
  if (failure?.exitCode !== undefined) return `exits with ${failure.exitCode}`
  return failure?.message ?? 'ends although it should keep running'
}

/** What status remembers of templates from one reconcile to the next. */
export type TemplateMemory = Pick<
  ServiceStatus,
  'currentHash' | 'stableHash' | 'stableMaterials' | 'stableRevision' | 'failedHash' | 'failedReason'
>

export interface RememberInput {
  readonly before: ServiceStatus | undefined
  readonly currentHash: string
  readonly revision: number
  /** What all instances run with of Configs and Secrets; undefined while that differs. */
  readonly materials: readonly Material[] | undefined
  /** All wanted instances have the wanted template and are available, and there is at least one. */
  readonly complete: boolean
  readonly failure: Failure | undefined
  readonly autoRollback: boolean
}

/** Moves the memory on: a template that became ready is stable from then on; one that failed before it did is abandoned. */
export function remember(input: RememberInput): TemplateMemory {
  const { before, currentHash, complete, failure } = input
  const proven = complete && before?.failedHash !== currentHash
  const stable = proven
    ? { stableHash: currentHash, stableRevision: input.revision, ...stableMaterials(input) }
    : {
        stableHash: before?.stableHash,
        stableRevision: before?.stableRevision,
        stableMaterials: before?.stableMaterials,
      }
  if (before?.stableHash === currentHash) {
    return {
      currentHash,
      stableHash: currentHash,
      stableRevision: input.revision,
      ...stableMaterials(input),
    }
  }
  if (before?.failedHash === currentHash) {
    return { currentHash, ...stable, failedHash: currentHash, failedReason: before.failedReason }
  }
  const abandon = failure !== undefined && input.autoRollback && stable.stableHash !== undefined && !proven
  return abandon
    ? { currentHash, ...stable, failedHash: currentHash, failedReason: failure.message }
    : { currentHash, ...stable }
}

/** What was good is kept until there is something else that all instances run with. */
function stableMaterials({
  before,
  currentHash,
  complete,
  materials,
}: RememberInput): Pick<TemplateMemory, 'stableMaterials'> {
  const kept = before?.stableHash === currentHash ? before.stableMaterials : undefined
  const good = complete && materials !== undefined ? materials : kept
  return good === undefined || good.length === 0 ? {} : { stableMaterials: good }
}

/** True where the wanted template was given up for the last good one. */
export function isAbandoned(memory: TemplateMemory): boolean {
  return memory.failedHash !== undefined && memory.failedHash === memory.currentHash
}

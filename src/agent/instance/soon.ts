/**
 * Statuses that wait a moment, because what follows as a rule makes them old: that programs run waits until they are ready, that they
 * are told to end for their end. Every write wakes all who watch. Pure.
 */
import { deepEqual } from '../../core/json.ts'
import type { InstanceStatus } from '../../resources/generated/types.ts'
import type { ProgramRecord } from './record.ts'

/** Nearly all programs listen by then, also where many are started at once. */
const UP_MS = 3_000
/** And nearly all have ended. */
const DOWN_MS = 1_000

export interface Passing {
  readonly status: InstanceStatus
  /** What was written last. */
  readonly written: InstanceStatus | undefined
  readonly programs: readonly Pick<ProgramRecord, 'name' | 'readiness'>[]
  readonly hasReadiness: (program: string) => boolean
  /** When its end was first seen to be asked for; wall clock, milliseconds. */
  readonly endingSinceMs: number | undefined
  /** Wall clock, milliseconds. */
  readonly nowMs: number
}

/** For how long `status` may wait to be written; undefined where it may not. */
export function soonMs(passing: Passing): number | undefined {
  if (isEnding(passing)) return left(DOWN_MS, passing.endingSinceMs ?? Number.NaN, passing)
  if (isComingUp(passing)) return left(UP_MS, Date.parse(passing.status.startedAt ?? ''), passing)
  return undefined
}

function left(limitMs: number, sinceMs: number, { nowMs }: Passing): number | undefined {
  const passedMs = nowMs - sinceMs
  return passedMs >= 0 && passedMs < limitMs ? limitMs - passedMs : undefined
}

function isEnding({ status, written }: Passing): boolean {
  return status.phase === 'Stopping' && written !== undefined && deepEqual(newsOf(status), newsOf(written))
}

function isComingUp({ status, written, programs, hasReadiness }: Passing): boolean {
  if (written?.phase !== 'Starting' || status.phase !== 'Running' || status.ready) return false
  if (!deepEqual(newsOf(status), newsOf(written))) return false
  // few listen already when they are first asked
  return programs.some(({ name, readiness }) => hasReadiness(name) && readiness?.healthy !== true)
}

/** What is not to wait. */
function newsOf({ restarts, lastFailure, ports, materials, fencingToken }: InstanceStatus): unknown {
  return [restarts, lastFailure, ports, materials, fencingToken]
}

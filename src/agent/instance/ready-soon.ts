/**
 * A status that says no more than that the programs run waits a moment for their first verdicts: being ready follows as a rule, and
 * every write wakes all who watch. Pure.
 */
import { deepEqual } from '../../core/json.ts'
import type { InstanceStatus } from '../../resources/generated/types.ts'
import type { ProgramRecord } from './record.ts'

/** Since the start. Most programs listen by then. */
const SOON_MS = 250

export interface ComingUp {
  readonly status: InstanceStatus
  /** What was written last. */
  readonly written: InstanceStatus | undefined
  readonly programs: readonly Pick<ProgramRecord, 'name' | 'readiness'>[]
  readonly hasReadiness: (program: string) => boolean
  /** Wall clock, milliseconds. */
  readonly nowMs: number
}

/** For how long `status` may wait to be written; undefined where it may not. */
export function readySoonMs({
  status,
  written,
  programs,
  hasReadiness,
  nowMs,
}: ComingUp): number | undefined {
  if (written?.phase !== 'Starting' || status.phase !== 'Running' || status.ready) return undefined
  if (status.startedAt === undefined || !deepEqual(newsOf(status), newsOf(written))) return undefined
  const asked = programs.filter(({ name }) => hasReadiness(name))
  const isOpen = asked.some(({ readiness }) => readiness === undefined)
  if (!isOpen || asked.some(({ readiness }) => readiness?.healthy === false)) return undefined
  const sinceMs = nowMs - Date.parse(status.startedAt)
  return sinceMs >= 0 && sinceMs < SOON_MS ? SOON_MS - sinceMs : undefined
}

/** What is not to wait. */
function newsOf({ restarts, lastFailure, ports, materials, fencingToken }: InstanceStatus): unknown {
  return [restarts, lastFailure, ports, materials, fencingToken]
}

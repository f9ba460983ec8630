/** What follows from a program's record. Pure. */
import type { ObservedProgram, ProgramState } from '../runtime.ts'
import { mayRestart } from './burst.ts'
import type { ProgramRecord, StopIntent } from './records.ts'

/** Whether a program whose attempt has ended is started again at once. */
export function shouldRestart(record: ProgramRecord, nowMs: number): boolean {
  const { want, stopping, lastExit, restartsAtMs, spec } = record
  // what is fenced is started by nobody who has not asked
  if (
    spec.restart === 'never' ||
    spec.fenced ||
    want !== 'run' ||
    stopping !== undefined ||
    lastExit === undefined
  )
    return false
  return lastExit.reason !== 'success' && mayRestart(restartsAtMs, nowMs)
}

/** What is left of a stop's grace period. A wall clock that jumped back must not stretch it. */
export function graceLeftMs(stopping: StopIntent, nowMs: number): number {
  const passedMs = Math.max(0, nowMs - stopping.askedAtMs)
  return Math.max(0, stopping.graceMs - passedMs)
}

/** How what is left of an ended attempt is ended: the signal, and whether it is time for SIGKILL. */
export function endOrder(
  record: ProgramRecord,
  sinceEndMs: number,
  nowMs: number,
): { readonly signal: string; readonly kill: boolean } {
  const { spec, stopping } = record
  if (stopping === undefined) return { signal: spec.stop.signal, kill: sinceEndMs >= spec.stop.graceMs }
  return { signal: stopping.signal, kill: graceLeftMs(stopping, nowMs) === 0 }
}

/** The record as the port shows it; `running` is the attempt's process, once it has claimed. */
export function observedOf(
  record: ProgramRecord,
  running: { readonly pid: number; readonly startedAtMs: number } | undefined,
  nowMs: number,
): ObservedProgram {
  const { spec, restarts, lastExit } = record
  const isLive = record.stage === 'live' && running !== undefined
  return {
    id: spec.id,
    state: stateOf(record, isLive, nowMs),
    ...(isLive ? running : {}),
    restarts,
    ...(lastExit === undefined ? {} : { lastExit }),
  }
}

function stateOf(record: ProgramRecord, isLive: boolean, nowMs: number): ProgramState {
  if (record.stage === 'settled') return 'exited'
  if (record.stopping !== undefined) return 'stopping'
  // what it left behind is being ended
  if (record.stage === 'ended' && !shouldRestart(record, nowMs)) return 'stopping'
  return isLive ? 'running' : 'starting'
}

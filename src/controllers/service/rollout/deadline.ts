/**
 * A change that comes no further for want of a node, after Kubernetes' ProgressDeadlineExceeded: counted from the last progress, said, and not given
 * up. What was never started is no proof against its template, and room may come. Pure.
 */
import { parseDurationMs } from '../../../core/quantity.ts'
import type { Instance } from '../../../resources/generated/types.ts'
import type { Situation } from '../situation.ts'
import { isAbandoned, type TemplateMemory } from '../target.ts'
import type { Progress } from './progress.ts'

/** How far a change has come: what Kubernetes compares of a Deployment. */
export interface Reached {
  readonly hash: string
  readonly step: number
  readonly fresh: number
  readonly freshAvailable: number
  readonly old: number
}

export interface Lateness {
  /** Why the change counts as stuck; undefined while it may still come further in time. */
  readonly text: string | undefined
  /** Look again after so long, where time alone changes the verdict. */
  readonly waitMs: number | undefined
}

const IN_TIME: Lateness = { text: undefined, waitMs: undefined }

/** What waits for somebody, for time or for others does not wait for room. */
const WAITING: ReadonlySet<string | undefined> = new Set(['Paused', 'Analysing', 'WaitingForDependencies'])

/** How far the change is; undefined where none is under way that a deadline holds for. */
export function reachedBy(
  { service, live, isAvailable }: Pick<Situation, 'service' | 'live' | 'isAvailable'>,
  memory: TemplateMemory,
  { note, state }: Pick<Progress, 'note' | 'state'>,
): Reached | undefined {
  const hash = memory.currentHash ?? ''
  const isDone = memory.stableHash === hash || isAbandoned(memory) || service.spec.replicas === 0
  if (isDone || WAITING.has(note?.reason)) return undefined
  const isFresh = (one: Instance) => one.spec.templateHash === hash
  const fresh = live.filter(isFresh)
  return {
    hash,
    step: state?.step ?? 0,
    fresh: fresh.length,
    freshAvailable: fresh.filter(isAvailable).length,
    old: live.length - fresh.length,
  }
}

/** More of the wanted template, more of it that serves, less of what was before, or another step. */
export function isFurther(before: Reached, now: Reached): boolean {
  return (
    now.hash !== before.hash ||
    now.step !== before.step ||
    now.fresh > before.fresh ||
    now.freshAvailable > before.freshAvailable ||
    now.old < before.old
  )
}

/** @param stillMs since its last progress */
export function lateness(progressDeadline: string, stillMs: number, why: string | undefined): Lateness {
  if (why === undefined) return IN_TIME
  const deadlineMs = parseDurationMs(progressDeadline)
  if (stillMs < deadlineMs) return { text: undefined, waitMs: deadlineMs - stillMs }
  const seconds = Math.round(deadlineMs / 100) / 10
  return { text: `it came no further for ${seconds} s: ${why}`, waitMs: undefined }
}

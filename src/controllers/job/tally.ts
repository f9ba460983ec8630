/**
 * How many of a Job's runs have ended, each counted once, whoever deletes runs and whenever this process ends. Pure; after Kubernetes' tracking of Jobs: a
 * finalizer holds each run until its end is counted in the Job's status. The same write that counts it notes its uid, which stays there until the
 * finalizer has gone. So a run that has the finalizer and is not noted is not counted, and every other is.
 */
import type { JobStatus } from '../../resources/generated/types.ts'
import type { RunView } from './plan.ts'

/** What the Job's status says of it. */
export type WrittenTally = Required<Pick<JobStatus, 'succeeded' | 'failed'>> & Pick<JobStatus, 'counted'>

export interface JobTally {
  /** All that have ended, whether or not the status says so yet. */
  readonly succeeded: number
  readonly failed: number
  readonly written: WrittenTally
  /** Runs that nothing is to be counted of any more once `written` is. */
  readonly release: readonly RunView[]
}

/** Noted at once, as in Kubernetes: a status with all of ten thousand would be too large for some stores. The others come next. */
const MAX_NOTED = 500

export function tallyRuns(status: JobStatus | undefined, runs: readonly RunView[]): JobTally {
  const noted = new Set(status?.counted)
  const before = { succeeded: status?.succeeded ?? 0, failed: status?.failed ?? 0 }
  const held = runs.filter((one) => one.held)
  const ended = held.filter(({ uid, state }) => state !== 'active' && !noted.has(uid))
  const known = held.filter(({ uid }) => noted.has(uid))
  const counted = ended.slice(0, Math.max(0, MAX_NOTED - known.length))
  const uids = [...known, ...counted].map(({ uid }) => uid).sort()
  return {
    ...plus(before, ended),
    written: { ...plus(before, counted), ...(uids.length > 0 && { counted: uids }) },
    release: [...known, ...counted, ...held.filter(({ state, stopped }) => state === 'active' && stopped)],
  }
}

function plus(
  { succeeded, failed }: Pick<JobTally, 'succeeded' | 'failed'>,
  runs: readonly RunView[],
): Pick<JobTally, 'succeeded' | 'failed'> {
  const count = (state: RunView['state']) => runs.filter((one) => one.state === state).length
  return { succeeded: succeeded + count('succeeded'), failed: failed + count('failed') }
}

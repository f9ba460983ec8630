/**
 * What a Job needs next. Pure; after Kubernetes' Job controller. A run is one Instance, and each try is a run of its own, with the next number:
 * what has ended stays to be looked at until the Job goes.
 */

export interface RunView {
  readonly name: string
  readonly uid: string
  readonly ordinal: number
  /** Held until it is counted (tally.ts). */
  readonly held: boolean
  readonly state: 'active' | 'succeeded' | 'failed'
  /** Its end was asked for. */
  readonly deleting: boolean
  /** Its end was asked for and has come. */
  readonly stopped: boolean
  /** Why it failed. */
  readonly message?: string
}

export interface WantedJob {
  readonly parallelism: number
  readonly completions: number
  readonly backoffLimit: number
  readonly activeDeadlineMs: number | undefined
}

/** What is known of its past. Durations, so that no jump of the wall clock changes them. */
export interface JobPast {
  /** Since it was taken up. */
  readonly elapsedMs: number
  /** Since the number of failures last grew; undefined where there is none. */
  readonly sinceFailureMs: number | undefined
  /** Runs that succeeded, whether or not they are still there. */
  readonly succeeded: number
  readonly failed: number
}

export type JobVerdict =
  | { readonly kind: 'running' }
  | { readonly kind: 'complete' }
  | {
      readonly kind: 'failed'
      readonly reason: 'BackoffLimitExceeded' | 'DeadlineExceeded'
      readonly message: string
    }

export interface JobPlan {
  readonly verdict: JobVerdict
  /** Ordinals of runs to make. */
  readonly create: readonly number[]
  /** Names of runs to end. */
  readonly end: readonly string[]
  /** Look again after so long: a retry or the deadline is due. */
  readonly waitMs: number | undefined
}

const FIRST_RETRY_MS = 10_000
const LONGEST_RETRY_MS = 360_000

/** The wait before the next try after so many failures. */
export function retryDelayMs(failures: number): number {
  return failures === 0 ? 0 : Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 20))
}

/** @param written the verdict that the store has: a Job that is over stays so */
export function planJob(
  wanted: WantedJob,
  runs: readonly RunView[],
  past: JobPast,
  written?: JobVerdict,
): JobPlan {
  const { succeeded, failed } = past
  const active = runs.filter((one) => one.state === 'active' && !one.deleting)
  const over = written ?? verdictOf(wanted, runs, past)
  if (over.kind !== 'running')
    return { verdict: over, create: [], end: active.map((one) => one.name), waitMs: undefined }
  const untilDeadlineMs =
    wanted.activeDeadlineMs === undefined ? undefined : wanted.activeDeadlineMs - past.elapsedMs
  const missing = Math.min(wanted.parallelism, wanted.completions - succeeded) - active.length
  const untilRetryMs = retryDelayMs(failed) - (past.sinceFailureMs ?? Number.POSITIVE_INFINITY)
  const mayCreate = missing > 0 && untilRetryMs <= 0
  // those that have ended had theirs, also where they are not there any more
  const first = Math.max(succeeded + failed - 1, ...runs.map((one) => one.ordinal)) + 1
  return {
    verdict: over,
    create: mayCreate ? Array.from({ length: missing }, (_, index) => first + index) : [],
    end: [],
    waitMs: earliest(missing > 0 && !mayCreate ? untilRetryMs : undefined, untilDeadlineMs),
  }
}

function verdictOf(wanted: WantedJob, runs: readonly RunView[], past: JobPast): JobVerdict {
  if (past.succeeded >= wanted.completions) return { kind: 'complete' }
  if (past.failed > wanted.backoffLimit) {
    const last = runs.filter((one) => one.state === 'failed').sort((a, b) => b.ordinal - a.ordinal)[0]
    const why = last?.message === undefined ? '' : `: ${last.name} ${last.message}`
    const tries = past.failed === 1 ? 'its run has failed' : `${past.failed} runs have failed`
    return { kind: 'failed', reason: 'BackoffLimitExceeded', message: `${tries}${why}` }
  }
  if (wanted.activeDeadlineMs !== undefined && past.elapsedMs >= wanted.activeDeadlineMs) {
    const message = `not done after ${wanted.activeDeadlineMs / 1000} s`
    return { kind: 'failed', reason: 'DeadlineExceeded', message }
  }
  return { kind: 'running' }
}

function earliest(...times: readonly (number | undefined)[]): number | undefined {
  const given = times.filter((one) => one !== undefined)
  return given.length === 0 ? undefined : Math.max(0, Math.min(...given))
}

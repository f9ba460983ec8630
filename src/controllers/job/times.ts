/** Durations that a Job's verdicts rest on, by the monotonic clock. Before this process watched it, only the wall clock tells. */
import type { Clock } from '../../core/clock.ts'
import type { Job } from '../../resources/generated/types.ts'

interface Times {
  readonly uid: string
  readonly takenUpMs: number
  failures: number
  failedAtMs: number
  endedMs: number | undefined
}

export class JobTimes {
  readonly #clock: Clock
  readonly #times = new Map<string, Times>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  elapsedMs(key: string, job: Job): number {
    return this.#clock.monotonic() - this.#timesOf(key, job).takenUpMs
  }

  /** Undefined while nothing has failed. Call after `elapsedMs`. */
  sinceFailureMs(key: string, failures: number): number | undefined {
    const times = this.#times.get(key)
    if (times === undefined || failures === 0) return undefined
    if (failures > times.failures) {
      times.failures = failures
      times.failedAtMs = this.#clock.monotonic()
    }
    return this.#clock.monotonic() - times.failedAtMs
  }

  sinceEndMs(key: string, job: Job): number {
    const times = this.#timesOf(key, job)
    times.endedMs ??= this.#clock.monotonic() - this.#pastMs(job.status?.completionTime)
    return this.#clock.monotonic() - times.endedMs
  }

  forget(key: string): void {
    this.#times.delete(key)
  }

  #timesOf(key: string, job: Job): Times {
    const known = this.#times.get(key)
    const uid = job.metadata.uid ?? ''
    if (known?.uid === uid) return known
    const takenUpMs = this.#clock.monotonic() - this.#pastMs(job.status?.startTime)
    const times = { uid, takenUpMs, failures: 0, failedAtMs: 0, endedMs: undefined }
    this.#times.set(key, times)
    return times
  }

  #pastMs(time: string | undefined): number {
    return time === undefined ? 0 : Math.max(0, this.#clock.now() - Date.parse(time))
  }
}

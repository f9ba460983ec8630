/** Measures beside the reconciler: a number may take seconds to come, and no reconcile waits for it. */
import type { Clock } from '../../../core/clock.ts'
import { messageOf } from '../../../core/errors.ts'
import { parseDurationMs } from '../../../core/quantity.ts'
import type { ServiceAnalysis } from '../../../resources/generated/types.ts'
import type { Measurement } from './analysis.ts'

/** Asks for the number of an analysis. Rejects where there is none, whatever the reason. */
export type Measure = (
  analysis: ServiceAnalysis,
  owner: { readonly namespace: string; readonly name: string },
  signal: AbortSignal,
) => Promise<number>

export interface AnalysisAt {
  readonly analysis: ServiceAnalysis
  readonly owner: { readonly namespace: string; readonly name: string }
  /** The rollout's step, unlike any other's of this Service. */
  readonly step: string
  /** When it was measured last, by the wall clock; undefined before the first time. */
  readonly lastAt: string | undefined
}

export interface AnalystLook {
  /** What has come and was not told yet. */
  readonly measured: Measurement | undefined
  /** Look again after so long. */
  readonly waitMs: number | undefined
}

interface Task {
  readonly step: string
  readonly stop: AbortController
  /** By the monotonic clock. */
  dueMs: number
  isMeasuring: boolean
  measured: Measurement | undefined
}

const TIMEOUT_MS = 10_000
const POLL_MS = 200
const NOTHING: AnalystLook = { measured: undefined, waitMs: undefined }

export class Analyst {
  readonly #clock: Clock
  readonly #measure: Measure
  /** By the Service, `default/web`. */
  readonly #tasks = new Map<string, Task>()

  constructor(clock: Clock, measure: Measure) {
    this.#clock = clock
    this.#measure = measure
  }

  /** Begins what is due, and tells what has come since. With nothing to analyse it ends what is under way. */
  look(service: string, at: AnalysisAt | undefined): AnalystLook {
    const known = this.#tasks.get(service)
    if (at === undefined) {
      known?.stop.abort()
      this.#tasks.delete(service)
      return NOTHING
    }
    const task = known?.step === at.step ? known : this.#begin(service, at, known)
    const nowMs = this.#clock.monotonic()
    const { measured } = task
    task.measured = undefined
    if (!task.isMeasuring && task.dueMs <= nowMs) {
      task.dueMs = nowMs + parseDurationMs(at.analysis.interval)
      void this.#run(task, at)
    }
    return { measured, waitMs: task.isMeasuring ? POLL_MS : Math.max(1, task.dueMs - nowMs) }
  }

  #begin(service: string, { step, lastAt, analysis }: AnalysisAt, before: Task | undefined): Task {
    before?.stop.abort()
    const intervalMs = parseDurationMs(analysis.interval)
    // another process measured last: only the wall clock tells when, and it may have jumped
    const sinceMs = lastAt === undefined ? intervalMs : this.#clock.now() - Date.parse(lastAt)
    const leftMs = Math.min(intervalMs, Math.max(0, intervalMs - sinceMs))
    const dueMs = this.#clock.monotonic() + leftMs
    const task = { step, stop: new AbortController(), dueMs, isMeasuring: false, measured: undefined }
    this.#tasks.set(service, task)
    return task
  }

  async #run(task: Task, { analysis, owner }: AnalysisAt): Promise<void> {
    task.isMeasuring = true
    const limit = AbortSignal.any([task.stop.signal, AbortSignal.timeout(TIMEOUT_MS)])
    try {
      const value = await this.#measure(analysis, owner, limit)
      task.measured = { kind: 'value', value }
    } catch (error) {
      const message = limit.aborted ? `no answer within ${TIMEOUT_MS / 1000} s` : messageOf(error)
      task.measured = { kind: 'none', message }
    } finally {
      task.isMeasuring = false
    }
  }
}

/** What is kept of a ScaledJob's decisions, and of the looks that they were made of. */
import type { Json } from '../../core/json.ts'
import type { JobsDecision } from '../../scaling/jobs/decide-jobs.ts'
import type { ScalerSample } from '../../scaling/sample.ts'
import type { HistorySubject, HistoryWriter } from '../../telemetry/history/history.ts'
import { SAMPLE_EVERY_MS } from '../../telemetry/history/retention.ts'

/** With the time it was made at, RFC 3339: it is stored as it stands. */
export interface TimedJobsDecision extends JobsDecision {
  readonly at: string
}

/** One ScaledJob's. */
export class JobRecords {
  readonly #history: HistoryWriter | undefined
  readonly #subject: HistorySubject
  #sampledAtMs = Number.NEGATIVE_INFINITY

  constructor(subject: HistorySubject, history: HistoryWriter | undefined) {
    this.#subject = subject
    this.#history = history
  }

  /** With each look. */
  looked(decision: TimedJobsDecision): void {
    const content = decision as unknown as Json
    this.#append('latest', decision, content)
    if (decision.create > 0) this.#append('decision', decision, content)
    const atMs = Date.parse(decision.at)
    // a wall clock that was set back does not silence it
    if (Math.abs(atMs - this.#sampledAtMs) < SAMPLE_EVERY_MS) return
    this.#sampledAtMs = atMs
    this.#append('sample', decision, sampleOf(decision) as unknown as Json)
  }

  #append(kind: 'latest' | 'decision' | 'sample', { at }: TimedJobsDecision, content: Json): void {
    this.#history?.append({ ...this.#subject, atMs: Date.parse(at), kind, content })
  }
}

function sampleOf({ running, pending, create, active, triggers }: JobsDecision): ScalerSample {
  const errors = triggers.flatMap(({ key, error }) => (error === undefined ? [] : [[key, error] as const]))
  return {
    replicas: running,
    desired: running + create,
    ready: Math.max(0, running - pending),
    active,
    demand: Object.fromEntries(
      triggers.map(({ key, value, error }) => [key, error === undefined ? (value ?? null) : null]),
    ),
    ...(errors.length > 0 && { errors: Object.fromEntries(errors) }),
  }
}

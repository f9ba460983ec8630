/** What is kept of decisions, and of the looks that they were made of. */
import type { ErrorCode } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import type { Decision, ScalingState } from '../../scaling/decide.ts'
import type { SampledRule, ScalerSample } from '../../scaling/sample.ts'
import type { HistoryEntry, HistorySubject, HistoryWriter } from '../../telemetry/history/history.ts'
import { SAMPLE_EVERY_MS } from '../../telemetry/history/retention.ts'
import {
  noScalerMetrics,
  type ScalerFigures,
  type ScalerId,
  type ScalerMetrics,
} from '../../telemetry/scalers.ts'

export interface LookFacts {
  readonly decision: Decision
  readonly state: ScalingState
  readonly ready: number
  readonly triggers: readonly LookedTrigger[]
}

/** A trigger after a look. */
export interface LookedTrigger {
  readonly key: string
  readonly type: string
  readonly error: string | undefined
  readonly code: ErrorCode | undefined
  readonly tookMs: number | undefined
}

export interface RecordsOptions {
  readonly id: ScalerId
  readonly subject: HistorySubject
  readonly history?: HistoryWriter
  readonly metrics?: ScalerMetrics
}

/** One ScaledObject's. */
export class Records {
  readonly #id: ScalerId
  readonly #history: HistoryWriter | undefined
  readonly #metrics: ScalerMetrics
  readonly #subject: HistorySubject
  #sampledAtMs = Number.NEGATIVE_INFINITY

  constructor({ id, subject, history, metrics = noScalerMetrics }: RecordsOptions) {
    this.#id = id
    this.#subject = subject
    this.#history = history
    this.#metrics = metrics
  }

  /** With each look, before it is decided. */
  looked(triggers: readonly LookedTrigger[]): void {
    for (const { key, type, tookMs = 0, code } of triggers)
      this.#metrics.polled(this.#id, key, type, tookMs, code)
  }

  /** With each decision, also one that changes nothing. */
  decided(facts: LookFacts): void {
    this.#metrics.decided(this.#id, figuresOf(facts.decision), facts.ready)
    const { atMs, from, to } = facts.decision
    if (this.#history === undefined) return
    // polls may be a second apart, and events a millisecond; what changed the number is in what a successor goes on with, however soon it came
    if (from === to && atMs - this.#sampledAtMs < SAMPLE_EVERY_MS) return
    this.#sampledAtMs = atMs
    this.#append('sample', facts.decision, sampleOf(facts) as unknown as Json)
    this.#append('latest', facts.decision)
  }

  /** With each decision that the Service refused: it is shown, and is no part of what a successor goes on with. */
  refused(decision: Decision, ready: number): void {
    this.#metrics.decided(this.#id, figuresOf(decision), ready)
    this.#append('latest', decision)
  }

  /** With each decision that has changed something. */
  changed(decision: Decision): void {
    this.#append('decision', decision)
  }

  forget(): void {
    this.#metrics.forget(this.#id)
  }

  #append(kind: HistoryEntry['kind'], decision: Decision, content = decision as unknown as Json): void {
    this.#history?.append({ ...this.#subject, atMs: Date.parse(decision.at), kind, content })
  }
}

/** Without its texts: whoever shows metrics keeps the last of each scaler. */
function figuresOf({ from, to, active, fallback, triggers, steps }: Decision): ScalerFigures {
  return {
    ...{ from, to, active, fallback },
    triggers: triggers.map(({ key, metric, value, target }) => ({ key, metric, value, target })),
    steps: steps.map((one) => ({ step: one.step, to: one.to })),
  }
}

/** A decision in numbers. */
export function sampleOf({ decision, state, ready, triggers }: LookFacts): ScalerSample {
  const last = state.recommendations.at(-1)
  const errors = triggers.flatMap(({ key, error }) => (error === undefined ? [] : [[key, error] as const]))
  const took = triggers.flatMap(({ key, tookMs }) => (tookMs === undefined ? [] : [[key, tookMs] as const]))
  return {
    replicas: decision.from,
    desired: decision.to,
    ready,
    active: decision.active,
    ...(last?.atMs === decision.atMs && { recommended: last.replicas }),
    demand: demandOf(decision),
    ...rememberedOf(decision, state),
    ...(errors.length > 0 && { errors: Object.fromEntries(errors) }),
    ...(took.length > 0 && { tookMs: Object.fromEntries(took) }),
  }
}

/** What else a successor must know, on the wall clock. */
function rememberedOf(
  { at, atMs }: Decision,
  { rules, heldUntilMs }: ScalingState,
): Pick<ScalerSample, 'rules' | 'heldUntilMs'> {
  const wallOf = (steadyMs: number) => Date.parse(at) + steadyMs - atMs
  const sampled = Object.entries(rules).map(([name, { trueSinceMs, ...rule }]): [string, SampledRule] => [
    name,
    { sinceMs: wallOf(trueSinceMs), ...rule },
  ])
  return {
    ...(sampled.length > 0 && { rules: Object.fromEntries(sampled) }),
    ...(heldUntilMs !== undefined && heldUntilMs > atMs && { heldUntilMs: wallOf(heldUntilMs) }),
  }
}

function demandOf({ triggers }: Decision): Readonly<Record<string, number | null>> {
  const entries = triggers.map(({ key, metric, value, error }) => [
    metric === '' ? key : `${key}/${metric}`,
    error === undefined ? (value ?? null) : null,
  ])
  return Object.fromEntries(entries)
}

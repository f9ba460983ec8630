/** What is kept of decisions, and of the looks that they were made of. */
import type { Json } from '../../core/json.ts'
import type { Decision, ScalingState } from '../../scaling/decide.ts'
import type { ScalerSample } from '../../scaling/sample.ts'
import type { HistoryWriter } from '../../telemetry/history/history.ts'

export interface LookFacts {
  readonly decision: Decision
  readonly state: ScalingState
  readonly ready: number
  readonly triggers: readonly {
    readonly key: string
    readonly error: string | undefined
    readonly tookMs: number | undefined
  }[]
}

/** Polls may be a second apart, and events a millisecond: of so long one sample is kept. */
const SAMPLE_EVERY_MS = 5_000

/** One ScaledObject's. */
export class Records {
  readonly #history: HistoryWriter | undefined
  readonly #object: string
  #sampledAtMs = Number.NEGATIVE_INFINITY

  /** @param object `ScaledObject/default/web` */
  constructor(object: string, history: HistoryWriter | undefined) {
    this.#object = object
    this.#history = history
  }

  /** One that changed something. */
  decided(decision: Decision): void {
    const atMs = Date.parse(decision.at)
    this.#history?.append({
      object: this.#object,
      atMs,
      kind: 'decision',
      content: decision as unknown as Json,
    })
  }

  /** What a look came to; nothing where the last one that was kept is of just now. */
  looked(facts: LookFacts): void {
    const { atMs, at } = facts.decision
    if (this.#history === undefined || atMs - this.#sampledAtMs < SAMPLE_EVERY_MS) return
    this.#sampledAtMs = atMs
    const content = sampleOf(facts) as unknown as Json
    this.#history.append({ object: this.#object, atMs: Date.parse(at), kind: 'sample', content })
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
    ...(errors.length > 0 && { errors: Object.fromEntries(errors) }),
    ...(took.length > 0 && { tookMs: Object.fromEntries(took) }),
  }
}

function demandOf({ triggers }: Decision): Readonly<Record<string, number | null>> {
  const entries = triggers.map(({ key, metric, value, error }) => [
    metric === '' ? key : `${key}/${metric}`,
    error === undefined ? (value ?? null) : null,
  ])
  return Object.fromEntries(entries)
}

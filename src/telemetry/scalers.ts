/** What scalers tell of themselves. The calls are made with each poll and decision, so they only keep what they are given. */
import type { Exposition, Families, Labels, MetricLine } from './families.ts'
import { HistogramTally } from './histogram.ts'

export interface ScalerId {
  /** ScaledObject or ScaledJob. */
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** The part of a decision that is shown; a Decision is one. */
export interface ScalerFigures {
  readonly from: number
  readonly to: number
  readonly active: boolean
  readonly fallback: boolean
  readonly triggers: readonly {
    readonly key: string
    readonly metric: string
    readonly value: number | undefined
    readonly target: number | undefined
  }[]
  readonly steps: readonly { readonly step: string; readonly to: number }[]
}

export interface ScalerMetrics {
  /** With each decision, also one that changes nothing. `ready`: how many instances were. */
  decided(id: ScalerId, figures: ScalerFigures, ready: number): void
  /** With each look at a source. `errorCode` is set where it failed. */
  polled(id: ScalerId, trigger: string, type: string, tookMs: number, errorCode?: string): void
  /** With each look at all triggers of a scaler: how late it began. */
  late(lateMs: number): void
  /** It is gone, or no longer ours: another leads. */
  forget(id: ScalerId): void
}

/** Measures nothing. */
export const noScalerMetrics: ScalerMetrics = {
  decided: () => {},
  polled: () => {},
  late: () => {},
  forget: () => {},
}

const LATE_BUCKETS_SECONDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const POLL_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

interface Scaler {
  readonly labels: Labels
  figures: ScalerFigures | undefined
  ready: number
  readonly decisions: { up: number; down: number; none: number }
  /** `trigger` NUL `code` → how often; most have none. */
  errors: Map<string, number> | undefined
}

export class ScalerTally implements ScalerMetrics, Exposition {
  readonly #scalers = new Map<string, Scaler>()
  readonly #polls = new Map<string, HistogramTally>()
  readonly #late = new HistogramTally(LATE_BUCKETS_SECONDS)

  decided(id: ScalerId, figures: ScalerFigures, ready: number): void {
    const scaler = this.#of(id)
    scaler.figures = figures
    scaler.ready = ready
    scaler.decisions[figures.to > figures.from ? 'up' : figures.to < figures.from ? 'down' : 'none']++
  }

  polled(id: ScalerId, trigger: string, type: string, tookMs: number, errorCode?: string): void {
    const polls = this.#polls.get(type) ?? new HistogramTally(POLL_BUCKETS_SECONDS)
    this.#polls.set(type, polls)
    polls.observeMs(tookMs)
    if (errorCode === undefined) return
    const scaler = this.#of(id)
    scaler.errors ??= new Map()
    const { errors } = scaler
    const key = `${trigger}\0${errorCode}`
    errors.set(key, (errors.get(key) ?? 0) + 1)
  }

  late(lateMs: number): void {
    this.#late.observeMs(lateMs)
  }

  forget(id: ScalerId): void {
    this.#scalers.delete(keyOf(id))
  }

  define(families: Families): void {
    const of = (read: (figures: ScalerFigures, scaler: Scaler) => number) => () =>
      this.#decided(({ figures, scaler, labels }) => [{ labels, value: read(figures, scaler) }])
    families.gauge('nsctl_scaler_demand', 'What a trigger was last measured at, in its own unit', () =>
      this.#perTrigger('value'),
    )
    families.gauge('nsctl_scaler_target', 'What a trigger is compared with, in its own unit', () =>
      this.#perTrigger('target'),
    )
    families.gauge(
      'nsctl_scaler_replicas',
      'Replicas that the target asked for when it was last decided',
      of(({ from }) => from),
    )
    families.gauge(
      'nsctl_scaler_desired_replicas',
      'Replicas that the last decision came to',
      of(({ to }) => to),
    )
    families.gauge(
      'nsctl_scaler_ready_replicas',
      'Instances that were ready when it was last decided',
      of((_, { ready }) => ready),
    )
    families.gauge(
      'nsctl_scaler_active',
      '1 where there is work',
      of(({ active }) => Number(active)),
    )
    families.gauge(
      'nsctl_scaler_fallback',
      '1 where a fallback is in force',
      of(({ fallback }) => Number(fallback)),
    )
    families.gauge('nsctl_scaler_step_replicas', 'The number after each step of the last decision', () =>
      this.#decided(({ figures, labels }) =>
        figures.steps.map(({ step, to }) => ({ labels: { ...labels, step }, value: to })),
      ),
    )
    families.counter('nsctl_scaler_decisions_total', 'Decisions by the direction that they change', () =>
      this.#each(({ labels, decisions }) =>
        Object.entries(decisions).map(([direction, value]) => ({ labels: { ...labels, direction }, value })),
      ),
    )
    families.counter('nsctl_scaler_poll_errors_total', 'Looks at a source that failed', () =>
      this.#each(({ labels, errors }) =>
        Array.from(errors ?? [], ([key, value]) => {
          const [trigger = '', code = ''] = key.split('\0')
          return { labels: { ...labels, trigger, code }, value }
        }),
      ),
    )
    families.histogram('nsctl_scaler_poll_delay_seconds', 'How late looks began', () => [
      { labels: {}, tally: this.#late },
    ])
    families.histogram('nsctl_scaler_poll_duration_seconds', 'How long looks at sources took', () =>
      Array.from(this.#polls, ([type, tally]) => ({ labels: { type }, tally })),
    )
  }

  #of(id: ScalerId): Scaler {
    const key = keyOf(id)
    let scaler = this.#scalers.get(key)
    if (scaler === undefined) {
      const labels = { kind: id.kind, namespace: id.namespace, scaler: id.name }
      const decisions = { up: 0, down: 0, none: 0 }
      scaler = { labels, figures: undefined, ready: 0, decisions, errors: undefined }
      this.#scalers.set(key, scaler)
    }
    return scaler
  }

  /** Of thousands, as they are gone through. Of those that there were at first: one that comes back meanwhile is not told of twice. */
  *#each(lines: (scaler: Scaler) => readonly MetricLine[]): Generator<MetricLine> {
    for (const scaler of Array.from(this.#scalers.values())) yield* lines(scaler)
  }

  #decided(
    lines: (one: {
      readonly figures: ScalerFigures
      readonly scaler: Scaler
      readonly labels: Labels
    }) => readonly MetricLine[],
  ): Iterable<MetricLine> {
    return this.#each((scaler) => {
      const { figures, labels } = scaler
      return figures === undefined ? [] : lines({ figures, scaler, labels })
    })
  }

  #perTrigger(which: 'value' | 'target'): Iterable<MetricLine> {
    return this.#decided(({ figures, labels }) =>
      figures.triggers.flatMap(({ key, metric, [which]: value }) =>
        value === undefined ? [] : [{ labels: { ...labels, trigger: key, metric }, value }],
      ),
    )
  }
}

function keyOf({ kind, namespace, name }: ScalerId): string {
  return `${kind}/${namespace}/${name}`
}

/** Metrics whose values are read when somebody asks, and kept by nobody: what there is, and how to read it. */
import type { HistogramTally } from './histogram.ts'

export type Labels = Readonly<Record<string, string>>

/** One line of a metric. */
export interface MetricLine {
  readonly labels: Labels
  readonly value: number
}

export interface HistogramLine {
  readonly labels: Labels
  readonly tally: HistogramTally
}

/** Something that has metrics to show. */
export interface Exposition {
  /** Reads what its metrics are made of, before each scrape. Where it rejects that is logged, and it is to show nothing of before. */
  prepare?(): Promise<void>
  /** Defines its metrics. Called once. */
  define(families: Families): void
}

/** A line as text has it: one of a histogram has a name of its own. */
export interface FamilyLine extends MetricLine {
  readonly metricName?: string
}

export interface Family {
  readonly name: string
  readonly help: string
  readonly type: 'gauge' | 'counter' | 'histogram'
  /**
   * Called before another scrape has anything prepared; what it returns is gone through once, bit by bit and maybe later. So what has many
   * lines is to make them as it is gone through, out of what does not depend on `prepare`.
   */
  readonly read: () => Iterable<FamilyLine>
}

/** Takes down what expositions define. */
export class Families {
  readonly #all: Family[] = []

  get all(): readonly Family[] {
    return this.#all
  }

  gauge(name: string, help: string, read: () => Iterable<MetricLine>): void {
    this.#all.push({ name, help, type: 'gauge', read })
  }

  counter(name: string, help: string, read: () => Iterable<MetricLine>): void {
    this.#all.push({ name, help, type: 'counter', read })
  }

  histogram(name: string, help: string, read: () => readonly HistogramLine[]): void {
    const lines = () => read().flatMap(({ labels, tally }) => histogramLines(name, labels, tally))
    this.#all.push({ name, help, type: 'histogram', read: lines })
  }
}

function histogramLines(name: string, labels: Labels, tally: HistogramTally): readonly FamilyLine[] {
  let upTo = 0
  const buckets = tally.boundsSeconds.map((bound, index) => {
    upTo += tally.counts[index]!
    return { metricName: `${name}_bucket`, labels: { ...labels, le: String(bound) }, value: upTo }
  })
  return [
    ...buckets,
    { metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: tally.count },
    { metricName: `${name}_sum`, labels, value: tally.sumSeconds },
    { metricName: `${name}_count`, labels, value: tally.count },
  ]
}

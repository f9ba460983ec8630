/**
 * Metrics whose values are read when somebody asks, and never counted by prom-client itself: it knows names, types and the text format,
 * and is handed in, so that nothing is loaded until there is a scrape.
 */
import type * as prom from 'prom-client'
import type { HistogramTally } from './histogram.ts'

type PromClient = Pick<typeof prom, 'Counter' | 'Gauge' | 'Histogram'>

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

export class Families {
  readonly #client: PromClient
  readonly #registry: prom.Registry

  constructor(client: PromClient, registry: prom.Registry) {
    this.#client = client
    this.#registry = registry
  }

  gauge(name: string, help: string, read: () => readonly MetricLine[]): void {
    const metric = new this.#client.Gauge({ name, help, registers: [this.#registry] })
    answerWith(metric, { name, help, type: 'gauge' }, read)
  }

  counter(name: string, help: string, read: () => readonly MetricLine[]): void {
    const metric = new this.#client.Counter({ name, help, registers: [this.#registry] })
    answerWith(metric, { name, help, type: 'counter' }, read)
  }

  histogram(name: string, help: string, read: () => readonly HistogramLine[]): void {
    const metric = new this.#client.Histogram({ name, help, registers: [this.#registry] })
    answerWith(metric, { name, help, type: 'histogram' }, () =>
      read().flatMap(({ labels, tally }) => histogramLines(name, labels, tally)),
    )
  }
}

/** prom-client's metrics can only be set, series by series, and keep them: what they are asked for is answered in their place. */
function answerWith(
  metric: object,
  about: { readonly name: string; readonly help: string; readonly type: string },
  read: () => readonly MetricLine[],
): void {
  const get = async () => ({ ...about, aggregator: 'sum', values: read() })
  Object.assign(metric, { get, getForPromString: get })
}

function histogramLines(
  name: string,
  labels: Labels,
  tally: HistogramTally,
): readonly (MetricLine & { readonly metricName: string })[] {
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

/**
 * Engine metrics for Prometheus, under the names of controller-runtime and client-go, so that dashboards made for those
 * work. prom-client and its registry are handed in: nothing is loaded or registered until somebody wants metrics.
 */
import type * as prom from 'prom-client'
import type { ControllerTally, EngineTally, HistogramTally, QueueTally } from './tally.ts'

type PromClient = Pick<typeof prom, 'Counter' | 'Gauge' | 'Histogram'>

type Labels = Readonly<Record<string, string>>

/** One line of a metric. */
interface Sample {
  readonly labels: Labels
  readonly value: number
}

/** Defines the engine's metrics on `registry`; they show what `tally` holds whenever they are collected. */
export function exposeTally(tally: EngineTally, client: PromClient, registry: prom.Registry): void {
  const family = new Families(client, registry)
  const queues = <T>(read: (queue: QueueTally, labels: Labels) => T) =>
    Array.from(tally.queues, ([name, queue]) => read(queue, { name }))
  const controllers = <T>(read: (controller: ControllerTally, labels: Labels) => T) =>
    Array.from(tally.controllers, ([controller, one]) => read(one, { controller }))

  family.gauge('workqueue_depth', 'Keys that wait to be processed', () =>
    queues(({ probe }, labels) => ({ labels, value: probe.depth() })),
  )
  family.counter('workqueue_adds_total', 'Keys added', () =>
    queues(({ adds }, labels) => ({ labels, value: adds })),
  )
  family.counter('workqueue_retries_total', 'Keys added again after a failure', () =>
    queues(({ retries }, labels) => ({ labels, value: retries })),
  )
  family.gauge('workqueue_unfinished_work_seconds', 'Time spent so far on what is being processed', () =>
    queues(({ probe }, labels) => ({ labels, value: sum(probe.runningMs()) / 1000 })),
  )
  family.gauge(
    'workqueue_longest_running_processor_seconds',
    'Time spent so far on what has been processed longest',
    () => queues(({ probe }, labels) => ({ labels, value: Math.max(0, ...probe.runningMs()) / 1000 })),
  )
  family.histogram('workqueue_queue_duration_seconds', 'How long keys waited', () =>
    queues(({ queueDuration }, labels) => ({ labels, tally: queueDuration })),
  )
  family.histogram('workqueue_work_duration_seconds', 'How long keys were processed', () =>
    queues(({ workDuration }, labels) => ({ labels, tally: workDuration })),
  )
  family.counter('controller_runtime_reconcile_total', 'Reconciles by how they ended', () =>
    controllers(({ results }, labels) =>
      Object.entries(results).map(([result, value]) => ({ labels: { ...labels, result }, value })),
    ).flat(),
  )
  family.counter('controller_runtime_reconcile_errors_total', 'Reconciles that failed', () =>
    controllers(({ results }, labels) => ({ labels, value: results.error })),
  )
  family.histogram('controller_runtime_reconcile_time_seconds', 'How long reconciles took', () =>
    controllers(({ reconcileTime }, labels) => ({ labels, tally: reconcileTime })),
  )
  family.gauge('controller_runtime_max_concurrent_reconciles', 'How many reconciles may run at once', () =>
    controllers(({ probe }, labels) => ({ labels, value: probe.maxConcurrent })),
  )
  family.gauge('controller_runtime_active_workers', 'How many reconciles run', () =>
    controllers(({ probe }, labels) => ({ labels, value: probe.active() })),
  )
  family.gauge('leader_election_master_status', '1 where this process leads', () =>
    Array.from(tally.leaders, ([name, leads]) => ({ labels: { name }, value: leads ? 1 : 0 })),
  )
}

/** Metrics whose values are read, all at once, when they are collected. */
class Families {
  readonly #client: PromClient
  readonly #registry: prom.Registry

  constructor(client: PromClient, registry: prom.Registry) {
    this.#client = client
    this.#registry = registry
  }

  gauge(name: string, help: string, read: () => readonly Sample[]): void {
    const collect = () => {
      gauge.reset()
      for (const { labels, value } of read()) gauge.set(labels, value)
    }
    const labelNames = labelsOf(name)
    const gauge = new this.#client.Gauge({ name, help, labelNames, registers: [this.#registry], collect })
  }

  counter(name: string, help: string, read: () => readonly Sample[]): void {
    const collect = () => {
      counter.reset()
      for (const { labels, value } of read()) counter.inc(labels, value)
    }
    const labelNames = labelsOf(name)
    const counter = new this.#client.Counter({ name, help, labelNames, registers: [this.#registry], collect })
  }

  /** prom-client's histogram can only observe, value by value, so what it is asked for is answered in its place. */
  histogram(
    name: string,
    help: string,
    read: () => readonly { readonly labels: Labels; readonly tally: HistogramTally }[],
  ): void {
    const labelNames = labelsOf(name)
    const histogram = new this.#client.Histogram({ name, help, labelNames, registers: [this.#registry] })
    const get = async () => {
      const values = read().flatMap(({ labels, tally }) => histogramSamples(name, labels, tally))
      return { name, help, type: 'histogram', aggregator: 'sum', values }
    }
    Object.assign(histogram, { get, getForPromString: get })
  }
}

function labelsOf(name: string): readonly string[] {
  if (!name.startsWith('controller_runtime_')) return ['name']
  return name === 'controller_runtime_reconcile_total' ? ['controller', 'result'] : ['controller']
}

function histogramSamples(
  name: string,
  labels: Labels,
  tally: HistogramTally,
): readonly (Sample & { metricName: string })[] {
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

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}

/**
 * Engine metrics for Prometheus, under the names of controller-runtime and client-go, so that dashboards made for those
 * work.
 */
import type { Exposition, Families, Labels } from '../telemetry/families.ts'
import type { ControllerTally, EngineTally, QueueTally } from './tally.ts'

/** Shows what `tally` holds whenever it is asked for. */
export function tallyExposition(tally: EngineTally): Exposition {
  return { define: (families) => define(tally, families) }
}

function define(tally: EngineTally, family: Families): void {
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

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}

/** Engine metrics as plain numbers: cheap to count, formatted by prometheus.ts when somebody asks. */
import { HistogramTally } from '../telemetry/histogram.ts'
import type {
  ControllerMetrics,
  ControllerProbe,
  EngineMetrics,
  QueueMetrics,
  QueueProbe,
  ReconcileResult,
} from './metrics.ts'

/** client-go's: 10 ns to 1000 s in steps of ten. */
const QUEUE_BUCKETS_SECONDS = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1, 10, 100, 1000]

/** controller-runtime's. */
const RECONCILE_BUCKETS_SECONDS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5,
  1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
]

export class QueueTally implements QueueMetrics {
  probe: QueueProbe
  adds = 0
  retries = 0
  readonly queueDuration = new HistogramTally(QUEUE_BUCKETS_SECONDS)
  readonly workDuration = new HistogramTally(QUEUE_BUCKETS_SECONDS)

  constructor(probe: QueueProbe) {
    this.probe = probe
  }

  added(): void {
    this.adds++
  }

  taken(waitedMs: number): void {
    this.queueDuration.observeMs(waitedMs)
  }

  done(workedMs: number): void {
    this.workDuration.observeMs(workedMs)
  }

  retried(): void {
    this.retries++
  }
}

export class ControllerTally implements ControllerMetrics {
  probe: ControllerProbe
  readonly results: Record<ReconcileResult, number> = { success: 0, requeue: 0, requeue_after: 0, error: 0 }
  readonly reconcileTime = new HistogramTally(RECONCILE_BUCKETS_SECONDS)

  constructor(probe: ControllerProbe) {
    this.probe = probe
  }

  reconciled(result: ReconcileResult, tookMs: number): void {
    this.results[result]++
    this.reconcileTime.observeMs(tookMs)
  }
}

/**
 * Counts for as long as the process lives: a controller that is set up again under the same name (after another election)
 * goes on counting where the former left off.
 */
export class EngineTally implements EngineMetrics {
  readonly queues = new Map<string, QueueTally>()
  readonly controllers = new Map<string, ControllerTally>()
  readonly leaders = new Map<string, boolean>()

  queue(name: string, probe: QueueProbe): QueueMetrics {
    return adopt(this.queues, name, probe, () => new QueueTally(probe))
  }

  controller(name: string, probe: ControllerProbe): ControllerMetrics {
    return adopt(this.controllers, name, probe, () => new ControllerTally(probe))
  }

  leader(name: string, isLeader: boolean): void {
    this.leaders.set(name, isLeader)
  }
}

function adopt<Probe, Tally extends { probe: Probe }>(
  tallies: Map<string, Tally>,
  name: string,
  probe: Probe,
  make: () => Tally,
): Tally {
  const tally = tallies.get(name) ?? make()
  tally.probe = probe
  tallies.set(name, tally)
  return tally
}

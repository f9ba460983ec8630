/**
 * What the engine tells of itself, as a port: the names are controller-runtime's and client-go's (see prometheus.ts). The
 * calls are made for every key, so an implementation must cost nanoseconds: add to plain numbers, format when asked.
 */

/** client-go's three ways a reconcile can end, and its fourth, the failure. */
export type ReconcileResult = 'success' | 'requeue' | 'requeue_after' | 'error'

/** Read when metrics are asked for, never before. */
export interface QueueProbe {
  /** Keys that wait to be processed, without those that are delayed. */
  depth(): number
  /** How long each key has been in processing so far, milliseconds. */
  runningMs(): readonly number[]
}

export interface QueueMetrics {
  /** A key came in that was not waiting already. */
  added(): void
  /** A key was taken after waiting so long. */
  taken(waitedMs: number): void
  /** A key was processed in so long. */
  done(workedMs: number): void
  /** A key came back after a failure. */
  retried(): void
}

export interface ControllerProbe {
  readonly maxConcurrent: number
  /** Reconciles that run at this moment. */
  active(): number
}

export interface ControllerMetrics {
  reconciled(result: ReconcileResult, tookMs: number): void
}

export interface EngineMetrics {
  queue(name: string, probe: QueueProbe): QueueMetrics
  controller(name: string, probe: ControllerProbe): ControllerMetrics
  /** Whether this process holds the lease `name`. */
  leader(name: string, isLeader: boolean): void
}

const nothing = () => {}

/** Measures nothing. */
export const noMetrics: EngineMetrics = {
  queue: () => ({ added: nothing, taken: nothing, done: nothing, retried: nothing }),
  controller: () => ({ reconciled: nothing }),
  leader: nothing,
}

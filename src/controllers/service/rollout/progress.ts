/** How far a change has come: what is known of it, and what is to become of it. */

import type {
  ServiceRollout,
  ServiceSpec,
  ServiceStatus,
  ServiceTraffic,
} from '../../../resources/generated/types.ts'
import type { RolloutOrders } from '../../../resources/rollout-orders.ts'
import type { Split } from '../split.ts'
import type { Failure } from '../target.ts'
import type { Measurement } from './analysis.ts'

export interface RolloutInput {
  readonly spec: Pick<ServiceSpec, 'replicas' | 'update'>
  readonly before: ServiceStatus | undefined
  /** Of the wanted template. */
  readonly hash: string
  readonly revision: number
  readonly counts: TemplateCounts
  readonly orders: RolloutOrders
  /** Milliseconds since the present step began. */
  readonly elapsedMs: (rollout: ServiceRollout) => number
  /** What was measured of the present step and is not counted yet. */
  readonly measured: Measurement | undefined
  /** Wall clock, milliseconds. */
  readonly nowMs: number
}

/** Instances that are not ending. */
export interface TemplateCounts {
  /** Of the wanted template. */
  readonly fresh: number
  readonly freshAvailable: number
  /** Of the last good one. */
  readonly rest: number
  readonly restAvailable: number
}

export interface Progress {
  /** What is to be remembered of it; undefined where nothing is under way. */
  readonly state: ServiceRollout | undefined
  /** Which instances are to have which template; undefined where all are to have one. */
  readonly split: Split | undefined
  /** Nothing is to be started at all, and there is no last good template to start instead. */
  readonly held: boolean
  /** The change may go through to all, and be taken for good once it has. */
  readonly finished: boolean
  /** The change is to be given up, automatic rollback or not. */
  readonly failure?: Failure | undefined
  /** Where it stands, unless instances are what it waits for. */
  readonly note?: RolloutNote | undefined
  readonly traffic?: readonly ServiceTraffic[] | undefined
  /** Look again after so long. */
  readonly waitMs?: number | undefined
}

export interface RolloutNote {
  /** Paused waits for somebody or for time to pass, Analysing for measurements, RollingOut for instances. */
  readonly reason: 'Paused' | 'Analysing' | 'RollingOut' | 'WaitingForDependencies'
  readonly message: string
  /** Why a person is to look at it. */
  readonly trouble?: {
    readonly reason: 'AnalysisInconclusive' | 'DependencyCycle'
    readonly message: string
  }
}

/** Nothing is under way, or all instances get the wanted template as the strategy has it. */
export const UNBOUNDED: Progress = { state: undefined, split: undefined, held: false, finished: true }

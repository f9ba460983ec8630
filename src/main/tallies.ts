/** What a process counts of itself for as long as it lives, whichever terms it leads. */
import { tallyExposition } from '../engine/prometheus.ts'
import { EngineTally } from '../engine/tally.ts'
import type { Exposition } from '../telemetry/families.ts'
import { ScalerTally } from '../telemetry/scalers.ts'
import { StoreTally } from './measured-store.ts'

export interface Tallies {
  readonly engine: EngineTally
  readonly scalers: ScalerTally
  readonly store: StoreTally
  readonly expositions: readonly Exposition[]
}

export function makeTallies(): Tallies {
  const [engine, scalers, store] = [new EngineTally(), new ScalerTally(), new StoreTally()]
  return { engine, scalers, store, expositions: [tallyExposition(engine), store, scalers] }
}

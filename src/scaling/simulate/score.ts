/** How good a number of replicas was for a demand: how much came too late, and what it cost beside one who knew it before. */
import type { Demand } from './demand.ts'

/** One policy's way through a demand, tick by tick. */
export interface Run {
  readonly name: string
  /** Replicas that are paid for. */
  readonly replicas: Uint32Array
  /** Replicas that serve. */
  readonly ready: Uint32Array
}

export interface Score {
  readonly name: string
  /** Demand above what serves, in per cent of all demand; 0 where there was none. */
  readonly latePercent: number
  /** Paid replica time in per cent of the oracle's; undefined where that pays nothing. */
  readonly costPercent: number | undefined
  readonly replicaHours: number
  readonly meanReplicas: number
  readonly mostReplicas: number
  /** How often the number changed. */
  readonly changes: number
}

/** Rounding of a division may not cost a replica. */
const NEAR = 1e-9

/** Replicas that serve `demand` at each tick. */
export function neededReplicas({ values }: Demand, capacity: number, least: number): Uint32Array {
  return Uint32Array.from(values, (value) => Math.max(least, Math.ceil(value / capacity - NEAR)))
}

/**
 * What one pays who knows the demand as far ahead as a replica takes to start, and never falls short: at each tick the most that is needed within
 * that time.
 */
export function oracleReplicas(needed: Uint32Array, startupTicks: number): Uint32Array {
  const replicas = new Uint32Array(needed.length)
  // ticks of the window whose needs fall from the first on
  const falling: number[] = []
  let head = 0
  for (let tick = needed.length - 1; tick >= 0; tick--) {
    while (falling.length > head && needed[falling.at(-1)!]! <= needed[tick]!) falling.pop()
    falling.push(tick)
    while (falling[head]! > tick + startupTicks) head++
    replicas[tick] = needed[falling[head]!]!
  }
  return replicas
}

export function scoreOf(run: Run, demand: Demand, capacity: number, oracle: Uint32Array): Score {
  const { values, tickMs } = demand
  let asked = 0
  let late = 0
  let most = 0
  let changes = 0
  for (let tick = 0; tick < values.length; tick++) {
    const replicas = run.replicas[tick]!
    asked += values[tick]!
    late += Math.max(0, values[tick]! - run.ready[tick]! * capacity)
    most = Math.max(most, replicas)
    if (tick > 0 && replicas !== run.replicas[tick - 1]) changes++
  }
  const paid = sum(run.replicas)
  const least = sum(oracle)
  return {
    name: run.name,
    latePercent: asked === 0 ? 0 : (100 * late) / asked,
    costPercent: least === 0 ? undefined : (100 * paid) / least,
    replicaHours: (paid * tickMs) / 3_600_000,
    meanReplicas: values.length === 0 ? 0 : paid / values.length,
    mostReplicas: most,
    changes,
  }
}

function sum(numbers: Uint32Array): number {
  return numbers.reduce((a, b) => a + b, 0)
}

/** What is asked for at each moment, of a trace of bins. */
import type { Trace } from './trace.ts'

/** Between the middles of bins on a straight line, or the same all through a bin. */
export type DemandShape = 'linear' | 'held'

/** `perBin`: numbers are counts of a bin, and demand is so many a second. `level`: they are what was there. */
export type TraceUnit = 'perBin' | 'level'

export interface Demand {
  /** Wall clock of the first tick. */
  readonly startMs: number
  readonly tickMs: number
  /** At each tick; per second, but for a trace of levels. */
  readonly values: Float64Array
}

export interface DemandOptions {
  readonly shape: DemandShape
  readonly unit: TraceUnit
  readonly tickMs: number
  /** Wall clock: from, included, to, excluded. All of the trace where left out. */
  readonly fromMs?: number
  readonly toMs?: number
}

export function demandOf(trace: Trace, options: DemandOptions): Demand {
  const { shape, unit, tickMs } = options
  const { startMs: firstMs, stepMs, values: bins } = trace
  const startMs = options.fromMs ?? firstMs
  const endMs = options.toMs ?? firstMs + bins.length * stepMs
  const seconds = unit === 'perBin' ? stepMs / 1000 : 1
  const bin = (index: number) => bins[Math.min(bins.length - 1, Math.max(0, index))]!
  const values = new Float64Array(Math.max(1, Math.floor((endMs - startMs) / tickMs)))
  for (let tick = 0; tick < values.length; tick++) {
    const place = (startMs + tick * tickMs - firstMs) / stepMs
    if (shape === 'held') values[tick] = bin(Math.floor(place)) / seconds
    else {
      const left = Math.floor(place - 0.5)
      const share = place - 0.5 - left
      values[tick] = (bin(left) * (1 - share) + bin(left + 1) * share) / seconds
    }
  }
  return { startMs, tickMs, values }
}

/** What is asked for at each moment, of a trace of bins. */
import { NsctlError } from '../../core/errors.ts'
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
  /** As a monitoring would have it: so many samples a tick, the first of each at the tick itself. */
  readonly samples: Float64Array
}

/** Samples of a tick: one each 7.5 s where a tick takes 15. */
export const SAMPLES = 2

/** More than two years of 15 s. */
const MOST_TICKS = 5_000_000

export interface DemandOptions {
  readonly shape: DemandShape
  readonly unit: TraceUnit
  readonly tickMs: number
  /** Wall clock: from, included, to, excluded. All of the trace where left out. */
  readonly fromMs?: number
  readonly toMs?: number
}

/** Throws Invalid where it is longer than can be tried. */
export function demandOf(trace: Trace, options: DemandOptions): Demand {
  const { shape, unit, tickMs } = options
  const { startMs: firstMs, stepMs, values: bins } = trace
  const startMs = options.fromMs ?? firstMs
  const endMs = options.toMs ?? firstMs + bins.length * stepMs
  const seconds = unit === 'perBin' ? stepMs / 1000 : 1
  const bin = (index: number) => bins[Math.min(bins.length - 1, Math.max(0, index))]!
  const ticks = Math.max(1, Math.floor((endMs - startMs) / tickMs))
  if (!(ticks <= MOST_TICKS))
    throw new NsctlError('Invalid', `${ticks} times ${tickMs / 1000} s are more than can be tried`, {
      next: `try a part of it: ${MOST_TICKS} at most`,
    })
  const samples = new Float64Array(ticks * SAMPLES)
  for (let index = 0; index < samples.length; index++) {
    const place = (startMs + (index * tickMs) / SAMPLES - firstMs) / stepMs
    if (shape === 'held') samples[index] = bin(Math.floor(place)) / seconds
    else {
      const left = Math.floor(place - 0.5)
      const share = place - 0.5 - left
      samples[index] = (bin(left) * (1 - share) + bin(left + 1) * share) / seconds
    }
  }
  return { startMs, tickMs, values: samples.filter((_, index) => index % SAMPLES === 0), samples }
}

/** Mean of what was sampled in the `spanMs` up to a tick, the sample at the tick included. */
export function meanUpTo({ samples, tickMs }: Demand, tick: number, spanMs: number): number {
  const last = tick * SAMPLES
  const count = Math.min(last + 1, Math.max(1, Math.round((spanMs * SAMPLES) / tickMs)))
  let total = 0
  for (let index = last - count + 1; index <= last; index++) total += samples[index]!
  return total / count
}

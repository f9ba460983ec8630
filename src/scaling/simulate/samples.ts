/** A trace out of what a scaler measured: samples come when it looked, and thin out with age. */
import { NsctlError } from '../../core/errors.ts'
import type { ScalerSample } from '../sample.ts'
import type { Trace } from './trace.ts'

export interface TimedDemand extends Pick<ScalerSample, 'demand'> {
  readonly atMs: number
}

export interface SampleTrace {
  readonly trace: Trace
  /** Bins in which nothing was measured, and of which the one before speaks. */
  readonly bridged: number
}

const STEP_MS = 60_000

/**
 * A bin a minute, each the mean of what was measured in it, or what was measured last before it. Throws NotFound where `key` was never measured.
 */
export function traceOfSamples(samples: readonly TimedDemand[], key: string): SampleTrace {
  const points = samples
    .flatMap(({ atMs, demand }) => {
      const value = demand[key]
      return typeof value === 'number' && value >= 0 ? [{ atMs, value }] : []
    })
    .sort((a, b) => a.atMs - b.atMs)
  const [first, last] = [points[0], points.at(-1)]
  if (first === undefined || last === undefined)
    throw new NsctlError('NotFound', `nothing is known of what "${key}" measured`, {
      value: key,
      next: 'nsctl scaler history NAME --samples shows what is',
    })
  const startMs = Math.floor(first.atMs / STEP_MS) * STEP_MS
  const count = Math.floor((last.atMs - startMs) / STEP_MS) + 1
  const sums = new Float64Array(count)
  const counts = new Uint32Array(count)
  for (const { atMs, value } of points) {
    const bin = Math.floor((atMs - startMs) / STEP_MS)
    sums[bin] = sums[bin]! + value
    counts[bin] = counts[bin]! + 1
  }
  const values: number[] = []
  let bridged = 0
  for (let bin = 0; bin < count; bin++)
    if (counts[bin]! > 0) values.push(sums[bin]! / counts[bin]!)
    else {
      values.push(values.at(-1)!)
      bridged++
    }
  return { trace: { startMs, stepMs: STEP_MS, values }, bridged }
}

/** HPA v2's arithmetic from one number to a number of instances. */

/** As HPA's: instances are counted in 32 bits. */
const MOST = 2 ** 31 - 1
/** Quotients as near to a whole number as that are one: HPA reckons in thousandths, where 1.1 ÷ 0.1 is 11 and not 11.000000000000002. */
const NEAR = 1e-9

export interface Tolerance {
  readonly up: number
  readonly down: number
}

/** Of one metric. */
export interface Proposal {
  readonly replicas: number
  /** The metric is so near its target that nothing should change. */
  readonly inTolerance: boolean
}

/** Instances that bring `ratio` back to 1. */
export function ceilCount(ratio: number): number {
  const whole = Math.round(ratio)
  const up = Math.abs(ratio - whole) <= NEAR * Math.max(1, Math.abs(ratio)) ? whole : Math.ceil(ratio)
  return Math.min(MOST, Math.max(0, up))
}

/** True where a metric that is `ratio` times its target is left alone. False for NaN. */
export function isWithin(ratio: number, tolerance: Tolerance): boolean {
  return 1 - tolerance.down <= ratio && ratio <= 1 + tolerance.up
}

/**
 * An external metric with a target for each instance. `present` are those that there are, ready or not: while an update has more than are wanted,
 * they are no reason to want more. From 0 there is nothing to be in tolerance of.
 */
export function proposeAverage(
  value: number,
  target: number,
  { current, present }: { readonly current: number; readonly present: number },
  tolerance: Tolerance,
): Proposal {
  if (current > 0 && isWithin(value / (target * present), tolerance))
    return { replicas: Math.min(present, current), inTolerance: true }
  return { replicas: ceilCount(value / target), inTolerance: false }
}

/** An external metric with a target for the whole: instances grow by what it is over. Undefined where no instance is ready to grow from. */
export function proposeRatio(
  value: number,
  target: number,
  { current, ready }: { readonly current: number; readonly ready: number },
  tolerance: Tolerance,
): Proposal | undefined {
  const ratio = value / target
  if (current === 0) return { replicas: ceilCount(ratio), inTolerance: false }
  if (isWithin(ratio, tolerance)) return { replicas: current, inTolerance: true }
  return ready === 0 ? undefined : { replicas: ceilCount(ratio * ready), inTolerance: false }
}

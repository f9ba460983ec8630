/** Quantiles of Prometheus' histograms, computed as histogram_quantile does. Pure. */

/** Counts of one histogram by bucket, cumulative as they are exposed: upper bound → count. */
export type Buckets = ReadonlyMap<number, number>

/** What was added to one series between two scrapes. One that counts less than before has begun anew, and all of it is new. */
export function added(before: Buckets, now: Buckets): Buckets {
  const isNew = [...now].some(([bound, count]) => count < (before.get(bound) ?? 0))
  return new Map(
    Array.from(now, ([bound, count]) => [bound, isNew ? count : count - (before.get(bound) ?? 0)]),
  )
}

/** Adds `more` to `sums`. */
export function addTo(sums: Map<number, number>, more: Buckets): void {
  for (const [bound, count] of more) sums.set(bound, (sums.get(bound) ?? 0) + count)
}

/**
 * The value that a share `q` of all observations is not above: interpolated within its bucket, the lowest of which begins at 0; the
 * highest finite bound where it lies above that. Undefined without observations or without a bucket up to infinity.
 */
export function quantileOf(q: number, buckets: Buckets): number | undefined {
  const sorted = [...buckets].sort(([a], [b]) => a - b)
  const total = buckets.get(Number.POSITIVE_INFINITY)
  if (total === undefined || total <= 0 || sorted.length < 2) return undefined
  const rank = q * total
  let [lower, below] = [0, 0]
  for (const [bound, exposed] of sorted) {
    // series that were not scraped at the same moment may add up to less in a larger bucket
    const count = Math.max(exposed, below)
    if (count >= rank && count > 0) {
      if (bound === Number.POSITIVE_INFINITY) return lower
      if (bound <= 0 && below === 0) return bound
      return count === below ? bound : lower + (bound - lower) * ((rank - below) / (count - below))
    }
    lower = bound === Number.POSITIVE_INFINITY ? lower : bound
    below = count
  }
  return lower
}

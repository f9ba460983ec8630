/** Counts of durations as plain numbers: cheap to observe, formatted when somebody asks. */

/** Counts of values up to each bound. */
export class HistogramTally {
  readonly boundsSeconds: readonly number[]
  /** One per bound, not cumulative. */
  readonly counts: number[]
  sumSeconds = 0
  count = 0

  constructor(boundsSeconds: readonly number[]) {
    this.boundsSeconds = boundsSeconds
    this.counts = boundsSeconds.map(() => 0)
  }

  observeMs(valueMs: number): void {
    const seconds = valueMs / 1000
    this.sumSeconds += seconds
    this.count++
    const { boundsSeconds } = this
    let bucket = 0
    while (bucket < boundsSeconds.length && seconds > boundsSeconds[bucket]!) bucket++
    if (bucket < boundsSeconds.length) this.counts[bucket]!++
  }
}

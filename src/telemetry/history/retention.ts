/** How long what is kept. Pure: the adapters do as it says. */
import type { HistoryEntry } from './history.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** So often at most for the last hour, then every minute for a day, then every ten minutes for a week. */
export const SAMPLE_EVERY_MS = 5_000
const LEVELS: readonly { readonly fromAgeMs: number; readonly everyMs: number }[] = [
  { fromAgeMs: HOUR_MS, everyMs: MINUTE_MS },
  { fromAgeMs: DAY_MS, everyMs: 10 * MINUTE_MS },
]
export const SAMPLES_KEPT_MS = 7 * DAY_MS

export const DECISIONS_KEPT_MS = 7 * DAY_MS
/** Of one object. */
export const DECISIONS_KEPT = 1_000
/** What scales seldom is asked about as well: so many of its decisions are kept for longer. */
export const LAST_DECISIONS_KEPT = 10
export const LAST_DECISIONS_KEPT_MS = 90 * DAY_MS

/** Samples of `[fromMs, toMs)` are thinned to the last of each `everyMs`. */
export interface Thinning {
  readonly fromMs: number
  readonly toMs: number
  readonly everyMs: number
}

export interface Retention {
  /** Samples before it go. */
  readonly samplesFromMs: number
  readonly thin: readonly Thinning[]
  readonly decisionsFromMs: number
  /** Those of the last LAST_DECISIONS_KEPT that are from before it. */
  readonly lastDecisionsFromMs: number
}

/** What holds at `nowMs`. `part` of 1: all ages as they stand; less where there is no room for so much. */
export function retentionAt(nowMs: number, part = 1): Retention {
  const samplesFromMs = nowMs - SAMPLES_KEPT_MS * part
  const bounds = LEVELS.map(({ fromAgeMs, everyMs }) => floorTo(nowMs - fromAgeMs * part, everyMs))
  return {
    samplesFromMs,
    thin: LEVELS.map(({ everyMs }, i) => ({
      fromMs: floorTo(bounds[i + 1] ?? samplesFromMs, everyMs),
      toMs: bounds[i] ?? nowMs,
      everyMs,
    })),
    decisionsFromMs: nowMs - DECISIONS_KEPT_MS * part,
    lastDecisionsFromMs: nowMs - LAST_DECISIONS_KEPT_MS * part,
  }
}

/** On whole buckets, so that a bucket is thinned at once and thinning it again changes nothing. */
function floorTo(ms: number, everyMs: number): number {
  return Math.floor(ms / everyMs) * everyMs
}

/** What stays of one object's entries, in the order in which they are given. */
export function keep(entries: readonly HistoryEntry[], retention: Retention): readonly HistoryEntry[] {
  const { samplesFromMs, thin, decisionsFromMs, lastDecisionsFromMs } = retention
  const newestDecisions = entries
    .filter(({ kind }) => kind === 'decision')
    .map(({ atMs }) => atMs)
    .sort((a, b) => b - a)
  const leastMs = Math.max(decisionsFromMs, newestDecisions[DECISIONS_KEPT - 1] ?? Number.NEGATIVE_INFINITY)
  const leastOfLastMs = Math.max(
    lastDecisionsFromMs,
    newestDecisions[LAST_DECISIONS_KEPT - 1] ?? Number.NEGATIVE_INFINITY,
  )
  /** The last of each bucket, by level. */
  const last = thin.map(({ fromMs, toMs, everyMs }) => {
    const byBucket = new Map<number, number>()
    for (const { kind, atMs } of entries) {
      if (kind !== 'sample' || atMs < fromMs || atMs >= toMs) continue
      const bucket = Math.floor(atMs / everyMs)
      byBucket.set(bucket, Math.max(byBucket.get(bucket) ?? 0, atMs))
    }
    return byBucket
  })
  return entries.filter(({ kind, atMs }) => {
    if (kind === 'latest') return atMs >= lastDecisionsFromMs
    if (kind === 'decision') return atMs >= leastMs || atMs >= leastOfLastMs
    if (atMs < samplesFromMs) return false
    return thin.every(
      ({ fromMs, toMs, everyMs }, i) =>
        atMs < fromMs || atMs >= toMs || last[i]?.get(Math.floor(atMs / everyMs)) === atMs,
    )
  })
}

/** What is known in two places, as one. */
import type { HistoryEntry, HistoryQuery } from './history.ts'
import { decodeSegment, type Segment } from './segments.ts'

/** `entries`, which answer `query`, and what the segments have besides: newest first, each once, no more than asked for. */
export function mergeSegments(
  entries: readonly HistoryEntry[],
  segments: readonly Segment[],
  query: HistoryQuery,
): readonly HistoryEntry[] {
  const { object, kind, fromMs = Number.NEGATIVE_INFINITY, toMs = Number.POSITIVE_INFINITY, limit } = query
  const byTime = new Map(entries.map((entry) => [entry.atMs, entry]))
  for (const { text } of segments)
    for (const entry of decodeSegment(text, object)) {
      if (entry.kind !== kind || entry.atMs < fromMs || entry.atMs >= toMs || byTime.has(entry.atMs)) continue
      byTime.set(entry.atMs, entry)
    }
  return [...byTime.values()].sort((a, b) => b.atMs - a.atMs).slice(0, kind === 'latest' ? 1 : limit)
}

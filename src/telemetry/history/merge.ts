/** What is known in two places, as one. */
import { type HistoryEntry, type HistoryQuery, subjectKey } from './history.ts'
import { decodeSegment, type Segment } from './segments.ts'

/** `entries`, which answer `query`, and what the segments have besides: newest first, each once, no more than asked for. */
export function mergeSegments(
  entries: readonly HistoryEntry[],
  segments: readonly Segment[],
  query: HistoryQuery,
): readonly HistoryEntry[] {
  const merged = new Map(entries.map((entry) => [placeOf(entry), entry]))
  for (const { text } of segments)
    for (const entry of decodeSegment(text, query.object)) {
      if (!answers(entry, query)) continue
      const known = merged.get(placeOf(entry))
      if (known === undefined || known.atMs < entry.atMs) merged.set(placeOf(entry), entry)
    }
  return [...merged.values()].sort((a, b) => b.atMs - a.atMs).slice(0, query.limit)
}

function answers(entry: HistoryEntry, query: HistoryQuery): boolean {
  const { uid, kind, fromMs = Number.NEGATIVE_INFINITY, toMs = Number.POSITIVE_INFINITY } = query
  return (
    entry.kind === kind &&
    entry.atMs >= fromMs &&
    entry.atMs < toMs &&
    (uid === undefined || entry.uid === uid)
  )
}

/** Of the entries with the same only one is kept. */
function placeOf(entry: HistoryEntry): string {
  return entry.kind === 'latest' ? subjectKey(entry) : `${subjectKey(entry)} ${entry.atMs}`
}

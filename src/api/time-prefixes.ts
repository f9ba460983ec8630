/** A span of time as prefixes of ISO times. Pure. */

interface Unit {
  /** Characters of an ISO time that name one: `2026-08`. */
  readonly length: number
  /** When the one that begins at `ms` ends; undefined where none begins then. */
  end(ms: number): number | undefined
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** The largest first. */
const UNITS: readonly Unit[] = [
  // decades: a first look goes back to 1970, where a machine without a clock begins
  {
    length: 3,
    end: (ms) => (isStart(ms, 5) && yearOf(ms) % 10 === 0 ? Date.UTC(yearOf(ms) + 10, 0) : undefined),
  },
  { length: 4, end: (ms) => (isStart(ms, 5) ? Date.UTC(yearOf(ms) + 1, 0) : undefined) },
  {
    length: 7,
    end(ms) {
      return isStart(ms, 8) ? Date.UTC(yearOf(ms), new Date(ms).getUTCMonth() + 1) : undefined
    },
  },
  ...[
    { length: 10, unitMs: DAY_MS },
    { length: 13, unitMs: HOUR_MS },
    { length: 16, unitMs: MINUTE_MS },
  ].map(({ length, unitMs }) => ({
    length,
    end: (ms: number) => (ms % unitMs === 0 ? ms + unitMs : undefined),
  })),
]

function yearOf(ms: number): number {
  return new Date(ms).getUTCFullYear()
}

/** Whether `ms` is the beginning of a year or month: from that character on its ISO time says the first. */
function isStart(ms: number, from: number): boolean {
  return ms % DAY_MS === 0 && '01-01'.endsWith(new Date(ms).toISOString().slice(from, 10))
}

/** The whole minute that `ms` lies in. */
export function startOfMinute(ms: number): number {
  return Math.floor(ms / MINUTE_MS) * MINUTE_MS
}

/**
 * The fewest prefixes that the ISO times from `fromMs` until before `toMs`, and no others, begin with; in order. Both are whole
 * minutes, from 1970 on.
 */
export function timePrefixes(fromMs: number, toMs: number): readonly string[] {
  const prefixes: string[] = []
  for (let atMs = fromMs; atMs < toMs; ) {
    let endMs = atMs
    for (const { length, end } of UNITS) {
      const unitEndMs = end(atMs)
      if (unitEndMs === undefined || unitEndMs > toMs) continue
      prefixes.push(new Date(atMs).toISOString().slice(0, length))
      endMs = unitEndMs
      break
    }
    if (endMs === atMs) break
    atMs = endMs
  }
  return prefixes
}

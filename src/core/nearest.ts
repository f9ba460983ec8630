/** "Did you mean": the known words that are nearest to a misspelled one. */

/**
 * The candidates near `word`, best first, at most `limit`. Near is one edit in three letters (insert, delete, replace or
 * swap neighbours), case aside, or a word of three letters and more that a candidate starts with.
 */
export function nearest(word: string, candidates: Iterable<string>, limit: number): readonly string[] {
  const wanted = word.toLowerCase()
  if (wanted.length > 100) return []
  const farthest = Math.max(1, Math.floor(wanted.length / 3))
  const near: { candidate: string; distance: number }[] = []
  for (const candidate of new Set(candidates)) {
    const known = candidate.toLowerCase()
    const begun = wanted.length >= 3 && known.startsWith(wanted)
    const distance =
      Math.abs(known.length - wanted.length) > farthest
        ? Number.POSITIVE_INFINITY
        : editDistance(wanted, known)
    if (distance <= farthest) near.push({ candidate, distance })
    else if (begun) near.push({ candidate, distance: farthest + 1 })
  }
  return near
    .sort((a, b) => a.distance - b.distance)
    .slice(0, limit)
    .map(({ candidate }) => candidate)
}

/** Damerau-Levenshtein distance without editing a place twice (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let least = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, beforeLast[j - 2]! + 1)
      row.push(least)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}

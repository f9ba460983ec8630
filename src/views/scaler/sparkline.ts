/** A line of numbers over time in as many cells: `▁▂▅█`. */

const BLOCKS = '▁▂▃▄▅▆▇█'

export interface Point {
  readonly atMs: number
  readonly value: number
}

/** `values` by height from `least` to the largest; a space where there is none. */
export function sparkline(values: readonly (number | undefined)[], least = 0): string {
  const known = values.filter((value) => value !== undefined)
  const most = Math.max(...known)
  return values
    .map((value) => {
      if (value === undefined) return ' '
      const height = most > least ? (value - least) / (most - least) : 0
      return BLOCKS[Math.min(BLOCKS.length - 1, Math.max(0, Math.round(height * (BLOCKS.length - 1))))]
    })
    .join('')
}

/** The largest value in each of `cells` equal spans of `[fromMs, toMs)`. `holds`: a value stands until the next one. */
export function bucket(
  points: readonly Point[],
  { fromMs, toMs, cells, holds = false }: BucketOptions,
): readonly (number | undefined)[] {
  const values: (number | undefined)[] = Array.from({ length: cells }, () => undefined)
  for (const { atMs, value } of points) {
    const cell = Math.floor(((atMs - fromMs) * cells) / (toMs - fromMs))
    if (cell < 0 || cell >= cells) continue
    values[cell] = Math.max(values[cell] ?? Number.NEGATIVE_INFINITY, value)
  }
  if (!holds) return bridged(values)
  let last: number | undefined
  return values.map((value) => {
    last = value ?? last
    return last
  })
}

export interface BucketOptions {
  readonly fromMs: number
  readonly toMs: number
  readonly cells: number
  readonly holds?: boolean
}

/** Cells may be narrower than the interval of polls: a hole of so many between values is none. */
const BRIDGED = 2

function bridged(values: readonly (number | undefined)[]): readonly (number | undefined)[] {
  const filled = [...values]
  let last: number | undefined
  values.forEach((value, i) => {
    if (value === undefined) return
    if (last !== undefined && i - last - 1 <= BRIDGED) filled.fill(values[last], last + 1, i)
    last = i
  })
  return filled
}

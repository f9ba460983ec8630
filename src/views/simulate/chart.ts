/** Replicas over time in blocks: what was needed and paid, what was paid and not needed, what was needed and not there. */
import { sparkline } from '../scaler/sparkline.ts'

const NEEDED = '█'
const SPARE = '░'
const SHORT = '▒'
export const LEGEND = `${NEEDED} needed   ${SPARE} spare   ${SHORT} short`

export interface ChartSeries {
  /** At each tick. */
  readonly needed: Uint32Array
  readonly replicas: Uint32Array
  readonly ready: Uint32Array
}

/** One column of the chart: ticks of a span as its worst moment was. */
export interface ChartColumn {
  readonly needed: number
  /** Paid, or where it was short those that served. */
  readonly there: number
}

/** `cells` columns over all ticks; as many as there are ticks where those are fewer. */
export function chartColumns(
  { needed, replicas, ready }: ChartSeries,
  cells: number,
): readonly ChartColumn[] {
  const count = Math.max(1, Math.min(cells, needed.length))
  return Array.from({ length: count }, (_, column) => {
    const from = Math.floor((column * needed.length) / count)
    const to = Math.floor(((column + 1) * needed.length) / count)
    let most = 0
    let paid = 0
    let worst: ChartColumn | undefined
    for (let tick = from; tick < to; tick++) {
      most = Math.max(most, needed[tick]!)
      paid = Math.max(paid, replicas[tick]!)
      const lack = needed[tick]! - ready[tick]!
      if (lack > (worst === undefined ? 0 : worst.needed - worst.there))
        worst = { needed: needed[tick]!, there: ready[tick]! }
    }
    return worst ?? { needed: most, there: paid }
  })
}

/** Lines of the chart, the highest first, with the number of replicas at the left. */
export function chartLines(columns: readonly ChartColumn[], rows: number): readonly string[] {
  const most = columns.reduce((largest, { needed, there }) => Math.max(largest, needed, there), 1)
  const height = Math.min(rows, most)
  const width = String(most).length
  return Array.from({ length: height }, (_, line) => {
    const level = ((height - line) * most) / height
    const label = line === 0 ? String(most) : line === height - 1 ? String(Math.round(level)) : ''
    return `${label.padStart(width)} ${columns.map((column) => cellAt(column, level)).join('')}`.trimEnd()
  })
}

function cellAt({ needed, there }: ChartColumn, level: number): string {
  if (level <= Math.min(needed, there)) return NEEDED
  if (level <= needed) return SHORT
  return level <= there ? SPARE : ' '
}

/** The most of each span, in a line. */
export function replicaLine(replicas: Uint32Array, cells: number): string {
  const none = new Uint32Array(replicas.length)
  const columns = chartColumns({ needed: none, replicas, ready: replicas }, cells)
  return sparkline(columns.map(({ there }) => there))
}

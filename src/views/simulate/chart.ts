/** Replicas over time in blocks: what was needed and paid, what was paid and not needed, what was needed and not there. */
import { sparkline } from '../scaler/sparkline.ts'

const NEEDED = '█'
const SPARE = '░'
const SHORT = '▒'
/** So much of what a span needed was not there: then it is marked. */
const MARKED = 0.01
export const LEGEND = `${NEEDED} needed   ${SPARE} spare   ${SHORT} short`

export interface ChartSeries {
  /** At each tick. */
  readonly needed: Uint32Array
  readonly replicas: Uint32Array
  readonly ready: Uint32Array
}

/** One column of the chart: the mean of a span. */
export interface ChartColumn {
  /** Needed and there. */
  readonly served: number
  readonly needed: number
  readonly paid: number
  /** More than 1 % of what was needed was not there. */
  readonly isShort: boolean
}

/** `cells` columns over all ticks; as many as there are ticks where those are fewer. */
export function chartColumns(series: ChartSeries, cells: number): readonly ChartColumn[] {
  const { needed, replicas, ready } = series
  return spans(needed.length, cells).map(([from, to]) => {
    let [served, wanted, paid] = [0, 0, 0]
    for (let tick = from; tick < to; tick++) {
      served += Math.min(needed[tick]!, ready[tick]!)
      wanted += needed[tick]!
      paid += replicas[tick]!
    }
    const ticks = to - from
    const isShort = wanted - served > wanted * MARKED
    return { served: served / ticks, needed: wanted / ticks, paid: paid / ticks, isShort }
  })
}

/** Lines of the chart, the highest first, with the number of replicas at the left, and one below that says where it was short. */
export function chartLines(columns: readonly ChartColumn[], rows: number): readonly string[] {
  const most = Math.ceil(columns.reduce((largest, { needed, paid }) => Math.max(largest, needed, paid), 1))
  const width = String(most).length
  const lines = Array.from({ length: rows }, (_, line) => {
    // the middle of what the line stands for
    const level = ((rows - line - 0.5) * most) / rows
    const label = line === 0 ? String(most) : line === rows - 1 ? '0' : ''
    return `${label.padStart(width)} ${columns.map((column) => cellAt(column, level)).join('')}`.trimEnd()
  })
  if (columns.every(({ isShort }) => !isShort)) return lines
  const short = columns.map(({ isShort }) => (isShort ? SHORT : ' ')).join('')
  return [...lines, `${' '.repeat(width)} ${short}`.trimEnd()]
}

function cellAt({ served, needed, paid }: ChartColumn, level: number): string {
  if (level <= served) return NEEDED
  if (level <= needed) return SHORT
  return level <= paid ? SPARE : ' '
}

/** The most of each span, in a line; heights are of `most`. */
export function replicaLine(replicas: Uint32Array, cells: number, most: number): string {
  // the last says how high the highest is, and is not shown
  return sparkline([...largest(replicas, cells), most]).slice(0, -1)
}

/** The largest of each span. */
export function largest(numbers: Uint32Array, cells: number): readonly number[] {
  return spans(numbers.length, cells).map(([from, to]) => {
    let most = 0
    for (let index = from; index < to; index++) most = Math.max(most, numbers[index]!)
    return most
  })
}

function spans(length: number, cells: number): readonly (readonly [from: number, to: number])[] {
  const count = Math.max(1, Math.min(cells, length))
  const at = (index: number) => Math.floor((index * length) / count)
  return Array.from({ length: count }, (_, index) => [at(index), at(index + 1)] as const)
}

/** What a trial came to: a table of the policies, and how the first of them went. */
import { formatAge } from '../../core/quantity.ts'
import type { Simulation } from '../../scaling/simulate/simulate.ts'
import { formatSpan } from '../duration.ts'
import { renderRows } from '../table.ts'
import { printable } from '../width.ts'
import { chartColumns, chartLines, LEGEND, replicaLine } from './chart.ts'

const DEFAULT_COLUMNS = 80
const MOST_CELLS = 160
const CHART_ROWS = 8
/** Beside a chart: the number of replicas. */
const MARGIN = 8

export interface ReportOptions {
  readonly columns?: number | undefined
  /** Of what was tried: `policy web on demand.csv`. */
  readonly title: string
  /** What should be known of how it was tried. */
  readonly notes: readonly string[]
}

export function renderSimulation(simulation: Simulation, options: ReportOptions): string {
  const columns = options.columns ?? DEFAULT_COLUMNS
  const cells = Math.max(10, Math.min(MOST_CELLS, columns - MARGIN))
  return `${[
    [
      printable(options.title),
      aboutTrial(simulation),
      ...options.notes.map((note) => `note: ${printable(note)}`),
    ].join('\n'),
    scoreTable(simulation),
    chart(simulation, cells),
  ].join('\n\n')}\n`
}

/** `14 d from 2026-11-06T00:00:00Z, decided every 15 s; a replica serves 50 a second, 30 s after it was started` */
export function aboutTrial({ demand, capacity, startupMs }: Simulation): string {
  const { values, startMs, tickMs } = demand
  const from = new Date(startMs).toISOString().replace('.000Z', 'Z')
  return `${formatAge(values.length * tickMs)} from ${from}, decided every ${formatSpan(tickMs)}; a replica serves ${capacity}, ${formatSpan(startupMs)} after it is started`
}

function scoreTable({ results, oracle, demand }: Simulation): string {
  const paid = oracle.reduce((a, b) => a + b, 0)
  const rows = results.map((result) => [
    printable(result.name),
    `${percent(result.latePercent, 3)} %`,
    result.costPercent === undefined ? '-' : `${percent(result.costPercent, 1)} %`,
    result.meanReplicas.toFixed(2),
    String(result.mostReplicas),
    String(result.changes),
    result.replicaHours.toFixed(1),
  ])
  const most = oracle.reduce((a, b) => Math.max(a, b), 0)
  const hours = (paid * demand.tickMs) / 3_600_000
  const best = [
    'oracle',
    '0 %',
    '100 %',
    (paid / oracle.length).toFixed(2),
    String(most),
    '-',
    hours.toFixed(1),
  ]
  return renderRows([
    ['POLICY', 'LATE', 'COST', 'MEAN', 'MOST', 'CHANGES', 'REPLICA HOURS'],
    ...rows,
    best,
  ]).trimEnd()
}

function percent(value: number, digits: number): string {
  return value === 0 ? '0' : value.toFixed(digits)
}

function chart({ results, needed, oracle }: Simulation, cells: number): string {
  const [own, ...others] = results
  const { replicas, ready, name } = own!.run
  const main = chartLines(chartColumns({ needed, replicas, ready }, cells), CHART_ROWS)
  const names = [name, ...others.map((other) => other.name), 'oracle'].map(printable)
  const width = names.reduce((most, text) => Math.max(most, text.length), 0)
  const runs = [replicas, ...others.map(({ run }) => run.replicas), oracle]
  const most = runs
    .flatMap((line) => line.reduce((a, b) => Math.max(a, b), 0))
    .reduce((a, b) => Math.max(a, b), 1)
  const lines = runs.map((line, index) => {
    const spark = replicaLine(line, Math.max(10, cells - width), most)
    return `${names[index]!.padEnd(width)}  ${spark}`
  })
  return [`Replicas of ${printable(name)}   ${LEGEND}`, ...main, '', ...lines].join('\n')
}

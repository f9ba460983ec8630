/** Tables as kubectl prints them: the columns of a kind's definition, three spaces apart, no rules. */
import { valueAt } from '../core/json.ts'
import { formatAge } from '../core/quantity.ts'
import type { Node } from '../resources/generated/types.ts'
import { findAll } from '../resources/jsonpath.ts'
import type { Kind, PrinterColumn } from '../resources/kinds.ts'
import { nodeStateText } from '../resources/node.ts'
import { type AnyResource, GROUP } from '../resources/object.ts'
import { objectName } from './names.ts'
import { displayWidth, padEnd, printable, truncate } from './width.ts'

const GAP = 3

export interface Column {
  readonly heading: string
  /** A remark at the end of the row: no heading of its own, and nothing where there is nothing to say. */
  readonly remark?: boolean
  cell(object: AnyResource): string
}

export interface ColumnOptions {
  /** Milliseconds since the epoch: what AGE counts from. */
  readonly nowMs: number
  /** Columns of priority above 0 too. */
  readonly wide?: boolean
  /** NAMESPACE first, for -A. */
  readonly showNamespace?: boolean
  /** `service/web` rather than `web`, where several kinds are shown. */
  readonly showKind?: boolean
  /** A column for each of these labels. */
  readonly labelColumns?: readonly string[]
  /** LABELS last. */
  readonly showLabels?: boolean
}

/** The columns of a kind: NAME, then those of its definition. A trailing STATUS is a remark, as is whatever is wrong. */
export function columnsOf(kind: Kind, options: ColumnOptions): readonly Column[] {
  const shown = kind.columns.filter((column) => options.wide === true || (column.priority ?? 0) === 0)
  const remark = remarkColumn(kind.columns)
  const columns: Column[] = []
  if (options.showNamespace === true && kind.scope === 'Namespaced')
    columns.push({ heading: 'NAMESPACE', cell: (object) => object.metadata.namespace ?? '' })
  const name: Column = {
    heading: 'NAME',
    cell: (object) => (options.showKind === true ? objectName(kind, object) : object.metadata.name),
  }
  // an event's name says nothing; what it is about does
  const isEvent = kind.group === GROUP && kind.kind === 'Event'
  if (!isEvent) columns.push(name)
  const isNode = kind.group === GROUP && kind.kind === 'Node'
  for (const column of shown) {
    if (isNode && column.name === 'STATUS') columns.push({ heading: 'STATUS', cell: nodeState })
    else if (column !== remark) columns.push(columnFrom(column, options.nowMs))
  }
  if (isEvent && options.wide === true) columns.push(name)
  for (const label of options.labelColumns ?? [])
    columns.push({
      heading: label.slice(label.lastIndexOf('/') + 1).toUpperCase(),
      cell: (object) => cellText(object.metadata.labels?.[label], ''),
    })
  if (options.showLabels === true)
    columns.push({ heading: 'LABELS', cell: (object) => labelsText(object.metadata.labels) })
  if (remark !== undefined)
    columns.push({
      heading: '',
      remark: true,
      cell: (object) => {
        const text = cellText(readField(object, remark.jsonPath), '')
        return options.wide === true ? text : truncate(text, REMARK_CELLS)
      },
    })
  return columns
}

/** A node's phase is in its status and whether anything may be placed there in its spec: kubectl shows both as one. */
function nodeState(object: AnyResource): string {
  return nodeStateText(object as unknown as Node)
}

/** A row is for the eye; -o wide and describe have all of it. */
const REMARK_CELLS = 160

/** A STATUS that follows AGE says what is wrong with a row that is otherwise complete. */
function remarkColumn(columns: readonly PrinterColumn[]): PrinterColumn | undefined {
  const usual = columns.filter((column) => (column.priority ?? 0) === 0)
  const last = usual.at(-1)
  return last?.name === 'STATUS' && usual.at(-2)?.type === 'date' ? last : undefined
}

function columnFrom(column: PrinterColumn, nowMs: number): Column {
  if (column.type === 'date')
    return { heading: column.name, cell: (object) => ageText(readField(object, column.jsonPath), nowMs) }
  return { heading: column.name, cell: (object) => cellText(readField(object, column.jsonPath), '<none>') }
}

/** The values at a JSONPath; plain dotted paths, which is what columns use, need no parser. */
export function readField(object: AnyResource, jsonPath: string): unknown {
  if (/^(\.[A-Za-z_][\w-]*)+$/.test(jsonPath)) return valueAt(object, jsonPath.slice(1).split('.'))
  const found = findAll(object, jsonPath)
  return found.length > 1 ? found : found[0]
}

/** How long ago a timestamp was. */
export function ageText(timestamp: unknown, nowMs: number): string {
  const atMs = typeof timestamp === 'string' ? Date.parse(timestamp) : Number.NaN
  return Number.isNaN(atMs) ? '<unknown>' : formatAge(nowMs - atMs)
}

/** One cell's text; `missing` where there is no value. A list of words is shown as the words. */
export function cellText(value: unknown, missing: string): string {
  if (value === undefined || value === null || value === '') return missing
  if (typeof value === 'string') return printable(value)
  if (Array.isArray(value)) {
    if (value.length === 0) return missing
    if (value.every((item) => typeof item !== 'object')) return printable(value.join(' '))
  }
  return typeof value === 'object' ? printable(JSON.stringify(value)) : String(value)
}

/** `app=web,tier=front`, in order of keys; `<none>` without labels. */
export function labelsText(labels: Readonly<Record<string, string>> | undefined): string {
  const entries = Object.entries(labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  return entries.length === 0 ? '<none>' : entries.map(([key, value]) => `${key}=${value}`).join(',')
}

export interface TableOptions {
  readonly noHeaders?: boolean
}

/** The table's text, each line ended, nothing behind the last cell of a line. Empty where there is neither row nor heading. */
export function renderTable(
  objects: readonly AnyResource[],
  columns: readonly Column[],
  options: TableOptions = {},
): string {
  const rows = objects.map((object) => columns.map((column) => column.cell(object)))
  return renderRows(options.noHeaders === true ? rows : [columns.map((column) => column.heading), ...rows])
}

/** Lays rows of cells out in columns. Cells hold no control characters. */
export function renderRows(
  rows: readonly (readonly string[])[],
  options: { readonly widths?: readonly number[]; readonly gap?: number } = {},
): string {
  const widths = columnWidths(rows, options.widths)
  const gap = options.gap ?? GAP
  let text = ''
  for (const row of rows) {
    let line = ''
    row.forEach((cell, i) => {
      line += i === row.length - 1 ? cell : padEnd(cell, (widths[i] as number) + gap)
    })
    text += `${line.trimEnd()}\n`
  }
  return text
}

/** The cells that each column needs. */
export function columnWidths(
  rows: readonly (readonly string[])[],
  atLeast: readonly number[] = [],
): readonly number[] {
  const widths: number[] = [...atLeast]
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, displayWidth(cell))
    })
  return widths
}

/** The rows of `get -w`: a heading once, then a row for every change, in the columns of the first rows. */
import type { Kind } from '../resources/kinds.ts'
import type { AnyResource } from '../resources/object.ts'
import { type Column, type ColumnOptions, columnsOf, columnWidths, renderRows } from './table.ts'

export interface RowWriter {
  /** The lines for objects that are there or have changed. */
  rows(objects: readonly AnyResource[]): string
}

/** Keeps columns in line from one call to the next: they only ever grow. */
export function createRowWriter(
  kind: Kind,
  options: Omit<ColumnOptions, 'nowMs'> & { readonly noHeaders?: boolean; readonly now: () => number },
): RowWriter {
  let widths: readonly number[] = []
  let headed = options.noHeaders === true
  return {
    rows(objects) {
      if (objects.length === 0) return ''
      const columns = columnsOf(kind, { ...options, nowMs: options.now() })
      const body = objects.map((object) => columns.map((column: Column) => column.cell(object)))
      const rows = headed ? body : [columns.map((column) => column.heading), ...body]
      headed = true
      widths = columnWidths(rows, widths)
      return renderRows(rows, { widths })
    },
  }
}

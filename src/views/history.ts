/** Revisions as a table: which, when, by whom, from where, and what changed. */
import type { RevisionRecord } from '../api/api.ts'
import { summarizeChanges } from './changes.ts'
import { ageText, renderRows } from './table.ts'
import { printable } from './width.ts'

export interface HistoryMarks {
  /** The revision that is wanted now. */
  readonly current?: number
  /** The last one that became ready. */
  readonly stable?: number
}

/** `by ada from git 3f9c2e1 (shop/web.yaml)` */
export function authorText(record: Pick<RevisionRecord, 'by' | 'from'>): string {
  const from = record.from === undefined ? '' : ` from ${record.from}`
  return printable(`${record.by}${from}`)
}

/** Newest first; the last line ended. */
export function renderHistory(
  records: readonly RevisionRecord[],
  nowMs: number,
  marks: HistoryMarks = {},
): string {
  const rows = records.map((record, i) => [
    `r${record.revision}`,
    ageText(record.at, nowMs),
    printable(record.by),
    printable(record.from ?? '-'),
    printable(record.cause),
    // what the first kept revision changed against nothing is the whole of it
    i === records.length - 1 && record.revision === 1
      ? 'created'
      : summarizeChanges(record.changes, { within: record }),
    markText(record.revision, marks),
  ])
  return renderRows([['REVISION', 'AGE', 'BY', 'FROM', 'CAUSE', 'CHANGES', ''], ...rows])
}

function markText(revision: number, marks: HistoryMarks): string {
  if (revision === marks.current) return revision === marks.stable ? 'current, last good' : 'current'
  return revision === marks.stable ? 'last good' : ''
}

/** One revision in full, above its spec as YAML. */
export function renderRevision(
  name: string,
  record: RevisionRecord,
  specYaml: string,
  nowMs: number,
): string {
  const indented = specYaml.replace(/^(?=.)/gm, '  ')
  return [
    `${name} r${record.revision}, ${printable(record.cause)} ${ageText(record.at, nowMs)} ago by ${authorText(record)} (${record.at})`,
    `changes: ${summarizeChanges(record.changes, { limit: 100, within: record })}`,
    'spec:',
    indented,
  ].join('\n')
}

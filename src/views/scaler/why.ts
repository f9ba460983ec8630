/** Why it is so many: what each trigger says and what each step did, one below the other. */
import type { Decision, Step } from '../../scaling/decide.ts'
import { displayWidth, padEnd, printable } from '../width.ts'
import { wrapText } from '../wrap.ts'
import { triggerLabel } from './record.ts'

/** Said also where they did nothing: whoever asks why wants to know that these did not. */
const ALWAYS: ReadonlySet<string> = new Set(['rules', 'protection', 'bounds'])
/** What they did is what a trigger's line says already. */
const TOLD_BY_TRIGGERS: ReadonlySet<string> = new Set(['Largest', 'Partial', 'Formula', 'Fallback'])
/** Reasons of steps that did nothing, and need not say so. */
const QUIET: ReadonlySet<string> = new Set(['None', 'Active'])
const GAP = '   '
const LEAST_TEXT_CELLS = 24

export interface WhyRow {
  readonly label: string
  readonly text: string
  /** `→ 7`; empty where it changes nothing. */
  readonly result: string
  readonly remark: string
}

export function whyRows({ triggers, steps }: Decision): readonly WhyRow[] {
  const rows: WhyRow[] = triggers.map((verdict) => ({
    label: triggerLabel(verdict, triggers),
    text:
      verdict.error === undefined ? verdict.text : `cannot be read: ${verdict.error}${failuresText(verdict)}`,
    result: verdict.proposal === undefined ? '' : `→ ${verdict.proposal}`,
    remark: verdict.decides ? '(decides)' : '',
  }))
  for (const step of steps) {
    if (!isShown(step)) continue
    const { step: label, from, to } = step
    rows.push({ label, text: textOf(step, triggers), result: from === to ? '' : `→ ${to}`, remark: '' })
  }
  return rows
}

/** What keeps the number is said above, where it is a trigger. */
function textOf({ step, reason, text }: Step, triggers: Decision['triggers']): string {
  const isSaid = step === 'triggers' && reason === 'Unknown' && triggers.some(({ error }) => error != null)
  return isSaid ? 'kept: less than all is known' : text
}

function failuresText({ failures }: { readonly failures: number }): string {
  return failures > 1 ? ` (${failures} times in a row)` : ''
}

function isShown({ step, from, to, reason }: Step): boolean {
  if (ALWAYS.has(step)) return true
  if (step === 'triggers') return !TOLD_BY_TRIGGERS.has(reason)
  return from !== to || !QUIET.has(reason)
}

/** The rows in `cells` at most, long texts on several lines. */
export function renderWhy(rows: readonly WhyRow[], cells: number): readonly string[] {
  const labelCells = Math.max(0, ...rows.map(({ label }) => displayWidth(label)))
  const tail = ({ result, remark }: WhyRow) =>
    remark === '' ? result : `${padEnd(result, 4)}${GAP}${remark}`
  const tailCells = Math.max(0, ...rows.map((row) => displayWidth(tail(row))))
  const besideLabel = Math.max(LEAST_TEXT_CELLS, cells - labelCells - GAP.length)
  const besideTail = Math.max(LEAST_TEXT_CELLS, besideLabel - tailCells - GAP.length)
  const texts = rows.map((row) => wrapText(printable(row.text), tail(row) === '' ? besideLabel : besideTail))
  const withTail = texts.filter((_, i) => tail(rows[i] as WhyRow) !== '')
  const textCells = Math.max(0, ...withTail.flat().map(displayWidth))
  return rows.flatMap((row, i) =>
    (texts[i] ?? []).map((line, n) =>
      n === 0
        ? `${padEnd(row.label, labelCells)}${GAP}${padEnd(line, textCells)}${GAP}${tail(row)}`.trimEnd()
        : `${' '.repeat(labelCells)}${GAP}${line}`,
    ),
  )
}

/** Rows whose last cell is running text: in columns, `cells` wide at most. */
export function renderRunning(rows: readonly (readonly string[])[], cells: number): readonly string[] {
  const width = (column: number) => Math.max(0, ...rows.map((row) => displayWidth(row[column] ?? '')))
  return rows.flatMap((row) => {
    const fixed = row.slice(0, -1).map((cell, column) => padEnd(cell, width(column)) + GAP)
    const indent = fixed.join('')
    const room = Math.max(LEAST_TEXT_CELLS, cells - displayWidth(indent))
    const lines = wrapText(printable(row.at(-1) ?? ''), room)
    return lines.map((line, n) => `${n === 0 ? indent : ' '.repeat(displayWidth(indent))}${line}`.trimEnd())
  })
}

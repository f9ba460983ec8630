/** A screen as lines of spans: what the panes make and the ink component shows. */
import { displayWidth, padEnd, truncate } from '../width.ts'

export type Tone = 'plain' | 'strong' | 'faint' | 'good' | 'bad' | 'warn' | 'accent'

export interface Span {
  readonly text: string
  readonly tone: Tone
}

export type Line = readonly Span[]

export function span(text: string, tone: Tone = 'plain'): Span {
  return { text, tone }
}

/** Exactly `cells` wide: cut with … or filled with spaces. */
export function fitLine(line: Line, cells: number): Line {
  const fitted: Span[] = []
  let used = 0
  for (const { text, tone } of line) {
    const left = cells - used
    if (left <= 0) break
    const shown = truncate(text, left)
    fitted.push({ text: shown, tone })
    used += displayWidth(shown)
  }
  if (used < cells) fitted.push(span(' '.repeat(cells - used)))
  return fitted
}

/** Spans at both ends of a line, what is between them filled. */
export function spread(left: Line, right: Line, cells: number): Line {
  const used = widthOf(left) + widthOf(right)
  return [...left, span(' '.repeat(Math.max(1, cells - used))), ...right]
}

export function widthOf(line: Line): number {
  return line.reduce((sum, { text }) => sum + displayWidth(text), 0)
}

/** `── Services 3 ─────` */
export function titleLine(title: string, cells: number): Line {
  const head = `── ${title} `
  return [span(head, 'accent'), span('─'.repeat(Math.max(0, cells - displayWidth(head))), 'faint')]
}

/** Rows of cells in columns, each with the tone it came with; two spaces apart. */
export function tableLines(rows: readonly Line[], gap = 2): readonly Line[] {
  const widths: number[] = []
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, displayWidth(cell.text))
    })
  return rows.map((row) =>
    row.map((cell, i) => ({
      text: i === row.length - 1 ? cell.text : padEnd(cell.text, (widths[i] as number) + gap),
      tone: cell.tone,
    })),
  )
}

/** The part of `items` that a window of `height` shows, so that `selected` is in it. */
export function windowAround<T>(items: readonly T[], selected: number, height: number): readonly T[] {
  if (items.length <= height) return items
  const from = Math.min(Math.max(0, selected - Math.floor(height / 2)), items.length - height)
  return items.slice(from, from + height)
}

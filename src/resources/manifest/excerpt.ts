/** Line, column and the lines around a place in a text. */
import type { TextRange } from './fault.ts'

export interface SourceLocation {
  /** From 1. */
  readonly line: number
  /** In characters, from 1. */
  readonly column: number
  /** The lines around it with a marker under the fault, ready to print; a hint can follow after a space. */
  readonly excerpt: string
}

const LINES_BEFORE = 2
/** A longer line is cut to a window around the place. */
const WINDOW = 100

export function locateRange(text: string, range: TextRange): SourceLocation {
  const start = Math.min(range.start, text.length)
  const lineStart = text.lastIndexOf('\n', start - 1) + 1
  const line = countLines(text, lineStart)
  const lineEnd = endOfLine(text, lineStart)
  const at = Math.min(start, lineEnd) - lineStart
  const length = Math.max(1, Math.min(range.end, lineEnd) - start)
  return { line, column: at + 1, excerpt: excerptOf(text, { line, lineStart, at, length }) }
}

interface Mark {
  readonly line: number
  readonly lineStart: number
  /** Offset in the line. */
  readonly at: number
  readonly length: number
}

function excerptOf(text: string, { line, lineStart, at, length }: Mark): string {
  const cutFrom = at > WINDOW - 20 ? at - 40 : 0
  const numberWidth = String(line).length
  const shown: string[] = []
  let from = lineStart
  for (let number = line; number > line - LINES_BEFORE - 1 && number >= 1; number--) {
    const content = printable(text.slice(from, endOfLine(text, from)).slice(cutFrom, cutFrom + WINDOW))
    shown.unshift(`   ${String(number).padStart(numberWidth)} | ${content}`)
    from = text.lastIndexOf('\n', from - 2) + 1
  }
  const indent = ' '.repeat(3 + numberWidth + 3 + at - cutFrom)
  const marker = '^'.repeat(Math.min(length, WINDOW - (at - cutFrom)))
  return [...shown.map((one) => one.trimEnd()), indent + marker].join('\n')
}

function countLines(text: string, until: number): number {
  let lines = 1
  for (let at = text.indexOf('\n'); at >= 0 && at < until; at = text.indexOf('\n', at + 1)) lines++
  return lines
}

function endOfLine(text: string, from: number): number {
  const found = text.indexOf('\n', from)
  const end = found < 0 ? text.length : found
  return end > from && text[end - 1] === '\r' ? end - 1 : end
}

/**
 * Characters that move the cursor, hide others or turn the direction of text; of the format characters only those, since
 * emoji are made with the rest.
 */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu

/** One column for each character, whatever the terminal would make of it: tabs are spaces, controls are marked. */
function printable(text: string): string {
  return text.replaceAll('\t', ' ').replace(UNPRINTABLE, '\ufffd')
}

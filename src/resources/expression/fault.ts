/** What is wrong with an expression, and where. */
import { NsctlError } from '../../core/errors.ts'

/** As much of a line as is shown on each side of the place. */
const SHOWN = 60

/** An Invalid error that names line and column (from 1), and shows the line with a caret below the place. */
export function faultAt(text: string, at: number, what: string, next?: string): NsctlError {
  const before = text.slice(0, at)
  const lineStart = before.lastIndexOf('\n') + 1
  const lineEnd = text.indexOf('\n', at)
  const line = text.slice(lineStart, lineEnd < 0 ? text.length : lineEnd)
  const lineNumber = before.split('\n').length
  const column = at - lineStart
  const from = Math.max(0, column - SHOWN)
  const shown = line.slice(from, column + SHOWN).replaceAll(/\s/g, ' ')
  return new NsctlError('Invalid', `${what} at ${lineNumber}:${column + 1}`, {
    value: `${shown}\n${' '.repeat(column - from)}^`,
    ...(next === undefined ? {} : { next }),
  })
}

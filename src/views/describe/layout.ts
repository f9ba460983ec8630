/** The page that describe prints: a label in front of each block, the blocks in line. */
import { padEnd } from '../width.ts'

const LEAST_LABEL_CELLS = 13

/** A label and its lines. A block without lines is left out. */
export type Block = readonly [label: string, lines: readonly string[]]

/** The blocks one below the other, last line ended. */
export function renderBlocks(blocks: readonly Block[]): string {
  const shown = blocks.filter(([, lines]) => lines.length > 0)
  const cells = Math.max(LEAST_LABEL_CELLS, ...shown.map(([label]) => label.length + 2))
  let text = ''
  for (const [label, lines] of shown)
    lines.forEach((line, i) => {
      text += `${padEnd(i === 0 ? label : '', cells)}${line}`.trimEnd()
      text += '\n'
    })
  return text
}

/** A text of several lines as lines. */
export function linesOf(text: string): readonly string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n')
}

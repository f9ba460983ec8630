/** How wide text is on a terminal, and what makes text safe to show there. */

import { harmless } from '../core/harmless.ts'

const PRINTABLE_ASCII = /^[\x20-\x7e]*$/

/** Starts of ranges of code points that take two cells (East Asian wide, full width, emoji), with their ends. */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x231a, 0x231b],
  [0x23e9, 0x23ec],
  [0x25fd, 0x25fe],
  [0x2614, 0x2615],
  [0x2648, 0x2653],
  [0x26a1, 0x26a1],
  [0x2705, 0x2705],
  [0x270a, 0x270b],
  [0x274c, 0x274c],
  [0x2753, 0x2755],
  [0x2757, 0x2757],
  [0x2795, 0x2797],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f900, 0x1f9ff],
  [0x20000, 0x3fffd],
]

/** Marks that combine with what stands before them, joiners and variation selectors: no cell of their own. */
const ZERO_WIDTH = /^[\p{Mn}\p{Me}\u200b-\u200f\u2060\ufeff]$/u

function cellsOf(character: string): number {
  const code = character.codePointAt(0) as number
  if (code < 0x300) return 1
  if (ZERO_WIDTH.test(character)) return 0
  for (const [from, to] of WIDE) if (code >= from && code <= to) return 2
  return 1
}

/** Terminal cells that `text` takes; it holds no control characters (see `printable`). */
export function displayWidth(text: string): number {
  if (PRINTABLE_ASCII.test(text)) return text.length
  let cells = 0
  for (const character of text) cells += cellsOf(character)
  return cells
}

/** `text` with spaces behind it up to `cells`. */
export function padEnd(text: string, cells: number): string {
  return text + ' '.repeat(Math.max(0, cells - displayWidth(text)))
}

/** `text` in at most `cells`, with `…` where something was cut off. */
export function truncate(text: string, cells: number): string {
  if (displayWidth(text) <= cells) return text
  if (cells <= 0) return ''
  let kept = ''
  let used = 0
  for (const character of text) {
    const width = cellsOf(character)
    if (used + width > cells - 1) break
    kept += character
    used += width
  }
  return `${kept}…`
}

/**
 * `text` on one line without control characters: what others wrote (messages, output of programs) may not move the
 * cursor or recolour the terminal. Line breaks become spaces, others their escapes.
 */
export function printable(text: string): string {
  if (PRINTABLE_ASCII.test(text)) return text
  const oneLine = text.replace(/\s*[\r\n]+\s*/g, ' ').replace(/\t/g, ' ')
  return harmless(oneLine)
}

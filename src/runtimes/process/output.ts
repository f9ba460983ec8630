/** Lines of one output file, read in pieces. */
import type { FileHandle } from 'node:fs/promises'
import { open } from 'node:fs/promises'

const PIECE_BYTES = 2 ** 16
/** A line that is longer comes in pieces. */
const LINE_MAX_BYTES = 2 ** 20
const NEWLINE = 10

export interface OutputLine {
  readonly text: string
  /** Offset of its first byte. */
  readonly start: number
  /** Offset of the byte after it and its newline. */
  readonly end: number
}

export interface OutputRange {
  readonly from: number
  readonly to: number
  /** A last line without newline is given too: nothing more will come, or nobody waits for it. */
  readonly whole: boolean
}

/** The lines of `path` in a range of bytes; nothing where the file is not there. */
export async function* readLines(path: string, range: OutputRange): AsyncGenerator<OutputLine> {
  const file = await openOrNothing(path)
  if (file === undefined) return
  try {
    let rest: Buffer = Buffer.alloc(0)
    let at = range.from
    while (at < range.to) {
      const piece = await readAt(file, at, Math.min(PIECE_BYTES, range.to - at))
      if (piece.length === 0) break
      at += piece.length
      const text = rest.length === 0 ? piece : Buffer.concat([rest, piece])
      let from = 0
      for (let to = text.indexOf(NEWLINE); to !== -1; to = text.indexOf(NEWLINE, from)) {
        const origin = at - text.length
        yield { text: text.toString('utf8', from, to), start: origin + from, end: origin + to + 1 }
        from = to + 1
      }
      rest = text.subarray(from)
      if (rest.length < LINE_MAX_BYTES) continue
      yield { text: rest.toString('utf8'), start: at - rest.length, end: at }
      rest = Buffer.alloc(0)
    }
    if (range.whole && rest.length > 0)
      yield { text: rest.toString('utf8'), start: at - rest.length, end: at }
  } finally {
    await file.close()
  }
}

/** Where the last `count` lines begin that end before `to`, never before `base`. */
export async function startOfLast(
  path: string,
  count: number,
  { base, to }: { readonly base: number; readonly to: number },
): Promise<number> {
  const file = count === 0 ? undefined : await openOrNothing(path)
  if (file === undefined) return to
  try {
    let missing = count
    for (let end = to; end > base; end -= PIECE_BYTES) {
      const from = Math.max(base, end - PIECE_BYTES)
      const piece = await readAt(file, from, end - from)
      // the newline that ends the very last line begins nothing
      let i = end === to && piece.at(-1) === NEWLINE ? piece.length - 2 : piece.length - 1
      for (; i >= 0; i--) if (piece[i] === NEWLINE && --missing === 0) return from + i + 1
    }
    return base
  } finally {
    await file.close()
  }
}

/** The beginning of the first line at or after `offset`, which lies somewhere in a line. */
export async function nextLine(path: string, offset: number, to: number): Promise<number> {
  if (offset === 0) return 0
  const file = await openOrNothing(path)
  if (file === undefined) return to
  try {
    for (let at = offset - 1; at < to; at += PIECE_BYTES) {
      const piece = await readAt(file, at, Math.min(PIECE_BYTES, to - at))
      const found = piece.indexOf(NEWLINE)
      if (found !== -1) return at + found + 1
    }
    return to
  } finally {
    await file.close()
  }
}

async function readAt(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, at)
  return buffer.subarray(0, bytesRead)
}

async function openOrNothing(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

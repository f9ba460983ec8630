/**
 * When the bytes of an attempt's output were written, and where what is kept of it begins. The output files hold what the
 * program wrote and nothing else; this stands beside them, as text:
 *
 *     o 1767225600123 4096     by that time stdout had 4,096 bytes
 *     e 1767225600140 128      by that time stderr had 128
 *     O 1048576                stdout before that offset was given back to the file system
 *
 * A line was written at the time of the first entry that covers its end; entries stand in the order in which they were seen, which
 * orders the lines of both streams. Pure.
 */

export type StreamLetter = 'o' | 'e'

export interface Stamp {
  readonly stream: StreamLetter
  readonly atMs: number
  readonly offset: number
}

export interface Stamps {
  readonly entries: readonly Stamp[]
  /** Where each stream begins. */
  readonly base: Readonly<Record<StreamLetter, number>>
}

export const NO_STAMPS: Stamps = { entries: [], base: { o: 0, e: 0 } }

/** Reads a stamp file. A last line that is not whole yet is left out, as is what makes no sense. */
export function parseStamps(text: string): Stamps {
  const entries: Stamp[] = []
  const base = { o: 0, e: 0 }
  for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n')) {
    const [letter, first, second] = line.split(' ')
    if (letter === 'o' || letter === 'e') {
      const [atMs, offset] = [Number(first), Number(second)]
      if (Number.isFinite(atMs) && Number.isFinite(offset)) entries.push({ stream: letter, atMs, offset })
    } else if (letter === 'O') base.o = Math.max(base.o, Number(first))
    else if (letter === 'E') base.e = Math.max(base.e, Number(first))
  }
  return { entries, base }
}

export function formatStamp(stamp: Stamp): string {
  return `${stamp.stream} ${stamp.atMs} ${stamp.offset}\n`
}

export function formatBase(stream: StreamLetter, offset: number): string {
  return `${stream.toUpperCase()} ${offset}\n`
}

/** The same with about half of its entries: what is before a stream's base goes, and every second one of the older half. */
export function thin({ entries, base }: Stamps): Stamps {
  const kept = entries.filter((entry) => entry.offset > base[entry.stream])
  const half = Math.floor(kept.length / 2)
  return { entries: kept.filter((_, i) => i >= half || i % 2 === 1), base }
}

export function formatStamps({ entries, base }: Stamps): string {
  return formatBase('o', base.o) + formatBase('e', base.e) + entries.map(formatStamp).join('')
}

/**
 * Finds the stamps of one stream's lines, whose ends must be asked for in growing order: one pass over the entries. What no entry covers
 * yet was written by `untilMs`.
 */
export function stampFinder(
  stamps: Stamps,
  stream: StreamLetter,
  untilMs: number,
): (end: number) => { readonly atMs: number; readonly rank: number } {
  let rank = 0
  return (end) => {
    for (; rank < stamps.entries.length; rank++) {
      const entry = stamps.entries[rank] as Stamp
      if (entry.stream === stream && entry.offset >= end) return { atMs: entry.atMs, rank }
    }
    return { atMs: untilMs, rank }
  }
}

/**
 * How history gets from the process that makes it to those that may follow it: in segments, through a ring of bounded size in what all of
 * them have in common. What has left the ring before somebody read it is lost to them.
 */
import { promisify } from 'node:util'
import { deflateRaw, inflateRawSync } from 'node:zlib'
import { isObject } from '../../core/json.ts'
import type { HistoryEntry } from './history.ts'

export interface Segment {
  /** Grows by one. */
  readonly number: number
  readonly text: string
}

export interface SegmentReader {
  /** Those after that number that are still there, in order. All, where the ring was begun anew and is not so far yet. */
  read(after: number): Promise<readonly Segment[]>
}

export interface SegmentLog extends SegmentReader {
  /** Puts it at the end; over the bound the oldest goes. Its number. Rejects with Fenced where another writes by now. */
  append(text: string): Promise<number>
}

/** Characters of a segment: below what any store takes for a value. */
export const SEGMENT_CHARACTERS = 96 * 1024
/** Samples shrink to a tenth and less, and base64 adds a third; what turns out larger is cut. */
const RAW_PART = 16
const MAX_INFLATED_BYTES = 64 * 1024 * 1024

const deflate = promisify(deflateRaw)

/**
 * The entries as segments of at most `maxCharacters`, in order; one that is larger alone is left out. Compressed beside the event loop, a
 * piece at a time.
 */
export async function encodeSegments(
  entries: readonly HistoryEntry[],
  maxCharacters = SEGMENT_CHARACTERS,
): Promise<readonly string[]> {
  const segments: string[] = []
  for (const piece of piecesOf(
    entries.map((entry) => JSON.stringify(entry)),
    maxCharacters * RAW_PART,
  ))
    segments.push(...(await encodePiece(piece, maxCharacters)))
  return segments
}

/** Pieces of so many characters, as nearly as entries allow. */
function piecesOf(texts: readonly string[], characters: number): readonly (readonly string[])[] {
  const pieces: string[][] = []
  let room = 0
  for (const text of texts) {
    if (text.length > room) {
      pieces.push([])
      room = characters
    }
    pieces.at(-1)?.push(text)
    room -= text.length
  }
  return pieces
}

async function encodePiece(texts: readonly string[], maxCharacters: number): Promise<readonly string[]> {
  const text = (await deflate(texts.join('\n'))).toString('base64')
  if (text.length <= maxCharacters) return [text]
  if (texts.length === 1) return []
  const middle = texts.length >> 1
  return [
    ...(await encodePiece(texts.slice(0, middle), maxCharacters)),
    ...(await encodePiece(texts.slice(middle), maxCharacters)),
  ]
}

/** What a segment holds, of one object where that is named; nothing where it cannot be read. */
export function decodeSegment(text: string, object?: string): readonly HistoryEntry[] {
  const mark = object === undefined ? '' : JSON.stringify(object)
  try {
    const json = inflateRawSync(Buffer.from(text, 'base64'), { maxOutputLength: MAX_INFLATED_BYTES })
    const lines = json.toString('utf8').split('\n')
    const entries: unknown[] = lines.filter((line) => line.includes(mark)).map((line) => JSON.parse(line))
    return entries
      .filter(isEntry)
      .filter((entry) => object === undefined || entry.object === object)
      .map((entry) => ({ ...entry, uid: entry.uid ?? '' }))
  } catch {
    return []
  }
}

/** An nsctl before wrote down no uid. */
function isEntry(value: unknown): value is Omit<HistoryEntry, 'uid'> & { readonly uid?: string } {
  return (
    isObject(value) &&
    typeof value.object === 'string' &&
    (value.uid === undefined || typeof value.uid === 'string') &&
    Number.isFinite(value.atMs) &&
    (value.kind === 'decision' || value.kind === 'sample' || value.kind === 'latest') &&
    value.content !== undefined
  )
}

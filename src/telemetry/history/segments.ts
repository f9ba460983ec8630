/**
 * How history gets from the process that makes it to those that may follow it: in segments, through a ring of bounded size in what all of
 * them have in common. What has left the ring before somebody read it is lost to them.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib'
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
const MAX_INFLATED_BYTES = 64 * 1024 * 1024

/** The entries as segments of at most `maxCharacters`; one that is larger alone is left out. */
export function encodeSegments(
  entries: readonly HistoryEntry[],
  maxCharacters = SEGMENT_CHARACTERS,
): readonly string[] {
  if (entries.length === 0) return []
  const text = deflateRawSync(JSON.stringify(entries)).toString('base64')
  if (text.length <= maxCharacters) return [text]
  if (entries.length === 1) return []
  const middle = entries.length >> 1
  return [
    ...encodeSegments(entries.slice(0, middle), maxCharacters),
    ...encodeSegments(entries.slice(middle), maxCharacters),
  ]
}

/** What a segment holds; nothing where it cannot be read. */
export function decodeSegment(text: string): readonly HistoryEntry[] {
  try {
    const json = inflateRawSync(Buffer.from(text, 'base64'), { maxOutputLength: MAX_INFLATED_BYTES })
    const entries: unknown = JSON.parse(json.toString('utf8'))
    return Array.isArray(entries) ? entries.filter(isEntry) : []
  } catch {
    return []
  }
}

function isEntry(value: unknown): value is HistoryEntry {
  return (
    isObject(value) &&
    typeof value.object === 'string' &&
    Number.isFinite(value.atMs) &&
    (value.kind === 'decision' || value.kind === 'sample' || value.kind === 'latest') &&
    value.content !== undefined
  )
}

/** What is wrong with a text of manifests, before any schema is asked. */
import type { Path } from '../../core/json.ts'

/** Thrown by the readers of this folder; `parseManifests` makes one error of all. */
export class DocumentFault extends Error {
  /** Offsets into the text. */
  readonly start: number
  readonly end: number
  /** Said beneath the marker: `did you mean "kind"?` */
  readonly hint: string | undefined

  constructor(message: string, range: { readonly start: number; readonly end?: number }, hint?: string) {
    super(message)
    this.start = range.start
    this.end = range.end ?? range.start + 1
    this.hint = hint
  }
}

/** The text is no JSON at all; it may still be YAML. */
export class NotJson extends DocumentFault {}

/** A place in a text, as offsets. */
export interface TextRange {
  readonly start: number
  readonly end: number
}

/** One document of a text, as plain data, and where its parts stand. */
export interface RawDocument {
  readonly value: unknown
  /** True where its text was seen to have no null, which spares looking for them in the value. */
  readonly hasNoNulls?: boolean
  /** Where the value at `path` (or its key) stands; the nearest place above it where the path is not there. */
  rangeOf(path: Path, onKey: boolean): TextRange
}

/** Values are nested at most that deep: what walks them may recurse. */
export const MAX_DEPTH = 100

/** Would be an object's prototype to whoever copies it carelessly. No resource has a use for it. */
export const FORBIDDEN_KEY = '__proto__'

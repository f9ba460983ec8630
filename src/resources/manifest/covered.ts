/** A text without what may be a Secret's value in it: lines around a fault are shown, and messages end up in logs. */
import { isObject, type Path } from '../../core/json.ts'
import { DocumentFault, type RawDocument, type TextRange } from './fault.ts'

/** Members of a Secret that are nobody's secret. */
const OPEN = new Set(['apiVersion', 'kind', 'metadata', 'type', 'immutable'])
/** Kubernetes' names for values, whatever the document is called. */
const PLAIN = ['stringData', 'data']
const LOOKS_LIKE_A_SECRET = /\bsecrets?\b|\bstringData\b/i
/** Faults of form, in words of our own that repeat nothing but names. */
const REPEATS_NOTHING =
  /^(not YAML: a tab |tags are not |nested more than |duplicate key |a key must be |the key |<< merges |items: |control character |byte |this is UTF-16)/

/** Looking for the place of each value costs; what begins with a document of more is covered as a whole. */
const MOST_VALUES = 1_000

/** Values covered character by character, so that places stay what they are. */
export function coveredText(text: string, documents: readonly RawDocument[]): string {
  if (!LOOKS_LIKE_A_SECRET.test(text)) return text
  const ranges = documents
    .flatMap((document) => rangesOf(document, text.length))
    .toSorted((a, b) => a.start - b.start)
  const parts: string[] = []
  let at = 0
  for (const { start, end } of ranges) {
    if (start < at) continue
    const until = endWithComment(text, end)
    parts.push(text.slice(at, start), text.slice(start, until).replaceAll(/\S/g, '*'))
    at = until
  }
  return parts.join('') + text.slice(at)
}

/** Where values stand that are to be covered. */
function rangesOf(document: RawDocument, length: number): readonly TextRange[] {
  const { value } = document
  if (!isObject(value)) return []
  const isSecret = typeof value.kind === 'string' && /^secret/i.test(value.kind)
  const all = isSecret
    ? Object.keys(value).filter((key) => !OPEN.has(key))
    : 'stringData' in value
      ? PLAIN
      : []
  const paths = all.flatMap((member) => leavesOf(value[member], [member])).filter(mayHoldValue)
  return paths.length > MOST_VALUES
    ? [{ start: document.rangeOf([], false).start, end: length }]
    : paths.map((path) => document.rangeOf(path, false))
}

/** With the comment behind it: what follows ` #` may have been meant to be of the value. */
function endWithComment(text: string, end: number): number {
  const comment = /[ \t]*#[^\n]*/y
  comment.lastIndex = end
  return comment.test(text) ? comment.lastIndex : end
}

/** For a text that could not be parsed: all but the names of members. */
export function coveredBlindly(text: string): string {
  if (!LOOKS_LIKE_A_SECRET.test(text)) return text
  return text.replace(
    /^((?:[ \t]*(?:- )?[\w./-]+[ \t]*:(?=[ \t\r\n]|$))?)(.*)$/gm,
    (line, name: string, rest: string) =>
      /^(apiVersion|kind):/.test(line) ? line : name + rest.replaceAll(/\S/g, '*'),
  )
}

/** The fault of such a text without what its words may repeat of it. */
export function coveredFault(fault: DocumentFault, text: string): DocumentFault {
  if (!LOOKS_LIKE_A_SECRET.test(text) || REPEATS_NOTHING.test(fault.message)) return fault
  return new DocumentFault(
    'neither YAML nor JSON: what is wrong here is not repeated, since it may be part of a value',
    fault,
    'quote what has other characters than letters and digits',
  )
}

/** Where values are kept elsewhere is no secret, but for what logs in there. */
function mayHoldValue(path: Path): boolean {
  return path[0] !== 'spec' || path[1] !== 'external' || path.includes('auth')
}

function leavesOf(value: unknown, path: Path): readonly Path[] {
  if (Array.isArray(value)) return value.flatMap((item, at) => leavesOf(item, [...path, at]))
  if (isObject(value)) return Object.entries(value).flatMap(([key, one]) => leavesOf(one, [...path, key]))
  return [path]
}

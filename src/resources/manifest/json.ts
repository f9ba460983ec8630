/** JSON manifests: one document or several one after the other, as `jq -c` writes them. Loads no YAML library. */
import { isObject, type Path } from '../../core/json.ts'
import {
  DocumentFault,
  FORBIDDEN_KEY,
  MAX_DEPTH,
  NotJson,
  type RawDocument,
  type TextRange,
} from './fault.ts'
import { findDuplicate, JsonWalker } from './json-walker.ts'

/**
 * Parses with JSON.parse, whose silence about duplicate keys is broken by counting: a text with more members than its value
 * has repeats one. Positions are found again only when they are asked for. Throws a DocumentFault.
 */
export function parseJson(text: string): readonly RawDocument[] {
  const plain = parsePlain(text)
  if (plain !== undefined) return [plain]
  const documents: RawDocument[] = []
  let at = skipBlank(text, 0)
  while (at < text.length) {
    const { end, members } = scan(text, at)
    const value = parseOne(text, at, end)
    const counted = countMembers(value)
    if (counted.forbidden || counted.members !== members) throw keyFault(text, at, counted.forbidden)
    documents.push(new JsonDocument(text, at, value))
    at = skipBlank(text, end)
  }
  return documents
}

/**
 * A text that a program wrote: what JSON.stringify makes of its value is the text again, so no member can be in it twice.
 * Several times faster than counting; undefined where that cannot be said, whatever the reason.
 */
function parsePlain(text: string): RawDocument | undefined {
  if (text.includes(FORBIDDEN_KEY)) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return isWrittenAs(text, value) ? new JsonDocument(text, 0, value, !text.includes('null')) : undefined
  } catch {
    // several documents, or none: the way with better words finds out
    return undefined
  }
}

/** True where JSON.stringify makes `text` of `value`, indented or not, and nothing in it is nested too deep. */
function isWrittenAs(text: string, value: unknown): boolean {
  let at = 0
  const follows = (piece: string) => {
    const isNext = text.startsWith(piece, at)
    at += piece.length
    return isNext
  }
  const holds = (part: unknown, indent?: string) => {
    const json = JSON.stringify(part, null, indent)
    return follows(json) && isFlat(json, part)
  }
  const isWhole = () => at === text.length || (at === text.length - 1 && text.endsWith('\n'))
  const indent = /^[[{]\n( +)/.exec(text)?.[1]
  if (indent !== undefined || !isObject(value) || !Array.isArray(value.items))
    return holds(value, indent) && isWhole()
  // item by item: a second text of megabytes would cost more than the making of it
  for (const [index, [key, member]] of Object.entries(value).entries()) {
    if (!follows(`${index === 0 ? '{' : ','}${JSON.stringify(key)}:`)) return false
    if (key !== 'items') {
      if (!holds(member)) return false
      continue
    }
    for (let item = 0; item < value.items.length; item++)
      if (!follows(item === 0 ? '[' : ',') || !holds(value.items[item])) return false
    if (!follows(value.items.length === 0 ? '[]' : ']')) return false
  }
  return follows('}') && isWhole()
}

/** True where what `json` holds, as text and as `value`, is not nested too deep. One list around it is not counted. */
function isFlat(json: string, value: unknown): boolean {
  // what opens that seldom cannot be nested deeper: looking through the text is five times as fast as through the value
  return countOf(json, '{') + countOf(json, '[') < MAX_DEPTH || isWithin(value, MAX_DEPTH - 2)
}

function countOf(text: string, character: string): number {
  let count = 0
  for (let at = text.indexOf(character); at >= 0; at = text.indexOf(character, at + 1)) count++
  return count
}

function isWithin(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (depth === 0) return false
  return Object.values(value).every((member) => isWithin(member, depth - 1))
}

class JsonDocument implements RawDocument {
  readonly value: unknown
  readonly hasNoNulls: boolean
  readonly #text: string
  readonly #start: number

  constructor(text: string, start: number, value: unknown, hasNoNulls = false) {
    this.#text = text
    this.#start = start
    this.value = value
    this.hasNoNulls = hasNoNulls
  }

  rangeOf(path: Path, onKey: boolean): TextRange {
    return new JsonWalker(this.#text, this.#start).find(path, onKey)
  }
}

function parseOne(text: string, start: number, end: number): unknown {
  const part = start === 0 && end === text.length ? text : text.slice(start, end)
  try {
    return JSON.parse(part)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const position = /at position (\d+)/.exec(message)
    const at = start + (position === null ? part.length : Math.min(Number(position[1]), part.length))
    const words = message.replace(/ in JSON at position.*$/s, '').replace(/, ".*" is not valid JSON$/s, '')
    throw new NotJson(`not JSON: ${words.slice(0, 120)}`, { start: at })
  }
}

/** The end of the value that starts at `from`, and how many members its objects have as written. */
function scan(text: string, from: number): { readonly end: number; readonly members: number } {
  let depth = 0
  let members = 0
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x22) i = endOfString(text, i)
    else if (code === 0x3a) members++
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > MAX_DEPTH)
        throw new DocumentFault(`nested more than ${MAX_DEPTH} levels deep`, { start: i })
    } else if (code === 0x7d || code === 0x5d) {
      if (--depth <= 0) return { end: i + 1, members }
    }
  }
  return { end: text.length, members }
}

/** The index of the quote that closes the string opened at `open`. */
function endOfString(text: string, open: number): number {
  for (let at = text.indexOf('"', open + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0
    while (text.charCodeAt(at - 1 - slashes) === 0x5c) slashes++
    if (slashes % 2 === 0) return at
  }
  return text.length
}

function countMembers(value: unknown): { readonly members: number; readonly forbidden: boolean } {
  let members = 0
  let forbidden = false
  const visit = (current: unknown): void => {
    if (Array.isArray(current)) for (let at = 0; at < current.length; at++) visit(current[at])
    else if (isObject(current))
      for (const key in current) {
        members++
        if (key === FORBIDDEN_KEY) forbidden = true
        visit(current[key])
      }
  }
  visit(value)
  return { members, forbidden }
}

function keyFault(text: string, start: number, forbidden: boolean): DocumentFault {
  const found = findDuplicate(text, start, forbidden ? FORBIDDEN_KEY : undefined)
  if (forbidden) return new DocumentFault(`the key ${FORBIDDEN_KEY} is not allowed`, found.second)
  return new DocumentFault(`duplicate key ${JSON.stringify(found.key)}`, found.second, found.firstText)
}

function skipBlank(text: string, from: number): number {
  let at = from
  while (at < text.length && /\s/.test(text[at]!)) at++
  return at
}

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
  const single = parseSingle(text)
  if (single !== undefined) return [single]
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

/** One document without faults, several times as fast as the way that finds them; undefined where it is not that. */
function parseSingle(text: string): RawDocument | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // several documents, or none: the way with better words finds out
    return undefined
  }
  const found = { nulls: 0 }
  if (membersWithin(value, 1, found) !== membersIn(text)) return undefined
  return new JsonDocument(text, skipBlank(text, 0), value, found.nulls === 0)
}

/**
 * How many members the objects of a value have; not a number where it is nested too deep or has a forbidden name. Counts nulls
 * on its way.
 */
function membersWithin(value: unknown, depth: number, found: { nulls: number }): number {
  if (typeof value !== 'object') return 0
  if (value === null) {
    found.nulls++
    return 0
  }
  if (depth > MAX_DEPTH) return Number.NaN
  let members = 0
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++)
      if (typeof value[at] === 'object') members += membersWithin(value[at], depth + 1, found)
    return members
  }
  for (const key in value) {
    if (key === FORBIDDEN_KEY) return Number.NaN
    members++
    const member = (value as Record<string, unknown>)[key]
    if (typeof member === 'object') members += membersWithin(member, depth + 1, found)
  }
  return members
}

/**
 * How many members stand in valid JSON: a quote that no backslash makes part of a string, and a colon behind it, end a name. Not a
 * number where there is such a backslash; too few where there are blanks between the two.
 */
function membersIn(text: string): number {
  let members = 0
  for (let at = text.indexOf('":'); at >= 0; at = text.indexOf('":', at + 2)) {
    if (text.charCodeAt(at - 1) === 0x5c) return Number.NaN
    members++
  }
  return members
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

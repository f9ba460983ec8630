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
    if (!isWithin(value, MAX_DEPTH)) return undefined
    const isSame = (again: string) => text === again || text === `${again}\n`
    const indent = /^[[{]\n( +)/.exec(text)?.[1]
    if (indent !== undefined)
      return isSame(JSON.stringify(value, null, indent)) ? new JsonDocument(text, 0, value) : undefined
    const written = stringify(value)
    return isSame(written.json) ? new JsonDocument(text, 0, value, written) : undefined
  } catch {
    // several documents, or none: the way with better words finds out
    return undefined
  }
}

interface Written {
  readonly json: string
  readonly itemsJson?: readonly string[]
}

/** JSON.stringify, piece by piece where it is a list: whoever stores the items wants their texts. */
function stringify(value: unknown): Written {
  if (!isObject(value) || !Array.isArray(value.items)) return { json: JSON.stringify(value) }
  const itemsJson = value.items.map((item) => JSON.stringify(item))
  const members = Object.entries(value).map(([key, member]) => {
    const text = key === 'items' ? `[${itemsJson.join(',')}]` : JSON.stringify(member)
    return `${JSON.stringify(key)}:${text}`
  })
  return { json: `{${members.join(',')}}`, itemsJson }
}

function isWithin(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (depth === 0) return false
  // only what may hold more is looked into: this sees every value of a text that may be megabytes
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++)
      if (typeof value[at] === 'object' && !isWithin(value[at], depth - 1)) return false
    return true
  }
  const members = value as Readonly<Record<string, unknown>>
  for (const key in members)
    if (typeof members[key] === 'object' && !isWithin(members[key], depth - 1)) return false
  return true
}

class JsonDocument implements RawDocument {
  readonly value: unknown
  readonly json?: string
  readonly itemsJson?: readonly string[]
  readonly #text: string
  readonly #start: number

  constructor(text: string, start: number, value: unknown, written?: Written) {
    this.#text = text
    this.#start = start
    this.value = value
    if (written === undefined) return
    this.json = written.json
    if (written.itemsJson !== undefined) this.itemsJson = written.itemsJson
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

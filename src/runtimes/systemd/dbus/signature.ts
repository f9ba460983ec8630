/** D-Bus type signatures (specification, "Type System"). */
import { NsctlError } from '../../../core/errors.ts'

/** One complete type. `code` is the signature's character; `(` a struct, `{` a dictionary entry. */
export interface DbusType {
  readonly code: string
  /** Element of an array, fields of a struct, key and value of an entry. */
  readonly inner: readonly DbusType[]
  /** Its own signature. */
  readonly text: string
}

const BASIC = 'ybnqiuxtdsogh'
const SINGLE: Readonly<Record<string, DbusType>> = Object.fromEntries(
  [...BASIC, 'v'].map((code) => [code, { code, inner: [], text: code }]),
)
const MAX_DEPTH = 64
const ALIGNMENT: Readonly<Record<string, number>> = {
  y: 1,
  b: 4,
  n: 2,
  q: 2,
  i: 4,
  u: 4,
  x: 8,
  t: 8,
  d: 8,
  s: 4,
  o: 4,
  g: 1,
  h: 4,
  a: 4,
  v: 1,
  '(': 8,
  '{': 8,
}

export function alignmentOf(type: DbusType): number {
  return ALIGNMENT[type.code]!
}

/** The complete types of a signature, in order. @throws Invalid */
export function parseSignature(text: string): readonly DbusType[] {
  const types: DbusType[] = []
  let at = 0
  while (at < text.length) {
    const type = parseOne(text, at, 0)
    types.push(type)
    at += type.text.length
  }
  return types
}

function parseOne(text: string, at: number, depth: number): DbusType {
  const code = text[at]
  if (code === undefined || depth > MAX_DEPTH) throw wrong(text)
  const single = SINGLE[code]
  if (single !== undefined) return single
  if (code === 'a') {
    const element =
      text[at + 1] === '{' ? parseEntry(text, at + 1, depth + 1) : parseOne(text, at + 1, depth + 1)
    return { code, inner: [element], text: `a${element.text}` }
  }
  if (code === '(') {
    const { inner, end } = parseUntil(text, at + 1, ')', depth + 1)
    if (inner.length === 0) throw wrong(text)
    return { code, inner, text: text.slice(at, end) }
  }
  throw wrong(text)
}

function parseEntry(text: string, at: number, depth: number): DbusType {
  const { inner, end } = parseUntil(text, at + 1, '}', depth)
  if (inner.length !== 2 || !BASIC.includes(inner[0]!.code)) throw wrong(text)
  return { code: '{', inner, text: text.slice(at, end) }
}

function parseUntil(text: string, from: number, close: string, depth: number) {
  const inner: DbusType[] = []
  let at = from
  while (text[at] !== close) {
    const type = parseOne(text, at, depth)
    inner.push(type)
    at += type.text.length
  }
  return { inner, end: at + 1 }
}

function wrong(text: string): NsctlError {
  return new NsctlError('Invalid', `not a D-Bus signature: ${JSON.stringify(text)}`, { value: text })
}

/** Text to tokens. */
import { faultAt } from './fault.ts'

export interface Token {
  readonly kind: 'number' | 'string' | 'name' | 'symbol' | 'end'
  /** Of a symbol or a word its spelling (`and` is `&&`, `^` is `**`), of a string what it stands for. */
  readonly text: string
  readonly number: number
  readonly at: number
}

/** Words that are operators or values, and what they mean the same as. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ['and', '&&'],
  ['or', '||'],
  ...['not', 'in', 'contains', 'startsWith', 'endsWith', 'matches', 'let', 'true', 'false', 'nil'].map(
    (word) => [word, word] as const,
  ),
])

const SYMBOL = /\?\?|\?\.(?!\d)|\*\*|&&|\|\||==|!=|<=|>=|\.\.|#acc\b|#index\b|[-+*/%^<>!?:,()[\]{}.#|;=]/y
const NUMBER =
  /0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*(?:\.(?!\.)\d*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?/y
const NAME = /[\p{L}_$][\p{L}\p{Nd}_$]*/uy
const DASHED = /[\p{L}_$][\p{L}\p{Nd}_$]*(?:-[\p{L}\p{Nd}_$]+)+/uy
const BLANK = /(?:\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/)+/y
const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  '0': '\0',
  '\\': '\\',
  "'": "'",
  '"': '"',
}

/**
 * All tokens, the last of kind `end`. `known` are names that may hold dashes: `queue-lag` is one name where there is such a name
 * and none that is `queue`, else a subtraction.
 */
export function tokenize(text: string, known: ReadonlySet<string>): readonly Token[] {
  const tokens: Token[] = []
  let at = match(BLANK, text, 0).length
  while (at < text.length) {
    const [token, end] = tokenAt(text, at, known)
    tokens.push(token)
    at = end + match(BLANK, text, end).length
  }
  tokens.push({ kind: 'end', text: 'the end', number: 0, at: text.length })
  return tokens
}

function tokenAt(text: string, at: number, known: ReadonlySet<string>): readonly [Token, number] {
  const first = text[at]!
  if (first === '"' || first === "'" || first === '`') return stringAt(text, at, first)
  const digits = match(NUMBER, text, at)
  if (digits !== '') return numberAt(text, at, digits)
  const name = match(NAME, text, at)
  if (name !== '') {
    const word = WORDS.get(name)
    if (word !== undefined) return [{ kind: 'symbol', text: word, number: 0, at }, at + name.length]
    const whole = known.has(name) ? name : (dashedAt(text, at, known) ?? name)
    return [{ kind: 'name', text: whole, number: 0, at }, at + whole.length]
  }
  const symbol = match(SYMBOL, text, at)
  if (symbol === '') {
    if (text.startsWith('/*', at)) throw faultAt(text, at, 'a comment without an end')
    throw faultAt(text, at, `unexpected character "${String.fromCodePoint(text.codePointAt(at)!)}"`)
  }
  return [{ kind: 'symbol', text: symbol === '^' ? '**' : symbol, number: 0, at }, at + symbol.length]
}

function dashedAt(text: string, at: number, known: ReadonlySet<string>): string | undefined {
  let name = match(DASHED, text, at)
  while (name.includes('-')) {
    if (known.has(name)) return name
    name = name.slice(0, name.lastIndexOf('-'))
  }
  return undefined
}

function numberAt(text: string, at: number, digits: string): readonly [Token, number] {
  const end = at + digits.length
  if (match(NAME, text, end) !== '') throw faultAt(text, end, 'a letter in a number')
  const number = Number(digits.replaceAll('_', ''))
  if (!Number.isFinite(number))
    throw faultAt(text, at, `"${digits.slice(0, 40)}" is not a number that can be held`)
  return [{ kind: 'number', text: digits, number, at }, end]
}

function stringAt(text: string, at: number, quote: string): readonly [Token, number] {
  let value = ''
  let position = at + 1
  for (;;) {
    const character = text[position]
    if (character === undefined || (character === '\n' && quote !== '`'))
      throw faultAt(text, at, `a string that ${quote} opens is never closed`)
    if (character === quote) return [{ kind: 'string', text: value, number: 0, at }, position + 1]
    if (character !== '\\' || quote === '`') {
      value += character
      position++
      continue
    }
    const unicode = /u([\da-fA-F]{4})|x([\da-fA-F]{2})/y
    const hex = match(unicode, text, position + 1)
    const escaped =
      hex === '' ? ESCAPES[text[position + 1] ?? ''] : String.fromCharCode(parseInt(hex.slice(1), 16))
    if (escaped === undefined) throw faultAt(text, position, 'unknown escape', 'write \\\\ for a backslash')
    value += escaped
    position += 1 + (hex === '' ? 1 : hex.length)
  }
}

/** What `pattern` (sticky) finds at `at`; empty where it finds nothing. */
function match(pattern: RegExp, text: string, at: number): string {
  const sticky = new RegExp(pattern)
  sticky.lastIndex = at
  return sticky.exec(text)?.[0] ?? ''
}

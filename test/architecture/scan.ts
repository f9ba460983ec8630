/** Finds the imports in TypeScript and JavaScript text. Reads tokens, so that comments, strings and templates do not fool it. */

export interface FoundImport {
  /** Undefined where a dynamic import names its module by an expression. */
  readonly specifier: string | undefined
  readonly kind: 'static' | 'type' | 'dynamic'
  readonly line: number
}

export interface Scan {
  readonly imports: readonly FoundImport[]
  /** Lines with `export default`. */
  readonly defaultExports: readonly number[]
  /** Lines that declare a variable (`let`, `var`) outside of any block. */
  readonly moduleVariables: readonly number[]
}

interface Token {
  readonly kind: 'word' | 'string' | 'template' | 'mark' | 'regex'
  /** Of a string its content, of a template the word `…` where it has substitutions. */
  readonly text: string
  readonly line: number
  /** How many brackets of any kind stand open around it. */
  readonly depth: number
}

/** After these words a slash begins a regular expression, not a division. */
const BEFORE_REGEX = new Set(
  'return typeof case in of delete void throw new instanceof await yield do else'.split(' '),
)

export function scan(source: string): Scan {
  const tokens = tokenize(source)
  const imports: FoundImport[] = []
  const defaultExports: number[] = []
  const moduleVariables: number[] = []
  tokens.forEach((token, at) => {
    if (token.kind !== 'word' || is(tokens[at - 1], '.')) return
    const { text, line, depth } = token
    if (text === 'import' || text === 'export') {
      const found = text === 'import' ? importAt(tokens, at) : reExportAt(tokens, at)
      if (found !== undefined) imports.push({ ...found, line })
      if (text === 'export' && is(tokens[at + 1], 'default')) defaultExports.push(line)
    } else if (text === 'require' && is(tokens[at + 1], '(') && tokens[at + 2]?.kind === 'string') {
      imports.push({ specifier: tokens[at + 2]!.text, kind: 'static', line })
    } else if (
      (text === 'let' || text === 'var') &&
      depth === 0 &&
      (tokens[at + 1]?.kind === 'word' || is(tokens[at + 1], '{') || is(tokens[at + 1], '['))
    ) {
      moduleVariables.push(line)
    }
  })
  return { imports, defaultExports, moduleVariables }
}

type Found = Omit<FoundImport, 'line'> | undefined

function importAt(tokens: readonly Token[], at: number): Found {
  const next = tokens[at + 1]
  if (next === undefined) return undefined
  if (is(next, '(')) {
    const argument = tokens[at + 2]
    const closed = is(tokens[at + 3], ')') || is(tokens[at + 3], ',')
    const literal = argument?.kind === 'string' || (argument?.kind === 'template' && argument.text !== '…')
    return { kind: 'dynamic', specifier: literal && closed ? argument.text : undefined }
  }
  if (next.kind === 'string') return { kind: 'static', specifier: next.text }
  if (next.kind === 'word' || is(next, '{') || is(next, '*')) return fromAfter(tokens, at)
  return undefined
}

function reExportAt(tokens: readonly Token[], at: number): Found {
  const first = is(tokens[at + 1], 'type') ? tokens[at + 2] : tokens[at + 1]
  return is(first, '{') || is(first, '*') ? fromAfter(tokens, at) : undefined
}

/** The `from '…'` that ends the clause beginning at `at`. A clause holds only words, braces, commas, stars and strings. */
function fromAfter(tokens: readonly Token[], at: number): Found {
  const next = tokens[at + 2]
  // `import type from 'x'` imports a value that is called type
  const isType = is(tokens[at + 1], 'type') && !is(next, 'from') && !is(next, ',')
  for (let i = at + 1; i < tokens.length; i++) {
    const token = tokens[i]!
    const after = tokens[i + 1]
    if (is(token, 'from') && after?.kind === 'string' && i > at + 1) {
      return { kind: isType ? 'type' : 'static', specifier: after.text }
    }
    if (token.kind === 'mark' && !['{', '}', ',', '*'].includes(token.text)) return undefined
    if (i > at + 1 && (is(token, 'import') || is(token, 'export'))) return undefined
  }
  return undefined
}

function is(token: Token | undefined, text: string): boolean {
  return token !== undefined && token.text === text && (token.kind === 'word' || token.kind === 'mark')
}

/** Sticky expressions, tried in this order at each place. Templates are read by hand: they nest. */
const SKIP = /\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\//y
const STRING = /'((?:[^'\\\n]|\\[\s\S])*)'|"((?:[^"\\\n]|\\[\s\S])*)"/y
const REGEX = /\/(?![*/])(?:[^\\/[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y
const WORD = /[#@]?[\p{L}\p{N}_$]+/uy

function tokenize(source: string): readonly Token[] {
  const tokens: Token[] = []
  /** What is open: brackets, and `\`` for a template whose substitution is being read. */
  const open: string[] = []
  let at = 0
  let line = 1
  const add = (kind: Token['kind'], text: string) => {
    tokens.push({ kind, text, line, depth: open.length })
  }
  const match = (pattern: RegExp) => {
    pattern.lastIndex = at
    return pattern.exec(source)
  }
  const move = (length: number) => {
    for (let i = at; i < at + length; i++) if (source[i] === '\n') line++
    at += length
  }
  /** Reads template text from `at`, up to its end or its next substitution. */
  const template = (isStart: boolean) => {
    const start = at
    let end = at
    while (end < source.length && source[end] !== '`' && !source.startsWith('${', end)) {
      end += source[end] === '\\' ? 2 : 1
    }
    const ends = source[end] === '`'
    if (isStart) add('template', ends ? source.slice(start, end) : '…')
    if (!ends) open.push('`')
    move(end - start + (ends ? 1 : 2))
  }
  while (at < source.length) {
    const skipped = match(SKIP)
    if (skipped) {
      move(skipped[0].length)
      continue
    }
    const char = source[at]!
    if (char === '`') {
      at++
      template(true)
      continue
    }
    const string = match(STRING)
    const word = string ? null : match(WORD)
    const regex = char === '/' && regexMayFollow(tokens.at(-1)) ? match(REGEX) : null
    if (string) add('string', string[1] ?? string[2] ?? '')
    else if (word) add('word', word[0])
    else if (regex) add('regex', regex[0])
    const token = string ?? word ?? regex
    if (token) {
      move(token[0].length)
      continue
    }
    if (char === '}' && open.at(-1) === '`') {
      open.pop()
      at++
      template(false)
      continue
    }
    if ('}])'.includes(char)) open.pop()
    add('mark', char)
    if ('{[('.includes(char)) open.push(char)
    move(1)
  }
  return tokens
}

function regexMayFollow(before: Token | undefined): boolean {
  if (before === undefined) return true
  if (before.kind === 'word') return BEFORE_REGEX.has(before.text)
  return before.kind === 'mark' && !')]}'.includes(before.text)
}

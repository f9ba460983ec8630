/** Parses kubectl's dialect of JSONPath. Recursive descent; an error names the template and the column. */
import { NsctlError } from '../../core/errors.ts'
import { ConditionParser } from './condition.ts'
import { Cursor, JsonPathSyntaxError } from './cursor.ts'
import type { PathExpression, Step, Template, TemplatePart } from './syntax.ts'

/** A template longer than that is refused: nobody types it, and parsing stays shallow. */
const MAX_LENGTH = 16_384

/** What may follow a path: space, what ends an operand of a filter, or quoted text. */
const AFTER_PATH = ' \t\n\r)=!<>&|"\''

/** Throws a Usage error for what is no template: which, where and why. */
export function parseTemplate(template: string): Template {
  return guarded(template, (cursor) => parseParts(cursor, false))
}

/** A single path: `{.a.b}`, `.a.b` or `a.b`, as columns, --sort-by and custom-columns take it. */
export function parsePath(text: string): PathExpression {
  return guarded(text, (cursor) => {
    cursor.skipSpace()
    const braced = cursor.take('{')
    cursor.skipSpace()
    const path = parsePathExpression(cursor, braced ? '}' : '')
    cursor.skipSpace()
    if (braced) cursor.expect('}', 'to close the expression')
    cursor.skipSpace()
    if (!cursor.done) cursor.fail('one path is wanted here, and this is more')
    return path
  })
}

function guarded<T>(text: string, parse: (cursor: Cursor) => T): T {
  try {
    if (text.length > MAX_LENGTH)
      throw new JsonPathSyntaxError(`it is longer than ${MAX_LENGTH} characters`, 0)
    return parse(new Cursor(text))
  } catch (error) {
    if (!(error instanceof JsonPathSyntaxError)) throw error
    const shown = text.length > 200 ? `${text.slice(0, 200)}…` : text
    throw new NsctlError(
      'Usage',
      `JSONPath ${JSON.stringify(shown)}, column ${error.at + 1}: ${error.message}`,
      {
        value: shown,
        next: "write it like {.items[*].metadata.name} or {range .items[*]}{.metadata.name}{'\\n'}{end}",
      },
    )
  }
}

/** @param inRange true beneath {range}, where {end} ends the list */
function parseParts(cursor: Cursor, inRange: boolean, depth = 0): Template {
  if (depth > 32) cursor.fail('ranges are nested too deeply')
  const parts: TemplatePart[] = []
  while (!cursor.done) {
    const text = cursor.until('{')
    if (text !== '') parts.push({ kind: 'text', text })
    if (cursor.done) break
    const openedAt = cursor.at
    cursor.take('{')
    cursor.skipSpace()
    if (cursor.takeWord('end')) {
      cursor.skipSpace()
      cursor.expect('}', 'after end')
      if (!inRange) cursor.fail('{end} without {range}', openedAt)
      return parts
    }
    if (cursor.takeWord('range')) {
      cursor.skipSpace()
      const path = parsePathExpression(cursor, '}')
      cursor.skipSpace()
      cursor.expect('}', 'to close the range')
      parts.push({ kind: 'range', path, parts: parseParts(cursor, true, depth + 1) })
    } else parts.push(...parseExpressions(cursor))
  }
  if (inRange) cursor.fail('{range} is not closed by {end}')
  return parts
}

/** What stands between braces: paths and quoted text, one after the other; nothing at all is the value itself. */
function parseExpressions(cursor: Cursor): readonly TemplatePart[] {
  const parts: TemplatePart[] = []
  for (;;) {
    cursor.skipSpace()
    if (cursor.take('}'))
      return parts.length > 0 ? parts : [{ kind: 'path', path: { fromRoot: false, steps: [] } }]
    if (cursor.done) cursor.fail('an expression is not closed by }')
    if (cursor.peek === '"' || cursor.peek === "'") parts.push({ kind: 'text', text: cursor.quoted() })
    else if (parts.length > 0 && cursor.startsName())
      cursor.failUnexpected('a path that starts with . or [, or }')
    else parts.push({ kind: 'path', path: parsePathExpression(cursor, '}') })
  }
}

/** @param closer the character that may follow; empty for the end of the text */
export function parsePathExpression(cursor: Cursor, closer: string): PathExpression {
  const startedAt = cursor.at
  const fromRoot = cursor.take('$')
  if (!fromRoot) cursor.take('@')
  const steps: Step[] = []
  const firstAt = cursor.at
  for (;;) {
    if (cursor.peek === '[') steps.push(parseBracket(cursor))
    else if (cursor.peek === '.') steps.push(...parseDot(cursor))
    else if (cursor.at === firstAt && cursor.startsName()) steps.push({ kind: 'field', name: cursor.name() })
    else break
  }
  const ended = cursor.done ? closer === '' : `${AFTER_PATH}${closer}`.includes(cursor.peek)
  if (cursor.at > startedAt && cursor.done && !ended) cursor.fail(`the expression is not closed by ${closer}`)
  if (cursor.at === startedAt || !ended) cursor.failUnexpected('a path such as .metadata.name')
  return { fromRoot, steps }
}

function parseDot(cursor: Cursor): readonly Step[] {
  cursor.take('.')
  if (cursor.take('.')) {
    const descend: Step = { kind: 'descend' }
    if (cursor.peek === '[') return [descend]
    return [descend, cursor.take('*') ? { kind: 'wildcard' } : { kind: 'field', name: cursor.name() }]
  }
  if (cursor.take('*')) return [{ kind: 'wildcard' }]
  if (cursor.peek === '[' || !cursor.startsName()) return [] // `.` alone is the value itself, `.[0]` its first item
  return [{ kind: 'field', name: cursor.name() }]
}

function parseBracket(cursor: Cursor): Step {
  const openedAt = cursor.at
  cursor.take('[')
  cursor.skipSpace()
  if (cursor.take('?')) {
    cursor.skipSpace()
    cursor.expect('(', 'after ?')
    const condition = new ConditionParser(cursor, parsePathExpression).parse()
    cursor.skipSpace()
    cursor.expect(')', 'to close the filter')
    cursor.skipSpace()
    cursor.expect(']', 'to close the filter')
    return { kind: 'filter', condition }
  }
  const steps: Step[] = []
  do {
    cursor.skipSpace()
    steps.push(parseSubscript(cursor))
    cursor.skipSpace()
  } while (cursor.take(','))
  if (!cursor.take(']')) cursor.failUnexpected(`] to close the [ of column ${openedAt + 1}`)
  return steps.length === 1 ? steps[0]! : { kind: 'union', steps }
}

function parseSubscript(cursor: Cursor): Step {
  if (cursor.take('*')) return { kind: 'wildcard' }
  if (cursor.peek === '"' || cursor.peek === "'") return { kind: 'field', name: cursor.quoted() }
  if (!/[-+:\d]/.test(cursor.peek)) {
    if (cursor.startsName()) return { kind: 'field', name: cursor.name() }
    cursor.failUnexpected('an index, a slice, *, a quoted name or a filter')
  }
  const numbers: (number | undefined)[] = [cursor.integer()]
  cursor.skipSpace()
  while (numbers.length < 3 && cursor.take(':')) {
    cursor.skipSpace()
    numbers.push(cursor.integer())
    cursor.skipSpace()
  }
  const [start, end, step] = numbers
  if (numbers.length === 1) return { kind: 'index', index: start! }
  if (step === 0) cursor.fail('a slice cannot step by 0')
  if (step !== undefined && step < 0) cursor.fail('a slice cannot step backwards')
  return {
    kind: 'slice',
    ...(start === undefined ? {} : { start }),
    ...(end === undefined ? {} : { end }),
    step: step ?? 1,
  }
}

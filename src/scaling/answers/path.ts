/**
 * Where in a JSON answer the number stands, in the syntax of gjson, which KEDA uses (https://github.com/tidwall/gjson/blob/master/SYNTAX.md): keys,
 * indexes, `*` and `?`, `#` (how many), `#.name` (of each), `#(name=="x")` (the first that), `#(…)#` (all that), `|`, and the modifiers @this,
 * @keys, @values and @reverse. Other modifiers, multipaths and JSON lines are refused.
 */
import { NsctlError } from '../../core/errors.ts'
import { isObject } from '../../core/json.ts'

/** Undefined where there is nothing. */
export type AnswerPath = (answer: unknown) => unknown

interface Step {
  /** What stands before it: after a `|` it is about the whole result, after a `.` about each of several. */
  readonly piped: boolean
  readonly look:
    | { readonly kind: 'key'; readonly name: string; readonly isPattern: boolean }
    | { readonly kind: 'all' }
    | { readonly kind: 'where'; readonly condition: Condition; readonly all: boolean }
    | { readonly kind: 'modify'; readonly modify: (value: unknown) => unknown }
}

interface Condition {
  readonly path: readonly Step[]
  readonly operator: string
  readonly value: unknown
}

/** Throws Invalid where the path is none. */
export function compileAnswerPath(text: string): AnswerPath {
  const steps = parse(text)
  return (answer) => follow(answer, steps, 0)
}

function follow(value: unknown, steps: readonly Step[], from: number): unknown {
  let current = value
  for (let at = from; at < steps.length; at++) {
    const { look } = steps[at] as Step
    if (look.kind === 'key') current = member(current, look.name, look.isPattern)
    else if (look.kind === 'modify') current = look.modify(current)
    else {
      if (!Array.isArray(current)) return undefined
      const isWhere = look.kind === 'where'
      const found = isWhere ? current.filter((item) => holds(look.condition, item)) : current
      if (isWhere && !look.all) {
        current = found[0]
        continue
      }
      // what follows up to a pipe is of each
      let end = at + 1
      while (end < steps.length && !(steps[end] as Step).piped) end++
      if (!isWhere && end === at + 1) current = found.length
      else {
        const inner = steps.slice(at + 1, end)
        current = found.map((item) => follow(item, inner, 0)).filter((item) => item !== undefined)
      }
      at = end - 1
    }
    if (current === undefined) return undefined
  }
  return current
}

function member(value: unknown, name: string, isPattern: boolean): unknown {
  if (Array.isArray(value)) return /^[0-9]+$/.test(name) ? value[Number(name)] : undefined
  if (!isObject(value)) return undefined
  if (!isPattern) return Object.hasOwn(value, name) ? value[name] : undefined
  const found = Object.keys(value).find((key) => matches(key, name))
  return found === undefined ? undefined : value[found]
}

function holds({ path, operator, value: wanted }: Condition, item: unknown): boolean {
  const value = follow(item, path, 0)
  if (value === undefined) return false
  if (operator === '') return true
  if (operator === '%' || operator === '!%')
    return typeof value === 'string' && matches(value, String(wanted)) === (operator === '%')
  if (operator === '==') return value === wanted
  if (operator === '!=') return value !== wanted
  if (typeof value !== typeof wanted || (typeof value !== 'number' && typeof value !== 'string')) return false
  const [a, b] = [value, wanted as typeof value]
  if (operator === '<') return a < b
  if (operator === '<=') return a <= b
  return operator === '>' ? a > b : a >= b
}

/** Whether `text` fits `*` and `?`. In time that grows with the product of the lengths at most, whatever the pattern. */
function matches(text: string, pattern: string): boolean {
  let [at, to, star, mark] = [0, 0, -1, 0]
  while (at < text.length)
    if (to < pattern.length && pattern[to] !== '*' && (pattern[to] === '?' || pattern[to] === text[at])) {
      at++
      to++
    } else if (pattern[to] === '*') {
      star = to++
      mark = at
    } else if (star !== -1) {
      to = star + 1
      at = ++mark
    } else return false
  while (pattern[to] === '*') to++
  return to === pattern.length
}

const MODIFIERS: Readonly<Record<string, (value: unknown) => unknown>> = {
  '@this': (value) => value,
  '@reverse': (value) => (Array.isArray(value) ? [...value].reverse() : value),
  '@keys': (value) => (isObject(value) ? Object.keys(value) : undefined),
  '@values': (value) => (isObject(value) ? Object.values(value) : Array.isArray(value) ? value : undefined),
}

function parse(text: string): readonly Step[] {
  const wrong = (why: string) =>
    new NsctlError('Invalid', `valueLocation ${JSON.stringify(text)} ${why}`, {
      value: 'valueLocation',
      next: 'write it as components.0.tasks or queues.#(name=="orders").size',
    })
  if (text === '') throw wrong('is empty')
  if (/^[{[!]|^\.\./.test(text))
    throw wrong('is a multipath, a literal or JSON lines, which are not supported')
  const steps: Step[] = []
  let at = 0
  let piped = false
  while (at <= text.length) {
    if (text[at] === '#') {
      const found = hash(text, at, wrong)
      steps.push({ piped, look: found.look })
      at = found.end
    } else {
      const { name, end, isPattern } = readName(text, at)
      if (name === '') throw wrong('has an empty part')
      const modify = MODIFIERS[name]
      if (text[at] === '@' && modify === undefined)
        throw wrong(`has the modifier ${name}, which is not supported`)
      steps.push({
        piped,
        look: text[at] === '@' && modify ? { kind: 'modify', modify } : { kind: 'key', name, isPattern },
      })
      at = end
    }
    if (at === text.length) return steps
    if (text[at] !== '.' && text[at] !== '|') throw wrong(`has ${text[at]} where . or | is expected`)
    piped = text[at] === '|'
    at++
  }
  throw wrong('ends in a separator')
}

function readName(text: string, from: number): { name: string; end: number; isPattern: boolean } {
  let [name, at, isPattern] = ['', from, false]
  for (; at < text.length; at++) {
    const letter = text[at] as string
    if (letter === '.' || letter === '|') break
    if (letter === '\\' && at + 1 < text.length) name += text[++at]
    else {
      if (letter === '*' || letter === '?') isPattern = true
      name += letter
    }
  }
  return { name, end: at, isPattern }
}

function hash(
  text: string,
  from: number,
  wrong: (why: string) => NsctlError,
): { look: Step['look']; end: number } {
  if (text[from + 1] !== '(') return { look: { kind: 'all' }, end: from + 1 }
  let [at, depth, quoted] = [from + 2, 1, false]
  for (; at < text.length && depth > 0; at++) {
    const letter = text[at]
    if (letter === '\\') at++
    else if (letter === '"') quoted = !quoted
    else if (!quoted && letter === '(') depth++
    else if (!quoted && letter === ')') depth--
  }
  if (depth > 0) throw wrong('has a ( that is not closed')
  const all = text[at] === '#'
  const condition = readCondition(text.slice(from + 2, at - 1), wrong)
  return { look: { kind: 'where', condition, all }, end: all ? at + 1 : at }
}

function readCondition(text: string, wrong: (why: string) => NsctlError): Condition {
  const at = operatorAt(text)
  const left = text.slice(0, at).trim()
  const operator = OPERATOR.exec(text.slice(at))?.[0] ?? ''
  const right = text.slice(at + operator.length).trim()
  if (operator === '' && right !== '') throw wrong(`has the condition ${text}, which is none`)
  const path = left === '' ? [] : parse(left)
  return { path, operator: operator === '=' ? '==' : operator, value: literal(right) }
}

const OPERATOR = /^(==|=|!=|<=|<|>=|>|!%|%)/

/** The first one that is in no inner condition. */
function operatorAt(text: string): number {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const letter = text[at] as string
    if (letter === '\\') at++
    else if (letter === '(') depth++
    else if (letter === ')') depth--
    else if (depth === 0 && '=!<>%"'.includes(letter)) return at
  }
  return text.length
}

function literal(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

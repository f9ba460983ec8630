/**
 * Tokens to a tree, by precedence climbing (Pratt 1973). Precedences and what may not be mixed are expr-lang's, so that a formula that KEDA
 * takes means the same here.
 */
import { builtinOf, checkCount, isBuiltin } from './call.ts'
import { Cursor } from './cursor.ts'
import { BINARY, type BinaryOperator, NOT_BINDS, type Node, SIGN_BINDS } from './node.ts'
import { type Token, tokenize } from './token.ts'

const NEGATABLE = new Set(['in', 'contains', 'startsWith', 'endsWith'])
const ORDERING = new Set(['<', '>', '<=', '>='])

/** The tree of `text`. `known` are the first parts of names that there are, for those with dashes in them. Throws Invalid. */
export function parseTree(text: string, known: ReadonlySet<string>): Node {
  const parser = new Parser(new Cursor(text, tokenize(text, known)))
  return parser.whole()
}

class Parser {
  readonly #cursor: Cursor
  readonly #variables: string[] = []
  #predicates = 0

  constructor(cursor: Cursor) {
    this.#cursor = cursor
  }

  whole(): Node {
    const node = this.#nested()
    if (this.#cursor.token.kind !== 'end') throw this.#cursor.unexpected('an operator or the end')
    return node
  }

  /** A whole expression inside of something: brackets, a parameter, a branch. */
  #nested(): Node {
    return this.#cursor.deeper(() => {
      if (this.#cursor.is('let')) return this.#letting()
      const node = this.#climb(0)
      return this.#cursor.is('?') ? this.#ternary(node) : node
    })
  }

  #letting(): Node {
    const { at } = this.#cursor.take()
    const name = this.#cursor.take()
    if (name.kind !== 'name') throw this.#cursor.fault(name.at, 'expected a name after let')
    if (isBuiltin(name.text))
      throw this.#cursor.fault(name.at, `"${name.text}" is a function and cannot be a variable`)
    this.#cursor.expect('=')
    const value = this.#nested()
    this.#cursor.expect(';')
    this.#variables.push(name.text)
    const body = this.#nested()
    this.#variables.pop()
    return Object.freeze({ kind: 'let', at, name: name.text, value, body })
  }

  #ternary(condition: Node): Node {
    const { at } = this.#cursor.take()
    const yes = this.#nested()
    this.#cursor.expect(':')
    const no = this.#nested()
    return Object.freeze({ kind: 'ternary', at, condition, yes, no })
  }

  #climb(precedence: number): Node {
    let left = this.#prefixed()
    let last = ''
    for (;;) {
      const operator = this.#infix(precedence)
      if (operator === undefined) return left
      const { at } = this.#cursor.token
      if (last === '??' && operator.text !== '??')
        throw this.#cursor.fault(
          at,
          `?? and ${operator.text} need brackets between them`,
          'write (a ?? b) + c',
        )
      last = operator.text
      if (operator.negated) this.#cursor.take()
      if (operator.text === '|') left = this.#piped(left)
      else left = this.#operation(left, operator.text, operator.negated)
    }
  }

  /** The operator that stands here and binds at least so strongly. */
  #infix(precedence: number): { readonly text: BinaryOperator | '|'; readonly negated: boolean } | undefined {
    const negated = this.#cursor.is('not')
    const token = negated ? this.#cursor.following : this.#cursor.token
    if (token.kind !== 'symbol') return undefined
    if (token.text === 'matches')
      throw this.#cursor.fault(
        token.at,
        'matches is not supported',
        'use contains, startsWith, endsWith or in',
      )
    if (negated && !NEGATABLE.has(token.text)) return undefined
    if (token.text === '|') return precedence === 0 ? { text: '|', negated } : undefined
    if (!isBinary(token.text) || BINARY[token.text] < precedence) return undefined
    return { text: token.text, negated }
  }

  #operation(left: Node, operator: BinaryOperator, negated: boolean): Node {
    const { at } = this.#cursor.take()
    if (ORDERING.has(operator)) return this.#comparison(left, operator, at)
    const binds = BINARY[operator]
    const right = operator === '**' ? this.#cursor.deeper(() => this.#climb(binds)) : this.#climb(binds + 1)
    const node: Node = Object.freeze({ kind: 'binary', at, operator, left, right })
    return negated ? Object.freeze({ kind: 'unary', at, operator: '!', operand: node }) : node
  }

  /** `1 < a <= 5` is `1 < a && a <= 5`. */
  #comparison(first: Node, operator: BinaryOperator, at: number): Node {
    let right = this.#climb(BINARY[operator] + 1)
    let whole: Node = Object.freeze({ kind: 'binary', at, operator, left: first, right })
    while (this.#cursor.token.kind === 'symbol' && ORDERING.has(this.#cursor.token.text)) {
      const next = this.#cursor.take()
      const left = right
      right = this.#climb(BINARY[operator] + 1)
      const link: Node = Object.freeze({
        kind: 'binary',
        at: next.at,
        operator: next.text as BinaryOperator,
        left,
        right,
      })
      whole = Object.freeze({ kind: 'binary', at: next.at, operator: '&&', left: whole, right: link })
    }
    return whole
  }

  #piped(left: Node): Node {
    this.#cursor.take()
    const name = this.#cursor.take()
    if (name.kind !== 'name')
      throw this.#cursor.fault(name.at, 'expected a function after |', 'write || for or')
    return this.#postfixed(this.#call(name, [left]))
  }

  #prefixed(): Node {
    const { kind, text, at } = this.#cursor.token
    if (kind === 'symbol' && (text === '!' || text === 'not' || text === '-' || text === '+')) {
      this.#cursor.take()
      const isNot = text === '!' || text === 'not'
      const operand = this.#cursor.deeper(() => this.#climb(isNot ? NOT_BINDS : SIGN_BINDS))
      return Object.freeze({ kind: 'unary', at, operator: isNot ? '!' : text, operand })
    }
    return this.#postfixed(this.#primary())
  }

  #primary(): Node {
    const token = this.#cursor.token
    const { at, text } = token
    if (token.kind === 'end') throw this.#cursor.unexpected('a value')
    this.#cursor.take()
    if (token.kind === 'number') return Object.freeze({ kind: 'literal', at, value: token.number })
    if (token.kind === 'string') return Object.freeze({ kind: 'literal', at, value: text })
    if (token.kind === 'name') return this.#named(token)
    switch (text) {
      case 'true':
      case 'false':
        return Object.freeze({ kind: 'literal', at, value: text === 'true' })
      case 'nil':
        return Object.freeze({ kind: 'literal', at, value: null })
      case '(': {
        const node = this.#nested()
        this.#cursor.expect(')')
        return node
      }
      case '[':
        return Object.freeze({ kind: 'list', at, items: Object.freeze(this.#items(']')) })
      case '#':
      case '#acc':
      case '#index':
        if (this.#predicates === 0)
          throw this.#cursor.fault(at, `${text} stands for nothing outside of a predicate`)
        return Object.freeze({
          kind: 'element',
          at,
          which: text === '#' ? 'element' : text === '#acc' ? 'accumulator' : 'index',
        })
    }
    if (text === '{') throw this.#cursor.fault(at, 'maps are not supported')
    throw this.#cursor.unexpected('a value', token)
  }

  #items(close: string): Node[] {
    const items: Node[] = []
    while (!this.#cursor.takes(close)) {
      if (items.length > 0) {
        this.#cursor.expect(',')
        if (this.#cursor.takes(close)) break
      }
      items.push(this.#nested())
    }
    return items
  }

  #named(token: Token): Node {
    const { at, text: name } = token
    if (this.#cursor.is('(')) return this.#call(token, [])
    if (this.#variables.includes(name)) return Object.freeze({ kind: 'variable', at, name })
    if (name !== '$env') return Object.freeze({ kind: 'name', at, name, optional: false })
    if (this.#cursor.takes('.'))
      return Object.freeze({ kind: 'name', at, name: this.#member(), optional: false })
    const key = this.#cursor.takes('[') ? this.#cursor.take() : undefined
    if (key?.kind !== 'string') throw this.#cursor.fault(at, '$env needs a name', 'write $env["queue-lag"]')
    this.#cursor.expect(']')
    return Object.freeze({ kind: 'name', at, name: key.text, optional: false })
  }

  #member(): string {
    const token = this.#cursor.take()
    const isWord = token.kind === 'name' || (token.kind === 'symbol' && /^[a-z]/i.test(token.text))
    if (!isWord) throw this.#cursor.fault(token.at, 'expected a name after the dot')
    return token.text
  }

  #postfixed(start: Node): Node {
    let node = start
    for (;;) {
      const { at } = this.#cursor.token
      if (this.#cursor.is('.') || this.#cursor.is('?.')) {
        const optional = this.#cursor.take().text === '?.'
        if (node.kind !== 'name') throw this.#cursor.fault(at, 'only names have members')
        const name = `${node.name}.${this.#member()}`
        if (this.#cursor.is('(')) throw this.#cursor.fault(at, 'methods are not supported')
        node = Object.freeze({ kind: 'name', at: node.at, name, optional: node.optional || optional })
      } else if (this.#cursor.takes('[')) node = this.#indexed(node, at)
      else return node
    }
  }

  #indexed(object: Node, at: number): Node {
    if (this.#cursor.takes(':')) return this.#sliced(object, undefined, at)
    const index = this.#nested()
    if (this.#cursor.takes(':')) return this.#sliced(object, index, at)
    this.#cursor.expect(']')
    if (object.kind === 'name' && index.kind === 'literal' && typeof index.value === 'string')
      return Object.freeze({ ...object, name: `${object.name}.${index.value}` })
    return Object.freeze({ kind: 'index', at, object, index })
  }

  #sliced(object: Node, from: Node | undefined, at: number): Node {
    const to = this.#cursor.is(']') ? undefined : this.#nested()
    this.#cursor.expect(']')
    return Object.freeze({ kind: 'slice', at, object, from, to })
  }

  #call(name: Token, given: readonly Node[]): Node {
    const builtin = builtinOf(name, this.#cursor)
    this.#cursor.expect('(')
    const parameters = [...given]
    let predicate: Node | undefined
    while (!this.#cursor.takes(')')) {
      if (parameters.length > given.length || predicate !== undefined) this.#cursor.expect(',')
      if (this.#cursor.takes(')')) break
      const takesPredicate =
        builtin.predicate !== 'none' && parameters.length === 1 && predicate === undefined
      if (takesPredicate) predicate = this.#predicate()
      else parameters.push(this.#nested())
    }
    checkCount(name, builtin, parameters.length + (predicate === undefined ? 0 : 1), this.#cursor)
    return Object.freeze({
      kind: 'call',
      at: name.at,
      name: name.text,
      parameters: Object.freeze(parameters),
      predicate,
    })
  }

  #predicate(): Node {
    const braced = this.#cursor.takes('{')
    this.#predicates++
    const node = this.#nested()
    this.#predicates--
    if (braced) this.#cursor.expect('}')
    return node
  }
}

function isBinary(text: string): text is BinaryOperator {
  return Object.hasOwn(BINARY, text)
}

/** Parses what stands in `[?( … )]`. */
import type { Cursor } from './cursor.ts'
import type { Condition, Operand, PathExpression } from './syntax.ts'

const OPERATORS = ['==', '!=', '<=', '>=', '<', '>'] as const

export class ConditionParser {
  readonly #cursor: Cursor
  readonly #parsePath: (cursor: Cursor, closer: string) => PathExpression
  #depth = 0

  /** The parser of paths is handed in: paths hold filters and filters hold paths. */
  constructor(cursor: Cursor, parsePath: (cursor: Cursor, closer: string) => PathExpression) {
    this.#cursor = cursor
    this.#parsePath = parsePath
  }

  parse(): Condition {
    if (++this.#depth > 32) this.#cursor.fail('conditions are nested too deeply')
    const condition = this.#joined('or', '||', () => this.#joined('and', '&&', () => this.#single()))
    this.#depth--
    return condition
  }

  #joined(kind: 'and' | 'or', symbol: string, parsePart: () => Condition): Condition {
    const conditions = [parsePart()]
    for (;;) {
      this.#cursor.skipSpace()
      if (!this.#cursor.take(symbol)) break
      conditions.push(parsePart())
    }
    return conditions.length === 1 ? conditions[0]! : { kind, conditions }
  }

  #single(): Condition {
    const cursor = this.#cursor
    cursor.skipSpace()
    if (cursor.take('(')) {
      const condition = this.parse()
      cursor.skipSpace()
      cursor.expect(')', 'to close the group')
      return condition
    }
    const left = this.#operand()
    cursor.skipSpace()
    const operator = OPERATORS.find((one) => cursor.take(one))
    if (operator === undefined) return { kind: 'exists', operand: left }
    cursor.skipSpace()
    return { kind: 'compare', operator, left, right: this.#operand() }
  }

  #operand(): Operand {
    const cursor = this.#cursor
    if (cursor.peek === '"' || cursor.peek === "'") return { kind: 'literal', value: cursor.quoted() }
    for (const [word, value] of [
      ['true', true],
      ['false', false],
      ['null', null],
      ['nil', null],
    ] as const)
      if (this.#takeLiteral(word)) return { kind: 'literal', value }
    const number = cursor.number()
    if (number !== undefined) return { kind: 'literal', value: number }
    return { kind: 'path', path: this.#parsePath(cursor, ')') }
  }

  #takeLiteral(word: string): boolean {
    const cursor = this.#cursor
    const before = cursor.at
    if (!cursor.take(word)) return false
    if (!cursor.startsName() && cursor.peek !== '.' && cursor.peek !== '[') return true
    cursor.at = before
    return false
  }
}

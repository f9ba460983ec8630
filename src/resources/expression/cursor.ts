/** A place among tokens, and what the parser asks about it. */
import { faultAt } from './fault.ts'
import type { Token } from './token.ts'

/** Brackets, signs and branches within each other. */
const MOST_DEPTH = 64

export class Cursor {
  readonly #text: string
  readonly #tokens: readonly Token[]
  #position = 0
  #depth = 0

  constructor(text: string, tokens: readonly Token[]) {
    this.#text = text
    this.#tokens = tokens
  }

  get token(): Token {
    return this.#tokens[this.#position]!
  }

  /** The one after; the end again at the end. */
  get following(): Token {
    return this.#tokens[this.#position + 1] ?? this.token
  }

  is(symbol: string): boolean {
    return this.token.kind === 'symbol' && this.token.text === symbol
  }

  take(): Token {
    const { token } = this
    if (token.kind !== 'end') this.#position++
    return token
  }

  takes(symbol: string): boolean {
    const found = this.is(symbol)
    if (found) this.#position++
    return found
  }

  expect(symbol: string): void {
    if (!this.takes(symbol)) throw this.unexpected(`"${symbol}"`)
  }

  unexpected(wanted: string, token = this.token): Error {
    const { kind, text, at } = token
    const found = kind === 'end' ? text : JSON.stringify(text.slice(0, 40))
    return this.fault(at, `expected ${wanted}, found ${found}`, kind === 'symbol' ? hintOf(text) : undefined)
  }

  fault(at: number, what: string, next?: string): Error {
    return faultAt(this.#text, at, what, next)
  }

  /** Parses what is nested, as deep as it may be. */
  deeper<T>(parse: () => T): T {
    if (++this.#depth > MOST_DEPTH) throw this.fault(this.token.at, `nested deeper than ${MOST_DEPTH}`)
    const parsed = parse()
    this.#depth--
    return parsed
  }
}

function hintOf(symbol: string): string | undefined {
  if (symbol === '=') return 'write == to compare'
  return symbol === '|' ? 'write || for or' : undefined
}

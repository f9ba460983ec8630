/** The tree of an expression. Nodes are frozen; `at` is where each stands in the text, for errors. */

export type Node =
  | { readonly kind: 'literal'; readonly at: number; readonly value: number | boolean | string | null }
  /** From the scope; `optional` (`a?.b`) makes nil of one that there is not. */
  | { readonly kind: 'name'; readonly at: number; readonly name: string; readonly optional: boolean }
  /** Bound by `let`. */
  | { readonly kind: 'variable'; readonly at: number; readonly name: string }
  /** `#`, `#acc`, `#index`: inside of a predicate. */
  | { readonly kind: 'element'; readonly at: number; readonly which: ElementPart }
  | { readonly kind: 'list'; readonly at: number; readonly items: readonly Node[] }
  | { readonly kind: 'unary'; readonly at: number; readonly operator: UnaryOperator; readonly operand: Node }
  | {
      readonly kind: 'binary'
      readonly at: number
      readonly operator: BinaryOperator
      readonly left: Node
      readonly right: Node
    }
  | {
      readonly kind: 'ternary'
      readonly at: number
      readonly condition: Node
      readonly yes: Node
      readonly no: Node
    }
  | { readonly kind: 'index'; readonly at: number; readonly object: Node; readonly index: Node }
  | {
      readonly kind: 'slice'
      readonly at: number
      readonly object: Node
      readonly from: Node | undefined
      readonly to: Node | undefined
    }
  | {
      readonly kind: 'call'
      readonly at: number
      readonly name: string
      readonly parameters: readonly Node[]
      readonly predicate: Node | undefined
    }
  | {
      readonly kind: 'let'
      readonly at: number
      readonly name: string
      readonly value: Node
      readonly body: Node
    }

export type ElementPart = 'element' | 'accumulator' | 'index'
export type UnaryOperator = '-' | '+' | '!'
export type BinaryOperator = keyof typeof BINARY

/** How strongly each binds: more is tighter. `not` is 50, signs are 90. */
export const BINARY = {
  '||': 10,
  '&&': 15,
  '==': 20,
  '!=': 20,
  '<': 20,
  '>': 20,
  '<=': 20,
  '>=': 20,
  in: 20,
  contains: 20,
  startsWith: 20,
  endsWith: 20,
  '..': 25,
  '+': 30,
  '-': 30,
  '*': 60,
  '/': 60,
  '%': 60,
  '**': 100,
  '??': 500,
} as const

export const NOT_BINDS = 50
export const SIGN_BINDS = 90

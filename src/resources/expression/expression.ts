/** A formula, parsed and checked: evaluating it never runs JavaScript of the user's. */
export interface Expression {
  readonly text: string
  /** Names that it reads, dotted where it reads members: `cpu`, `queue.lag`. */
  readonly names: readonly string[]
  /** What it comes to, as far as that can be told before the names have values. */
  readonly result: ResultType
  /** Throws NsctlError Invalid where there is no value: division by zero, nil where a number is needed, a number that is not finite. */
  evaluate(scope: Scope): ExpressionValue
}

export type ExpressionValue = number | boolean | string | null | readonly ExpressionValue[]

/** `any` where it depends on what the names are. */
export type ResultType = 'number' | 'boolean' | 'string' | 'list' | 'nil' | 'any'

export interface Scope {
  /** Undefined for a name that there is not; null (nil) for one that has no value now. */
  value(name: string): ExpressionValue | undefined
  /** For hour(), weekday() and the like. */
  readonly wallMs: number
  readonly timezone: string
}

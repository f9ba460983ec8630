/** What is wrong with an expression in a manifest, with the column. */
import { isNsctlError } from '../../core/errors.ts'
import type { Path } from '../../core/json.ts'
import { parseExpression } from '../expression/parse.ts'
import type { FieldIssue } from '../kinds.ts'

export interface ExpressionPlace {
  readonly path: Path
  /** All that it may name. */
  readonly names: readonly string[]
  /** What it must come to. */
  readonly result: 'number' | 'boolean'
}

export function expressionIssue(
  text: string,
  { path, names, result }: ExpressionPlace,
): FieldIssue | undefined {
  try {
    const found = parseExpression(text, { names }).result
    // what it comes to may hang on values, and nil is what a fallback is for
    if (found === result || found === 'any' || (found === 'nil' && result === 'number')) return undefined
    return { path, message: `must come to a ${result}, not a ${found}`, value: text }
  } catch (error) {
    if (!isNsctlError(error)) throw error
    const { message, next } = error
    return { path, message: next === undefined ? message : `${message}; ${next}`, value: text }
  }
}

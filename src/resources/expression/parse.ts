/**
 * The language of formulas and rules: expr-lang's, as far as it is about numbers, lists and text (docs/scaling.md, "Expressions"), and the wall
 * clock's functions. A text is parsed to a tree once, and the tree is walked: nothing of it ever runs as JavaScript.
 */
import { NsctlError } from '../../core/errors.ts'
import { nearest } from '../../core/nearest.ts'
import { type WallTime, zoneClock } from '../timezone.ts'
import { Evaluation } from './evaluate.ts'
import type { Expression, Scope } from './expression.ts'
import { faultAt } from './fault.ts'
import { BUILTINS } from './functions.ts'
import { parseTree } from './grammar.ts'
import type { Node } from './node.ts'
import { typeOf } from './types.ts'

/** Longer ones are refused: they are programs. */
const MOST_CHARACTERS = 4096

export interface ExpressionOptions {
  /**
   * All names that there are; one that is not among them is refused. `queue.*` stands for any member of `queue`. Left out, every name passes, and
   * none has a dash in it.
   */
  readonly names?: readonly string[]
}

/**
 * Throws NsctlError Invalid: what was expected, line and column (from 1), the line with a caret in `value`, and in `next` the nearest name of an
 * unknown one.
 */
export function parseExpression(text: string, options: ExpressionOptions = {}): Expression {
  if (text.length > MOST_CHARACTERS)
    throw new NsctlError('Invalid', `an expression of ${text.length} characters`, {
      next: `write at most ${MOST_CHARACTERS}`,
    })
  if (text.trim() === '') throw faultAt(text, 0, 'an empty expression')
  const { names: known } = options
  const tree = parseTree(text, new Set(known?.map((name) => name.split('.')[0]!)))
  const places = namesOf(tree)
  if (known !== undefined) for (const [name, at] of places) checkName(text, name, at, known)
  const result = typeOf(text, tree)
  const clocks = new Map<string, (wallMs: number) => WallTime>()
  return Object.freeze({
    text,
    names: Object.freeze([...places.keys()]),
    result,
    evaluate: (scope: Scope) => {
      const time = () => {
        const clock = clocks.get(scope.timezone) ?? zoneClock(scope.timezone)
        clocks.set(scope.timezone, clock)
        return clock(scope.wallMs)
      }
      return new Evaluation(text, scope, time).run(tree)
    },
  })
}

/** Names with the place where each stands first. */
function namesOf(tree: Node): ReadonlyMap<string, number> {
  const places = new Map<string, number>()
  const rest: unknown[] = [tree]
  const seen = new Set<unknown>()
  while (rest.length > 0) {
    const node = rest.pop()
    if (typeof node !== 'object' || node === null || seen.has(node)) continue
    seen.add(node)
    if ('kind' in node && node.kind === 'name') {
      const { name, at } = node as Extract<Node, { kind: 'name' }>
      places.set(name, Math.min(at, places.get(name) ?? at))
    } else rest.push(...Object.values(node))
  }
  return new Map([...places].sort((a, b) => a[1] - b[1]))
}

function checkName(text: string, name: string, at: number, known: readonly string[]): void {
  const parent = name.slice(0, name.lastIndexOf('.') + 1)
  if (known.includes(name) || (parent !== '' && known.includes(`${parent}*`))) return
  const near = nearest(name, [...known.filter((one) => !one.endsWith('*')), ...callsOf(name)], 1)[0]
  const next =
    near !== undefined
      ? `did you mean ${near}?`
      : known.length > 0
        ? `there are ${known.join(', ')}`
        : 'give a trigger that name'
  throw faultAt(text, at, `no value is named "${name}"`, next)
}

/** `hour` where `hour()` is meant. */
function callsOf(name: string): readonly string[] {
  return BUILTINS.has(name) ? [`${name}()`] : []
}

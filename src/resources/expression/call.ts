/** Which function is meant, and whether it is given what it takes. */
import { nearest } from '../../core/nearest.ts'
import type { Cursor } from './cursor.ts'
import { BUILTINS, type Builtin } from './functions.ts'
import type { Token } from './token.ts'

export function isBuiltin(name: string): boolean {
  return BUILTINS.has(name)
}

/** Throws Invalid, with the nearest that there is. */
export function builtinOf({ text, at }: Token, cursor: Cursor): Builtin {
  const builtin = BUILTINS.get(text)
  if (builtin !== undefined) return builtin
  const near = nearest(text, BUILTINS.keys(), 1)[0]
  const next = near === undefined ? `there are ${[...BUILTINS.keys()].join(', ')}` : `did you mean ${near}()?`
  throw cursor.fault(at, `no function "${text.slice(0, 60)}"`, next)
}

/** Throws Invalid for too many or too few, the predicate counted among them. */
export function checkCount(
  { text, at }: Token,
  { least, most }: Builtin,
  count: number,
  cursor: Cursor,
): void {
  if (count >= least && count <= most) return
  const more = most === Number.POSITIVE_INFINITY ? `at least ${least}` : `${least} to ${most}`
  throw cursor.fault(at, `${text}() takes ${least === most ? least : more} parameters, not ${count},`)
}

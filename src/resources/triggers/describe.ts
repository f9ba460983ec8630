/** What people are told of a trigger's parameters. Pure. */
import type { TriggerParameter } from './schema.ts'

/** `list of tls, basic`, `number`. */
export function typeText({ type = 'string' }: TriggerParameter): string {
  return type === 'list' ? '[]string' : type
}

/** Where it may stand, where that is not metadata alone. */
export function readFrom({ from, name }: Pick<TriggerParameter, 'from' | 'name'>): string {
  const places = [
    ...(from.includes('M') ? ['metadata'] : []),
    ...(from.includes('E') ? [`a variable of the target (${name}FromEnv)`] : []),
    ...(from.includes('A') ? ['a TriggerAuthentication'] : []),
  ]
  return from === 'M' ? '' : `In ${places.join(' or ')}.`
}

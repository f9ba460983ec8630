/** Durations of protection that cannot be meant. */
import { parseDurationMs } from '../../core/quantity.ts'
import type { FieldIssue } from '../kinds.ts'
import { quote } from '../validation/words.ts'
import type { ScaledObjectText } from './manifest-type.ts'

/** What is remembered of changes goes no further back. */
export const LONGEST_MS = 7 * 24 * 36e5

export function protectionIssues({ spec }: ScaledObjectText): readonly FieldIssue[] {
  const { cooldown, flapping } = spec.protection ?? {}
  return [
    ...spanIssues(['cooldown', 'up'], cooldown?.up, 0),
    ...spanIssues(['cooldown', 'down'], cooldown?.down, 0),
    ...spanIssues(['flapping', 'within'], flapping?.within, 1),
    ...spanIssues(['flapping', 'hold'], flapping?.hold, 1),
  ]
}

function spanIssues(
  steps: readonly string[],
  text: string | undefined,
  leastMs: number,
): readonly FieldIssue[] {
  if (text === undefined) return []
  const spanMs = parseDurationMs(text)
  if (spanMs >= leastMs && spanMs <= LONGEST_MS) return []
  const limit = spanMs > LONGEST_MS ? 'at most 7d' : 'more than 0'
  return [
    { path: ['spec', 'protection', ...steps], message: `must be ${limit}, not ${quote(text)}`, value: text },
  ]
}

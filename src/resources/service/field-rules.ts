/** Rules that several fields of a Service share. */
import type { Path } from '../../core/json.ts'
import { parseDurationMs } from '../../core/quantity.ts'
import type { FieldIssue } from '../kinds.ts'
import { quote } from '../validation/words.ts'

const MAX_DURATION_MS = 24 * 36e5

/** Items of a list whose name an earlier one has. */
export function duplicateIssues(
  items: readonly { readonly name: string }[],
  path: Path,
): readonly FieldIssue[] {
  if (items.length < 2) return []
  const first = new Map<string, number>()
  const issues: FieldIssue[] = []
  for (const [index, { name }] of items.entries()) {
    const earlier = first.get(name)
    if (earlier === undefined) first.set(name, index)
    else
      issues.push({
        path: [...path, index, 'name'],
        message: `must be unique: ${path.at(-1)}[${earlier}] is named ${quote(name)} too`,
        value: name,
      })
  }
  return issues
}

/** A duration that is well formed but cannot be meant. */
export function durationIssue(
  text: string | undefined,
  path: Path,
  options: { readonly zero?: boolean } = {},
): FieldIssue | undefined {
  if (text === undefined) return undefined
  const spanMs = parseDurationMs(text)
  if (spanMs > MAX_DURATION_MS)
    return { path, message: `must be at most 24h, not ${quote(text)}`, value: text }
  if (spanMs < 1 && options.zero !== true)
    return { path, message: `must be at least 1ms, not ${quote(text)}`, value: text }
  return undefined
}

/**
 * Rules that several fields of a Service share. All rules add what they find to a list that is handed on, and make a path only
 * where there is a fault: nearly every Service has none, and there may be thousands.
 */
import type { Path } from '../../core/json.ts'
import { parseDurationMs } from '../../core/quantity.ts'
import type { FieldIssue } from '../kinds.ts'
import { quote } from '../validation/words.ts'

const MAX_DURATION_MS = 24 * 36e5

export const TEMPLATE: Path = ['spec', 'template']

/** What the rules have found. */
export type Issues = FieldIssue[]

/** Items of the list `member` whose name an earlier one has. */
export function findDuplicates(
  issues: Issues,
  items: readonly { readonly name: string }[] | undefined,
  parent: Path,
  member: string,
): void {
  if (items === undefined || items.length < 2 || areFewAndUnique(items)) return
  const first = new Map<string, number>()
  for (let index = 0; index < items.length; index++) {
    const { name } = items[index]!
    const earlier = first.get(name)
    if (earlier === undefined) first.set(name, index)
    else
      issues.push({
        path: [...parent, member, index, 'name'],
        message: `must be unique: ${member}[${earlier}] is named ${quote(name)} too`,
        value: name,
      })
  }
}

/** Comparing a few with each other costs less than a map of them. */
function areFewAndUnique(items: readonly { readonly name: string }[]): boolean {
  if (items.length > 16) return false
  for (let at = 1; at < items.length; at++) {
    const { name } = items[at]!
    for (let earlier = 0; earlier < at; earlier++) if (items[earlier]!.name === name) return false
  }
  return true
}

export interface DurationRule {
  readonly member: string
  readonly leastMs: 0 | 1
}

/** A duration that is well formed but cannot be meant; `pathOf` gives the path of its member. */
export function checkDuration(
  issues: Issues,
  text: string | undefined,
  { member, leastMs }: DurationRule,
  pathOf: (member: string) => Path,
): void {
  if (text === undefined) return
  const spanMs = parseDurationMs(text)
  if (spanMs >= leastMs && spanMs <= MAX_DURATION_MS) return
  const limit = spanMs > MAX_DURATION_MS ? 'at most 24h' : 'at least 1ms'
  issues.push({ path: pathOf(member), message: `must be ${limit}, not ${quote(text)}`, value: text })
}

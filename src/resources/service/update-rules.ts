/** Rules of rolling updates. */
import type { Path } from '../../core/json.ts'
import { quote } from '../validation/words.ts'
import { checkDuration, type DurationRule, type Issues } from './field-rules.ts'
import type { ManifestSpec } from './manifest-types.ts'

const UPDATE: Path = ['spec', 'update']
const MAX_COUNT = 10_000
const DEADLINE: DurationRule = { member: 'progressDeadline', leastMs: 1 }

export function checkUpdate(issues: Issues, update: ManifestSpec['update']): void {
  if (update === undefined) return
  const { maxUnavailable = 0, maxSurge = 1, strategy } = update
  const before = issues.length
  checkShare(issues, 'maxUnavailable', maxUnavailable)
  checkShare(issues, 'maxSurge', maxSurge)
  const sound = issues.length === before
  if (sound && strategy !== 'Recreate' && isNone(maxUnavailable) && isNone(maxSurge))
    issues.push({
      path: [...UPDATE, 'maxUnavailable'],
      message: 'and maxSurge cannot both be 0: nothing could ever be replaced',
      value: maxUnavailable,
    })
  checkDuration(issues, update.progressDeadline, DEADLINE, (member) => [...UPDATE, member])
}

function checkShare(issues: Issues, name: string, value: number | string): void {
  const message = shareFault(value)
  if (message !== undefined) issues.push({ path: [...UPDATE, name], message, value })
}

/** A count, or a part in percent. */
function shareFault(value: number | string): string | undefined {
  if (typeof value === 'number')
    return value >= 0 && value <= MAX_COUNT ? undefined : `must be from 0 to ${MAX_COUNT}, not ${value}`
  if (/^\d+$/.test(value)) return `must be a number without quotes or a part such as 25%, not ${quote(value)}`
  if (!/^\d{1,3}%$/.test(value) || Number.parseInt(value, 10) > 100)
    return `must be a number or a part such as 25%, at most 100%, not ${quote(value)}`
  return undefined
}

function isNone(value: number | string): boolean {
  return Number.parseInt(String(value), 10) === 0
}

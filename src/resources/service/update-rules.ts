/** Rules of rolling updates. */
import type { Path } from '../../core/json.ts'
import { checkDuration, type DurationRule, type Issues } from './field-rules.ts'
import type { ManifestSpec } from './manifest-types.ts'
import { shareFault } from './share.ts'

const UPDATE: Path = ['spec', 'update']
const DEADLINE: DurationRule = { member: 'progressDeadline', leastMs: 1 }

export function checkUpdate(issues: Issues, update: ManifestSpec['update']): void {
  if (update === undefined) return
  const { maxUnavailable = 0, maxSurge = 1, strategy } = update
  const before = issues.length
  checkShare(issues, 'maxUnavailable', maxUnavailable)
  checkShare(issues, 'maxSurge', maxSurge)
  const sound = issues.length === before
  if (
    sound &&
    strategy !== 'Recreate' &&
    strategy !== 'BlueGreen' &&
    isNone(maxUnavailable) &&
    isNone(maxSurge)
  )
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

function isNone(value: number | string): boolean {
  return Number.parseInt(String(value), 10) === 0
}

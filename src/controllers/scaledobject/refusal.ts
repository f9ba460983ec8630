/** A number that the Service cannot have, and that waiting alone does not change. Pure. */
import { type ErrorCode, isNsctlError } from '../../core/errors.ts'
import { formatCount } from '../../core/words.ts'

/** What is wrong with the number or with the Service; anything else is the store's, or over soon. */
const LASTING: readonly ErrorCode[] = ['Invalid', 'Unsupported', 'TooLarge', 'Denied']

/** `20000 replicas are refused: service/web: spec.replicas: must be ≤ 10000`; undefined for what may be over by itself. */
export function refusalOf(error: unknown, to: number): string | undefined {
  if (!isNsctlError(error, ...LASTING)) return undefined
  const { message, issues } = error
  const others = issues.length > 1 ? ` (and ${formatCount(issues.length - 1, 'other')})` : ''
  const first = issues.length > 1 ? issues[0] : message
  return `${formatCount(to, 'replica')} ${to === 1 ? 'is' : 'are'} refused: ${first}${others}`
}

/** A number of instances, or a part of those that are wanted. */
import { quote } from '../validation/words.ts'

const MAX_COUNT = 10_000

/** What is wrong with it; undefined where nothing is. */
export function shareFault(value: number | string): string | undefined {
  if (typeof value === 'number')
    return value >= 0 && value <= MAX_COUNT ? undefined : `must be from 0 to ${MAX_COUNT}, not ${value}`
  if (/^\d+$/.test(value)) return `must be a number without quotes or a part such as 25%, not ${quote(value)}`
  if (!/^\d{1,3}%$/.test(value) || Number.parseInt(value, 10) > 100)
    return `must be a number or a part such as 25%, at most 100%, not ${quote(value)}`
  return undefined
}

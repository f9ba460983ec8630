/** How long one look may take. */
import { parseDurationMs } from '../../core/quantity.ts'
import type { TriggerConfig } from '../source.ts'

/** KEDA's global one. */
export const DEFAULT_TIMEOUT_MS = 3_000
/** KEDA takes anything; more than this is a poll that never ends. */
const LONGEST_TIMEOUT_MS = 300_000

/** The trigger's own limit: a bare number is milliseconds, as in KEDA. Undefined where it has none that counts. */
export function timeoutOf({ metadata }: Pick<TriggerConfig, 'metadata'>): number | undefined {
  const text = metadata.timeout?.trim()
  if (text === undefined || text === '') return undefined
  const timeoutMs = /^[0-9]+$/.test(text) ? Number(text) : durationOf(text)
  return timeoutMs === undefined || timeoutMs <= 0 ? undefined : Math.min(timeoutMs, LONGEST_TIMEOUT_MS)
}

function durationOf(text: string): number | undefined {
  try {
    return parseDurationMs(text)
  } catch {
    return undefined
  }
}

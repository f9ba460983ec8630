/** Entries for tests of the history. */
import type { HistoryEntry } from '../../../src/telemetry/history/history.ts'

export const WEB = 'ScaledObject/default/web'
/** Of all that has no other. */
export const UID = 'one'
export const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS

export function sample(atMs: number, object = WEB): HistoryEntry {
  return {
    object,
    uid: UID,
    kind: 'sample',
    atMs,
    content: { replicas: 2, desired: 3, ready: 2, demand: { queue: atMs % 1000 } },
  }
}

export function decision(atMs: number, object = WEB): HistoryEntry {
  return { object, uid: UID, kind: 'decision', atMs, content: { from: 2, to: 3, because: `at ${atMs}` } }
}

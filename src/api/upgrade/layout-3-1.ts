/**
 * 3.0 → 3.1. There are scalers and Jobs. Who knows only 3.0 leaves them alone, and carries along what they have put on a Service or a Node;
 * nothing is rewritten.
 */
import type { LayoutStep } from './step.ts'
import { refuseTakenKinds } from './taken-kinds.ts'

const OURS_NOW: ReadonlySet<unknown> = new Set([
  'ScaledObject',
  'ScaledJob',
  'Job',
  'TriggerAuthentication',
  'ClusterTriggerAuthentication',
])
const TO = { major: 3, minor: 1 } as const

export const toLayout31: LayoutStep = {
  from: { major: 3, minor: 0 },
  to: TO,
  summary: 'there are ScaledObjects, ScaledJobs and Jobs',
  plan(entries) {
    refuseTakenKinds(entries, OURS_NOW, TO)
    return []
  },
}

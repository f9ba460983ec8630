/**
 * 2.0 → 3.0. Services name Configs and Secrets, and their Instances those that they run with (`spec.materials`): who knows only 2.0 would
 * start such an Instance without them. What 2.0 has written says the same in 3.0, and nothing of it is rewritten.
 */
import type { LayoutStep } from './step.ts'
import { refuseTakenKinds } from './taken-kinds.ts'

const OURS_NOW: ReadonlySet<unknown> = new Set(['Config', 'Secret', 'Recipient', 'Delivery'])
const TO = { major: 3, minor: 0 } as const

export const toLayout3: LayoutStep = {
  from: { major: 2, minor: 0 },
  to: TO,
  summary: 'Services and Instances may name Configs and Secrets',
  plan(entries) {
    refuseTakenKinds(entries, OURS_NOW, TO)
    return []
  },
}

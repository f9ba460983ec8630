/** How a Service is updated, and how far a rollout is that goes by steps. */
import type { AnyResource } from '../../resources/object.ts'
import { ABORT, PROMOTE } from '../../resources/rollout-orders.ts'
import { flagAt, mapAt, mapsAt, numberAt, textAt } from '../fields.ts'
import { ageText } from '../table.ts'
import { printable } from '../width.ts'
import type { Block } from './layout.ts'

/** `Rolling, 0 unavailable, 1 surge, rolled back when not ready within 60s` */
export function updateText(object: AnyResource): string {
  const update = mapAt(object, 'spec.update') ?? {}
  const strategy = textAt(update, 'strategy') ?? 'Rolling'
  const parts = [strategy]
  const steps = mapsAt(update, 'canary.steps').length
  if (steps > 0) parts.push(steps === 1 ? '1 step' : `${steps} steps`)
  if (strategy === 'Rolling' || strategy === 'Canary')
    parts.push(`at most ${update.maxUnavailable ?? 0} unavailable`, `${update.maxSurge ?? 1} extra`)
  const deadline = textAt(update, 'progressDeadline') ?? '60s'
  parts.push(
    flagAt(update, 'autoRollback') === false
      ? 'no automatic rollback'
      : `rolled back when not ready within ${deadline}`,
  )
  if (flagAt(update, 'paused') === true) parts.push('PAUSED')
  return parts.join(', ')
}

/** Where a rollout by steps is, and what comes; and which part of the requests the templates get meanwhile. */
export function rolloutBlocks(object: AnyResource, nowMs: number): readonly Block[] {
  const step = numberAt(object, 'status.rollout.step')
  if (step === undefined) return []
  const since = ageText(textAt(object, 'status.rollout.stepSince'), nowMs)
  const text = textAt(object, 'status.rollout.text') ?? 'all steps are over'
  const steps = mapsAt(object, 'spec.update.canary.steps').map((one, at) => {
    const mark = at < step ? 'done' : at === step ? 'now' : ''
    return printable(`${mark.padEnd(6)}${stepText(one)}`.trimEnd())
  })
  return [
    ['Rollout', [printable(`${text}, since ${since}`), ...steps]],
    ['Traffic', trafficLines(object)],
  ]
}

/** `setWeight 25`, `pause 5m`, `analysis: result < 0.05, 3 times every 30s` */
function stepText(step: Record<string, unknown>): string {
  const weight = numberAt(step, 'setWeight')
  if (weight !== undefined) return `setWeight ${weight}`
  const scale = mapAt(step, 'setCanaryScale')
  if (scale !== undefined) return `setCanaryScale ${scale.replicas}`
  const analysis = mapAt(step, 'analysis')
  if (analysis === undefined) return `pause ${textAt(step, 'pause.duration') ?? ''}`.trimEnd()
  const count = numberAt(analysis, 'count') ?? 1
  const times = count === 1 ? 'once' : `${count} times every ${textAt(analysis, 'interval') ?? '30s'}`
  return `analysis ${textAt(analysis, 'successCondition') ?? ''}, ${times}`
}

function trafficLines(object: AnyResource): readonly string[] {
  const current = textAt(object, 'status.currentHash')
  const parts = mapsAt(object, 'status.traffic').map(
    ({ hash, weight }) => `${weight} % to the ${hash === current ? 'new' : 'old'} ones (${hash})`,
  )
  return parts.length === 0 ? [] : [printable(parts.join(', '))]
}

/** Without what people have ordered of a rollout, which tells a reader nothing. */
export function withoutOrders(object: AnyResource): AnyResource {
  const { [PROMOTE]: _promote, [ABORT]: _abort, ...annotations } = object.metadata.annotations ?? {}
  return { ...object, metadata: { ...object.metadata, annotations } }
}

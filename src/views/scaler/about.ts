/** A scaler in a few words. */
import type { AnyResource } from '../../resources/object.ts'
import { mapsAt, numberAt, textAt } from '../fields.ts'
import { printable } from '../width.ts'

const TRIGGERS_NAMED = 4

export type ScalerKind = 'ScaledObject' | 'ScaledJob'

export function isScaler(kind: string): kind is ScalerKind {
  return kind === 'ScaledObject' || kind === 'ScaledJob'
}

/** `2–20 replicas on cpu, rabbitmq/orders`; a ScaledJob's: `0–10 Jobs on redis/work`. */
export function aboutScaler(object: AnyResource): string {
  const what = object.kind === 'ScaledJob' ? 'Jobs' : 'replicas'
  const idle = numberAt(object, 'spec.idleReplicaCount')
  return `${rangeOf(object)} ${what}${idle === undefined ? '' : `, ${idle} when idle,`} on ${triggersOf(object)}`
}

/** `2–20` */
export function rangeOf(object: AnyResource): string {
  return `${numberAt(object, 'spec.minReplicaCount') ?? 0}–${numberAt(object, 'spec.maxReplicaCount') ?? 100}`
}

/** `cpu, rabbitmq/orders`, in the order of the spec. */
function triggersOf(object: AnyResource): string {
  const names = mapsAt(object, 'spec.triggers').map((trigger) => {
    const type = textAt(trigger, 'type') ?? '?'
    const name = textAt(trigger, 'name')
    return printable(name === undefined || name === type ? type : `${type}/${name}`)
  })
  const rest = names.length - TRIGGERS_NAMED
  const shown = names.slice(0, TRIGGERS_NAMED).join(', ')
  return rest > 0 ? `${shown} and ${rest} more` : shown
}

/** The scaler of a Service among those of all namespaces. */
export function scalerOf(service: AnyResource, scalers: readonly AnyResource[]): AnyResource | undefined {
  return scalers.find(
    (scaler) =>
      scaler.metadata.namespace === service.metadata.namespace &&
      textAt(scaler, 'spec.scaleTargetRef.name') === service.metadata.name,
  )
}

/** Beside a Service: `2–20: rabbitmq/orders 1,310 ÷ 200`, and what is wrong with it. */
export function scalingRemark(scaler: AnyResource): string {
  const wrong = textAt(scaler, 'status.summary')
  if (wrong !== undefined) return printable(wrong)
  const paused = textAt(scaler, 'status.activeText') === 'paused' ? ' paused' : ''
  const why = textAt(scaler, 'status.decidedBy')
  return printable(`${rangeOf(scaler)}${paused}${why === undefined ? '' : `: ${why}`}`)
}

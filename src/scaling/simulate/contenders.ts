/** The policy of a ScaledObject, on the demand of a trace. */
import { NsctlError } from '../../core/errors.ts'
import type { ScalingPolicy, TriggerPolicy } from '../policy.ts'
import type { Reading } from '../source.ts'
import type { Contender, Look } from './run.ts'

/** They look at something else than demand. */
const NO_DEMAND = ['cron', 'service', 'kubernetes-workload']

export interface OwnOptions {
  readonly name: string
  readonly policy: ScalingPolicy
  /** The trigger that the demand feeds; the only one that can be fed where left out. */
  readonly trigger?: string | undefined
  /** Above that it is active. */
  readonly activation: number
  readonly everyMs: number
  readonly averageMs: number
  readonly capacity: number
  /** What can be told of other triggers without the demand, by key. */
  readonly others?: ReadonlyMap<string, (wallMs: number) => Reading>
}

/** Throws Invalid where there is no such trigger, several and none named, or one that shows no demand. */
export function ownContender(options: OwnOptions): Contender {
  const { name, policy, everyMs, averageMs, capacity, activation } = options
  const trigger = fedTrigger(policy, options.trigger)
  const others = options.others ?? new Map<string, (wallMs: number) => Reading>()
  const kept = policy.triggers.filter(({ key }) => key === trigger.key || others.has(key))
  const unseen = [...(policy.modifiers?.reads ?? [])].filter((key) => kept.every((one) => one.key !== key))
  if (unseen.length > 0)
    throw new NsctlError(
      'Unsupported',
      `the formula reads ${unseen.join(', ')} too, which the trace does not feed`,
      {
        value: unseen.join(', '),
        next: 'try it without scalingModifiers, or with a formula of one trigger',
      },
    )
  const triggers = new Map<string, (look: Look) => Reading>()
  for (const [key, readingAt] of others) triggers.set(key, ({ nowMs }) => readingAt(nowMs))
  triggers.set(
    trigger.key,
    trigger.perInstance
      ? (look) => busyInstances(look, capacity)
      : ({ demand }) => oneValue(demand, demand > activation),
  )
  return {
    name,
    policy: { ...policy, triggers: kept, triggerByName: namesOf(policy, kept) },
    triggers,
    everyMs,
    averageMs,
    counts: 'all',
  }
}

/** The trigger that is named, or the only one that can see demand. Throws Invalid and Unsupported, naming those that there are. */
export function fedTrigger({ triggers }: ScalingPolicy, wanted: string | undefined): TriggerPolicy {
  const able = triggers.filter(seesDemand)
  if (wanted === undefined && able.length === 1) return able[0]!
  const found = triggers.find(({ key, name, type }) => [key, name, type].includes(wanted))
  const next = `name one that counts work, or cpu, with --trigger: ${able.map(({ key }) => key).join(', ') || 'there is none'}`
  if (wanted === undefined)
    throw new NsctlError('Invalid', `the trace feeds one trigger, and ${able.length} could be fed`, { next })
  if (found === undefined)
    throw new NsctlError('Invalid', `there is no trigger "${wanted}"`, { value: wanted, next })
  if (seesDemand(found)) return found
  throw new NsctlError('Unsupported', `demand does not tell what a trigger of type ${found.type} sees`, {
    value: wanted,
    next,
  })
}

function seesDemand({ type, perInstance }: TriggerPolicy): boolean {
  return perInstance ? type === 'cpu' : !NO_DEMAND.includes(type)
}

/** Names of those that are kept, and where each stands now. */
function namesOf(
  { triggers, triggerByName }: ScalingPolicy,
  kept: readonly TriggerPolicy[],
): ReadonlyMap<string, number> {
  const places = [...triggerByName].map(([name, index]) => [name, kept.indexOf(triggers[index]!)] as const)
  return new Map(places.filter(([, index]) => index >= 0))
}

function oneValue(value: number, active: boolean): Reading {
  return { kind: 'values', metrics: [{ name: '', value }], active }
}

/** Of a whole core each: what it serves in a second of what it could. */
function busyInstances({ demand, fleet, nowMs }: Look, capacity: number): Reading {
  const busy = fleet.ready === 0 ? 0 : Math.min(1, demand / (fleet.ready * capacity))
  const samples = fleet.instances
    .slice(0, fleet.ready)
    .map(({ name }) => ({ instance: name, value: 1000 * busy, atMs: nowMs, windowMs: 60_000 }))
  return { kind: 'instances', samples }
}

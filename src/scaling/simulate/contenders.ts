/** Who is tried: the policy of a ScaledObject, and what others would do in its place. */
import { NsctlError } from '../../core/errors.ts'
import type { BehaviorDirection, ScalingPolicy, TriggerPolicy } from '../policy.ts'
import type { Reading } from '../source.ts'
import { timeOfDay } from '../time-of-day.ts'
import type { Contender, Look } from './run.ts'

/** HPA and KEDA ask every 15 s, of what went on in the last minute, and want replicas to be 70 % busy. */
const SYNC_MS = 15_000
const AVERAGE_MS = 60_000
const BUSY = 0.7
const UNBOUNDED = 1_000_000

export interface OwnOptions {
  readonly name: string
  readonly policy: ScalingPolicy
  /** The key of the trigger that the demand feeds; the only one where left out. */
  readonly trigger?: string | undefined
  /** Above that it is active. */
  readonly activation: number
  readonly everyMs: number
  readonly averageMs: number
  readonly capacity: number
}

/** Throws Invalid where there is no such trigger, several and none named, or one that shows no demand. */
export function ownContender(options: OwnOptions): Contender {
  const { name, policy, everyMs, averageMs, capacity, activation } = options
  const trigger = fedTrigger(policy, options.trigger)
  if (trigger.perInstance && trigger.type !== 'cpu')
    throw new NsctlError('Unsupported', `demand does not tell what a trigger of type ${trigger.type} sees`, {
      value: trigger.key,
      next: 'feed one that counts work, or cpu',
    })
  const unseen = [...(policy.modifiers?.reads ?? [])].filter((key) => key !== trigger.key)
  if (unseen.length > 0)
    throw new NsctlError(
      'Unsupported',
      `the formula reads ${unseen.join(', ')} too, which the trace does not feed`,
      {
        value: unseen.join(', '),
        next: 'try it without scalingModifiers, or with a formula of one trigger',
      },
    )
  return {
    name,
    policy: { ...policy, triggers: [trigger], triggerByName: namesOf(policy, trigger) },
    trigger: trigger.key,
    everyMs,
    averageMs,
    counts: 'all',
    read: trigger.perInstance
      ? (look) => busyInstances(look, capacity)
      : ({ demand }) => oneValue(demand, demand > activation),
  }
}

function fedTrigger({ triggers }: ScalingPolicy, wanted: string | undefined): TriggerPolicy {
  const found =
    wanted === undefined
      ? triggers.length === 1
        ? triggers[0]
        : undefined
      : triggers.find(({ key, name, type }) => [key, name, type].includes(wanted))
  if (found !== undefined) return found
  const keys = triggers.map(({ key }) => key).join(', ')
  throw new NsctlError(
    'Invalid',
    wanted === undefined
      ? 'there are several triggers, and the trace feeds one'
      : `there is no trigger "${wanted}"`,
    { value: wanted, next: `name one with --trigger: ${keys}` },
  )
}

function namesOf(
  { triggers, triggerByName }: ScalingPolicy,
  trigger: TriggerPolicy,
): ReadonlyMap<string, number> {
  const index = triggers.indexOf(trigger)
  return new Map([...triggerByName].filter(([, at]) => at === index).map(([name]) => [name, 0]))
}

/**
 * HPA v2 on request rate: the mean of the replicas that serve, of the last minute, wants to be 70 % of what one can; with the defaults of `behavior`.
 */
export function hpaContender(capacity: number): Contender {
  return {
    name: 'hpa',
    policy: rival({
      type: 'metrics-api',
      metricType: 'AverageValue',
      target: BUSY * capacity,
      perInstance: true,
    }),
    trigger: 'rate',
    everyMs: SYNC_MS,
    averageMs: AVERAGE_MS,
    counts: 'ready',
    read: ({ demand, fleet, nowMs }) => {
      const samples = []
      for (let index = 0; index < fleet.ready; index++)
        samples.push({
          instance: fleet.instances[index]!.name,
          value: demand / fleet.ready,
          atMs: nowMs,
          windowMs: AVERAGE_MS,
        })
      return { kind: 'instances', samples }
    },
  }
}

/**
 * KEDA with its defaults: HPA on the whole rate, divided by all replicas, whether they serve or not. Its pollingInterval of 30 s is about 0 and 1
 * only: above, HPA asks it every 15 s.
 */
export function kedaContender(capacity: number): Contender {
  return {
    name: 'keda',
    policy: rival({
      type: 'prometheus',
      metricType: 'AverageValue',
      target: BUSY * capacity,
      perInstance: false,
    }),
    trigger: 'rate',
    everyMs: SYNC_MS,
    averageMs: AVERAGE_MS,
    counts: 'all',
    read: ({ demand }) => oneValue(demand, demand > 0),
  }
}

function oneValue(value: number, active: boolean): Reading {
  return { kind: 'values', metrics: [{ name: '', value }], active }
}

/** Of a whole core each: what it serves in a second of what it could. */
function busyInstances({ demand, fleet, nowMs }: Look, capacity: number): Reading {
  const busy = fleet.ready === 0 ? 0 : Math.min(1, demand / (fleet.ready * capacity))
  const samples = fleet.instances
    .slice(0, fleet.ready)
    .map(({ name }) => ({ instance: name, value: 1000 * busy, atMs: nowMs, windowMs: AVERAGE_MS }))
  return { kind: 'instances', samples }
}

function rival(
  trigger: Pick<TriggerPolicy, 'type' | 'metricType' | 'target' | 'perInstance'>,
): ScalingPolicy {
  const whole = { type: 'Percent', value: 100, periodMs: SYNC_MS } as const
  const up: BehaviorDirection = {
    stabilizationMs: 0,
    select: 'Max',
    policies: [{ type: 'Pods', value: 4, periodMs: SYNC_MS }, whole],
  }
  return {
    minReplicas: 1,
    maxReplicas: UNBOUNDED,
    idleReplicas: undefined,
    cooldownMs: 300_000,
    initialCooldownMs: 0,
    triggers: [{ ...trigger, key: 'rate', name: 'rate', label: 'rate', isCpu: false, unit: '' }],
    triggerByName: new Map([['rate', 0]]),
    behavior: { up, down: { stabilizationMs: 300_000, select: 'Max', policies: [whole] } },
    tolerance: { up: 0.1, down: 0.1 },
    modifiers: undefined,
    fallback: undefined,
    timezone: 'UTC',
    rules: [],
    protection: { cooldownUpMs: 0, cooldownDownMs: 0, flapping: undefined, maxActionsPerHour: undefined },
    pause: undefined,
    forceActive: false,
    timeOfDay: timeOfDay('UTC'),
  }
}

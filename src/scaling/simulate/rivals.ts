/** What others would do in the place of a policy: HPA and KEDA, decided by the same decide(). */
import type { BehaviorDirection, ScalingPolicy, TriggerPolicy } from '../policy.ts'
import type { Reading } from '../source.ts'
import { timeOfDay } from '../time-of-day.ts'
import type { Contender, Look } from './run.ts'

/** HPA and KEDA ask every 15 s, of what went on in the last minute, and want replicas to be 70 % busy. */
const SYNC_MS = 15_000
const AVERAGE_MS = 60_000
const BUSY = 0.7
const UNBOUNDED = 1_000_000

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
    everyMs: SYNC_MS,
    averageMs: AVERAGE_MS,
    counts: 'ready',
    triggers: rateOnly(({ demand, fleet, nowMs }) => {
      const samples = []
      for (let index = 0; index < fleet.ready; index++)
        samples.push({
          instance: fleet.instances[index]!.name,
          value: demand / fleet.ready,
          atMs: nowMs,
          windowMs: AVERAGE_MS,
        })
      return { kind: 'instances', samples }
    }),
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
    everyMs: SYNC_MS,
    averageMs: AVERAGE_MS,
    counts: 'all',
    triggers: rateOnly(({ demand }) => ({
      kind: 'values',
      metrics: [{ name: '', value: demand }],
      active: demand > 0,
    })),
  }
}

function rateOnly(read: (look: Look) => Reading): Contender['triggers'] {
  return new Map([['rate', read]])
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
    sleepsWhereAsked: false,
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

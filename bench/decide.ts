/** How fast decide() is: a policy with two triggers, of a kind each, over an hour of demand that goes up and down. */
import type { ScaledObject } from '../src/resources/generated/types.ts'
import { compilePolicy } from '../src/scaling/compile.ts'
import { decide, initialState } from '../src/scaling/decide.ts'
import type { DecisionInput, InstanceFacts } from '../src/scaling/decision.ts'
import { median, type Row } from './measure.ts'

const DECISIONS = 100_000
const ROUNDS = 5
const INSTANCES = 8
/** As often as an hour of polls. */
const EVERY_MS = 15_000
const START = Date.UTC(2026, 0, 1)

const PLAIN: ScaledObject = {
  apiVersion: 'nsctl.dev/v1alpha1',
  kind: 'ScaledObject',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    scaleTargetRef: { name: 'web' },
    pollingInterval: 15,
    cooldownPeriod: 300,
    minReplicaCount: 2,
    maxReplicaCount: 20,
    timezone: 'UTC',
    triggers: [
      {
        type: 'rabbitmq',
        name: 'orders',
        useCachedMetrics: false,
        metadata: { host: 'amqp://broker', queueName: 'orders', mode: 'QueueLength', value: '200' },
      },
      { type: 'cpu', useCachedMetrics: false, metadata: { value: '70' } },
    ],
  },
}

const FULL: ScaledObject = {
  ...PLAIN,
  spec: {
    ...PLAIN.spec,
    advanced: {
      restoreToOriginalReplicaCount: false,
      horizontalPodAutoscalerConfig: {
        behavior: {
          scaleUp: { policies: [{ type: 'Pods', value: 4, periodSeconds: 60 }] },
          scaleDown: {
            stabilizationWindowSeconds: 300,
            policies: [{ type: 'Percent', value: 50, periodSeconds: 60 }],
          },
        },
      },
    },
    rules: [
      { when: 'cpu > 80 && orders.lag > 1000', heldFor: '30s', scale: '+3' },
      { when: "hour() >= 22 || weekday() in ['sat','sun']", max: 10 },
      { schedule: '0 8 * * 1-5', lasts: '10h', min: 5 },
    ],
    protection: {
      cooldown: { up: '15s', down: '5m' },
      flapping: { changes: 4, within: '10m', hold: '10m' },
      maxActionsPerHour: 60,
    },
  },
}

export function benchDecide(): readonly Row[] {
  return [
    row('1,000 decisions, 2 triggers', thousandMs(PLAIN), 10),
    row('1,000 decisions, with behavior, 3 rules, protection', thousandMs(FULL)),
  ]
}

function row(what: string, value: number, goal?: number): Row {
  return { bench: 'decide', what, value, unit: 'ms', ...(goal === undefined ? {} : { goal }) }
}

/** Inputs are made beforehand: what is measured is deciding. */
function thousandMs(object: ScaledObject): number {
  const policy = compilePolicy(object)
  const hour = Array.from({ length: 240 }, (_, index) => inputAt(index))
  const rounds = Array.from({ length: ROUNDS }, () => {
    let state = initialState({ time: { steadyMs: START }, replicas: INSTANCES })
    const startedMs = performance.now()
    for (let index = 0; index < DECISIONS; index++) {
      const nowMs = START + index * EVERY_MS
      const input = { ...hour[index % hour.length]!, time: { steadyMs: nowMs, wallMs: nowMs } }
      state = decide(policy, input, state).state
    }
    return ((performance.now() - startedMs) * 1000) / DECISIONS
  })
  return median(rounds)
}

function inputAt(index: number): DecisionInput {
  const wave = Math.sin((index / 240) * 2 * Math.PI)
  const samples = Array.from({ length: INSTANCES }, (_, each) => ({
    instance: `web-${each}`,
    value: 600 + 300 * wave + each,
    atMs: START,
    windowMs: 15_000,
  }))
  const orders = Math.round(1500 + 1400 * wave)
  const read = { readAtMs: START, error: undefined, failures: 0 }
  return {
    time: { steadyMs: START, wallMs: START },
    replicas: INSTANCES,
    instances: Array.from({ length: INSTANCES }, (_, each) => instance(each)),
    triggers: new Map([
      [
        'orders',
        { ...read, reading: { kind: 'values', metrics: [{ name: '', value: orders }], active: true } },
      ],
      ['cpu-1', { ...read, reading: { kind: 'instances', samples } }],
    ]),
    createdMs: START,
  }
}

function instance(index: number): InstanceFacts {
  return {
    name: `web-${index}`,
    phase: 'running',
    deleting: false,
    ready: true,
    startedMs: START - 3_600_000,
    readyChangedMs: START - 3_600_000,
    request: { cpu: 1000 },
  }
}

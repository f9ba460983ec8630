/** A scaler at a quarter past noon, as in the shop of fixtures.ts: seven of twenty, because a queue is long. */
import type { AnyResource } from '../../src/resources/object.ts'
import type { Decision, Step, TriggerVerdict } from '../../src/scaling/decide.ts'
import { nowMs } from './fixtures.ts'

export const secondsAgo = (seconds: number) => new Date(nowMs - seconds * 1_000).toISOString()

const verdict: TriggerVerdict = {
  key: 'orders',
  type: 'rabbitmq',
  metric: '',
  metricType: 'AverageValue',
  value: 1310,
  target: 200,
  unit: '',
  proposal: 7,
  active: true,
  text: '1,310 ÷ 200',
  decides: true,
  error: undefined,
  failures: 0,
  ageMs: 1_500,
}

const quiet = (step: Step['step'], text: string, reason = 'None'): Step => ({
  step,
  from: 7,
  to: 7,
  reason,
  text,
})

export const decision: Decision = {
  atMs: 500_000,
  at: secondsAgo(2.5),
  from: 7,
  to: 7,
  active: true,
  triggers: [
    verdict,
    {
      ...verdict,
      key: 'cpu-1',
      type: 'cpu',
      metricType: 'Utilization',
      value: 61,
      target: 70,
      unit: '%',
      proposal: 5,
      active: undefined,
      text: '61 % of 70 %, in tolerance',
      decides: false,
      ageMs: 400,
    },
  ],
  steps: [
    quiet('pause', 'not paused'),
    quiet('triggers', 'rabbitmq/orders 1,310 ÷ 200', 'Largest'),
    quiet('fallback', 'no fallback'),
    quiet('modifiers', 'no formula'),
    quiet('activation', 'active'),
    quiet('stabilization', 'the highest wish of the last 5m', 'StabilizationWindow'),
    quiet('policies', 'none in the way'),
    quiet('rules', 'none fired'),
    quiet('protection', 'none held'),
    quiet('bounds', '2–20, floor 5 until 18:00 (weekdays)'),
  ],
  because: 'rabbitmq/orders 1,310 ÷ 200',
  outlook: {
    up: { notBeforeMs: undefined, text: 'at once' },
    down: {
      notBeforeMs: 1_000_000,
      text: 'no earlier than 12:23:40 (highest wish of the last 5m was 7)',
    },
    more: { trigger: 'orders', value: 1401, replicas: 8, text: '1,401 waiting would make it 8' },
    fewer: undefined,
  },
  limited: undefined,
  fallback: false,
  faults: [],
}

export const before: readonly Decision[] = [
  { ...decision, at: secondsAgo(200), from: 5, to: 7 },
  {
    ...decision,
    at: secondsAgo(650),
    from: 6,
    to: 5,
    because: 'stabilization window over; cpu 5, rabbitmq/orders 3',
  },
  { ...decision, at: secondsAgo(86_400), from: 4, to: 6, because: 'rabbitmq/orders 1,190 ÷ 200' },
]

const condition = (type: string, status: string, reason: string, message: string) => ({
  type,
  status,
  reason,
  message,
  lastTransitionTime: secondsAgo(660),
})

export const scaler: AnyResource = {
  apiVersion: 'nsctl.dev/v1alpha1',
  kind: 'ScaledObject',
  metadata: {
    name: 'web',
    namespace: 'shop',
    uid: 'uid-scaler',
    resourceVersion: '91',
    generation: 1,
    revision: 1,
    creationTimestamp: secondsAgo(86_400 * 4),
  },
  spec: {
    scaleTargetRef: { name: 'web' },
    minReplicaCount: 2,
    maxReplicaCount: 20,
    pollingInterval: 5,
    triggers: [
      { type: 'rabbitmq', name: 'orders', metadata: { queueName: 'orders', value: '200' } },
      { type: 'cpu', metadata: { value: '70' } },
    ],
  },
  status: {
    targetText: 'service/web',
    replicas: 7,
    desiredReplicas: 7,
    decision: before[0],
    conditions: [
      condition('Ready', 'True', 'Polling', 'both triggers are looked at'),
      condition('Active', 'True', 'TriggersActive', 'rabbitmq/orders'),
      condition('Fallback', 'False', 'NotNeeded', ''),
      condition('Paused', 'False', 'NotPaused', ''),
      condition('ScalingLimited', 'False', 'DesiredWithinRange', ''),
    ],
  },
} as unknown as AnyResource

/** An hour: a queue that fills in a wave, and the replicas after it. */
export const samples = Array.from({ length: 240 }, (_, i) => {
  const queue = Math.round(700 + 650 * Math.sin(i / 25))
  return {
    atMs: nowMs - (239 - i) * 15_000 - 2_500,
    replicas: Math.max(2, Math.ceil(queue / 200)),
    desired: Math.max(2, Math.ceil(queue / 200)),
    ready: 2,
    active: true,
    demand: { orders: i > 100 && i < 120 ? null : queue, 'cpu-1': 61 },
    tookMs: { orders: 12.4, 'cpu-1': 0.6 },
  }
}).reverse()

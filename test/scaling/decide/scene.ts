/** Policies, triggers and instances for tests of deciding, and a scaler that is decided for again and again. */
import { decide, initialState } from '../../../src/scaling/decide.ts'
import type {
  Decision,
  DecisionInput,
  InstanceFacts,
  ScalingState,
  StepName,
  TriggerInput,
} from '../../../src/scaling/decision.ts'
import type { ScalingPolicy, TriggerPolicy } from '../../../src/scaling/policy.ts'
import { timeOfDay } from '../../../src/scaling/time-of-day.ts'

/** A Wednesday, 12:00 UTC. */
export const START = Date.UTC(2026, 5, 10, 12)

export function trigger(key: string, more: Partial<TriggerPolicy> = {}): TriggerPolicy {
  return {
    key,
    name: key,
    type: 'metrics-api',
    label: key,
    metricType: 'AverageValue',
    target: 10,
    perInstance: false,
    isCpu: false,
    unit: '',
    ...more,
  }
}

export function cpu(target: number, more: Partial<TriggerPolicy> = {}): TriggerPolicy {
  return trigger('cpu', {
    type: 'cpu',
    metricType: 'Utilization',
    target,
    perInstance: true,
    isCpu: true,
    unit: '%',
    ...more,
  })
}

export function policy(more: Partial<ScalingPolicy> = {}): ScalingPolicy {
  const triggers = more.triggers ?? [trigger('queue')]
  return {
    minReplicas: 0,
    sleepsWhereAsked: true,
    maxReplicas: 100,
    idleReplicas: undefined,
    cooldownMs: 300_000,
    initialCooldownMs: 0,
    behavior: undefined,
    tolerance: { up: 0.1, down: 0.1 },
    modifiers: undefined,
    fallback: undefined,
    timezone: 'UTC',
    rules: [],
    protection: { cooldownUpMs: 0, cooldownDownMs: 0, flapping: undefined, maxActionsPerHour: undefined },
    pause: undefined,
    forceActive: false,
    timeOfDay: timeOfDay('UTC'),
    ...more,
    triggers,
    triggerByName: new Map(triggers.map(({ key }, index) => [key, index])),
  }
}

/** A number that was just read; active above 0. */
export function value(number: number, more: Partial<TriggerInput> = {}): TriggerInput {
  return {
    reading: { kind: 'values', metrics: [{ name: '', value: number }], active: number > 0 },
    readAtMs: START,
    error: undefined,
    failures: 0,
    ...more,
  }
}

export function failing(failures: number, error = 'connection refused'): TriggerInput {
  return { reading: undefined, readAtMs: undefined, error, failures }
}

/** `count` that have been ready for an hour. */
export function ready(count: number, more: Partial<InstanceFacts> = {}): InstanceFacts[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `web-${index}`,
    phase: 'running',
    deleting: false,
    ready: true,
    startedMs: START - 3_600_000,
    readyChangedMs: START - 3_600_000,
    request: { cpu: 1000, memory: 1024 },
    ...more,
  }))
}

export function input(
  replicas: number,
  triggers: Readonly<Record<string, TriggerInput>>,
  more: Partial<DecisionInput> = {},
): DecisionInput {
  return {
    time: { steadyMs: START, wallMs: START },
    replicas,
    instances: ready(replicas),
    triggers: new Map(Object.entries(triggers)),
    createdMs: START - 86_400_000,
    ...more,
  }
}

/** A state in which nothing happened lately. */
export const CALM: ScalingState = {
  recommendations: [],
  changes: [],
  lastActiveMs: undefined,
  rules: {},
  heldUntilMs: undefined,
}

/** One decision, out of a state in which nothing happened lately. */
export function decideOnce(of: ScalingPolicy, given: DecisionInput, state: ScalingState = CALM): Decision {
  return decide(of, given, state).decision
}

export function stepOf(decision: Decision, step: StepName) {
  const found = decision.steps.find((entry) => entry.step === step)
  if (found === undefined) throw new Error(`no step ${step}`)
  return found
}

/** Decides again and again, each time for what the last time came to; all instances are ready at once. */
export class Scaler {
  readonly policy: ScalingPolicy
  state: ScalingState
  replicas: number
  steadyMs = START
  /** What the wall clock is off by. */
  skewMs = 0
  createdMs = START - 86_400_000
  last: Decision | undefined

  constructor(of: ScalingPolicy, replicas: number, state?: ScalingState) {
    this.policy = of
    this.replicas = replicas
    this.state = state ?? initialState({ time: { steadyMs: START }, replicas })
  }

  /** After `afterS` more seconds. Returns the number. */
  after(afterS: number, triggers: Readonly<Record<string, TriggerInput>>): number {
    this.steadyMs += afterS * 1000
    const time = { steadyMs: this.steadyMs, wallMs: this.steadyMs + this.skewMs }
    const { createdMs } = this
    const given = input(this.replicas, triggers, { time, createdMs })
    const { decision, state } = decide(this.policy, given, this.state)
    this.state = state
    this.replicas = decision.to
    this.last = decision
    return decision.to
  }
}

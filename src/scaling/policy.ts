/**
 * What a ScaledObject says, made ready for deciding: durations in milliseconds, formulas parsed, defaults of HPA filled in. Made once for
 * each change of its spec (`compilePolicy`).
 */

import type { Expression } from '../resources/expression/expression.ts'
import type { Schedule } from '../resources/schedule.ts'
import type { MetricType } from '../resources/triggers/schema.ts'

export interface ScalingPolicy {
  readonly minReplicas: number
  readonly maxReplicas: number
  /** Below minReplicas. */
  readonly idleReplicas: number | undefined
  /** `minReplicaCount: 0` or idleReplicaCount stands there, and was not left out: it may sleep for want of requests alone. */
  readonly sleepsWhereAsked: boolean
  readonly cooldownMs: number
  readonly initialCooldownMs: number
  readonly triggers: readonly TriggerPolicy[]
  /** Names of formulas and rules, and which of `triggers` each is. */
  readonly triggerByName: ReadonlyMap<string, number>
  /** Undefined where there is none: HPA without `behavior` has limits and a window of its own. */
  readonly behavior: Behavior | undefined
  /** Of a direction: HPA's, which holds with and without `behavior`. */
  readonly tolerance: { readonly up: number; readonly down: number }
  readonly modifiers: Modifiers | undefined
  readonly fallback: Fallback | undefined
  readonly timezone: string
  readonly rules: readonly Rule[]
  readonly protection: Protection
  readonly pause: Pause | undefined
  /** KEDA's annotation force-activation: active whatever the triggers say. */
  readonly forceActive: boolean
  /** `12:23:40`, in the policy's timezone; for texts. */
  timeOfDay(wallMs: number): string
}

export interface TriggerPolicy {
  /** Its name, or its type and index where it has none (`redis-0`): unique, and a name in formulas. */
  readonly key: string
  readonly name: string | undefined
  readonly type: string
  /** For people: `rabbitmq/orders`, `cpu`. */
  readonly label: string
  readonly metricType: MetricType
  /** What its number is compared with; undefined where the reading says it. Positive. */
  readonly target: number | undefined
  /** True where it is measured by instance. */
  readonly perInstance: boolean
  /** cpu only: HPA treats its first minutes apart. */
  readonly isCpu: boolean
  /** How its number is spoken of: `%`, `m`, `B`, `s`; empty for counts. */
  readonly unit: string
}

export interface Behavior {
  readonly up: BehaviorDirection
  readonly down: BehaviorDirection
}

export interface BehaviorDirection {
  readonly stabilizationMs: number
  readonly select: 'Max' | 'Min' | 'Disabled'
  readonly policies: readonly {
    readonly type: 'Pods' | 'Percent'
    readonly value: number
    readonly periodMs: number
  }[]
}

export interface Modifiers {
  readonly formula: Expression
  /** Keys of the triggers that it reads. */
  readonly reads: ReadonlySet<string>
  readonly target: number
  readonly activationTarget: number
  readonly metricType: 'AverageValue' | 'Value'
}

export interface Fallback {
  readonly failureThreshold: number
  readonly replicas: number
  readonly behavior:
    | 'static'
    | 'currentReplicas'
    | 'currentReplicasIfHigher'
    | 'currentReplicasIfLower'
    | 'scalingModifiers'
}

export interface Rule {
  /** Its name, or `rule 2`. */
  readonly name: string
  readonly condition:
    | { readonly kind: 'when'; readonly expression: Expression; readonly heldForMs: number }
    | { readonly kind: 'schedule'; readonly schedule: Schedule; readonly lastsMs: number }
  readonly scale: ScaleStep | undefined
  readonly min: number | undefined
  readonly max: number | undefined
}

export type ScaleStep =
  | { readonly kind: 'by'; readonly count: number }
  | { readonly kind: 'byPercent'; readonly percent: number }
  | { readonly kind: 'to'; readonly count: number }

export interface Protection {
  readonly cooldownUpMs: number
  readonly cooldownDownMs: number
  readonly flapping:
    | { readonly changes: number; readonly withinMs: number; readonly holdMs: number }
    | undefined
  readonly maxActionsPerHour: number | undefined
}

/** KEDA's annotations. */
export interface Pause {
  /** All is held (`paused`), at `replicas` where those are named (`paused-replicas`), or one direction is: `in` is down, `out` is up. */
  readonly kind: 'all' | 'in' | 'out'
  readonly replicas: number | undefined
}

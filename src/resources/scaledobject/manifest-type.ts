/** A ScaledObject's spec as it stands in a manifest that the schema has found sound: defaults may be filled in or not. */
import type { TriggerSpec } from '../triggers/admission.ts'

export interface ScaledObjectText {
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> }
  readonly spec: {
    readonly scaleTargetRef: {
      readonly name: string
      readonly apiVersion?: string
      readonly kind?: string
      readonly envSourceContainerName?: string
    }
    readonly pollingInterval?: number
    readonly cooldownPeriod?: number
    readonly idleReplicaCount?: number
    readonly minReplicaCount?: number
    readonly maxReplicaCount?: number
    readonly advanced?: {
      readonly horizontalPodAutoscalerConfig?: {
        readonly name?: string
        readonly behavior?: { readonly scaleUp?: DirectionText; readonly scaleDown?: DirectionText }
      }
      readonly scalingModifiers?: ModifiersText
    }
    readonly triggers: readonly TriggerSpec[]
    readonly fallback?: {
      readonly failureThreshold: number
      readonly replicas: number
      readonly behavior?: string
    }
    readonly timezone?: string
    readonly rules?: readonly RuleText[]
    readonly protection?: ProtectionText
  }
}

export interface DirectionText {
  readonly policies?: readonly unknown[]
  readonly tolerance?: string | number
}

export interface ModifiersText {
  readonly formula?: string
  readonly target?: string | number
  readonly activationTarget?: string | number
  readonly metricType?: string
}

export interface RuleText {
  readonly name?: string
  readonly when?: string
  readonly heldFor?: string
  readonly schedule?: string
  readonly lasts?: string
  readonly scale?: string
  readonly min?: number
  readonly max?: number
}

export interface ProtectionText {
  readonly cooldown?: { readonly up?: string; readonly down?: string }
  readonly flapping?: { readonly changes: number; readonly within: string; readonly hold: string }
  readonly maxActionsPerHour?: number
}

/** True where a formula makes one number of all triggers'. */
export function usesModifiers({ spec }: ScaledObjectText): boolean {
  return Object.values(spec.advanced?.scalingModifiers ?? {}).some(
    (value) => value !== undefined && value !== '',
  )
}

/** The schema lets anything stand where a number may be written with or without quotes. */
export function isScalar(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number'
}

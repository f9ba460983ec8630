/**
 * What a trigger's parameters are, as data: the one description that admission, the sources and the documentation read. Names,
 * defaults and places are KEDA's.
 */
import type { FieldIssue } from '../kinds.ts'

/** How a trigger's number is compared with its target, as HPA v2 names it. */
export type MetricType = 'AverageValue' | 'Value' | 'Utilization'

/**
 * What a parameter's text must be. `number` and `integer` are finite; `list` is separated by commas; `duration` is seconds as a number, or
 * Go's or ours (`30s`).
 */
export type ParameterType =
  | 'string'
  | 'number'
  | 'integer'
  | 'boolean'
  | 'duration'
  | 'url'
  | 'list'
  | 'json'
  | 'cron'
  | 'timezone'

export interface TriggerParameter {
  readonly name: string
  /** Other names of it. */
  readonly aliases?: readonly string[]
  /**
   * Where it may stand. M: in metadata; E: as `<name>FromEnv` in metadata, the name of a variable of the target; A: in a
   * TriggerAuthentication. What stands in a TriggerAuthentication counts before metadata, and that before …FromEnv, as in KEDA.
   */
  readonly from: string
  readonly required?: true
  readonly default?: string
  readonly enum?: readonly string[]
  /** `string` where left out. */
  readonly type?: ParameterType
  readonly minimum?: number
  /** What to use instead. */
  readonly deprecated?: string
  /** Its value is in no message, log, status or record. */
  readonly secret?: true
  /** A sentence for `nsctl explain`. */
  readonly description: string
}

export interface TriggerSchema {
  /** What manifests call it; several where they take the same parameters. */
  readonly types: readonly string[]
  readonly description: string
  readonly parameters: readonly TriggerParameter[]
  /** The parameter that a trigger's number is compared with; none for those that bring their own. */
  readonly target?: string
  /** The parameter above which it is active. */
  readonly activation?: string
  readonly metricTypes: readonly MetricType[]
  /** Events come by themselves. */
  readonly push?: true
  /** By instance (cpu, memory): cannot see work while nothing runs, and so never scales from or to 0 by itself. */
  readonly perInstance?: true
  /** What parameters together must not be. Paths are relative to the trigger: `['metadata', 'start']`. */
  readonly check?: (parameters: ReadParameters) => readonly FieldIssue[]
}

/** A trigger's parameters, read by its schema. Asking for one that the schema does not have, or as another type, is a Bug. */
export interface ReadParameters {
  /** Undefined where it is not given and has no default. */
  text(name: string): string | undefined
  number(name: string): number | undefined
  /** False where it is not given and has no default. */
  flag(name: string): boolean
  durationMs(name: string): number | undefined
  list(name: string): readonly string[]
  /** True where it was given, and is no default. */
  has(name: string): boolean
}

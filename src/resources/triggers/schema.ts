/**
 * What a trigger's parameters are, as data: the one description that admission, the sources and the documentation read. Names,
 * defaults and places are KEDA's.
 */
import type { FieldIssue } from '../kinds.ts'

/** How a trigger's number is compared with its target, as HPA v2 names it. */
export type MetricType = 'AverageValue' | 'Value' | 'Utilization'

/**
 * What a parameter's text must be. `number` and `integer` are finite; `quantity` is a number that may have a suffix (`500m`, `100Mi`), read in
 * the base unit; `list` is separated by commas; `duration` is ours or Go's (`30s`, `1m30s`), or a number of milliseconds, as in KEDA.
 */
export type ParameterType =
  | 'string'
  | 'number'
  | 'integer'
  | 'quantity'
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
  /** The least, itself allowed. A target is more than 0 in any case. */
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
  /**
   * The parameter that a trigger's number is compared with, or what says which it is; none for those that bring their own. `targetOf` in read.ts
   * reads it.
   */
  readonly target?: string | ((parameters: ReadParameters) => string)
  /** The parameter above which it is active. */
  readonly activation?: string
  /** The first where a trigger names none. */
  readonly metricTypes: readonly MetricType[]
  /** Takes any other metadata, which it hands on. */
  readonly anyMetadata?: true
  /** Events come by themselves. */
  readonly push?: true
  /** By instance (cpu, memory): cannot see work while nothing runs, and so never scales from or to 0 by itself. */
  readonly perInstance?: true
  /**
   * What parameters together must not be. Paths are relative to the trigger: `['metadata', 'start']`. Asks `pending` before it calls one missing,
   * and puts no value of a secret into a message.
   */
  readonly check?: (parameters: ReadParameters, metricType: MetricType) => readonly FieldIssue[]
}

/** A trigger's parameters, read by its schema. Asking for one that the schema does not have, or as another type, is a Bug. */
export interface ReadParameters {
  /** Undefined where it is not given and has no default. */
  text(name: string): string | undefined
  /** A quantity is in its base unit: `500m` is 0.5. */
  number(name: string): number | undefined
  /** False where it is not given and has no default. */
  flag(name: string): boolean
  durationMs(name: string): number | undefined
  list(name: string): readonly string[]
  /** True where it was given, and is no default. Asked for an alias: where it was given under that name. */
  has(name: string): boolean
  /** True where it may come from a TriggerAuthentication or a variable that was not read yet: at admission. */
  pending(name: string): boolean
}

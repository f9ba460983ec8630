/** What the schema cannot say of a ScaledJob, and what of it is accepted and does not act. */
import { isObject } from '../../core/json.ts'
import { jobConstraints } from '../job/constraints.ts'
import type { FieldIssue } from '../kinds.ts'
import { API_VERSION } from '../object.ts'
import type { JsonSchema } from '../schema.ts'
import { type TriggerSpec, triggerIssues, triggerWarnings } from '../triggers/admission.ts'
import { numberOf } from '../triggers/values.ts'
import { schemaIssues, shapeIsSound } from '../validation/issues.ts'
import type { SchemaValidator } from '../validation/schema-errors.ts'
import { quote } from '../validation/words.ts'

interface ScaledJobText {
  readonly spec: {
    readonly jobTargetRef: {
      readonly template: unknown
      readonly placement?: unknown
      readonly [member: string]: unknown
    }
    readonly minReplicaCount?: number
    readonly maxReplicaCount?: number
    readonly rolloutStrategy?: string
    readonly scalingStrategy?: {
      readonly strategy?: string
      readonly customScalingRunningJobPercentage?: string
    }
    readonly triggers: readonly TriggerSpec[]
  }
}

/** What of a Job's spec is Kubernetes' only. */
const FOREIGN_MEMBERS: readonly string[] = [
  'completionMode',
  'suspend',
  'selector',
  'manualSelector',
  'podFailurePolicy',
  'successPolicy',
  'backoffLimitPerIndex',
  'maxFailedIndexes',
  'podReplacementPolicy',
  'managedBy',
]

const NO_FORMULA = { inFormula: false }
const DEFAULT_MAX = 100

/** The rules, by what judges the Jobs that it makes. */
export function scaledJobConstraints(
  validateJob: SchemaValidator,
  jobSchema: JsonSchema,
): (object: unknown) => readonly FieldIssue[] {
  return (object) => {
    const { spec } = object as ScaledJobText
    return [
      ...boundIssues(spec),
      ...percentageIssues(spec),
      ...triggerIssues(spec.triggers, NO_FORMULA),
      ...jobIssues(spec.jobTargetRef, validateJob, jobSchema),
    ]
  }
}

/** For objects that the schema and the constraints have found right. Pure. */
export function scaledJobWarnings(object: unknown): readonly string[] {
  const { spec } = object as ScaledJobText
  const { jobTargetRef, rolloutStrategy, triggers } = spec
  return [
    ...(isPodTemplate(jobTargetRef.template)
      ? ['spec.jobTargetRef.template names container images, which nsctl does not run: it makes no Jobs']
      : []),
    ...FOREIGN_MEMBERS.filter((member) => jobTargetRef[member] !== undefined).map(
      (member) => `spec.jobTargetRef.${member} has no effect`,
    ),
    ...(rolloutStrategy === undefined
      ? []
      : ['spec.rolloutStrategy is deprecated: use spec.rollout.strategy']),
    ...triggerWarnings(triggers, NO_FORMULA),
  ]
}

/** Kubernetes' template of pods, which says containers instead of programs. */
export function isPodTemplate(template: unknown): boolean {
  return isObject(template) && isObject(template.spec)
}

function boundIssues({
  minReplicaCount: min = 0,
  maxReplicaCount: max = DEFAULT_MAX,
}: ScaledJobText['spec']) {
  if (min <= max) return []
  const message = `must not be above maxReplicaCount, which is ${max}: ${min}`
  return [{ path: ['spec', 'minReplicaCount'], message, value: min }]
}

function percentageIssues({ scalingStrategy }: ScaledJobText['spec']): readonly FieldIssue[] {
  const text = scalingStrategy?.customScalingRunningJobPercentage
  if (text === undefined || text === '') return []
  const value = numberOf('number', text.trim())
  if (value !== undefined && value >= 0) return []
  return [
    {
      path: ['spec', 'scalingStrategy', 'customScalingRunningJobPercentage'],
      message: `must be a number of at least 0 such as 0.5, not ${quote(text)}`,
      value: text,
    },
  ]
}

/** A template of ours is as right as a Job's must be; one of Kubernetes' is stored as it stands. */
function jobIssues(
  { template, placement }: ScaledJobText['spec']['jobTargetRef'],
  validateJob: SchemaValidator,
  jobSchema: JsonSchema,
): readonly FieldIssue[] {
  if (isPodTemplate(template)) return []
  const spec = { template, ...(placement === undefined ? {} : { placement }) }
  const job = { apiVersion: API_VERSION, kind: 'Job', metadata: { name: 'job' }, spec }
  const errors = validateJob(job) ? [] : (validateJob.errors ?? [])
  const issues = [
    ...schemaIssues(errors, job, jobSchema),
    ...(shapeIsSound(errors) ? jobConstraints(job) : []),
  ]
  return issues.map((issue) => ({ ...issue, path: ['spec', 'jobTargetRef', ...issue.path.slice(1)] }))
}

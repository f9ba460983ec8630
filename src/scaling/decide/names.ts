/** Names of formulas and rules, and what they are worth now. */
import type { ExpressionValue } from '../../resources/expression/expression.ts'
import type { DecisionInput } from '../decision.ts'
import type { ScalingPolicy } from '../policy.ts'
import type { Counts, TriggerAssessment } from './assess.ts'

export interface Known {
  readonly policy: ScalingPolicy
  readonly triggers: readonly TriggerAssessment[]
  readonly input: DecisionInput
  readonly counts: Counts
}

/** Which trigger a dotted name is about, and what of it. */
function splitName(name: string): { readonly trigger: string; readonly member: string } {
  const dot = name.indexOf('.')
  return dot === -1
    ? { trigger: name, member: '' }
    : { trigger: name.slice(0, dot), member: name.slice(dot + 1) }
}

/** Undefined for a name that there is not, null for a number that cannot be read now. */
export function lookUp(name: string, known: Known): ExpressionValue | undefined {
  const { policy, input, counts } = known
  const { trigger, member } = splitName(name)
  const index = policy.triggerByName.get(trigger)
  if (index !== undefined) return ofTrigger(known.triggers[index]!, member, input)
  switch (name) {
    case 'replicas':
      return counts.current
    case 'ready':
      return counts.ready
    case 'min':
      return policy.minReplicas
    case 'max':
      return policy.maxReplicas
    default:
      return undefined
  }
}

function ofTrigger(
  { trigger, metrics, active, error, input }: TriggerAssessment,
  member: string,
  { time }: DecisionInput,
): ExpressionValue | undefined {
  switch (member) {
    case '':
    case 'value':
    case 'lag':
      return metrics[0]?.value ?? null
    case 'target':
      return metrics[0]?.target ?? trigger.target ?? null
    case 'active':
      return error === undefined ? (active ?? null) : null
    case 'age':
      return input?.readAtMs === undefined ? null : Math.max(0, time.steadyMs - input.readAtMs) / 1000
    default:
      return (
        metrics.find((metric) => metric.name === member)?.value ?? (error === undefined ? undefined : null)
      )
  }
}

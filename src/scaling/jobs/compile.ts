/** From a ScaledJob as it is stored to what `decideJobs` reads. */
import type { ScaledJob, ScaledJobScalingStrategy } from '../../resources/generated/types.ts'
import { triggerSchema } from '../../resources/triggers/index.ts'
import { nameTriggers } from '../../resources/triggers/names.ts'
import { readTrigger, targetOf } from '../../resources/triggers/read.ts'
import type { JobsPolicy, JobsStrategy } from './decide-jobs.ts'

/** Made once for each change of `object`. */
export function compileJobs({ spec }: ScaledJob): JobsPolicy {
  const { scalingStrategy, triggers, minReplicaCount, maxReplicaCount } = spec
  return {
    strategy: strategyOf(scalingStrategy),
    minJobs: Math.min(minReplicaCount, maxReplicaCount),
    maxJobs: maxReplicaCount,
    combine: scalingStrategy?.multipleScalersCalculation ?? 'max',
    triggers: nameTriggers(triggers).map(({ key, label }, index) => {
      const trigger = triggers[index]
      const schema = trigger && triggerSchema(trigger.type)
      const target =
        schema && targetOf(schema, readTrigger(schema, { metadata: trigger.metadata }).parameters)
      return { key, label, target }
    }),
  }
}

/** KEDA's: custom with a percentage that is no number is default. */
function strategyOf(strategy: ScaledJobScalingStrategy | undefined): JobsStrategy {
  const kind = strategy?.strategy ?? 'default'
  if (kind !== 'custom') return { kind }
  const runningPart = Number(strategy?.customScalingRunningJobPercentage ?? 'none')
  if (!Number.isFinite(runningPart)) return { kind: 'default' }
  return { kind, deduction: strategy?.customScalingQueueLengthDeduction ?? 0, runningPart }
}

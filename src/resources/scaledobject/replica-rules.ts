/** Bounds that contradict each other. */
import type { FieldIssue } from '../kinds.ts'
import type { ScaledObjectText } from './manifest-type.ts'

/** KEDA's, where the maximum is left out. */
const DEFAULT_MAX = 100

export function replicaIssues({ spec }: ScaledObjectText): readonly FieldIssue[] {
  const { minReplicaCount: min, maxReplicaCount: max = DEFAULT_MAX, idleReplicaCount: idle } = spec
  const issues: FieldIssue[] = []
  if (min !== undefined && min > max)
    issues.push({
      path: ['spec', 'minReplicaCount'],
      message: `must not be above maxReplicaCount, which is ${max}: ${min}`,
      value: min,
    })
  // what is active has an instance at least: KEDA takes a minimum of 0 for 1 here, and only one that is left out for 0
  const active = min === undefined ? 0 : Math.max(min, 1)
  if (idle !== undefined && idle >= active)
    issues.push({
      path: ['spec', 'idleReplicaCount'],
      message:
        min === undefined
          ? 'must be below minReplicaCount, which is not given'
          : `must be below minReplicaCount, which is ${min}: ${idle}`,
      value: idle,
    })
  return issues
}

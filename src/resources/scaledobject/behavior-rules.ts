/** HPA's settings, as its own validation judges them. */
import type { FieldIssue } from '../kinds.ts'
import { numberOf } from '../triggers/values.ts'
import { quote } from '../validation/words.ts'
import { isScalar, type ScaledObjectText } from './manifest-type.ts'

const BEHAVIOR = ['spec', 'advanced', 'horizontalPodAutoscalerConfig', 'behavior'] as const

export function behaviorIssues({ spec }: ScaledObjectText): readonly FieldIssue[] {
  const behavior = spec.advanced?.horizontalPodAutoscalerConfig?.behavior ?? {}
  const issues: FieldIssue[] = []
  for (const direction of ['scaleUp', 'scaleDown'] as const) {
    const { policies, tolerance } = behavior[direction] ?? {}
    if (policies?.length === 0)
      issues.push({
        path: [...BEHAVIOR, direction, 'policies'],
        message:
          'must have a policy: leave it out for the usual ones, and selectPolicy: Disabled forbids the direction',
      })
    if (tolerance === undefined) continue
    const value = isScalar(tolerance) ? numberOf('quantity', String(tolerance)) : undefined
    if (value === undefined || value < 0)
      issues.push({
        path: [...BEHAVIOR, direction, 'tolerance'],
        message: `must be a number of at least 0 such as 0.05, not ${quote(tolerance)}`,
        value: tolerance,
      })
  }
  return issues
}

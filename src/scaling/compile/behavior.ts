/** HPA's behavior, with its defaults. */
import type { ScaledObjectBehavior, ScaledObjectDirection } from '../../resources/generated/types.ts'
import type { Behavior, BehaviorDirection } from '../policy.ts'

/** HPA's defaults for what one of the two directions leaves out. */
export function compileBehavior({ scaleUp, scaleDown }: ScaledObjectBehavior): Behavior {
  const whole = { type: 'Percent', value: 100, periodMs: 15_000 } as const
  return {
    up: compileDirection(scaleUp, {
      stabilizationMs: 0,
      policies: [{ type: 'Pods', value: 4, periodMs: 15_000 }, whole],
    }),
    down: compileDirection(scaleDown, { stabilizationMs: 300_000, policies: [whole] }),
  }
}

function compileDirection(
  direction: ScaledObjectDirection | undefined,
  standard: Pick<BehaviorDirection, 'stabilizationMs' | 'policies'>,
): BehaviorDirection {
  const { stabilizationWindowSeconds: seconds, policies, selectPolicy } = direction ?? {}
  return {
    stabilizationMs: seconds === undefined ? standard.stabilizationMs : seconds * 1000,
    select: selectPolicy ?? 'Max',
    policies:
      policies?.map(({ type, value, periodSeconds }) => ({ type, value, periodMs: periodSeconds * 1000 })) ??
      standard.policies,
  }
}

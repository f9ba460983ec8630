/** The algorithm, as the loop calls it. */
import type { ScaledObject } from '../../resources/generated/types.ts'
import type { Decision, DecisionInput, ScalingState } from '../../scaling/decide.ts'
import type { ScalingPolicy } from '../../scaling/policy.ts'

export interface Decider {
  /** @throws NsctlError Invalid for a spec that cannot be decided by */
  compile(object: ScaledObject): ScalingPolicy
  initialState(input: Pick<DecisionInput, 'time' | 'replicas'>): ScalingState
  decide(
    policy: ScalingPolicy,
    input: DecisionInput,
    state: ScalingState,
  ): { readonly decision: Decision; readonly state: ScalingState }
}

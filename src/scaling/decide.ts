/**
 * From what is measured to a number of replicas. Pure: the same input and state give the same decision, whatever the clock says, so that
 * `simulate` and a second controller come to what the first one came to. Each step is a file of decide/.
 */
import { activate } from './decide/activation.ts'
import { countInstances } from './decide/assess.ts'
import { applyBounds, boundsOf } from './decide/bound.ts'
import { lookOut } from './decide/outlook.ts'
import { applyPause } from './decide/pause.ts'
import { protect } from './decide/protect.ts'
import { limitRate } from './decide/rates.ts'
import { nextState, notAfter } from './decide/remembering.ts'
import { applyRules, evaluateRules } from './decide/rules.ts'
import { Trail } from './decide/trail.ts'
import { verdictsOf } from './decide/verdicts.ts'
import { stabilize } from './decide/windows.ts'
import { makeWish, type Wish } from './decide/wish.ts'
import type { Decision, DecisionInput, ScalingState, Step } from './decision.ts'
import type { ScalingPolicy } from './policy.ts'

export { initialState } from './decide/remembering.ts'
export type * from './decision.ts'

/**
 * What to do now, and what to remember of it. Never throws. Keep the state only once the number has been written: where the write is lost, decide
 * again with the state from before.
 */
export function decide(
  policy: ScalingPolicy,
  input: DecisionInput,
  before: ScalingState,
): { readonly decision: Decision; readonly state: ScalingState } {
  const { steadyMs: nowMs, wallMs } = input.time
  const current = input.replicas
  const past = notAfter(before, nowMs)
  const counts = countInstances(input)
  const trail = new Trail(current)

  const wish = makeWish(policy, input, counts, trail)
  const activation = activate(policy, input, past, wish, trail)
  const { least, isIdle } = activation
  if (isIdle || wish.replicas === undefined) {
    trail.pass('stabilization', 'None', isIdle ? 'no window holds what is idle' : 'nothing to steady')
    trail.pass('policies', 'None', isIdle ? 'no policy holds what is idle' : 'no change to limit')
  } else {
    stabilize(policy, past, { nowMs, current, least }, trail)
    limitRate(policy, { nowMs, current, least, changes: past.changes }, trail)
  }
  const rules = evaluateRules({ policy, input, counts, triggers: wish.triggers }, past)
  applyRules(rules, trail)
  protect(policy, input, past, trail)
  const bounds = boundsOf(policy, { active: wish.active, current, isIdle }, rules)
  applyBounds(bounds, trail)
  applyPause(policy, current, trail)

  const to = trail.replicas
  const state = nextState(policy, input, past, { to, wished: wish.replicas, activation, rules })
  const { formula } = wish
  const decision: Decision = {
    atMs: nowMs,
    at: new Date(wallMs).toISOString(),
    from: current,
    to,
    active: wish.active,
    triggers: verdictsOf(wish, input),
    steps: trail.steps,
    because: reasonOf(trail.steps, wish),
    outlook: lookOut({ policy, input, counts, wish, activation, bounds, rules, to, state }),
    limited: trail.limited,
    fallback: isFallback(wish),
    faults: formula?.error === undefined ? rules.faults : [formula.error, ...rules.faults],
    ...(policy.rules.length > 0 && { rules: rules.states }),
  }
  return { decision, state }
}

/** The last step that moved the number, or made it idle; what decides, where none did after it. */
function reasonOf(steps: readonly Step[], { decider }: Wish): string {
  for (let index = steps.length - 1; index >= 0; index--) {
    const { step, from, to, reason, text } = steps[index]!
    if (step === 'triggers' || step === 'fallback' || step === 'modifiers') break
    if (from !== to || reason === 'Idle') return text
  }
  return decider?.text ?? steps[0]!.text
}

function isFallback({ fallbacks, formula }: Wish): boolean {
  return fallbacks.some((replicas) => replicas !== undefined) || formula?.isFallback === true
}

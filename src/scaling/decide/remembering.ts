/** What one decision leaves to the next. */
import type { DecisionInput, ScalingState } from '../decision.ts'
import type { ScalingPolicy } from '../policy.ts'
import type { Activation } from './activation.ts'
import { flappingUntil, protectionMs } from './protect.ts'
import { longestPeriodMs } from './rates.ts'
import { moved, type RuleResult } from './rules.ts'
import { remember, windowsOf } from './windows.ts'

type Changes = ScalingState['changes']

/** Beyond so many the oldest are made one: who changes that often is limited by their sum. */
const MOST_CHANGES = 2_000

/** Of a scaler that decides for the first time: as HPA's, it takes what there is for the first wish, so that nothing goes down for a window. */
export function initialState({
  time,
  replicas,
  lastActiveMs,
}: {
  readonly time: { readonly steadyMs: number }
  readonly replicas: number
  /** Where it is known from before. */
  readonly lastActiveMs?: number | undefined
}): ScalingState {
  return {
    recommendations: [{ atMs: time.steadyMs, replicas }],
    changes: [],
    lastActiveMs,
    rules: {},
    heldUntilMs: undefined,
  }
}

/** `state` where nothing is later than now: what comes from another process may be, by as much as its clock differs. */
export function notAfter(state: ScalingState, nowMs: number): ScalingState {
  const { recommendations, changes, lastActiveMs, rules } = state
  const isLater =
    (recommendations.at(-1)?.atMs ?? 0) > nowMs ||
    (changes.at(-1)?.atMs ?? 0) > nowMs ||
    (lastActiveMs ?? 0) > nowMs ||
    Object.values(rules).some(({ trueSinceMs }) => trueSinceMs > nowMs)
  if (!isLater) return state
  const earlier = <Entry extends { readonly atMs: number }>(entry: Entry): Entry =>
    entry.atMs > nowMs ? { ...entry, atMs: nowMs } : entry
  return {
    ...state,
    recommendations: recommendations.map(earlier),
    changes: changes.map(earlier),
    lastActiveMs: lastActiveMs === undefined ? undefined : Math.min(lastActiveMs, nowMs),
    rules: Object.fromEntries(
      Object.entries(rules).map(([name, rule]) => [
        name,
        { ...rule, trueSinceMs: Math.min(rule.trueSinceMs, nowMs) },
      ]),
    ),
  }
}

export function nextState(
  policy: ScalingPolicy,
  input: DecisionInput,
  state: ScalingState,
  outcome: {
    readonly to: number
    /** Before windows and rates; undefined where nothing is known. */
    readonly wished: number | undefined
    readonly activation: Activation
    readonly rules: RuleResult
  },
): ScalingState {
  const nowMs = input.time.steadyMs
  const { to, wished, activation, rules } = outcome
  const by = to - input.replicas
  const changes = by === 0 ? state.changes : recordChange(policy, state.changes, { atMs: nowMs, by })
  return {
    recommendations: nextRecommendations(policy, nowMs, state.recommendations, outcome),
    changes,
    lastActiveMs: activation.lastActiveMs,
    rules: rules.states,
    heldUntilMs:
      by === 0 || wished === undefined
        ? state.heldUntilMs
        : flappingUntil(policy.protection, changes, nowMs, state.heldUntilMs),
  }
}

function nextRecommendations(
  policy: ScalingPolicy,
  nowMs: number,
  recommendations: ScalingState['recommendations'],
  { wished, activation, rules }: { wished: number | undefined; activation: Activation; rules: RuleResult },
): ScalingState['recommendations'] {
  // what was wished before it went idle says nothing of what comes after
  if (activation.isIdle) return recommendations.length === 0 ? recommendations : []
  if (wished === undefined) return recommendations
  const { upMs, downMs } = windowsOf(policy)
  const replicas = moved(wished, rules)
  return remember(recommendations, { atMs: nowMs, replicas }, Math.max(upMs, downMs))
}

function recordChange(policy: ScalingPolicy, changes: Changes, newest: Changes[number]): Changes {
  const horizonMs = Math.max(longestPeriodMs(policy), protectionMs(policy.protection))
  const recent = changes.filter(({ atMs }) => atMs > newest.atMs - horizonMs)
  recent.push(newest)
  if (recent.length <= MOST_CHANGES) return recent
  const [first, second, ...rest] = recent
  return [{ atMs: second!.atMs, by: first!.by + second!.by }, ...rest]
}

/** What a ScaledObject's status says, and whether a change of it is worth a write. Pure. */
import { deepEqual, type JsonObject } from '../../core/json.ts'
import { formatCount } from '../../core/words.ts'
import { type ConditionInput, findCondition, setConditions } from '../../resources/conditions.ts'
import type {
  ScaledObject,
  ScaledObjectStatus,
  ScaledObjectTriggerHealth,
} from '../../resources/generated/types.ts'
import type { Decision } from '../../scaling/decide.ts'
import type { Pause } from '../../scaling/policy.ts'
import type { TriggerFault } from '../../scaling/trigger.ts'
import { type Problem, targetText } from './problem.ts'

/** The reason of the condition Active before its triggers were looked at. */
export const NOT_LOOKED_AT = 'NotLookedAt'

/** The reason of the condition Ready while the Service does not take the number. */
const SCALE_REFUSED = 'ScaleRefused'

export interface TriggerFacts {
  readonly key: string
  readonly error: string | undefined
  readonly failures: number
  readonly fault: TriggerFault | undefined
}

export interface StatusFacts {
  readonly object: ScaledObject
  readonly before: Omit<ScaledObjectStatus, 'decision'> | undefined
  /** The decision that is stored. */
  readonly stored: ScaledObjectStatus['decision']
  /** What keeps it from acting at all. */
  readonly problem: Problem | undefined
  readonly triggers: readonly TriggerFacts[]
  readonly pause: Pause | undefined
  /** Undefined before the first one. */
  readonly decision: Decision | undefined
  /** Why the Service does not take the number that was decided on; the decision has not happened then. */
  readonly refusal: string | undefined
  /** What the Service asks for now. */
  readonly replicas: number | undefined
  readonly originalReplicaCount: number | undefined
  /** When this last changed the number, RFC 3339. */
  readonly lastScaleTime: string | undefined
  /** When a trigger was last active, RFC 3339. */
  readonly lastActiveTime: string | undefined
  /** The request for a look that the decision answers. */
  readonly polledFor: string | undefined
  /** RFC 3339 */
  readonly now: string
}

/** The whole status. */
export function scaledObjectStatus(facts: StatusFacts): ScaledObjectStatus {
  const { object, before, decision, pause, problem } = facts
  const ready = readyCondition(facts)
  const active = activeCondition(facts)
  const kept = problem === undefined ? before : undefined
  const shown = problem === undefined ? (decision as unknown as JsonObject | undefined) : undefined
  const health = healthOf(facts)
  return defined({
    observedGeneration: object.metadata.generation,
    targetText: targetText(object),
    triggersText: [...new Set(object.spec.triggers.map(({ type }) => type))].join(','),
    activeText: pause?.kind === 'all' ? 'paused' : active.status === 'True' ? 'yes' : 'no',
    replicas: facts.replicas,
    desiredReplicas: shown === undefined ? kept?.desiredReplicas : decision?.to,
    originalReplicaCount: facts.originalReplicaCount,
    decidedBy: shown === undefined ? kept?.decidedBy : decision?.because,
    lastScaleTime: facts.lastScaleTime,
    lastActiveTime: facts.lastActiveTime,
    pausedReplicaCount: pause?.kind === 'all' ? pause.replicas : undefined,
    polledFor: facts.polledFor,
    decision: (facts.refusal === undefined ? shown : undefined) ?? facts.stored,
    health: Object.keys(health).length === 0 ? undefined : health,
    summary: ready.status === 'True' ? summaryOf(facts) : `${ready.reason}: ${ready.message}`,
    conditions: setConditions(
      before?.conditions,
      [ready, active, fallbackCondition(facts), pausedCondition(facts), limitedCondition(facts)],
      facts.now,
      object.metadata.generation,
    ),
  })
}

/**
 * `at once` where something has happened that people wait for; `soon` where it may go on changing to and fro and a few writes must do;
 * `no` where only what goes along with other changes is another.
 */
export function worthWriting(
  before: Omit<ScaledObjectStatus, 'decision'> | undefined,
  after: ScaledObjectStatus,
): 'at once' | 'soon' | 'no' {
  if (before === undefined) return 'at once'
  const urgent = ({ observedGeneration, targetText: target, replicas, ...status }: ScaledObjectStatus) => [
    observedGeneration,
    target,
    replicas,
    status.lastScaleTime,
    status.originalReplicaCount,
    status.polledFor,
    status.pausedReplicaCount,
    status.activeText === 'paused',
    findCondition(status.conditions, 'Paused')?.reason,
  ]
  if (!deepEqual(urgent(before), urgent(after))) return 'at once'
  const calm = (status: ScaledObjectStatus) => [
    status.activeText,
    (status.conditions ?? []).map(({ type, status: value, reason, message }) => [
      ...[type, value, reason],
      // the reason of it is the message
      reason === SCALE_REFUSED ? message : undefined,
    ]),
    Object.entries(status.health ?? {}).map(([key, one]) => [key, one.status, one.message]),
  ]
  return deepEqual(calm(before), calm(after)) ? 'no' : 'soon'
}

function readyCondition(facts: StatusFacts): ConditionInput {
  const type = 'Ready'
  const { problem, refusal, triggers, object, decision } = facts
  if (problem !== undefined)
    return { type, status: 'False', reason: problem.reason, message: problem.message }
  if (refusal !== undefined) return { type, status: 'False', reason: SCALE_REFUSED, message: refusal }
  const failing = triggers.filter(({ error }) => error !== undefined)
  const misnamed = failing.find(({ fault }) => fault === 'parameters' || fault === 'credentials')
  if (misnamed !== undefined) {
    const reason = misnamed.fault === 'credentials' ? 'AuthenticationFailed' : 'InvalidTrigger'
    return { type, status: 'False', reason, message: faultText(misnamed) }
  }
  const [first] = failing
  if (first !== undefined && failing.length === triggers.length)
    return { type, status: 'False', reason: 'TriggerError', message: faultText(first) }
  if (first !== undefined) {
    const others = failing.length > 1 ? ` (and ${formatCount(failing.length - 1, 'other')})` : ''
    return { type, status: 'Unknown', reason: 'PartialTriggerError', message: `${faultText(first)}${others}` }
  }
  const [fault] = decision?.faults ?? []
  if (fault !== undefined) return { type, status: 'False', reason: 'FormulaError', message: fault }
  return { type, status: 'True', reason: 'Acting', message: `scales ${targetText(object)}` }
}

function faultText({ key, error }: TriggerFacts): string {
  return `${key}: ${error}`
}

function activeCondition({ decision, problem, triggers }: StatusFacts): ConditionInput {
  const type = 'Active'
  if (problem !== undefined || decision === undefined)
    return { type, status: 'Unknown', reason: NOT_LOOKED_AT }
  if (decision.active) {
    const who = [...new Set(decision.triggers.filter(({ active }) => active).map(({ key }) => key))]
    return { type, status: 'True', reason: 'TriggerActive', message: who.join(', ') || decision.because }
  }
  if (triggers.length > 0 && triggers.every(({ error }) => error !== undefined))
    return { type, status: 'Unknown', reason: 'TriggerError', message: 'no trigger can be read' }
  return { type, status: 'False', reason: 'NoTriggerActive', message: 'no trigger is active' }
}

function fallbackCondition({ decision }: StatusFacts): ConditionInput {
  const type = 'Fallback'
  if (decision?.fallback !== true) return { type, status: 'False', reason: 'NoFallback' }
  const step = decision.steps.find((one) => one.step === 'fallback')
  return { type, status: 'True', reason: 'FallbackInForce', ...(step && { message: step.text }) }
}

function pausedCondition({ pause }: StatusFacts): ConditionInput {
  const type = 'Paused'
  if (pause === undefined) return { type, status: 'False', reason: 'NotPaused' }
  if (pause.kind === 'in')
    return { type, status: 'True', reason: 'ScaleInPaused', message: 'it does not shrink' }
  if (pause.kind === 'out')
    return { type, status: 'True', reason: 'ScaleOutPaused', message: 'it does not grow' }
  const message = pause.replicas === undefined ? 'nothing is changed' : `held at ${pause.replicas}`
  return { type, status: 'True', reason: 'Paused', message }
}

function limitedCondition({ decision, problem }: StatusFacts): ConditionInput {
  const type = 'ScalingLimited'
  const limited = problem === undefined ? decision?.limited : undefined
  if (limited === undefined) return { type, status: 'False', reason: 'NotLimited' }
  return { type, status: 'True', reason: limited.reason, message: limited.message }
}

/** Of each trigger that fails, and of those that did when this was last written. */
function healthOf({ triggers, before }: StatusFacts): Readonly<Record<string, ScaledObjectTriggerHealth>> {
  const entries = triggers.flatMap(({ key, error, failures }): [string, ScaledObjectTriggerHealth][] => {
    if (error !== undefined) return [[key, { numberOfFailures: failures, status: 'Failing', message: error }]]
    return before?.health?.[key] === undefined ? [] : [[key, { numberOfFailures: 0, status: 'Happy' }]]
  })
  return Object.fromEntries(entries)
}

function summaryOf({ decision, pause }: StatusFacts): string | undefined {
  if (pause?.kind === 'all')
    return pause.replicas === undefined ? 'Paused' : `Paused: held at ${pause.replicas}`
  return decision?.fallback === true ? 'Fallback: what its triggers say cannot be read' : undefined
}

function defined<T extends object>(value: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T
}

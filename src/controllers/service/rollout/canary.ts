/** A change that is let through to more and more instances, step by step. Pure. */
import { digest } from '../../../core/ids.ts'
import { canonicalJson, type Json } from '../../../core/json.ts'
import { parseDurationMs } from '../../../core/quantity.ts'
import type { ServiceRollout, ServiceStep } from '../../../resources/generated/types.ts'
import { resolveCount } from '../../../resources/service/counts.ts'
import { analysisFailure, analysisText, analysisTrouble, countMeasurement, isSuccessful } from './analysis.ts'
import type { Progress, RolloutInput, RolloutNote } from './progress.ts'
import { type Sizes, sizesAt } from './sizes.ts'
import { freshWeight, trafficOf } from './traffic.ts'

/** What is remembered of a rollout that goes by steps. */
type Stepping = ServiceRollout & { readonly step: number; readonly stepSince: string }

export function canaryProgress(input: RolloutInput, known: ServiceRollout, baseHash: string): Progress {
  const { steps = [] } = input.spec.update.canary ?? {}
  const { paused } = input.spec.update
  const began = begin(input, known, steps)
  const counted = paused === true ? began : counting(input, began, steps)
  const state = paused === true ? began : advance(input, counted, steps)
  const sizes = sizesOf(input, steps, state.step)
  const analysis = steps[state.step]?.analysis
  const failure = analysis && state.analysis && analysisFailure(analysis, state.analysis)
  const finished = state.step >= steps.length
  const reached = state.weight ?? 0
  const weight = freshWeight(input.counts, { reached, wanted: finished ? 100 : sizes.weight })
  const note = finished ? undefined : noteOf(input, state, steps)
  return {
    state: { ...state, ...(note && { text: note.message }) },
    split: finished ? undefined : { baseHash, fresh: sizes.fresh, rest: sizes.rest, keepsOthers: false },
    held: false,
    finished,
    failure,
    note,
    traffic: trafficOf(input.hash, baseHash, weight),
    waitMs: paused === true || finished ? undefined : waitOf(input, state, steps[state.step]),
  }
}

/** Other steps than it went by begin anew, from the first: none is skipped. */
function begin(input: RolloutInput, known: ServiceRollout, steps: readonly ServiceStep[]): Stepping {
  const stepsHash = digest(canonicalJson(steps as unknown as Json), 10)
  const { hash, revision, step, stepSince, stepsHash: before } = known
  const isSame = before === stepsHash || input.spec.update.paused === true
  if (isSame && step !== undefined && stepSince !== undefined)
    return { ...known, step: Math.min(step, steps.length), stepSince, stepCount: steps.length }
  const since = new Date(input.nowMs).toISOString()
  return { hash, revision, stepsHash, step: 0, stepCount: steps.length, stepSince: since }
}

function counting(input: RolloutInput, state: Stepping, steps: readonly ServiceStep[]): Stepping {
  const analysis = steps[state.step]?.analysis
  if (analysis === undefined) return state
  return { ...state, analysis: countMeasurement(analysis, state.analysis, input.measured, input.nowMs) }
}

/** As far as it may go now. Without any instance nothing is tried, so that no step is over. */
function advance(input: RolloutInput, begun: Stepping, steps: readonly ServiceStep[]): Stepping {
  let state = begun
  const isFull = input.orders.promote === 'full'
  if (input.spec.replicas === 0) return state
  while (state.step < steps.length && (isFull || isOver(input, state, steps))) {
    const { weight } = sizesOf(input, steps, state.step)
    const isReached = !isFull && steps[state.step]?.setWeight !== undefined
    const { analysis: _, text: _text, ...rest } = state
    state = {
      ...rest,
      ...(isReached && { weight }),
      step: state.step + 1,
      stepSince: new Date(input.nowMs).toISOString(),
    }
  }
  return state
}

function isOver(input: RolloutInput, state: Stepping, steps: readonly ServiceStep[]): boolean {
  const { pause, analysis } = steps[state.step] ?? {}
  const isPromoted = input.orders.promote === state.step
  if (pause !== undefined) {
    if (isPromoted) return true
    return pause.duration !== undefined && input.elapsedMs(state) >= parseDurationMs(pause.duration)
  }
  if (analysis !== undefined)
    return isPromoted || (state.analysis !== undefined && isSuccessful(analysis, state.analysis))
  const { fresh, rest } = sizesOf(input, steps, state.step)
  const { counts } = input
  return counts.freshAvailable >= fresh && counts.rest <= rest
}

function sizesOf({ spec }: RolloutInput, steps: readonly ServiceStep[], step: number): Sizes {
  const { replicas, update } = spec
  return sizesAt(steps, step, { replicas, maxSurge: resolveCount(update.maxSurge, replicas, 'up') })
}

/** `step 2 of 5: pauses for 5m` */
function noteOf(input: RolloutInput, state: Stepping, steps: readonly ServiceStep[]): RolloutNote {
  const place = `step ${state.step + 1} of ${steps.length}`
  const { pause, analysis, setWeight, setCanaryScale } = steps[state.step] ?? {}
  if (input.spec.update.paused === true)
    return { reason: 'Paused', message: `${place}: paused until nsctl rollout resume` }
  if (pause !== undefined) {
    const until =
      pause.duration === undefined ? 'waits for nsctl rollout promote' : `pauses for ${pause.duration}`
    return { reason: 'Paused', message: `${place}: ${until}` }
  }
  if (analysis !== undefined) {
    const status = state.analysis ?? { successful: 0, failed: 0, inconclusive: 0 }
    const lacking = analysisTrouble(analysis, status)
    const trouble = lacking && ({ reason: 'AnalysisInconclusive', message: lacking } as const)
    const message = `${place}: ${analysisText(analysis, status)}`
    return { reason: 'Analysing', message, ...(trouble && { trouble }) }
  }
  const what = setWeight === undefined ? `${setCanaryScale?.replicas} new` : `weight ${setWeight} %`
  return { reason: 'RollingOut', message: `${place}: ${what}` }
}

/** Time alone ends a pause; an analysis is looked at by whoever measures, once it is known to be at it. */
function waitOf(input: RolloutInput, state: Stepping, step: ServiceStep | undefined): number | undefined {
  if (step?.pause?.duration !== undefined)
    return Math.max(1, parseDurationMs(step.pause.duration) - input.elapsedMs(state))
  return step?.analysis !== undefined && state.analysis === undefined ? 1 : undefined
}

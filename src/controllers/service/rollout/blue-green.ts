/** A change all of which runs beside what was there, before what asks is moved over at once. Pure. */
import type { ServiceRollout } from '../../../resources/generated/types.ts'
import type { Progress, RolloutInput, RolloutNote } from './progress.ts'
import { trafficOf } from './traffic.ts'

/** All new ones start, and stay beside the old ones; */
const PREVIEW = 0
/** they are looked at; */
const PROMOTION = 1
/** they serve, and the old ones stay for a while; */
const SWITCHED = 2
/** the old ones end. */
const OVER = 3

type Stepping = ServiceRollout & { readonly step: number; readonly stepSince: string }

export function blueGreenProgress(input: RolloutInput, known: ServiceRollout, baseHash: string): Progress {
  const { replicas, update } = input.spec
  const { step = PREVIEW, stepSince = new Date(input.nowMs).toISOString() } = known
  const begun = { hash: known.hash, revision: known.revision, step, stepSince, stepCount: OVER }
  const state = update.paused === true ? begun : advance(input, begun)
  const finished = state.step >= OVER
  const note = finished ? undefined : noteOf(input, state)
  const isSwitched = state.step >= SWITCHED && input.counts.freshAvailable > 0
  return {
    state: { ...state, ...(note && { text: note.message }) },
    split: finished ? undefined : { baseHash, fresh: replicas, rest: replicas, keepsOthers: false },
    held: false,
    finished,
    note,
    traffic: trafficOf(input.hash, baseHash, isSwitched ? 100 : 0),
    waitMs: update.paused === true ? undefined : waitOf(input, state),
  }
}

function advance(input: RolloutInput, begun: Stepping): Stepping {
  let state = begun
  const stepSince = new Date(input.nowMs).toISOString()
  if (input.spec.replicas === 0) return state
  while (state.step < OVER && isOver(input, state)) state = { ...state, step: state.step + 1, stepSince }
  // one that has been lost meanwhile is to be there before the rest is moved over
  if (state.step === PROMOTION && !isWhole(input)) return { ...state, step: PREVIEW, stepSince }
  return state
}

function isWhole({ spec, counts }: RolloutInput): boolean {
  return counts.freshAvailable >= spec.replicas
}

function isOver(input: RolloutInput, state: Stepping): boolean {
  const { promote } = input.orders
  if (state.step === PREVIEW) return isWhole(input)
  const waitMs = waitOf(input, state)
  if (state.step === SWITCHED) return promote === 'full' || waitMs === 0
  return isWhole(input) && (promote === 'full' || promote === PROMOTION || waitMs === 0)
}

/** Undefined where time alone changes nothing. */
function waitOf(input: RolloutInput, state: Stepping): number | undefined {
  const { autoPromotionEnabled, autoPromotionSeconds, scaleDownDelaySeconds } = settings(input)
  if (state.step === PROMOTION && autoPromotionEnabled) return left(autoPromotionSeconds)
  return state.step === SWITCHED ? left(scaleDownDelaySeconds) : undefined

  function left(seconds: number): number {
    return Math.max(0, seconds * 1000 - input.elapsedMs(state))
  }
}

function settings({ spec }: RolloutInput) {
  return {
    autoPromotionEnabled: true,
    autoPromotionSeconds: 0,
    scaleDownDelaySeconds: 30,
    ...spec.update.blueGreen,
  }
}

function noteOf(input: RolloutInput, { step }: Stepping): RolloutNote {
  const { autoPromotionEnabled, autoPromotionSeconds, scaleDownDelaySeconds } = settings(input)
  const place = `step ${step + 1} of ${OVER}`
  if (input.spec.update.paused === true)
    return { reason: 'Paused', message: `${place}: paused until nsctl rollout resume` }
  if (step === PREVIEW) return { reason: 'RollingOut', message: `${place}: starts beside the old ones` }
  if (step === SWITCHED)
    return { reason: 'Paused', message: `${place}: serves, the old ones stay for ${scaleDownDelaySeconds} s` }
  const until = autoPromotionEnabled
    ? `is looked at for ${autoPromotionSeconds} s`
    : 'waits for nsctl rollout promote'
  return { reason: 'Paused', message: `${place}: ${until}` }
}

/** What is to become of a change now, whichever way it takes. Pure. */
import type { ServiceRollout } from '../../../resources/generated/types.ts'
import { blueGreenProgress } from './blue-green.ts'
import { canaryProgress } from './canary.ts'
import { pausedProgress } from './pause.ts'
import { type Progress, type RolloutInput, UNBOUNDED } from './progress.ts'
import { trafficOf } from './traffic.ts'

/** A strategy that goes by steps. */
type Stepwise = (input: RolloutInput, known: ServiceRollout, baseHash: string) => Progress

const STEPWISE: Readonly<Partial<Record<string, Stepwise>>> = {
  Canary: canaryProgress,
  BlueGreen: blueGreenProgress,
}

export function rolloutProgress(input: RolloutInput): Progress {
  const { spec, before, hash, orders } = input
  // nothing changes, or it was given up for the last good template
  if (before?.stableHash === hash || before?.failedHash === hash) return UNBOUNDED
  const known = knownRollout(input)
  const stepwise = STEPWISE[spec.update.strategy]
  const baseHash = before?.stableHash
  if (orders.abort && baseHash !== undefined)
    return { ...UNBOUNDED, failure: { reason: 'Aborted', message: 'it was aborted' } }
  if (spec.update.paused === true && (stepwise === undefined || known.step === undefined))
    return {
      ...pausedProgress(input, known),
      ...(stepwise && baseHash !== undefined && { traffic: trafficOf(hash, baseHash, 0) }),
    }
  // what has no predecessor has nothing to go step by step from
  if (stepwise === undefined || baseHash === undefined) return { ...UNBOUNDED, state: bare(known) }
  return stepwise(input, known, baseHash)
}

/** What is remembered of this rollout; of one that begins that it does. */
export function knownRollout({
  before,
  hash,
  revision,
}: Pick<RolloutInput, 'before' | 'hash' | 'revision'>): ServiceRollout {
  return before?.rollout?.hash === hash ? before.rollout : { hash, revision }
}

/** What was paused goes on by what there is, not by what there was. */
function bare({ hash, revision }: ServiceRollout): ServiceRollout {
  return { hash, revision }
}

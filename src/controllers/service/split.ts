/**
 * Which instances to make and which to end while two templates run side by side: a change that is held, a canary, blue and green. Pure.
 * What is made of either stays within the surge; what is ended leaves enough that are available.
 */
import { createInGaps, type InstanceAction, type InstanceView, isLive, remove, worstFirst } from './views.ts'

export interface Split {
  /** The template of those that do not have the wanted one yet: the last good one. */
  readonly baseHash: string
  /** How many are to have the wanted template, */
  readonly fresh: number
  /** and how many the other. Together no fewer than are wanted; more where all of both are to run. */
  readonly rest: number
  /** What has neither stays too, and counts as the other: what is paused replaces nothing. */
  readonly keepsOthers: boolean
}

export interface SplitInstances {
  readonly replicas: number
  /** The wanted template. */
  readonly hash: string
  readonly maxUnavailable: number
  readonly maxSurge: number
  readonly split: Split
}

/** What must change so that so many have the one template and so many the other; empty where something is being waited for. */
export function planSplit(
  desired: SplitInstances,
  observed: readonly InstanceView[],
): readonly InstanceAction[] {
  const { hash, split } = desired
  const live = observed.filter(isLive)
  const staying = live.filter((one) => one.leaving !== true)
  const fresh = staying.filter((one) => one.hash === hash)
  const isRest = (one: InstanceView) =>
    one.hash === split.baseHash || (split.keepsOthers && one.hash !== hash)
  const rest = staying.filter(isRest)
  const others = live.filter((one) => one.leaving || (one.hash !== hash && !isRest(one)))
  const most = Math.max(desired.replicas + desired.maxSurge, split.fresh + split.rest)
  const room = Math.max(0, most - live.length)
  // what served before is made up first
  const restMissing = Math.min(room, Math.max(0, split.rest - rest.length))
  const freshMissing = Math.min(room - restMissing, Math.max(0, split.fresh - fresh.length))
  const surplus = [
    ...others,
    ...worstFirst(fresh).slice(0, Math.max(0, fresh.length - split.fresh)),
    ...worstFirst(rest).slice(0, Math.max(0, rest.length - split.rest)),
  ]
  const isScaledDown = live.length > most || others.length + fresh.length === 0
  return [
    ...createInGaps(split.baseHash, observed, restMissing),
    ...createInGaps(hash, observed, freshMissing),
    ...endable(desired, live, surplus).map((one) => remove(one, isScaledDown ? 'surplus' : 'replaced')),
  ]
}

/** Of what is too many, those that serve nobody, and of the others as many as leave enough. */
function endable(
  { replicas, maxUnavailable }: SplitInstances,
  live: readonly InstanceView[],
  surplus: readonly InstanceView[],
): readonly InstanceView[] {
  const available = live.filter((one) => one.available).length
  const budget = Math.max(0, available - Math.max(0, replicas - maxUnavailable))
  const idle = surplus.filter((one) => !one.available)
  return [...idle, ...surplus.filter((one) => one.available).slice(0, budget)]
}

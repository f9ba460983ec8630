/**
 * Which instances to make and which to end, so that a Service's instances become what is wanted. Pure. Rolling follows
 * Kubernetes' Deployment controller (maxSurge, maxUnavailable, unhealthy old ones first); where an ordinal can only run
 * once (storage, fixed ports) it follows the StatefulSet: stop, then start, ordinal by ordinal, the highest first.
 */
import { planSplit, type Split } from './split.ts'
import { createInGaps, type InstanceAction, type InstanceView, isLive, remove, worstFirst } from './views.ts'

export interface DesiredInstances {
  readonly replicas: number
  /** The template that the instances should have. */
  readonly hash: string
  readonly strategy: 'Rolling' | 'Recreate'
  /** Resolved to numbers; not both 0 unless `exclusive`. */
  readonly maxUnavailable: number
  readonly maxSurge: number
  /** How many may be unavailable for leaving their nodes; `maxUnavailable` where left out. */
  readonly maxDisrupted?: number | undefined
  /** An ordinal's old instance must be gone before its new one starts, and ordinals are 0 … replicas−1. */
  readonly exclusive: boolean
  /** Only some instances are to have `hash` yet. */
  readonly split?: Split | undefined
}

/** What must change so that `observed` becomes `desired`; empty where nothing must, or where something is being waited for. */
export function planInstances(
  desired: DesiredInstances,
  observed: readonly InstanceView[],
): readonly InstanceAction[] {
  if (desired.replicas === 0)
    return observed.filter((one) => !one.deleting).map((one) => remove(one, 'surplus'))
  const { split, exclusive } = desired
  if (split !== undefined && !exclusive) return planSplit({ ...desired, split }, observed)
  if (desired.strategy === 'Recreate' && split === undefined) return planRecreate(desired, observed)
  return exclusive ? planExclusive(desired, observed) : planRolling(desired, observed)
}

/** While the wanted template cannot be started at all: what runs stays, and only what is too much goes. */
export function planHeld(
  { replicas, exclusive }: Pick<DesiredInstances, 'replicas' | 'exclusive'>,
  observed: readonly InstanceView[],
): readonly InstanceAction[] {
  const live = observed.filter(isLive)
  const surplus = exclusive
    ? live.filter((one) => one.ordinal >= replicas)
    : worstFirst(live).slice(0, Math.max(0, live.length - replicas))
  return surplus.map((one) => remove(one, 'surplus'))
}

function planRecreate(
  desired: DesiredInstances,
  observed: readonly InstanceView[],
): readonly InstanceAction[] {
  const old = observed.filter((one) => one.hash !== desired.hash && one.lost !== true)
  if (old.length > 0) return old.filter(isLive).map((one) => remove(one, 'replaced'))
  const whole = { ...desired, maxUnavailable: desired.replicas }
  return desired.exclusive ? planExclusive(whole, observed) : planRolling(whole, observed)
}

function planRolling(
  desired: DesiredInstances,
  observed: readonly InstanceView[],
): readonly InstanceAction[] {
  const live = observed.filter(isLive)
  const isCurrent = (one: InstanceView) => one.hash === desired.hash && one.leaving !== true
  const current = live.filter(isCurrent)
  const old = live.filter((one) => !isCurrent(one))
  if (current.length > desired.replicas) {
    return worstFirst(current)
      .slice(0, current.length - desired.replicas)
      .map((one) => remove(one, 'surplus'))
  }
  const room = desired.replicas + desired.maxSurge - live.length
  const wanted = Math.min(desired.replicas - current.length, Math.max(0, room))
  return [...createInGaps(desired.hash, observed, wanted), ...retireOld(desired, current, old)]
}

/** Old instances that may go now: those that serve nobody first, as far as enough others are available. */
function retireOld(
  desired: DesiredInstances,
  current: readonly InstanceView[],
  old: readonly InstanceView[],
): readonly InstanceAction[] {
  const newUnavailable = current.filter((one) => !one.available).length
  let budget = current.length + old.length - newUnavailable
  let available = [...current, ...old].filter((one) => one.available).length
  const unhealthy = old.filter((one) => {
    if (one.available || (!one.forced && budget <= leastFor(desired, one))) return false
    budget--
    return true
  })
  const healthy = worstFirst(old.filter((one) => one.available)).filter((one) => {
    if (!one.forced && available <= leastFor(desired, one)) return false
    available--
    return true
  })
  return [...unhealthy, ...healthy].map((one) => remove(one, 'replaced'))
}

/** How many have to stay available when this one goes. */
function leastFor({ replicas, maxUnavailable, maxDisrupted }: DesiredInstances, one: InstanceView): number {
  const may = one.leaving ? (maxDisrupted ?? maxUnavailable) : maxUnavailable
  return Math.max(0, replicas - may)
}

function planExclusive(
  desired: DesiredInstances,
  observed: readonly InstanceView[],
): readonly InstanceAction[] {
  const actions: InstanceAction[] = observed
    .filter((one) => isLive(one) && one.ordinal >= desired.replicas)
    .map((one) => remove(one, 'surplus'))
  const replaceable: InstanceView[] = []
  let unavailable = 0
  for (let ordinal = desired.replicas - 1; ordinal >= 0; ordinal--) {
    const all = observed.filter((one) => one.ordinal === ordinal)
    const occupants = all.filter((one) => one.lost !== true)
    const hash = hashOf(desired, ordinal, occupants)
    const [first, ...others] = occupants.filter(isLive).sort((a, b) => preferHash(hash, a, b))
    if (!first?.available) unavailable++
    if (occupants.length === 0)
      actions.push({ kind: 'create', ordinal, attempt: nextAttempt(all, hash), hash })
    for (const other of others) actions.push(remove(other, 'duplicate'))
    if (first !== undefined && (first.hash !== hash || first.leaving)) replaceable.push(first)
  }
  for (const one of replaceable) {
    const may = one.leaving ? (desired.maxDisrupted ?? desired.maxUnavailable) : desired.maxUnavailable
    // where nothing is said, one at a time has to
    const most = one.leaving && desired.maxDisrupted !== undefined ? may : Math.max(1, may)
    if (one.available && !one.forced && unavailable >= most) continue
    if (one.available) unavailable++
    actions.push(remove(one, 'replaced'))
  }
  return actions.sort((a, b) => orderOf(a) - orderOf(b))
}

/** One that is lost has a name already that must not come again. */
function nextAttempt(lost: readonly InstanceView[], hash: string): number {
  return Math.max(-1, ...lost.filter((one) => one.hash === hash).map((one) => one.attempt)) + 1
}

/** The template of one ordinal: where only some are to have the wanted one, those with the highest. */
function hashOf(
  { replicas, hash, split }: DesiredInstances,
  ordinal: number,
  occupants: readonly InstanceView[],
): string {
  if (split === undefined) return hash
  if (split.keepsOthers) return occupants.find(isLive)?.hash ?? split.baseHash
  return ordinal >= replicas - split.fresh ? hash : split.baseHash
}

/** Creations by rising ordinal before removals, whose order stands. */
function orderOf(action: InstanceAction): number {
  return action.kind === 'create' ? action.ordinal - 1e9 : 0
}

function preferHash(hash: string, a: InstanceView, b: InstanceView): number {
  return (
    Number(b.hash === hash) - Number(a.hash === hash) ||
    Number(b.available) - Number(a.available) ||
    b.attempt - a.attempt
  )
}

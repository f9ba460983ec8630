/**
 * Which instances to make and which to end, so that a Service's instances become what is wanted. Pure. Rolling follows
 * Kubernetes' Deployment controller (maxSurge, maxUnavailable, unhealthy old ones first); where an ordinal can only run
 * once (storage, fixed ports) it follows the StatefulSet: stop, then start, ordinal by ordinal, the highest first.
 */

/** What the plan needs to know of one instance. */
export interface InstanceView {
  readonly name: string
  readonly hash: string
  readonly ordinal: number
  readonly attempt: number
  /** Its end was asked for; it may still run. */
  readonly deleting: boolean
  readonly ready: boolean
  /** Ready for as long as the service asks before it counts. */
  readonly available: boolean
  /** It says that it is in the middle of something. */
  readonly busy?: boolean
}

export interface DesiredInstances {
  readonly replicas: number
  /** The template that the instances should have. */
  readonly hash: string
  readonly strategy: 'Rolling' | 'Recreate'
  /** Resolved to numbers; not both 0 unless `exclusive`. */
  readonly maxUnavailable: number
  readonly maxSurge: number
  /** An ordinal's old instance must be gone before its new one starts, and ordinals are 0 … replicas−1. */
  readonly exclusive: boolean
}

export type InstanceAction =
  | { readonly kind: 'create'; readonly ordinal: number; readonly attempt: number }
  | { readonly kind: 'delete'; readonly name: string; readonly reason: 'surplus' | 'replaced' | 'duplicate' }

/** What must change so that `observed` becomes `desired`; empty where nothing must, or where something is being waited for. */
export function planInstances(
  desired: DesiredInstances,
  observed: readonly InstanceView[],
): readonly InstanceAction[] {
  if (desired.replicas === 0) return observed.filter(isLive).map((one) => remove(one, 'surplus'))
  if (desired.strategy === 'Recreate') return planRecreate(desired, observed)
  return desired.exclusive ? planExclusive(desired, observed) : planRolling(desired, observed)
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
  const old = observed.filter((one) => one.hash !== desired.hash)
  if (old.length > 0) return old.filter(isLive).map((one) => remove(one, 'replaced'))
  const whole = { ...desired, maxUnavailable: desired.replicas }
  return desired.exclusive ? planExclusive(whole, observed) : planRolling(whole, observed)
}

function planRolling(
  desired: DesiredInstances,
  observed: readonly InstanceView[],
): readonly InstanceAction[] {
  const live = observed.filter(isLive)
  const current = live.filter((one) => one.hash === desired.hash)
  const old = live.filter((one) => one.hash !== desired.hash)
  if (current.length > desired.replicas) {
    return worstFirst(current)
      .slice(0, current.length - desired.replicas)
      .map((one) => remove(one, 'surplus'))
  }
  const room = desired.replicas + desired.maxSurge - live.length
  const wanted = Math.min(desired.replicas - current.length, Math.max(0, room))
  return [...createInGaps(desired, observed, current, wanted), ...retireOld(desired, current, old)]
}

/** New instances in the lowest ordinals that no instance of the wanted template has. */
function createInGaps(
  desired: DesiredInstances,
  observed: readonly InstanceView[],
  current: readonly InstanceView[],
  count: number,
): readonly InstanceAction[] {
  const taken = new Set(current.map((one) => one.ordinal))
  const attempts = new Map<number, number>()
  for (const one of observed) {
    if (one.hash !== desired.hash) continue
    attempts.set(one.ordinal, Math.max(attempts.get(one.ordinal) ?? 0, one.attempt + 1))
  }
  const actions: InstanceAction[] = []
  for (let ordinal = 0; actions.length < count; ordinal++) {
    if (!taken.has(ordinal)) actions.push({ kind: 'create', ordinal, attempt: attempts.get(ordinal) ?? 0 })
  }
  return actions
}

/** Old instances that may go now: those that serve nobody first, as far as enough others are available. */
function retireOld(
  desired: DesiredInstances,
  current: readonly InstanceView[],
  old: readonly InstanceView[],
): readonly InstanceAction[] {
  const minAvailable = Math.max(0, desired.replicas - desired.maxUnavailable)
  const newUnavailable = current.filter((one) => !one.available).length
  const budget = current.length + old.length - minAvailable - newUnavailable
  const unhealthy = old.filter((one) => !one.available).slice(0, Math.max(0, budget))
  const available = [...current, ...old].filter((one) => one.available).length
  const healthy = worstFirst(old.filter((one) => one.available)).slice(
    0,
    Math.max(0, available - minAvailable),
  )
  return [...unhealthy, ...healthy].map((one) => remove(one, 'replaced'))
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
    const occupants = observed.filter((one) => one.ordinal === ordinal)
    const [first, ...others] = occupants.filter(isLive).sort((a, b) => preferHash(desired.hash, a, b))
    if (!first?.available) unavailable++
    if (occupants.length === 0) actions.push({ kind: 'create', ordinal, attempt: 0 })
    for (const other of others) actions.push(remove(other, 'duplicate'))
    if (first !== undefined && first.hash !== desired.hash) replaceable.push(first)
  }
  let budget = Math.max(1, desired.maxUnavailable) - unavailable
  for (const one of replaceable) {
    if (one.available && budget <= 0) continue
    if (one.available) budget--
    actions.push(remove(one, 'replaced'))
  }
  return actions.sort((a, b) => orderOf(a) - orderOf(b))
}

/** Creations by rising ordinal before removals, whose order stands. */
function orderOf(action: InstanceAction): number {
  return action.kind === 'create' ? action.ordinal - 1e9 : 0
}

function preferHash(hash: string, a: InstanceView, b: InstanceView): number {
  return Number(b.hash === hash) - Number(a.hash === hash) || Number(b.available) - Number(a.available)
}

/** Those that serve nobody first, then those that are idle, then those with the highest ordinals. */
function worstFirst(instances: readonly InstanceView[]): readonly InstanceView[] {
  const rank = (one: InstanceView) => (one.available ? 2 : one.ready ? 1 : 0) + (one.busy ? 10 : 0)
  return [...instances].sort((a, b) => rank(a) - rank(b) || b.ordinal - a.ordinal)
}

function isLive(one: InstanceView): boolean {
  return !one.deleting
}

function remove(one: InstanceView, reason: 'surplus' | 'replaced' | 'duplicate'): InstanceAction {
  return { kind: 'delete', name: one.name, reason }
}

/**
 * maxSurge or maxUnavailable as a number of instances: a number as it stands, `25%` of `replicas` rounded up for surge and down
 * for unavailability, as Kubernetes does.
 */
export function resolveCount(value: number | string, replicas: number, round: 'up' | 'down'): number {
  if (typeof value === 'number') return value
  const part = (Number.parseFloat(value) / 100) * replicas
  return round === 'up' ? Math.ceil(part) : Math.floor(part)
}

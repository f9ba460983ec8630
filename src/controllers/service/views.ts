/** What a plan sees of instances, what it may say, and in which order instances go. Pure. */

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
  /** Where instances are spread: its node. Of those that go, those go first that are many on one. */
  readonly crowd?: string | undefined
  /** On a node that is lost: it counts as gone, and is left alone. */
  readonly lost?: boolean
  /** On a node that is to be left: it is to be replaced elsewhere, */
  readonly leaving?: boolean
  /** whatever that costs. */
  readonly forced?: boolean
}

export type InstanceAction =
  | {
      readonly kind: 'create'
      readonly ordinal: number
      readonly attempt: number
      /** The template that it is to have. */
      readonly hash: string
      /** The only node that it is for. */
      readonly node?: string
    }
  | { readonly kind: 'delete'; readonly name: string; readonly reason: 'surplus' | 'replaced' | 'duplicate' }

/** `count` new instances of a template, in the lowest ordinals that no live instance of it has. */
export function createInGaps(
  hash: string,
  observed: readonly InstanceView[],
  count: number,
): readonly InstanceAction[] {
  const taken = new Set<number>()
  const attempts = new Map<number, number>()
  for (const one of observed) {
    if (one.hash !== hash) continue
    if (isLive(one) && one.leaving !== true) taken.add(one.ordinal)
    attempts.set(one.ordinal, Math.max(attempts.get(one.ordinal) ?? 0, one.attempt + 1))
  }
  const actions: InstanceAction[] = []
  for (let ordinal = 0; actions.length < count; ordinal++) {
    if (!taken.has(ordinal))
      actions.push({ kind: 'create', ordinal, attempt: attempts.get(ordinal) ?? 0, hash })
  }
  return actions
}

/**
 * Those first that have to leave in any case, then those that serve nobody, then those that are idle, then of two with one ordinal the one
 * that was there before (its node was lost, and is back), then those of the fullest nodes, then those with the highest ordinals.
 */
export function worstFirst(instances: readonly InstanceView[]): readonly InstanceView[] {
  const newest = new Map<string, number>()
  const key = (one: InstanceView) => `${one.hash}/${one.ordinal}`
  for (const one of instances) newest.set(key(one), Math.max(newest.get(key(one)) ?? 0, one.attempt))
  const isSpare = (one: InstanceView) => one.attempt < (newest.get(key(one)) as number)
  const places = placesInCrowd(instances)
  const crowding = (one: InstanceView) => places.get(one) ?? 0
  const rank = (one: InstanceView) =>
    (one.available ? 2 : one.ready ? 1 : 0) + (one.busy ? 10 : 0) - (one.leaving ? 5 : 0)
  return [...instances].sort(
    (a, b) =>
      rank(a) - rank(b) ||
      Number(isSpare(b)) - Number(isSpare(a)) ||
      crowding(b) - crowding(a) ||
      b.ordinal - a.ordinal,
  )
}

/** Of each the how-manieth it is on its node, by ordinals: where the last ones go first, what is left is as even as can be. */
function placesInCrowd(instances: readonly InstanceView[]): ReadonlyMap<InstanceView, number> {
  const places = new Map<InstanceView, number>()
  const counts = new Map<string, number>()
  for (const one of [...instances].sort((a, b) => a.ordinal - b.ordinal)) {
    if (one.crowd === undefined) continue
    const count = counts.get(one.crowd) ?? 0
    places.set(one, count)
    counts.set(one.crowd, count + 1)
  }
  return places
}

export function isLive(one: InstanceView): boolean {
  return !one.deleting && one.lost !== true
}

export function remove(one: InstanceView, reason: 'surplus' | 'replaced' | 'duplicate'): InstanceAction {
  return { kind: 'delete', name: one.name, reason }
}

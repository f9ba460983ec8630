/**
 * The plan of a Service that has one instance on each node: as Kubernetes' DaemonSet controller has it, node by node. A change surges
 * beside the old instance where both can run, and stops first where they cannot. Pure.
 */
import type { Standing } from '../../placement/daemons.ts'
import type { DesiredInstances } from './plan.ts'
import { type InstanceAction, type InstanceView, isLive, remove } from './views.ts'

export interface NodeInstanceView extends InstanceView {
  readonly node: string
}

/** Where the instances belong. */
export interface Places {
  readonly standings: ReadonlyMap<string, Standing>
  /** By node: the ordinal whose data is there. */
  readonly ordinals: ReadonlyMap<string, number>
}

/** How many instances that makes: what stays where none would be started counts as long as it is there. */
export function countPlaces({ standings }: Places, instances: readonly { readonly node: string }[]): number {
  const occupied = new Set(instances.map(({ node }) => node))
  let count = 0
  for (const [node, standing] of standings)
    if (standing === 'start' || (standing === 'keep' && occupied.has(node))) count++
  return count
}

export function planNodes(
  desired: DesiredInstances,
  places: Places,
  instances: readonly NodeInstanceView[],
): readonly InstanceAction[] {
  // whether anything runs there is not known: it is left to its node
  const observed = instances.filter((one) => places.standings.get(one.node) !== 'lost')
  const isUnwanted = (one: InstanceView & { readonly node: string }) => !places.standings.has(one.node)
  const gone = observed.filter((one) => isLive(one) && isUnwanted(one)).map((one) => remove(one, 'surplus'))
  const nodes = nodesOf(desired, places, observed)
  const isWaiting = desired.strategy === 'Recreate' && observed.some((one) => one.hash !== desired.hash)
  const empty = nodes.filter((one) => one.isEmpty && !(isWaiting && desired.split === undefined))
  const changes = desired.split === undefined ? replacements(desired, nodes) : []
  const creations = [
    ...empty.map(({ name }) => name),
    ...changes.flatMap((change) => ('surge' in change ? [change.surge] : [])),
  ]
  const ends = [
    ...nodes.flatMap(({ doubled }) => doubled),
    ...changes.flatMap((one) => ('end' in one ? [one.end] : [])),
  ]
  return [...create(desired, places, observed, creations), ...gone, ...ends]
}

/** While the wanted template cannot be started: only what has no place goes. */
export function planNodesHeld(
  places: Places,
  observed: readonly NodeInstanceView[],
): readonly InstanceAction[] {
  return observed
    .filter((one) => isLive(one) && !places.standings.has(one.node))
    .map((one) => remove(one, 'surplus'))
}

/** One node, and what is there of the service. */
interface Place {
  readonly name: string
  readonly standing: Standing
  /** Nothing is there, and something may be started. */
  readonly isEmpty: boolean
  readonly current: NodeInstanceView | undefined
  readonly old: NodeInstanceView | undefined
  /** The end of what is there twice. */
  readonly doubled: readonly InstanceAction[]
}

function nodesOf(
  { hash, exclusive }: DesiredInstances,
  { standings }: Places,
  observed: readonly NodeInstanceView[],
): readonly Place[] {
  const byNode = Map.groupBy(observed, ({ node }) => node)
  return [...standings]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, standing]) => {
      const all = byNode.get(name) ?? []
      const live = all.filter(isLive)
      const best = (some: readonly NodeInstanceView[]) =>
        some.toSorted((a, b) => Number(b.available) - Number(a.available) || a.ordinal - b.ordinal)
      const [current, ...others] = best(live.filter((one) => one.hash === hash))
      const [old, ...older] = best(live.filter((one) => one.hash !== hash))
      return {
        name,
        standing,
        isEmpty: standing === 'start' && (exclusive ? all.length === 0 : live.length === 0),
        current,
        old,
        doubled: [...others, ...older].map((one) => remove(one, 'duplicate')),
      }
    })
}

type Change = { readonly surge: string } | { readonly end: InstanceAction }

/** What of the old template goes now, and beside what of it something new starts. */
function replacements(desired: DesiredInstances, nodes: readonly Place[]): readonly Change[] {
  const changes: Change[] = []
  const end = (one: InstanceView) => changes.push({ end: remove(one, 'replaced') })
  const mayStart = ({ standing }: Place) => standing === 'start'
  let unavailable = nodes.filter(
    (one) => mayStart(one) && !one.current?.available && !one.old?.available,
  ).length
  let surging = nodes.filter(({ current, old }) => current !== undefined && old !== undefined).length
  const mostUnavailable = desired.exclusive ? Math.max(1, desired.maxUnavailable) : desired.maxUnavailable
  for (const place of nodes) {
    const { current, old, name } = place
    if (old === undefined || !mayStart(place)) continue
    if (current?.available || !old.available || desired.strategy === 'Recreate') end(old)
    else if (current !== undefined) continue
    else if (!desired.exclusive && surging < desired.maxSurge) {
      surging++
      changes.push({ surge: name })
    } else if (unavailable < mostUnavailable) {
      unavailable++
      end(old)
    }
  }
  return changes
}

/** Each with the ordinal whose data is on its node, else with the one that was there last, else with the lowest that is free. */
function create(
  { hash, split }: DesiredInstances,
  { ordinals }: Places,
  observed: readonly NodeInstanceView[],
  nodes: readonly string[],
): readonly InstanceAction[] {
  const made = split?.baseHash ?? hash
  const taken = new Set([...ordinals.values(), ...observed.map(({ ordinal }) => ordinal)])
  let free = 0
  return nodes.map((node) => {
    let ordinal = ordinals.get(node) ?? observed.find((one) => one.node === node)?.ordinal
    if (ordinal === undefined) {
      while (taken.has(free)) free++
      ordinal = free
      taken.add(free)
    }
    const before = observed.filter((one) => one.ordinal === ordinal && one.hash === made)
    const attempt = before.reduce((most, one) => Math.max(most, one.attempt + 1), 0)
    return { kind: 'create' as const, ordinal, attempt, hash: made, node }
  })
}

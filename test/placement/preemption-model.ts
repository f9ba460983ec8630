/** Preemption once more, said as plainly as can be over lists: what the planner is held to. */
import type { Batch, Occupant, PlacementNode } from '../../src/placement/placement.ts'
import { mayTake } from './model.ts'

export interface PlainOffer {
  readonly node: string
  readonly victims: readonly Occupant[]
  /** Violations, highest priority, number and sum: the less the better, the first first. */
  readonly cost: readonly [number, number, number, number]
}

type Wanted = Omit<Batch, 'seats'>
type Budget = (service: string) => number

/** What each node would take for one more of `wanted`. */
export function plainOffers(
  nodes: readonly PlacementNode[],
  there: readonly Occupant[],
  wanted: Wanted,
  budgetOf: Budget,
): readonly PlainOffer[] {
  return nodes.flatMap((node) => {
    const here = there.filter((one) => one.node === node.name)
    const gone = here.filter((one) => one.isEnding === true || mayEnd(one, wanted))
    const lesser = gone.filter((one) => one.isEnding !== true).sort(byImportance)
    if (gone.length === 0) return []
    let kept = there.filter((one) => !gone.includes(one))
    if (!mayTake(node, wanted, nodes, kept)) return []
    const dear = dearOf(lesser, budgetOf)
    const order = [
      ...lesser.filter((one) => dear.includes(one)),
      ...lesser.filter((one) => !dear.includes(one)),
    ]
    const victims: Occupant[] = []
    for (const one of order) {
      if (mayTake(node, wanted, nodes, [...kept, one])) kept = [...kept, one]
      else victims.push(one)
    }
    const priorities = victims.map(({ priority = 0 }) => priority)
    const cost = [
      victims.filter((one) => dear.includes(one)).length,
      Math.max(Number.MIN_SAFE_INTEGER, ...priorities),
      victims.length,
      priorities.reduce((sum, one) => sum + one, 0),
    ] as const
    return [{ node: node.name, victims, cost }]
  })
}

/** Whether one of these may be ended for one of those. */
export function mayEnd({ priority = 0, service }: Occupant, wanted: Wanted): boolean {
  return priority < (wanted.priority ?? 0) && service !== wanted.service
}

export function compareCosts(a: PlainOffer, b: PlainOffer): number {
  const at = a.cost.findIndex((one, index) => one !== b.cost[index])
  return at < 0 ? 0 : (a.cost[at] as number) - (b.cost[at] as number)
}

function byImportance(a: Occupant, b: Occupant): number {
  return (b.priority ?? 0) - (a.priority ?? 0) || (a.id < b.id ? -1 : 1)
}

function dearOf(lesser: readonly Occupant[], budgetOf: Budget): readonly Occupant[] {
  return lesser.filter((one, at) => {
    if (one.isPinned === true) return true
    const before = lesser
      .slice(0, at)
      .filter((each) => each.service === one.service && each.isPinned !== true)
    return before.length >= budgetOf(one.service)
  })
}

/** What of a rule can be told of a node whatever runs there: whether it is fit at all, and how much it is liked. Pure. */
import type { NodeTaint, ServicePlacement, ServiceToleration } from '../resources/generated/types.ts'
import { hasLabels, matchesTerm } from './node-terms.ts'
import type { PlacementNode } from './placement.ts'
import * as reasons from './reasons.ts'
import { isTolerated, untoleratedText } from './taints.ts'

type Rule = ServicePlacement | undefined

/** Why nothing under this rule can be put there; undefined where it can, as far as this tells. */
export function unfit(node: PlacementNode, rule: Rule): reasons.Reason | undefined {
  if (!node.ready) return reasons.NOT_READY
  // what serves a node runs as long as the node does
  if (node.unschedulable && rule?.strategy !== 'perNode') return reasons.UNSCHEDULABLE
  const taint = unbearable(node.taints, rule?.tolerations)
  if (taint !== undefined) return reasons.tainted(untoleratedText(taint))
  return mismatch(node, rule)
}

/** Why its labels will not do. */
export function mismatch({ labels }: PlacementNode, rule: Rule): reasons.Reason | undefined {
  if (rule === undefined) return undefined
  if (!hasLabels(labels, rule.nodeSelector)) return reasons.OTHER_LABELS
  const required = rule.affinity?.node?.required
  if (required !== undefined && !required.some((term) => matchesTerm(labels, term)))
    return reasons.OUTSIDE_AFFINITY
  return undefined
}

/** The first taint that keeps things away and is not put up with. */
export function unbearable(
  taints: readonly NodeTaint[],
  tolerations: readonly ServiceToleration[] | undefined,
): NodeTaint | undefined {
  if (taints.length === 0) return undefined
  return taints.find((taint) => taint.effect !== 'PreferNoSchedule' && !isTolerated(taint, tolerations))
}

/** How many taints it would rather not put up with, and what else speaks for any other node. */
export function annoyance({ taints, pressures }: PlacementNode, rule: Rule): number {
  if (taints.length === 0) return pressures
  const disliked = taints.filter(
    (taint) => taint.effect === 'PreferNoSchedule' && !isTolerated(taint, rule?.tolerations),
  )
  return pressures + disliked.length
}

/** The sum of the weights of what is preferred of nodes. */
export function appeal({ labels }: PlacementNode, rule: Rule): number {
  const preferred = rule?.affinity?.node?.preferred
  if (preferred === undefined) return 0
  let sum = 0
  for (const { weight, preference } of preferred) if (matchesTerm(labels, preference)) sum += weight
  return sum
}

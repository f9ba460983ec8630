/** On which nodes a service has one instance each. Pure. */
import type { Node, ServicePlacement } from '../resources/generated/types.ts'
import { isLost } from '../resources/node.ts'
import { placementNode } from './inputs.ts'
import { mismatch } from './standing.ts'
import { isTolerated } from './taints.ts'

/**
 * start: one belongs there. keep: one that is there stays, and none is started. lost: nothing is heard of what is there. A node that is
 * not listed is to have none.
 */
export type Standing = 'start' | 'keep' | 'lost'

/**
 * Like Kubernetes' DaemonSet: unschedulable nodes are put up with, because what serves a node runs as long as the node does; a taint
 * NoSchedule that came later lets run what is there.
 */
export function standings(
  nodes: readonly Node[],
  rule: ServicePlacement | undefined,
): ReadonlyMap<string, Standing> {
  const all = new Map<string, Standing>()
  for (const node of nodes) {
    const standing = standingOf(node, rule)
    if (standing !== undefined) all.set(node.metadata.name, standing)
  }
  return all
}

function standingOf(node: Node, rule: ServicePlacement | undefined): Standing | undefined {
  const view = placementNode(node)
  const unbearable = view.taints.filter((taint) => !isTolerated(taint, rule?.tolerations))
  if (mismatch(view, rule) !== undefined || node.metadata.deletionTimestamp !== undefined) return undefined
  if (unbearable.some(({ effect }) => effect === 'NoExecute')) return undefined
  if (isLost(node)) return 'lost'
  return view.ready && !unbearable.some(({ effect }) => effect === 'NoSchedule') ? 'start' : 'keep'
}

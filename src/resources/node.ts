/** What may be read off a Node, the same for all who ask. Pure. */
import { findCondition } from './conditions.ts'
import type { Node, NodeStatus, NodeTaint, Service } from './generated/types.ts'

/** Reason of the condition Ready of a node whose agent has said that it stops. */
export const AGENT_STOPPED = 'AgentStopped'
/** Reason of the condition Ready of a node that has not been heard of for the grace period: what ran there is replaced elsewhere. */
export const NODE_LOST = 'NodeLost'

/** …of one that is silent while so many are that it is more likely the control plane that hears nothing: nothing is replaced. */
export const NODE_SILENT = 'NodeSilent'
/** …of one that is heard of again, and was lost so often lately that it has to stay for a while before it counts. */
export const NODE_SETTLING = 'NodeSettling'

/** What the control plane says of Ready, and its agent leaves alone. */
const JUDGEMENTS: ReadonlySet<string | undefined> = new Set([NODE_LOST, NODE_SILENT, NODE_SETTLING])

/** The control plane has judged that it is not ready: that lasts until it judges otherwise. */
export function isJudgedSilent(status: NodeStatus | undefined): boolean {
  return status?.phase === 'NotReady' && JUDGEMENTS.has(findCondition(status.conditions, 'Ready')?.reason)
}

/** Its agent is heard of. */
export function isReady({ status }: Node): boolean {
  return status?.phase === 'Ready'
}

/**
 * It has been silent for so long that what ran there counts as gone, and has not been heard of for long enough since. A node that is only
 * not ready yet, or not any more, is not lost.
 */
export function isLost({ status }: Node): boolean {
  const reason = findCondition(status?.conditions, 'Ready')?.reason
  return status?.phase === 'NotReady' && (reason === NODE_LOST || reason === NODE_SETTLING)
}

/** What people label a node with whose load balancer leads requests. */
export const EDGE_LABEL = 'nsctl.dev/edge'

/**
 * Its load balancer is to lead requests, and so to know where instances on all nodes are. A machine that joined cannot say that of itself: people do,
 * by a label.
 */
export function isEdge({ metadata, spec, status }: Node): boolean {
  if (status?.balancer === undefined) return false
  return spec?.joining === undefined || metadata.labels?.[EDGE_LABEL] === 'true'
}

/** `Ready,SchedulingDisabled`, as `get nodes` shows it. */
export function nodeStateText(node: Node): string {
  const { spec, status, metadata } = node
  const parts = [status?.phase ?? 'Unknown']
  if (metadata.deletionTimestamp !== undefined) parts.push('Deleting')
  if (spec?.unschedulable === true || spec?.drain !== undefined) parts.push('SchedulingDisabled')
  return parts.join(',')
}

/** `pool=spot:NoSchedule`, as people write it. */
export function taintText({ key, value, effect }: NodeTaint): string {
  return `${key}${value === undefined || value === '' ? '' : `=${value}`}:${effect}`
}

/** Whether draining leaves an instance of `service` where it is: daemons belong to their node, and a Job's runs end by themselves. */
export function staysOnDrain(service: Service | undefined, force: boolean): boolean {
  if (service === undefined) return !force
  return service.spec.placement?.strategy === 'perNode'
}

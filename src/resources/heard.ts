/** What an Instance says of itself was true when its node was last heard of. Pure. */
import { findCondition, setConditions } from './conditions.ts'
import type { Instance, InstanceStatus, Node } from './generated/types.ts'
import { NODE_LOST, NODE_SILENT } from './node.ts'

/** Phase of an instance of which nobody knows what it does now. It is never stored: its agent is the one that writes, and is silent. */
export const UNKNOWN_PHASE = 'Unknown'

/** Why nothing new is heard of what runs on a node; undefined where it is. */
export function silenceOf(node: Node | undefined): 'lost' | 'silent' | undefined {
  // one that settles is heard of
  if (node?.status?.phase !== 'NotReady') return undefined
  const reason = findCondition(node.status.conditions, 'Ready')?.reason
  return reason === NODE_LOST ? 'lost' : reason === NODE_SILENT ? 'silent' : undefined
}

/**
 * The instance as it is known to be: as its agent says, or, where nothing is heard of `node`, Unknown and not ready, with what was heard
 * last. What tells of a moment (pid, CPU, memory) goes; what tells of its past stays. Itself where there is nothing to add.
 */
export function asHeard(instance: Instance, node: Node | undefined): Instance {
  const { status } = instance
  const silence = silenceOf(node)
  if (silence === undefined || node === undefined || isOver(status)) return instance
  const said = findCondition(node.status?.conditions, 'Ready')
  const message = `node/${node.metadata.name} is ${silence}: ${lastHeard(status)}`
  const { readySince, pid, cpuMillis, memoryBytes, busy, busySince, ...rest } = status ?? {}
  const condition = { type: 'Ready', status: 'Unknown', reason: said?.reason ?? NODE_LOST, message } as const
  return {
    ...instance,
    status: {
      ...rest,
      phase: UNKNOWN_PHASE,
      ready: false,
      readyText: 'no',
      reason: condition.reason,
      message,
      conditions: setConditions(
        status?.conditions,
        [condition],
        said?.lastTransitionTime ?? instance.metadata.creationTimestamp ?? '',
      ),
    },
  }
}

/** A run that has ended stays ended, whatever becomes of its node. */
function isOver(status: InstanceStatus | undefined): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Stopped'
}

function lastHeard(status: InstanceStatus | undefined): string {
  if (status?.phase === undefined) return 'it had not taken it up'
  return `last heard of as ${status.phase}${status.ready === true ? ', ready' : ''}`
}

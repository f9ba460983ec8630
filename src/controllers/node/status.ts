/** What is written of a node that fell silent, and what is told of it. Pure. */
import type { EventInput } from '../../api/api.ts'
import { formatAge } from '../../core/quantity.ts'
import { type ConditionInput, findCondition, setConditions } from '../../resources/conditions.ts'
import type { NodeStatus } from '../../resources/generated/types.ts'
import { AGENT_STOPPED, NODE_LOST, NODE_SETTLING, NODE_SILENT } from '../../resources/node.ts'
import type { NodeView, Verdict } from './judge.ts'

const BEFORE: Readonly<Record<string, NodeView['before']>> = {
  [NODE_LOST]: 'lost',
  [NODE_SILENT]: 'silent',
  [NODE_SETTLING]: 'settling',
}

/** What was judged before, as the Node has it. */
export function judgedBefore(status: NodeStatus | undefined): NodeView['before'] {
  if (status?.phase !== 'NotReady') return undefined
  return BEFORE[findCondition(status.conditions, 'Ready')?.reason ?? '']
}

/** Its agent has said what it is, and not that it stops: then its silence is news. */
export function isExpected(status: NodeStatus | undefined): boolean {
  return status?.runtime !== undefined && findCondition(status.conditions, 'Ready')?.reason !== AGENT_STOPPED
}

/** `status` with the verdict in it; itself where that stands already, or is the agent's to say. */
export function withVerdict(
  status: NodeStatus | undefined,
  verdict: Verdict,
  { graceMs, now }: { readonly graceMs: number; readonly now: string },
): NodeStatus | undefined {
  const before = judgedBefore(status)
  if (verdict.kind === 'ready') return before === undefined ? status : said(status, 'Ready', READY, now)
  // each look would have another figure
  if (before === verdict.kind) return status
  return said(status, 'NotReady', conditionOf(verdict, status, graceMs), now)
}

const READY: ConditionInput = {
  type: 'Ready',
  status: 'True',
  reason: 'AgentRunning',
  message: 'its agent is heard of again',
}

function conditionOf(verdict: Verdict, status: NodeStatus | undefined, graceMs: number): ConditionInput {
  const type = 'Ready'
  if (verdict.kind === 'settling') {
    const message = `it was lost several times lately: it counts once it has been heard of for ${formatAge(verdict.leftMs)}`
    return { type, status: 'False', reason: NODE_SETTLING, message }
  }
  const since = `its agent ${lastSaid(status)} and has not been heard of for ${formatAge(graceMs)}`
  if (verdict.kind === 'silent')
    return { type, status: 'Unknown', reason: NODE_SILENT, message: `${since}, and ${verdict.why}` }
  return {
    type,
    status: 'Unknown',
    reason: NODE_LOST,
    message: `${since}: what ran there is replaced elsewhere`,
  }
}

function lastSaid(status: NodeStatus | undefined): string {
  if (status === undefined) return 'was never there'
  const reason = findCondition(status.conditions, 'Ready')?.reason
  return reason === AGENT_STOPPED ? 'was stopped' : 'fell silent'
}

function said(
  status: NodeStatus | undefined,
  phase: 'Ready' | 'NotReady',
  condition: ConditionInput,
  now: string,
): NodeStatus {
  return { ...status, phase, conditions: setConditions(status?.conditions, [condition], now) }
}

/** The event that the change is worth; none where it is none. */
export function announce(
  name: string,
  uid: string | undefined,
  verdict: Verdict,
  { conditions }: NodeStatus,
): EventInput {
  const about = { kind: 'Node', name, ...(uid === undefined ? {} : { uid }) }
  const message = findCondition(conditions, 'Ready')?.message ?? ''
  if (verdict.kind === 'ready') return { about, type: 'Normal', reason: 'NodeReady', message, source: SOURCE }
  const reasons = { lost: NODE_LOST, silent: NODE_SILENT, settling: NODE_SETTLING } as const
  return { about, type: 'Warning', reason: reasons[verdict.kind], message, source: SOURCE }
}

export const SOURCE = 'node-controller'

/** What is said of a node that this process cannot look after: only where nobody else says anything of it. */
import type { ResourceController } from '../../api/api.ts'
import type { Clock } from '../../core/clock.ts'
import type { Json } from '../../core/json.ts'
import { setConditions } from '../../resources/conditions.ts'
import type { NodeStatus } from '../../resources/generated/types.ts'
import { isJudgedSilent } from '../../resources/node.ts'

/** Reason of the condition Ready of a node that no process of the control plane has come to look after. */
export const NOT_REACHED = 'NotReached'

/** Its status with why; as it is where another process looks after it, or the control plane has judged it. Pure. */
export function withWhy(
  status: NodeStatus | undefined,
  message: string,
  now: string,
): NodeStatus | undefined {
  if (status?.phase === 'Ready' || isJudgedSilent(status)) return status
  const ready = { type: 'Ready', status: 'False', reason: NOT_REACHED, message } as const
  return { ...status, phase: 'NotReady', conditions: setConditions(status?.conditions, [ready], now) }
}

/** Never rejects: it is for people, and is said again when something else stands in the way. */
export async function sayWhy(
  api: Pick<ResourceController, 'amendStatus'>,
  { node, message, clock }: { readonly node: string; readonly message: string; readonly clock: Clock },
): Promise<void> {
  const now = new Date(clock.now()).toISOString()
  await api
    .amendStatus({ kind: 'Node', name: node }, (status) => {
      const said = withWhy(status as NodeStatus | undefined, message, now)
      return (said ?? {}) as unknown as Json
    })
    .catch(() => {})
}

/** What asks nodes what they and their instances use. */
import type { Clock } from '../core/clock.ts'
import { userName } from '../main.ts'
import type { Node } from '../resources/generated/types.ts'
import { isLost } from '../resources/node.ts'
import type { NodeTarget } from '../telemetry/scrape/fetch.ts'
import {
  type NodeUsage,
  type Trouble,
  troubleOf,
  UsageLooks,
  type UsageReader,
} from '../telemetry/scrape/usage.ts'
import { type CallOptions, nodeCaller } from './listening/call.ts'
import { metricsTarget, type NodeMetrics, nodeMetrics, thisBoot } from './node-metrics.ts'

/** For a person. Connects to nothing yet. */
export function openUsage(options: Omit<CallOptions, 'caller'>): UsageReader {
  const caller = { role: 'operator', name: userName(options.env) } as const
  return usageReader(options.clock, nodeMetrics(nodeCaller({ ...options, caller })))
}

/** Closes `metrics`, too. */
export function usageReader(clock: Clock, metrics: NodeMetrics): UsageReader {
  const looks = new UsageLooks({ clock, fetch: metrics.fetch })
  const bootId = thisBoot()
  return {
    async look(nodes, signal) {
      const targets: NodeTarget[] = []
      const usage = new Map<string, NodeUsage>()
      for (const node of nodes) {
        const target = targetOf(node, bootId)
        if ('trouble' in target) usage.set(node.metadata.name, target)
        else targets.push(target)
      }
      for (const [node, found] of await looks.look(targets, signal)) usage.set(node, found)
      return usage
    },
    close: () => metrics.close(),
  }
}

/** Where it is asked, or why it is not. */
function targetOf(node: Node, bootId: string | undefined): NodeTarget | Trouble {
  if (isLost(node)) return { trouble: 'it is not heard of' }
  if (node.status?.phase !== 'Ready') return { trouble: 'its agent does not run' }
  try {
    return metricsTarget(node, node.metadata.name, bootId)
  } catch (error) {
    return troubleOf(error, node.metadata.name)
  }
}

/** Whether a node has what is needed, whatever else is asked of it. Pure. */
import type { NodeBook } from './books.ts'
import type { Needs, PlacementNode } from './placement.ts'
import * as reasons from './reasons.ts'

/** What is used of a node, and which of its ports are taken. */
export type Used = Pick<NodeBook, 'cpuMillis' | 'memoryBytes'> & {
  readonly ports: { has(port: string): boolean }
}

/** Why there is no room for these; undefined where there is. What is not asked for fits everywhere, also where more is promised than there is. */
export function lackOf(
  needs: Needs,
  used: Used,
  view: Pick<PlacementNode, 'cpuMillis' | 'memoryBytes' | 'runtimes'>,
): reasons.Reason | undefined {
  if (needs.runtime !== undefined && view.runtimes?.includes(needs.runtime) !== true)
    return reasons.withoutRuntime(needs.runtime)
  for (const port of needs.ports) if (used.ports.has(port)) return reasons.portTaken(port)
  const lacksCpu = needs.cpuMillis > 0 && used.cpuMillis + needs.cpuMillis > view.cpuMillis
  const lacksMemory = needs.memoryBytes > 0 && used.memoryBytes + needs.memoryBytes > view.memoryBytes
  if (lacksCpu && lacksMemory) return reasons.LACKS_BOTH
  if (lacksCpu) return reasons.LACKS_CPU
  return lacksMemory ? reasons.LACKS_MEMORY : undefined
}

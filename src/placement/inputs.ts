/** What is stored, as placement sees it. Pure. */
import { parseCpuMillis, parseMemoryBytes } from '../core/quantity.ts'
import { findCondition } from '../resources/conditions.ts'
import type { Instance, Node, ServicePlacement, ServiceTemplate } from '../resources/generated/types.ts'
import { isReady } from '../resources/node.ts'
import { avoidedBy } from './avoided.ts'
import type { Needs, Occupant, PlacementNode } from './placement.ts'

export function placementNode(node: Node): PlacementNode {
  const { metadata, spec, status } = node
  const { cpu, memory } = status?.allocatable ?? status?.capacity ?? {}
  return {
    name: metadata.name,
    labels: metadata.labels ?? {},
    taints: spec?.taints ?? [],
    unschedulable:
      spec?.unschedulable === true || spec?.drain !== undefined || metadata.deletionTimestamp !== undefined,
    ready: isReady(node),
    pressures: PRESSURES.filter((type) => findCondition(status?.conditions, type)?.status === 'True').length,
    ...(status?.runtimes === undefined ? {} : { runtimes: status.runtimes }),
    trusted: spec?.recipient !== undefined && spec.recipient === status?.recipient,
    cpuMillis: cpu === undefined ? Number.POSITIVE_INFINITY : parseCpuMillis(cpu),
    memoryBytes: memory === undefined ? Number.POSITIVE_INFINITY : parseMemoryBytes(memory),
  }
}

/** Conditions of a node that runs out of something. */
const PRESSURES = ['MemoryPressure', 'DiskPressure']

/** Of a group, what its programs ask for together. */
export function needsOf({ resources, programs = [], ports = [], runtime }: ServiceTemplate): Needs {
  let cpuMillis = 0
  let memoryBytes = 0
  for (const { cpu, memory } of [resources ?? {}, ...programs.map((program) => program.resources ?? {})]) {
    if (cpu !== undefined) cpuMillis += parseCpuMillis(cpu)
    if (memory !== undefined) memoryBytes += parseMemoryBytes(memory)
  }
  const fixed = ports.filter(({ port }) => port !== undefined)
  return {
    cpuMillis,
    memoryBytes,
    ...(runtime === undefined ? {} : { runtime }),
    ports: fixed.map(({ port, protocol }) => (protocol === 'UDP' ? `${port}/UDP` : `${port}`)),
  }
}

/** Undefined where it has ended for good and needs nothing more. `rule`: its service's. */
export function occupantOf(
  { metadata, spec, status }: Instance,
  rule: ServicePlacement | undefined,
): Occupant | undefined {
  const hasEnded =
    spec.restartPolicy === 'Never' && (status?.phase === 'Succeeded' || status?.phase === 'Failed')
  if (hasEnded) return undefined
  const namespace = metadata.namespace ?? ''
  return {
    id: `${namespace}/${metadata.name}`,
    service: `${namespace}/${spec.service}`,
    hash: spec.templateHash,
    node: spec.node,
    needs: needsOf(spec.template),
    avoids: avoidedBy(rule, namespace),
    ...(spec.priority !== undefined && { priority: spec.priority }),
    ...((metadata.deletionTimestamp ?? spec.preemptedFor) !== undefined && { isEnding: true }),
    ...((spec.storage ?? []).length > 0 && { isPinned: true }),
  }
}

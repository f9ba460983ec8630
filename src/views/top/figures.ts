/** What uses how much, as figures: of nodes, of instances, and of services as the sum of theirs. What is not known is left out. Pure. */
import { needsOf, placementNode } from '../../placement/inputs.ts'
import { findCondition } from '../../resources/conditions.ts'
import type { Instance, Node, Service } from '../../resources/generated/types.ts'
import type { NodeUsage, Used } from '../../telemetry/scrape/usage.ts'

export type UsageByNode = ReadonlyMap<string, NodeUsage>

interface Shares {
  readonly cpuPercent?: number
  readonly memoryPercent?: number
}

/** Percentages are of what instances may ask for there, as kubectl's are, or of all that it has. */
export interface NodeFigures extends Used, Shares {
  readonly node: string
  /** Conditions by which it runs out of something. */
  readonly pressures: readonly string[]
  /** Why nothing is known. */
  readonly trouble?: string
}

/** Percentages are of what it asks for: more of the CPU it may take, more of the memory ends it. */
export interface InstanceFigures extends Used, Shares {
  readonly namespace: string
  readonly instance: string
  readonly service: string
  readonly node: string
  readonly trouble?: string
}

/** Sums are of those instances that are measured. */
export interface ServiceFigures extends Used {
  readonly namespace: string
  readonly service: string
  /** That run. */
  readonly instances: number
  readonly measured: number
  /** Of the instance that uses most. */
  readonly highest: Used & Pick<Shares, 'memoryPercent'>
  readonly trouble?: string
}

const PRESSURES = ['MemoryPressure', 'DiskPressure']

export function nodeFigures(
  nodes: readonly Node[],
  usage: UsageByNode,
  of: 'allocatable' | 'capacity' = 'allocatable',
): readonly NodeFigures[] {
  return nodes.map((node) => {
    const { metadata, status } = node
    const found = usage.get(metadata.name) ?? { trouble: NOT_ASKED }
    const pressures = PRESSURES.filter((type) => findCondition(status?.conditions, type)?.status === 'True')
    const name = { node: metadata.name, pressures }
    if ('trouble' in found) return { ...name, trouble: found.trouble }
    const whole = of === 'capacity' ? { ...node, status: { ...status, allocatable: undefined } } : node
    return { ...name, ...found.machine, ...sharesOf(found.machine, placementNode(whole as Node)) }
  })
}

/** Of those that run, are about to, or may, for all that is heard of them. */
export function instanceFigures(
  instances: readonly Instance[],
  usage: UsageByNode,
): readonly InstanceFigures[] {
  return instances
    .filter(({ status }) => USING.has(status?.phase))
    .map(({ metadata, spec }) => {
      const { namespace = '', name } = metadata
      const about = { namespace, instance: name, service: spec.service, node: spec.node }
      const found = usage.get(spec.node) ?? { trouble: NOT_ASKED }
      if ('trouble' in found) return { ...about, trouble: `${spec.node}: ${found.trouble}` }
      const used = found.instances.get(`${namespace}/${name}`)
      if (used === undefined) return { ...about, trouble: `${spec.node} does not tell of it` }
      return { ...about, ...used, ...sharesOf(used, needsOf(spec.template)) }
    })
}

export function serviceFigures(
  services: readonly Service[],
  instances: readonly InstanceFigures[],
): readonly ServiceFigures[] {
  const byService = Map.groupBy(instances, ({ namespace, service }) => `${namespace}/${service}`)
  return services.map(({ metadata: { namespace = '', name } }) => {
    const own = byService.get(`${namespace}/${name}`) ?? []
    const measured = own.filter(({ memoryBytes }) => memoryBytes !== undefined)
    const troubles = new Set(own.flatMap(({ trouble }) => trouble ?? []))
    return {
      ...{ namespace, service: name, instances: own.length, measured: measured.length },
      ...known('cpuMillis', sumOf(own, 'cpuMillis')),
      ...known('memoryBytes', sumOf(own, 'memoryBytes')),
      highest: {
        ...known('cpuMillis', highestOf(own, 'cpuMillis')),
        ...known('memoryBytes', highestOf(own, 'memoryBytes')),
        ...known('memoryPercent', highestOf(own, 'memoryPercent')),
      },
      ...(troubles.size === 0 ? {} : { trouble: [...troubles].join('; ') }),
    }
  })
}

const NOT_ASKED = 'it is no node any more'

/** What waits to be started, or has ended, uses nothing. */
const USING: ReadonlySet<string | undefined> = new Set(['Running', 'Starting', 'Stopping', 'Unknown'])

/** Of nothing, or of what is not limited, there are no shares. */
function sharesOf(used: Used, whole: { readonly cpuMillis: number; readonly memoryBytes: number }): Shares {
  return {
    ...known('cpuPercent', percent(used.cpuMillis, whole.cpuMillis)),
    ...known('memoryPercent', percent(used.memoryBytes, whole.memoryBytes)),
  }
}

function percent(part: number | undefined, whole: number): number | undefined {
  return part === undefined || whole === 0 || !Number.isFinite(whole)
    ? undefined
    : Math.round((part / whole) * 100)
}

type Amount = 'cpuMillis' | 'memoryBytes' | 'memoryPercent'

function valuesOf(instances: readonly InstanceFigures[], amount: Amount): readonly number[] {
  return instances.flatMap((one) => one[amount] ?? [])
}

function sumOf(instances: readonly InstanceFigures[], amount: Amount): number | undefined {
  const values = valuesOf(instances, amount)
  // a service that does not run uses nothing, which is known
  if (values.length === 0) return instances.length === 0 ? 0 : undefined
  return values.reduce((sum, one) => sum + one, 0)
}

function highestOf(instances: readonly InstanceFigures[], amount: Amount): number | undefined {
  const values = valuesOf(instances, amount)
  return values.length === 0 ? undefined : Math.max(...values)
}

function known<K extends string>(key: K, value: number | undefined): { readonly [P in K]?: number } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: number })
}

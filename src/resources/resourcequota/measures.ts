/** What a ResourceQuota can limit, how its amounts are written, and what one instance uses of each. Pure. */
import { nearest } from '../../core/nearest.ts'
import { formatBytes, formatCpu, parseCpuMillis, parseMemoryBytes } from '../../core/quantity.ts'
import type { ServiceTemplate } from '../generated/types.ts'
import { programsOf } from '../template.ts'

/** Of instances. In thousandths of a core, in bytes, or in instances. */
export type InstanceMeasure =
  | 'requests.cpu'
  | 'requests.memory'
  | 'limits.cpu'
  | 'limits.memory'
  | 'instances'

export const INSTANCE_MEASURES: readonly InstanceMeasure[] = [
  'requests.cpu',
  'requests.memory',
  'limits.cpu',
  'limits.memory',
  'instances',
]

/** Shorter names, as Kubernetes has them. */
const ALIASES: Readonly<Record<string, InstanceMeasure>> = { cpu: 'requests.cpu', memory: 'requests.memory' }

/** What people make and count, by the plural that stands behind `count/`. */
export const COUNTED_KINDS: Readonly<Record<string, string>> = {
  services: 'Service',
  jobs: 'Job',
  configs: 'Config',
  secrets: 'Secret',
  scaledobjects: 'ScaledObject',
  scaledjobs: 'ScaledJob',
  triggerauthentications: 'TriggerAuthentication',
}

const COUNT = 'count/'

/** What Kubernetes calls what has another name here. */
const KUBERNETES_NAMES: Readonly<Record<string, string>> = {
  pods: 'instances',
  'count/pods': 'instances',
  services: 'count/services',
  'count/deployments.apps': 'count/services',
  secrets: 'count/secrets',
  configmaps: 'count/configs',
  'count/configmaps': 'count/configs',
  'count/jobs.batch': 'count/jobs',
}

/** The name that was meant by one that is none; undefined where none is near. */
export function meantMeasure(name: string): string | undefined {
  if (Object.hasOwn(KUBERNETES_NAMES, name)) return KUBERNETES_NAMES[name]
  return nearest(name, measureNames(), 1)[0]
}

/** The plural of `count/services`; undefined for what counts no objects. */
export function countedPlural(name: string): string | undefined {
  const plural = name.startsWith(COUNT) ? name.slice(COUNT.length) : undefined
  return plural !== undefined && Object.hasOwn(COUNTED_KINDS, plural) ? plural : undefined
}

/** All names that may stand in `hard`. */
export function measureNames(): readonly string[] {
  return [
    ...Object.keys(ALIASES),
    ...INSTANCE_MEASURES,
    ...Object.keys(COUNTED_KINDS).map((one) => COUNT + one),
  ]
}

/** What a name in `hard` means; undefined for a count of objects, and for what is no such name. */
export function instanceMeasure(name: string): InstanceMeasure | undefined {
  return Object.hasOwn(ALIASES, name) ? ALIASES[name] : INSTANCE_MEASURES.find((one) => one === name)
}

/** @throws NsctlError Invalid for what is no amount of it */
export function parseAmount(name: string, amount: number | string): number {
  const measure = instanceMeasure(name)
  if (measure === 'requests.cpu' || measure === 'limits.cpu') return parseCpuMillis(amount)
  if (measure === 'requests.memory' || measure === 'limits.memory') return parseMemoryBytes(amount)
  return Number(amount)
}

/** `1500m`, `2Gi`, `3`. */
export function formatAmount(name: string, amount: number): string {
  const measure = instanceMeasure(name)
  if (measure === 'requests.cpu' || measure === 'limits.cpu') return formatCpu(amount)
  if (measure === 'requests.memory' || measure === 'limits.memory') return formatBytes(amount)
  return String(amount)
}

export type Use = Readonly<Record<InstanceMeasure, number>>

export const NO_USE: Use = {
  'requests.cpu': 0,
  'requests.memory': 0,
  'limits.cpu': 0,
  'limits.memory': 0,
  instances: 0,
}

/** What one instance uses, its programs together. What is not stated counts as nothing. */
export function demandOf(template: ServiceTemplate): Use {
  let [cpuMillis, memoryBytes, quotaMillis] = [0, 0, 0]
  for (const { resources, limits } of programsOf(template)) {
    if (resources?.cpu !== undefined) cpuMillis += parseCpuMillis(resources.cpu)
    if (resources?.memory !== undefined) memoryBytes += parseMemoryBytes(resources.memory)
    if (limits?.cpu !== undefined) quotaMillis += parseCpuMillis(limits.cpu)
  }
  return {
    'requests.cpu': cpuMillis,
    'requests.memory': memoryBytes,
    'limits.cpu': quotaMillis,
    // what is asked for is the limit
    'limits.memory': memoryBytes,
    instances: 1,
  }
}

/** Where a template says how much it uses of a measure, and which program does not; undefined where all do. */
export function unstated(
  template: ServiceTemplate,
  measure: InstanceMeasure,
): { readonly program: string; readonly field: string } | undefined {
  if (measure === 'instances') return undefined
  const field = FIELDS[measure]
  const program = programsOf(template).find(({ resources, limits }) =>
    field === 'limits.cpu'
      ? limits?.cpu === undefined
      : resources?.[field === 'resources.cpu' ? 'cpu' : 'memory'] === undefined,
  )
  return program && { program: program.name, field }
}

const FIELDS = {
  'requests.cpu': 'resources.cpu',
  'requests.memory': 'resources.memory',
  'limits.cpu': 'limits.cpu',
  'limits.memory': 'resources.memory',
} as const

/** What of a template no LimitRange allows, after Kubernetes' LimitRanger. Pure. */
import { formatBytes, formatCpu, parseCpuMillis, parseMemoryBytes } from '../../core/quantity.ts'
import type { LimitRange, LimitRangeLimit, ServiceTemplate } from '../generated/types.ts'
import { type ProgramTemplate, programsOf } from '../template.ts'

/** What is asked for, of one program or of all of an instance; undefined where one does not say. */
interface Asked {
  /** `program worker`, `an instance` */
  readonly who: string
  readonly cpu: number | undefined
  readonly memory: number | undefined
  readonly limit: number | undefined
}

/** The first that stands against a filled template: `limitrange/small: resources.memory 2Gi is more than the max of 1Gi`. */
export function rangeViolation(template: ServiceTemplate, ranges: readonly LimitRange[]): string | undefined {
  if (ranges.length === 0) return undefined
  const programs = programsOf(template).map(askedOf)
  const whole = togetherOf(programs)
  for (const range of ranges.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
    for (const item of range.spec.limits) {
      for (const asked of item.type === 'Program' ? programs : [whole]) {
        const wrong = wrongOf(asked, item)
        if (wrong !== undefined) return `limitrange/${range.metadata.name}: ${asked.who}${wrong}`
      }
    }
  }
  return undefined
}

function askedOf({ name, resources, limits }: ProgramTemplate): Asked {
  const { cpu, memory } = resources ?? {}
  return {
    who: name === '' ? '' : `program ${name}: `,
    cpu: cpu === undefined ? undefined : parseCpuMillis(cpu),
    memory: memory === undefined ? undefined : parseMemoryBytes(memory),
    limit: limits?.cpu === undefined ? undefined : parseCpuMillis(limits.cpu),
  }
}

function togetherOf(programs: readonly Asked[]): Asked {
  const sum = (of: 'cpu' | 'memory' | 'limit') =>
    programs.reduce<number | undefined>((all, one) => {
      const amount = one[of]
      return all === undefined || amount === undefined ? undefined : all + amount
    }, 0)
  const who = programs.length === 1 ? '' : 'all programs together: '
  return { who, cpu: sum('cpu'), memory: sum('memory'), limit: sum('limit') }
}

function wrongOf(asked: Asked, { min, max, maxLimitRequestRatio }: LimitRangeLimit): string | undefined {
  const { cpu, memory, limit } = asked
  return (
    least('resources.cpu', cpu, min?.cpu, CPU) ??
    least('resources.memory', memory, min?.memory, MEMORY) ??
    // first what was written: a limit that nobody wrote is raised to it
    (cpu !== undefined ? most('resources.cpu', cpu, max?.cpu, CPU) : undefined) ??
    most('limits.cpu', limit, max?.cpu, CPU) ??
    most('resources.memory', memory, max?.memory, MEMORY) ??
    tooHigh(cpu, limit, maxLimitRequestRatio?.cpu)
  )
}

const CPU = { parse: parseCpuMillis, format: formatCpu }
const MEMORY = { parse: parseMemoryBytes, format: formatBytes }

function least(
  field: string,
  has: number | undefined,
  min: string | undefined,
  unit: typeof CPU,
): string | undefined {
  if (min === undefined || (has !== undefined && has >= unit.parse(min))) return undefined
  const amount =
    has === undefined ? `${field} is not stated, and must be` : `${field} ${unit.format(has)} is less than`
  return `${amount} ${has === undefined ? 'at least' : 'the min of'} ${min}`
}

function most(
  field: string,
  has: number | undefined,
  max: string | undefined,
  unit: typeof CPU,
): string | undefined {
  if (max === undefined || (has !== undefined && has <= unit.parse(max))) return undefined
  const amount =
    has === undefined ? `${field} is not stated, and must be` : `${field} ${unit.format(has)} is more than`
  return `${amount} ${has === undefined ? 'at most' : 'the max of'} ${max}`
}

function tooHigh(
  cpu: number | undefined,
  limit: number | undefined,
  ratio: string | undefined,
): string | undefined {
  if (ratio === undefined) return undefined
  if (cpu === undefined || cpu === 0 || limit === undefined)
    return `resources.cpu and limits.cpu must be stated: one may be ${ratio} times the other`
  if (limit <= cpu * Number(ratio)) return undefined
  return `limits.cpu ${formatCpu(limit)} is more than ${ratio} times resources.cpu ${formatCpu(cpu)}`
}

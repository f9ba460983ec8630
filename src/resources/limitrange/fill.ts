/** What LimitRanges give to programs that state nothing, after Kubernetes' LimitRanger. Pure. */
import { parseCpuMillis } from '../../core/quantity.ts'
import type {
  LimitRange,
  LimitRangeLimit,
  ServiceLimits,
  ServiceResources,
  ServiceTemplate,
} from '../generated/types.ts'

/** Of a program. */
interface Asked {
  readonly resources?: ServiceResources
  readonly limits?: ServiceLimits
}

/** The template as it is run: the very one where nothing is to be filled in. Of several LimitRanges the first by name goes first. */
export function filledTemplate(template: ServiceTemplate, ranges: readonly LimitRange[]): ServiceTemplate {
  const items = itemsOf(ranges, 'Program')
  if (items.length === 0) return template
  const { programs } = template
  if (programs === undefined) return filledProgram(template, items)
  const filled = programs.map((program) => filledProgram(program, items))
  return filled.every((one, at) => one === programs[at]) ? template : { ...template, programs: filled }
}

/** What `like` has of `resources` and `limits`, program by program: one hash names one unit, so what has it has the same. */
export function filledLike(template: ServiceTemplate, like: ServiceTemplate): ServiceTemplate {
  const { programs } = template
  if (programs === undefined) return withAsked(template, like)
  const byName = new Map(like.programs?.map((one) => [one.name, one]))
  return { ...template, programs: programs.map((one) => withAsked(one, byName.get(one.name) ?? one)) }
}

/** Their limits of a type, in the order in which they act. */
export function itemsOf(
  ranges: readonly LimitRange[],
  type: LimitRangeLimit['type'],
): readonly LimitRangeLimit[] {
  if (ranges.length === 0) return []
  const sorted = ranges.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
  return sorted.flatMap(({ spec }) => spec.limits.filter((one) => one.type === type))
}

function withAsked<T extends Asked>(one: T, { resources, limits }: Asked): T {
  const { resources: _, limits: __, ...rest } = one
  return { ...rest, ...(resources && { resources }), ...(limits && { limits }) } as T
}

function filledProgram<T extends Asked>(program: T, items: readonly LimitRangeLimit[]): T {
  let { cpu, memory } = program.resources ?? {}
  let limit = program.limits?.cpu
  for (const item of items) {
    const { default: preset, defaultRequest, min, max } = item
    const presetCpu = preset?.cpu ?? max?.cpu
    const request = limit ?? defaultRequest?.cpu ?? presetCpu ?? min?.cpu
    memory ??= preset?.memory ?? defaultRequest?.memory ?? max?.memory ?? min?.memory
    if (limit === undefined && presetCpu !== undefined)
      // less than it asks for would make nothing of what it is promised
      limit = cpu !== undefined && parseCpuMillis(cpu) > parseCpuMillis(presetCpu) ? cpu : presetCpu
    if (defaultRequest?.cpu ?? presetCpu ?? min?.cpu) cpu ??= request
  }
  const isSame =
    cpu === program.resources?.cpu && memory === program.resources?.memory && limit === program.limits?.cpu
  if (isSame) return program
  return {
    ...program,
    resources: {
      ...program.resources,
      ...(cpu !== undefined && { cpu }),
      ...(memory !== undefined && { memory }),
    },
    ...(limit !== undefined && { limits: { ...program.limits, cpu: limit } }),
  }
}

/** What the schema cannot say of a LimitRange: amounts that contradict each other. Pure. */
import { parseCpuMillis, parseMemoryBytes } from '../../core/quantity.ts'
import type { LimitRange, LimitRangeLimit } from '../generated/types.ts'
import type { FieldIssue } from '../kinds.ts'

const MEMBERS = ['cpu', 'memory'] as const
/** Each must be at most what stands behind it. */
const RISING = ['min', 'defaultRequest', 'default', 'max'] as const

/** For objects that the schema has found sound. */
export function limitRangeConstraints(object: unknown): readonly FieldIssue[] {
  const { limits } = (object as LimitRange).spec
  return limits.flatMap((limit, at) => issuesOf(limit, at))
}

function issuesOf(limit: LimitRangeLimit, at: number): readonly FieldIssue[] {
  const path = (...steps: readonly string[]) => ['spec', 'limits', at, ...steps]
  const issues: FieldIssue[] = []
  if (limit.type === 'Instance')
    for (const name of ['default', 'defaultRequest'] as const)
      if (limit[name] !== undefined)
        issues.push({
          path: path(name),
          message: 'is for type Program: an instance gets what its programs get',
        })
  for (const member of MEMBERS) {
    for (const [below, name] of RISING.entries()) {
      const amount = limit[name]?.[member]
      const higher = RISING.slice(below + 1).find((one) => limit[one]?.[member] !== undefined)
      const most = higher && limit[higher]?.[member]
      if (amount === undefined || most === undefined || parse(member, amount) <= parse(member, most)) continue
      issues.push({ path: path(name, member), message: `must be at most ${higher}, ${most}`, value: amount })
    }
  }
  const [preset, request] = [limit.default?.memory, limit.defaultRequest?.memory]
  if (preset !== undefined && request !== undefined && parse('memory', preset) !== parse('memory', request))
    issues.push({
      path: path('defaultRequest', 'memory'),
      message: `must be that of default, ${preset}, or be left out: what is asked for is the limit`,
      value: request,
    })
  const ratio = limit.maxLimitRequestRatio?.cpu
  if (ratio !== undefined && Number(ratio) < 1)
    issues.push({ path: path('maxLimitRequestRatio', 'cpu'), message: 'must be at least 1', value: ratio })
  return issues
}

function parse(member: (typeof MEMBERS)[number], amount: string): number {
  return member === 'cpu' ? parseCpuMillis(amount) : parseMemoryBytes(amount)
}

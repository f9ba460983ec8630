/** Why a node will not do, in the words that people read. Pure. */
import { formatBytes, formatCpu } from '../core/quantity.ts'
import type { Needs, Refusal, RefusedBy, Seat } from './placement.ts'
import { compareNames } from './ties.ts'

/** Said of one node and of several: `1 lacks memory`, `7 lack memory`. */
export interface Reason {
  readonly one: string
  readonly many: string
}

const same = (text: string): Reason => ({ one: text, many: text })

export const NOT_READY = same('not ready')
export const UNSCHEDULABLE = same('unschedulable')
export const OTHER_LABELS = same('without the labels of nodeSelector')
export const OUTSIDE_AFFINITY = same('outside affinity.node')
export const LACKS_CPU = { one: 'lacks cpu', many: 'lack cpu' }
export const LACKS_MEMORY = { one: 'lacks memory', many: 'lack memory' }
export const LACKS_BOTH = { one: 'lacks cpu and memory', many: 'lack cpu and memory' }

export const tainted = (taint: string): Reason => same(`tainted ${taint}`)
export const without = (service: string): Reason => same(`not near service/${service}`)
export const near = (service: string): Reason => same(`near service/${service}`)
export const avoided = (service: string): Reason => same(`avoided by service/${service}`)
export const unlabelled = (key: string): Reason => same(`without label ${key}`)
export const skewed = (key: string): Reason => same(`with too many by ${key}`)
export const withoutRuntime = (runtime: string): Reason => ({
  one: `lacks runtime ${runtime}`,
  many: `lack runtime ${runtime}`,
})
export const portTaken = (port: string): Reason => ({
  one: `has port ${port} taken`,
  many: `have port ${port} taken`,
})

/** The most frequent first, and nodes by their names. */
export function refusalOf(
  refused: readonly { readonly node: string; readonly reason: Reason; readonly why: string }[],
): Refusal {
  const groups = new Map<string, { readonly reason: Reason; count: number }>()
  for (const { reason } of refused) {
    const group = groups.get(reason.many)
    if (group === undefined) groups.set(reason.many, { reason, count: 1 })
    else group.count++
  }
  const parts = [...groups.values()]
    .sort((a, b) => b.count - a.count || compareNames(a.reason.many, b.reason.many))
    .map(({ reason, count }) => `${count} ${count === 1 ? reason.one : reason.many}`)
  const nodes: readonly RefusedBy[] = refused
    .map(({ node, why }) => ({ node, why }))
    .sort((a, b) => compareNames(a.node, b.node))
  if (nodes.length === 0) return { text: 'there is no node yet', nodes }
  return { text: `0/${nodes.length} nodes: ${parts.join(', ')}`, nodes }
}

/** Of an instance that can only be on one node. */
export function refusalBecause(because: NonNullable<Seat['only']>['because'], refused: RefusedBy): Refusal {
  const { node, why } = refused
  const verb = /^(lacks|has) /.test(why) ? why : `is ${why}`
  const text = because === 'storage' ? `its storage is on ${node}, which ${verb}` : `${node} ${verb}`
  return { text, nodes: [refused] }
}

/** What one has, wants or uses. */
type Amounts = Pick<Needs, 'cpuMillis' | 'memoryBytes'>

export function isLack(reason: Reason): boolean {
  return reason === LACKS_CPU || reason === LACKS_MEMORY || reason === LACKS_BOTH
}

/** `lacks memory: 2Gi asked for, 512Mi of 4Gi free` */
export function lackText(reason: Reason, needs: Amounts, used: Amounts, all: Amounts): string {
  const part = (format: (amount: number) => string, wanted: number, taken: number, total: number) =>
    `${format(wanted)} asked for, ${format(Math.max(0, total - taken))} of ${format(total)} free`
  const parts = [
    reason === LACKS_MEMORY ? [] : part(formatCpu, needs.cpuMillis, used.cpuMillis, all.cpuMillis),
    reason === LACKS_CPU ? [] : part(formatBytes, needs.memoryBytes, used.memoryBytes, all.memoryBytes),
  ]
  return `${reason.one}: ${parts.flat().join('; ')}`
}

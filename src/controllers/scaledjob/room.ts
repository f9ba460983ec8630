/** How many Jobs a namespace's quotas leave room for. Pure. */
import type { ResourceQuota } from '../../resources/generated/types.ts'
import type { JobsDecision } from '../../scaling/jobs/decide-jobs.ts'

const COUNT = 'count/jobs'

/** The decision with as many Jobs as may be made; itself where that is all. `there`: Jobs of the namespace. */
export function withinQuota<T extends JobsDecision>(
  decision: T,
  quotas: readonly ResourceQuota[],
  there: number,
): T & { readonly refusal?: string } {
  const limits = quotas.flatMap(({ metadata, spec }) => {
    const most = spec.hard[COUNT]
    return most === undefined ? [] : [{ name: metadata.name, most: Number(most) }]
  })
  const [tightest] = limits.toSorted((a, b) => a.most - b.most || (a.name < b.name ? -1 : 1))
  if (tightest === undefined || there + decision.create <= tightest.most) return decision
  const create = Math.max(0, tightest.most - there)
  const refusal = `resourcequota/${tightest.name}: ${COUNT} ${there} of ${tightest.most} used, ${decision.create} more asked for`
  return { ...decision, create, because: `${decision.because}; ${refusal}`, refusal }
}

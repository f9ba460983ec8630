/** What a ResourceQuota's status says. Pure. */
import type { ResourceQuota, ResourceQuotaStatus } from '../../resources/generated/types.ts'
import { formatAmount, parseAmount } from '../../resources/resourcequota/measures.ts'

/** @param usedOf in the units of `parseAmount`, by a name of `hard` */
export function quotaStatus(
  { metadata, spec }: ResourceQuota,
  usedOf: (name: string) => number,
): Omit<ResourceQuotaStatus, 'admissions'> {
  const lines = Object.entries(spec.hard).map(([name, hard]) => {
    const used = usedOf(name)
    return {
      name,
      hard: String(hard),
      used: formatAmount(name, used),
      isOver: used > parseAmount(name, hard),
    }
  })
  const over = lines.filter(({ isOver }) => isOver)
  return {
    observedGeneration: metadata.generation ?? 0,
    hard: Object.fromEntries(lines.map(({ name, hard }) => [name, hard])),
    used: Object.fromEntries(lines.map(({ name, used }) => [name, used])),
    usedText: lines.map(({ name, hard, used }) => `${name} ${used}/${hard}`).join(', '),
    // what was there before the quota stays
    ...(over.length > 0 && { summary: `exceeded: ${over.map(({ name }) => name).join(', ')}` }),
  }
}

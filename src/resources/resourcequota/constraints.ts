/** What the schema cannot say of a ResourceQuota: which names there are, and how their amounts are written. Pure. */
import { messageOf } from '../../core/errors.ts'
import type { ResourceQuota } from '../generated/types.ts'
import type { FieldIssue } from '../kinds.ts'
import { countedPlural, instanceMeasure, meantMeasure, measureNames, parseAmount } from './measures.ts'

/** For objects that the schema has found sound. */
export function resourceQuotaConstraints(object: unknown): readonly FieldIssue[] {
  const { hard } = (object as ResourceQuota).spec
  return Object.entries(hard).flatMap(([name, amount]) => {
    const issue = issueOf(name, amount)
    return issue === undefined ? [] : [{ path: ['spec', 'hard', name], value: amount, ...issue }]
  })
}

function issueOf(
  name: string,
  amount: number | string,
): Pick<FieldIssue, 'message' | 'suggestion'> | undefined {
  const measure = instanceMeasure(name)
  if (measure === undefined && countedPlural(name) === undefined) {
    const suggestion = meantMeasure(name)
    const message = `is nothing that a quota limits: there are ${measureNames().join(', ')}`
    return { message, ...(suggestion !== undefined && { suggestion }) }
  }
  if (measure === undefined || measure === 'instances')
    return /^[0-9]{1,9}$/.test(String(amount)) ? undefined : { message: 'must be a whole number' }
  try {
    parseAmount(name, amount)
    return undefined
  } catch (error) {
    return { message: messageOf(error) }
  }
}

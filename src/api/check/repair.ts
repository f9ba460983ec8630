/** Putting right what a check has found, as far as nothing can be lost by it. */
import type { StoreWriter } from '../../store/store.ts'
import type { Finding } from './finding.ts'

const AT_ONCE = 256

export interface Repaired {
  readonly repaired: readonly Finding[]
  /** What is still as it was: a person must decide, or the store has moved on since it was checked. */
  readonly left: readonly Finding[]
}

/** Commits the repairs of `findings`, each by itself and only where the store is still as it was checked. */
export async function repairFindings(store: StoreWriter, findings: readonly Finding[]): Promise<Repaired> {
  const repaired: Finding[] = []
  const left = findings.filter(({ repair }) => repair === undefined)
  const repairable = findings.filter(({ repair }) => repair !== undefined)
  for (let from = 0; from < repairable.length; from += AT_ONCE) {
    const batch = repairable.slice(from, from + AT_ONCE)
    const results = await store.commit(batch.map(({ repair = [] }) => repair))
    for (const [at, finding] of batch.entries())
      (results[at]?.kind === 'committed' ? repaired : left).push(finding)
  }
  return { repaired, left }
}

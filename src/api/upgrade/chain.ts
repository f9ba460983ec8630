/** The steps from each layout that there has been to the present one, and what walking them comes to. Pure. */
import type { KindRegistry } from '../../resources/kinds.ts'
import { compareLayouts, type LayoutVersion } from '../../store/layout.ts'
import type { Entry, Transaction } from '../../store/store.ts'
import { toLayout2 } from './layout-2.ts'
import { toLayout3 } from './layout-3.ts'
import { toLayout31 } from './layout-3-1.ts'
import { toLayout4 } from './layout-4.ts'
import type { LayoutStep } from './step.ts'

/** In order, without gaps, up to STORE_LAYOUT. */
export const LAYOUT_STEPS: readonly LayoutStep[] = [toLayout2, toLayout3, toLayout31, toLayout4]

/** Those of `steps` that lead from `layout` on. */
export function stepsFrom(layout: LayoutVersion, steps: readonly LayoutStep[]): readonly LayoutStep[] {
  return steps.filter(({ from }) => compareLayouts(from, layout) >= 0)
}

/** What a step does to the entries that it finds. */
export interface StepOutcome {
  readonly step: LayoutStep
  readonly transactions: readonly Transaction[]
  /** All entries after it. */
  readonly entries: readonly Entry[]
}

/** Walks `steps` over `entries`, each over what the one before it left. */
export function walk(
  steps: readonly LayoutStep[],
  entries: readonly Entry[],
  kinds: KindRegistry,
): readonly StepOutcome[] {
  const outcomes: StepOutcome[] = []
  let current = entries
  for (const step of steps) {
    const transactions = step.plan?.(current, kinds) ?? []
    current = applied(transactions, current)
    outcomes.push({ step, transactions, entries: current })
  }
  return outcomes
}

/** What `entries` are after `transactions`. Revisions stay, so that what was written earlier is still the earlier. */
function applied(transactions: readonly Transaction[], entries: readonly Entry[]): readonly Entry[] {
  const after = new Map(entries.map((entry) => [entry.key, entry]))
  for (const operation of transactions.flat()) {
    const { kind, key } = operation
    if (kind === 'delete') after.delete(key)
    else if (kind === 'put')
      after.set(key, { key, value: operation.value, revision: after.get(key)?.revision ?? 0 })
  }
  return [...after.values()]
}

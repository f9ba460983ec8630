/** `nsctl store check` and `stats`: what is in a store, and whether it is as it should be. */
import { checkEntries } from '../../api/check/check.ts'
import type { Finding } from '../../api/check/finding.ts'
import { repairFindings } from '../../api/check/repair.ts'
import { type StoreSummary, summarizeStore } from '../../api/store-summary.ts'
import { createKindRegistry } from '../../resources/registry.ts'
import { layoutText, readLayout } from '../../store/layout.ts'
import { type StoreChoice, withStore } from './export.ts'

export interface Checked {
  readonly url: string
  readonly revision: number
  readonly keys: number
  /** What is still as it was. */
  readonly findings: readonly Finding[]
  readonly repaired: readonly Finding[]
}

/** Checks the store, and puts right what can be put right without losing anything where `repair` is set. */
export async function checkStore(work: StoreChoice & { readonly repair: boolean }): Promise<Checked> {
  return withStore({ ...work, readOnly: !work.repair }, async (store) => {
    const { entries, revision } = await store.list([''])
    const findings = checkEntries(entries, createKindRegistry())
    const facts = { url: store.url, revision, keys: entries.length }
    if (!work.repair) return { ...facts, findings, repaired: [] }
    const { left, repaired } = await repairFindings(store, findings)
    return { ...facts, findings: left, repaired }
  })
}

export interface StoreFacts extends StoreSummary {
  readonly engine: string
  /** Of what the engine makes of entries; undefined where it keeps nothing. */
  readonly format: number | undefined
  /** Of keys and values: `2.0`. */
  readonly layout: string
  readonly url: string
  readonly revision: number
}

/** How much of what the store holds. */
export async function storeStats(choice: StoreChoice): Promise<StoreFacts> {
  return withStore({ ...choice, readOnly: true }, async (store) => {
    const { entries, revision } = await store.list([''])
    const engine = store.url.slice(0, store.url.indexOf(':'))
    const layout = layoutText((await readLayout(store)).layout)
    const about = { engine, format: store.format?.found, layout, url: store.url, revision }
    return { ...about, ...summarizeStore(entries, createKindRegistry()) }
  })
}

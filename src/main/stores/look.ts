/** `nsctl store check`, `stats` and `upgrade`: what is in a store, and whether it is as it should be. */
import { checkEntries } from '../../api/check/check.ts'
import type { Finding } from '../../api/check/finding.ts'
import { repairFindings } from '../../api/check/repair.ts'
import { type StoreSummary, summarizeStore } from '../../api/store-summary.ts'
import { isNsctlError, NsctlError } from '../../core/errors.ts'
import { createKindRegistry } from '../../resources/registry.ts'
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
  readonly url: string
  readonly revision: number
}

/** How much of what the store holds. */
export async function storeStats(choice: StoreChoice): Promise<StoreFacts> {
  return withStore({ ...choice, readOnly: true }, async (store) => {
    const { entries, revision } = await store.list([''])
    const engine = store.url.slice(0, store.url.indexOf(':'))
    return { engine, url: store.url, revision, ...summarizeStore(entries, createKindRegistry()) }
  })
}

/**
 * Brings a store of an earlier format to the present one. No release has made one of an earlier format, so there is nothing
 * to convert yet: resolves to the URL of a store that is in the present format.
 *
 * @throws NsctlError StoreFormat for any other
 */
export async function upgradeStore(choice: StoreChoice): Promise<string> {
  try {
    return await withStore({ ...choice, readOnly: true }, async ({ url }) => url)
  } catch (error) {
    if (!isNsctlError(error, 'StoreFormat')) throw error
    throw new NsctlError('StoreFormat', error.message, {
      value: error.value,
      cause: error,
      next: 'it cannot be converted: formats before the present one were never released. A newer one is read by the nsctl that made it; else move the store away and apply the manifests again. It was not changed',
    })
  }
}

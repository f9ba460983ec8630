/** `nsctl store export`: a store as one file. */

import { STORE_LAYOUT } from '../../api/keys.ts'
import type { Clock } from '../../core/clock.ts'
import { type OpenStoreOptions, openStore, VERSION } from '../../main.ts'
import { exportLines } from '../../store/export-file.ts'
import { refuseUnfinishedImport } from '../../store/import-plan.ts'
import { type Snapshot, takeSnapshot } from '../../store/snapshot.ts'
import type { Store } from '../../store/store.ts'

/** Which store, and what it takes to open it. */
export type StoreChoice = Pick<OpenStoreOptions, 'env' | 'clock' | 'logger' | 'store'>

export interface Exported {
  readonly url: string
  readonly revision: number
  readonly keys: number
}

/**
 * Hands the lines of the store's export to `write`. One snapshot at one revision.
 *
 * @throws NsctlError Conflict for a store that is half filled: nobody could tell from the file
 */
export async function exportStore(
  choice: StoreChoice,
  write: (lines: Iterable<string>) => void,
): Promise<Exported> {
  return withStore({ ...choice, readOnly: true }, async (store) => {
    await refuseUnfinishedImport(store)
    const snapshot = await takeSnapshot(store)
    write(linesOf(store, snapshot, choice.clock))
    return { url: store.url, revision: snapshot.revision, keys: snapshot.entries.length }
  })
}

/** A snapshot of `store` as the lines of a file. */
export function linesOf(store: Store, snapshot: Snapshot, clock: Clock): Iterable<string> {
  const engine = store.url.slice(0, store.url.indexOf(':'))
  const at = new Date(clock.now()).toISOString()
  return exportLines(snapshot, { layout: STORE_LAYOUT, nsctl: VERSION, engine, at })
}

/** Opens a store for the time of `work`. */
export async function withStore<T>(
  options: OpenStoreOptions,
  work: (store: Store) => Promise<T>,
): Promise<T> {
  const store = await openStore(options)
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

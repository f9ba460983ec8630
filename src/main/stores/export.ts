/** `nsctl store export`: a store as one file. */

import type { Clock } from '../../core/clock.ts'
import {
  type OpenBareStoreOptions,
  type OpenStoreOptions,
  openBareStore,
  openStore,
  VERSION,
} from '../../main.ts'
import { exportLines } from '../../store/export-file.ts'
import { refuseUnfinishedImport } from '../../store/import-plan.ts'
import { type LayoutMark, type LayoutVersion, readLayout, refuseHalfUpgraded } from '../../store/layout.ts'
import { type Snapshot, takeSnapshot } from '../../store/snapshot.ts'
import type { Store } from '../../store/store.ts'

/** Which store, and what it takes to open it. */
export type StoreChoice = Pick<OpenStoreOptions, 'env' | 'clock' | 'logger' | 'store' | 'layout'>

export interface Exported {
  readonly url: string
  readonly revision: number
  readonly keys: number
}

/**
 * Hands the lines of the store's export to `write`. One snapshot at one revision.
 *
 * @throws NsctlError Conflict for a store that is half filled or half upgraded: nobody could tell from the file
 */
export async function exportStore(
  choice: StoreChoice,
  write: (lines: Iterable<string>) => void,
): Promise<Exported> {
  return withStore({ ...choice, readOnly: true }, async (store) => {
    const { layout } = await refuseHalf(store)
    const snapshot = await takeSnapshot(store)
    write(linesOf(store, snapshot, layout, choice.clock))
    return { url: store.url, revision: snapshot.revision, keys: snapshot.entries.length }
  })
}

/** Throws Conflict for a store of which a part is not there, or of another layout than the rest. */
export async function refuseHalf(store: Store): Promise<LayoutMark> {
  const mark = await readLayout(store)
  await refuseUnfinishedImport(store)
  refuseHalfUpgraded(mark, store.url)
  return mark
}

/** A snapshot of `store`, which has `layout`, as the lines of a file. */
export function linesOf(
  store: Store,
  snapshot: Snapshot,
  { major, minor }: LayoutVersion,
  clock: Clock,
): Iterable<string> {
  const engine = store.url.slice(0, store.url.indexOf(':'))
  const at = new Date(clock.now()).toISOString()
  const layout = { layout: major, ...(minor === 0 ? {} : { minor }) }
  return exportLines(snapshot, { ...layout, nsctl: VERSION, engine, at })
}

/** Opens a store for the time of `work`. */
export async function withStore<T>(
  options: OpenStoreOptions,
  work: (store: Store) => Promise<T>,
): Promise<T> {
  return using(await openStore(options), work)
}

/** The same, whatever layout the store has and however whole it is. */
export async function withBareStore<T>(
  options: OpenBareStoreOptions,
  work: (store: Store) => Promise<T>,
): Promise<T> {
  return using(await openBareStore(options), work)
}

async function using<T>(store: Store, work: (store: Store) => Promise<T>): Promise<T> {
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

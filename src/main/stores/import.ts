/** `nsctl store import`: a file into a store. */
import { STORE_LAYOUT } from '../../api/keys.ts'
import { LAYOUT_STEPS, stepsFrom, walk } from '../../api/upgrade/chain.ts'
import { createKindRegistry } from '../../resources/registry.ts'
import { type ExportFile, type ExportHeader, layoutOfExport, readExport } from '../../store/export-file.ts'
import { compareLayouts, type LayoutVersion } from '../../store/layout.ts'
import { type StoreChoice, withBareStore } from './export.ts'
import { type Filled, type FillOptions, fillStore, planFilling } from './fill.ts'

export interface ImportWork extends StoreChoice, Pick<FillOptions, 'env' | 'clock' | 'signal' | 'replace'> {
  /** What messages call the file. */
  readonly name: string
  readonly bytes: Uint8Array
  readonly dryRun: boolean
}

export interface Imported extends Filled {
  readonly header: ExportHeader
}

/**
 * Fills the store with what the file holds, once all of the file was checked. With `dryRun` nothing is written, and no store
 * is made.
 */
export async function importStore(work: ImportWork): Promise<Imported> {
  const { name, bytes, dryRun } = work
  const file = ofPresentLayout(readExport(bytes, name, STORE_LAYOUT))
  const options = dryRun ? { ...work, readOnly: true, emptyIfMissing: true } : work
  return withBareStore(options, async (store) => {
    const layout = laterOf(layoutOfExport(file.header), STORE_LAYOUT)
    if (!dryRun)
      return { ...(await fillStore(store, file, { ...work, from: name, layout })), header: file.header }
    const { already, remove } = await planFilling(store, file, work)
    // where there is no store yet one in memory stands for it
    const url = store.url === 'memory:' ? 'a new store' : store.url
    return { url, keys: file.entries.length, already, removed: remove.length, header: file.header }
  })
}

/** What was exported of an earlier layout goes in as an upgrade would have left it. */
function ofPresentLayout(file: ExportFile): ExportFile {
  const steps = stepsFrom(layoutOfExport(file.header), LAYOUT_STEPS)
  const entries = walk(steps, file.entries, createKindRegistry()).at(-1)?.entries ?? file.entries
  return { ...file, entries }
}

function laterOf(a: LayoutVersion, b: LayoutVersion): LayoutVersion {
  return compareLayouts(a, b) > 0 ? a : b
}

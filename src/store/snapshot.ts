/**
 * All that a store holds at one revision, to be carried into another. Leases stay behind: a copy holds no leadership. So does what a
 * store says of itself.
 */
import { LEASE_PREFIX } from './lease-record.ts'
import type { Entry, StoreReader } from './store.ts'

/** There while an import is under way, and after one that was cut off: who opens the store must not act on half of it. */
export const IMPORT_KEY = 'import/unfinished'

/** Says which layout the store has, and moves with whatever rewrites all of it: see layout.ts. */
export const LAYOUT_KEY = 'store/layout'

/** What processes of the control plane tell each other of what was: a copy begins with none. */
export const HISTORY_PREFIX = 'history/'

export interface Snapshot {
  /** Of the store that it was taken of. */
  readonly revision: number
  /** In order of keys, each with its revision in that store. */
  readonly entries: readonly Entry[]
}

/** Whether what lies under `key` goes into a copy. */
export function isCopied(key: string): boolean {
  if (key.startsWith(LEASE_PREFIX) || key.startsWith(HISTORY_PREFIX)) return false
  return key !== IMPORT_KEY && key !== LAYOUT_KEY
}

/** Reads everything at one revision. The whole of it is held in memory. */
export async function takeSnapshot(store: StoreReader): Promise<Snapshot> {
  const { entries, revision } = await store.list([''])
  return { revision, entries: entries.filter(({ key }) => isCopied(key)) }
}

/** Keys whose entries are not the same text in both, in the order of `left`, then those that only `right` has. */
export function differingKeys(left: readonly Entry[], right: readonly Entry[]): readonly string[] {
  const values = new Map(right.map(({ key, value }) => [key, value]))
  const differing: string[] = []
  for (const { key, value } of left) {
    if (values.get(key) !== value) differing.push(key)
    values.delete(key)
  }
  return [...differing, ...values.keys()]
}

/** The shards' heads: how far each log is, and since which revision. */
import { NsctlError } from '../../core/errors.ts'
import type { KvEntry } from './client.ts'
import type { Layout } from './layout.ts'

export interface Head {
  readonly shard: number
  /** Commits so far. */
  readonly n: number
  /** Of the last one. */
  readonly revision: number
}

/** The heads among `entries`, by shard. Throws StoreCorrupt where one of `shards` is missing. */
export function headsOf(entries: Iterable<KvEntry>, layout: Layout, shards: number): readonly Head[] {
  const heads: Head[] = []
  for (const { key, value, index } of entries) {
    if (!key.startsWith(layout.heads)) continue
    const shard = layout.shardOf(key)
    const n = Number(value)
    if (Number.isSafeInteger(n) && Number.isSafeInteger(shard)) heads[shard] = { shard, n, revision: index }
  }
  for (let shard = 0; shard < shards; shard++) {
    if (heads[shard] !== undefined) continue
    throw new NsctlError(
      'StoreCorrupt',
      `the store has no ${layout.head(shard)}, or the token may not read it`,
      {
        value: layout.head(shard),
        next: `give the token key_prefix ${JSON.stringify(layout.prefix)} { policy = "read" }, or restore Consul: consul snapshot restore`,
      },
    )
  }
  return heads
}

/** The store's revision. */
export function revisionOf(heads: readonly Head[]): number {
  return heads.reduce((latest, { revision }) => Math.max(latest, revision), 0)
}

/** The logs' heads: how far each log is, and since which revision. */
import { NsctlError } from '../../core/errors.ts'
import type { KvEntry } from './client.ts'
import type { FeedSizes, Layout, Log } from './layout.ts'

export interface Head {
  readonly log: Log
  /** Commits so far. Below 0 where a node's head does not say: it is its agent's to write. */
  readonly n: number
  /** Of the last one. */
  readonly revision: number
}

/** The heads among `entries`: of all shards, in order, then of nodes. Throws StoreCorrupt where one of the shards is missing. */
export function headsOf(
  entries: Iterable<KvEntry>,
  layout: Layout,
  { shards, slots }: FeedSizes,
): readonly Head[] {
  const heads: Head[] = []
  const ofNodes: Head[] = []
  for (const { key, value, index } of entries) {
    if (!key.startsWith(layout.heads)) continue
    const node = layout.nodeOfHead(key)
    const shard = node === undefined ? layout.shardOf(key) : Number.NaN
    const n = value === '' ? Number.NaN : Number(value)
    const isCount = Number.isSafeInteger(n) && n >= 0
    if (node !== undefined) ofNodes.push({ log: layout.nodeLog(node), n: isCount ? n : -1, revision: index })
    else if (isCount && Number.isSafeInteger(shard))
      heads[shard] = { log: layout.shardLog(shard, slots), n, revision: index }
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
  return [...heads.slice(0, shards), ...ofNodes]
}

/** The store's revision. */
export function revisionOf(heads: readonly Head[]): number {
  return heads.reduce((latest, { revision }) => Math.max(latest, revision), 0)
}

/**
 * Where everything lies beneath the store's prefix in Consul. Nothing else builds or takes apart these keys.
 *
 *     <prefix>format                        which layout this is, and its sizes
 *     <prefix>data/<key>                    an entry, its value as it stands
 *     <prefix>feed/head/<shard>             how many commits the shard's log has had
 *     <prefix>feed/log/<shard>/<slot>       what a commit changed; slots are used again
 *     <prefix>feed/head/node/<node>         the same for commits of an agent that may write in no shard's log
 *     <prefix>feed/log/node/<node>/<slot>
 *     <prefix>feed/scope/<node>             what changed last under node/<node>/
 *     <prefix>feed/wide                     written when all scopes were dropped
 */

import { isNodeName } from '../node-reach.ts'

/** One log of commits. */
export interface Log {
  readonly head: string
  readonly slots: number
  /** The node that alone writes it, and that is believed of nothing else. */
  readonly node?: string
  /** The key of its nth commit. */
  entry(n: number): string
}

/** Commits that a node's log holds: its agent makes few, and who is further behind reads what lies under the node. */
const NODE_SLOTS = 64

/** What all clients of one store must agree on. */
export interface FeedSizes {
  readonly shards: number
  /** Commits that each shard's log holds. */
  readonly slots: number
}

const NODE_KEY = /^node\/([^/]+)\//

export class Layout {
  readonly prefix: string
  readonly format: string
  readonly data: string
  readonly heads: string
  readonly scopes: string
  readonly wide: string

  /** @param prefix ends with a slash */
  constructor(prefix: string) {
    this.prefix = prefix
    this.format = `${prefix}format`
    this.data = `${prefix}data/`
    this.heads = `${prefix}feed/head/`
    this.scopes = `${prefix}feed/scope/`
    this.wide = `${prefix}feed/wide`
  }

  dataKey(key: string): string {
    return this.data + key
  }

  /** The store's key that lies under one of Consul's. */
  keyOf(dataKey: string): string {
    return dataKey.slice(this.data.length)
  }

  head(shard: number): string {
    return this.heads + String(shard).padStart(2, '0')
  }

  shardOf(headKey: string): number {
    return Number(headKey.slice(this.heads.length))
  }

  /** Of one length, so that none is the beginning of another. */
  log(shard: number, slot: number): string {
    return `${this.prefix}feed/log/${String(shard).padStart(2, '0')}/${String(slot).padStart(6, '0')}`
  }

  shardLog(shard: number, slots: number): Log {
    return { head: this.head(shard), slots, entry: (n) => this.log(shard, n % slots) }
  }

  nodeLog(node: string): Log {
    const folder = this.nodeLogs(node)
    return {
      head: `${this.heads}node/${node}`,
      slots: NODE_SLOTS,
      node,
      entry: (n) => folder + String(n % NODE_SLOTS).padStart(6, '0'),
    }
  }

  /** With what the keys of a node's log begin. */
  nodeLogs(node: string): string {
    return `${this.prefix}feed/log/node/${node}/`
  }

  /** The node whose log a head is of; undefined for those of shards. */
  nodeOfHead(headKey: string): string | undefined {
    const name = headKey.slice(this.heads.length)
    const node = name.startsWith('node/') ? name.slice('node/'.length) : ''
    return isNodeName(node) ? node : undefined
  }

  scope(node: string): string {
    return this.scopes + encodeURIComponent(node)
  }
}

/** The node whose scope a key belongs to. Names that a path in a URL cannot carry have none. */
export function nodeOfKey(key: string): string | undefined {
  const node = NODE_KEY.exec(key)?.[1]
  return node === '.' || node === '..' ? undefined : node
}

/** The one node that all of `prefixes` lie under. */
export function nodeOfPrefixes(prefixes: readonly string[]): string | undefined {
  const nodes = new Set(prefixes.map(nodeOfKey))
  return nodes.size === 1 ? [...nodes][0] : undefined
}

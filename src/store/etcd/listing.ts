/** Reading many keys as of one revision, in pages. */
import type { EtcdClient } from './client.ts'
import type { ByteRange, KeyValue, RangeRequest } from './messages.ts'
import { RpcError } from './rpc.ts'

/** Bounds what one answer holds. */
const PAGE_KEYS = 1_000
/** Keys in one transaction; etcd allows 128. */
const GROUP_KEYS = 100
const MAX_ATTEMPTS = 5

export interface RangesListing {
  /** In the order of the ranges, and of keys within. */
  readonly keyValues: readonly KeyValue[]
  readonly revision: number
}

export interface ListOptions {
  readonly keysOnly?: boolean
}

/**
 * Everything in `ranges` at one revision. Begins again where that revision is compacted before the last page; an etcd that is
 * compacted faster than it is read is an error in the end.
 */
export async function listRanges(
  client: EtcdClient,
  ranges: readonly ByteRange[],
  options: ListOptions = {},
): Promise<RangesListing> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await listOnce(client, ranges, options)
    } catch (error) {
      if (!isCompacted(error) || attempt === MAX_ATTEMPTS) throw error
    }
  }
}

async function listOnce(
  client: EtcdClient,
  [first, ...others]: readonly ByteRange[],
  options: ListOptions,
): Promise<RangesListing> {
  if (first === undefined) throw new Error('no range to list')
  const begun = await client.range({ ...first, ...options, limit: PAGE_KEYS })
  const { revision } = begun
  const last = begun.keyValues.at(-1)
  const rest = begun.more && last !== undefined ? [{ ...first, key: after(last.key) }] : []
  const following = await Promise.all(
    [...rest, ...others].map((range) => allPages(client, { ...range, ...options, revision })),
  )
  return { keyValues: [...begun.keyValues, ...following.flat()], revision }
}

async function allPages(client: EtcdClient, request: RangeRequest): Promise<readonly KeyValue[]> {
  const pages: KeyValue[][] = []
  for (let key = request.key; ; ) {
    const page = await client.range({ ...request, key, limit: PAGE_KEYS })
    pages.push([...page.keyValues])
    const last = page.keyValues.at(-1)
    if (!page.more || last === undefined) return pages.flat()
    key = after(last.key)
  }
}

/** The first key behind `key`. */
function after(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.from([0])])
}

/** Those of `keys` that are there, one entry each, in their order. One round trip. */
export async function readKeys(client: EtcdClient, keys: readonly Buffer[]): Promise<readonly KeyValue[]> {
  const groups = Array.from({ length: Math.ceil(keys.length / GROUP_KEYS) }, (_, group) =>
    keys.slice(group * GROUP_KEYS, (group + 1) * GROUP_KEYS),
  )
  const responses = await Promise.all(
    groups.map((group) =>
      client.read({
        compare: [],
        success: group.map((key) => ({ kind: 'range', range: { key } })),
        failure: [],
      }),
    ),
  )
  return responses.flatMap(({ ranges }) => ranges.flatMap((range) => range?.keyValues ?? []))
}

/** Where the cluster is now, asked of a majority of it. */
export async function currentRevision(client: EtcdClient, key: Buffer): Promise<number> {
  return (await client.range({ key, countOnly: true })).revision
}

export function isCompacted(error: unknown): boolean {
  return error instanceof RpcError && /required revision has been compacted/.test(error.message)
}

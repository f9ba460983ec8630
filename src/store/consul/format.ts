/** Making a store under a prefix, and recognising one: which layout it has, and that it is nsctl's. */

import { NsctlError } from '../../core/errors.ts'
import { isObject } from '../../core/json.ts'
import type { FirstEntry } from '../store.ts'
import type { ConsulAddress } from './address.ts'
import type { KvClient, KvOperation } from './client.ts'
import type { FeedSizes, Layout } from './layout.ts'
import { readSnapshot } from './reading.ts'
import { base64 } from './sending.ts'

/** Of the layout that this nsctl writes. */
export const FORMAT = 1

const SHARDS = 16
const SLOTS = 1_024

export interface Format {
  readonly sizes: FeedSizes
  /** The revision at which the store was made. */
  readonly first: number
}

export interface FormatOptions {
  readonly client: KvClient
  readonly layout: Layout
  readonly address: ConsulAddress
  /** Makes a store where there is none. */
  readonly create: boolean
  /** How many commits each shard's log holds. */
  readonly historyRevisions?: number
  /** What a store that is made new begins with. */
  readonly firstEntries?: readonly FirstEntry[]
}

/**
 * Reads the format of the store, and makes the store where there is none and `create` is set.
 * @throws Unreachable where there is none, StoreFormat for a newer one and for keys that are not nsctl's
 */
export async function openFormat(options: FormatOptions): Promise<Format> {
  const { client, layout, address, create, historyRevisions, firstEntries = [] } = options
  const found = await readFormat(options)
  if (found !== undefined) return found
  const isTaken = (await client.keys(layout.prefix)).length > 0
  if (!isTaken && !create) throw missing(address)
  if (!isTaken)
    await client.transact([
      ...formatOperations(layout, { shards: SHARDS, slots: historyRevisions ?? SLOTS }),
      ...firstEntries.map(
        ({ key, value }): KvOperation => ({ Verb: 'set', Key: layout.dataKey(key), Value: base64(value) }),
      ),
    ])
  // ours, or that of whoever was faster
  const made = await readFormat(options)
  if (made === undefined) throw isTaken ? foreign(address) : missing(address)
  return made
}

async function readFormat({ client, layout, address }: FormatOptions): Promise<Format | undefined> {
  const entry = (await readSnapshot(client, { keys: [layout.format] })).get(layout.format)
  return entry && { sizes: sizesOf(entry.value, layout, address), first: entry.index }
}

function formatOperations(layout: Layout, sizes: FeedSizes): readonly KvOperation[] {
  const record = { program: 'nsctl', format: FORMAT, ...sizes }
  return [
    { Verb: 'cas', Key: layout.format, Value: base64(JSON.stringify(record)), Index: 0 },
    { Verb: 'set', Key: layout.wide, Value: base64('') },
    ...Array.from(
      { length: sizes.shards },
      (_, shard): KvOperation => ({
        Verb: 'set',
        Key: layout.head(shard),
        Value: base64('0'),
      }),
    ),
  ]
}

function sizesOf(text: string, layout: Layout, address: ConsulAddress): FeedSizes {
  let record: unknown
  try {
    record = JSON.parse(text)
  } catch {
    throw foreign(address)
  }
  if (!isObject(record) || record.program !== 'nsctl' || typeof record.format !== 'number')
    throw foreign(address)
  if (record.format > FORMAT)
    throw new NsctlError(
      'StoreFormat',
      `the store ${address.url} has format ${record.format}; this nsctl reads formats up to ${FORMAT}`,
      { value: record.format, next: 'use the nsctl that wrote it, or a later one' },
    )
  const { shards, slots } = record
  if (typeof shards === 'number' && typeof slots === 'number' && shards > 0 && slots > 0)
    return { shards, slots }
  throw new NsctlError(
    'StoreCorrupt',
    `the store ${address.url} is damaged: ${layout.format} holds ${text.slice(0, 80)}`,
    {
      value: layout.format,
      next: 'restore Consul from a snapshot: consul snapshot restore',
    },
  )
}

function foreign(address: ConsulAddress): NsctlError {
  return new NsctlError('StoreFormat', `the prefix of ${address.url} holds keys that are not nsctl’s`, {
    value: address.url,
    next: `choose another prefix, or see what they are: consul kv get -keys ${address.prefix}`,
  })
}

class MissingStore extends NsctlError {}

/** True for what `openFormat` throws where there is no store. */
export function isMissingStore(error: unknown): boolean {
  return error instanceof MissingStore
}

function missing(address: ConsulAddress): NsctlError {
  return new MissingStore('Unreachable', `there is no store at ${address.url}`, {
    value: address.url,
    next: `start nsctl (nsctl up) or apply something; if it is there, the token may not read it: key_prefix ${JSON.stringify(address.prefix)} { policy = "read" }`,
  })
}

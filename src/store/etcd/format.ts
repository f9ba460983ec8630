/** Which format the store has, written once when it is made. */
import { NsctlError } from '../../core/errors.ts'
import type { FirstEntry } from '../store.ts'
import type { EtcdClient } from './client.ts'
import type { Keyspace } from './keyspace.ts'
import type { Request } from './messages.ts'

/** Moves when an older nsctl could no longer read what this one writes. */
export const FORMAT_VERSION = 1

export interface FormatOptions {
  readonly client: EtcdClient
  readonly keyspace: Keyspace
  readonly url: string
  /** What to do where there is no store yet. */
  readonly ifMissing: 'make' | 'leave' | 'refuse'
  /** What a store that is made begins with. */
  readonly first?: readonly FirstEntry[]
}

/** Makes sure that the store is one that this nsctl can read; a new one is made. Throws StoreFormat, StoreCorrupt and Unreachable. */
export async function ensureFormat(options: FormatOptions): Promise<void> {
  const { client, keyspace, url, ifMissing } = options
  const text = await readFormat(options)
  if (text !== undefined) return assertKnown(text, url)
  const { keyValues } = await client.range({ ...keyspace.whole, limit: 1, keysOnly: true })
  const foreign = keyValues[0]?.key
  if (foreign !== undefined) {
    // unless it was made in between
    const made = await readFormat(options)
    if (made === undefined) throw isForeign(foreign, options)
    return assertKnown(made, url)
  }
  if (ifMissing === 'leave') return
  if (ifMissing === 'refuse') throw isMissing(url)
  const key = keyspace.formatKey
  const value = Buffer.from(JSON.stringify({ format: FORMAT_VERSION }))
  const { ranges, succeeded } = await client.write({
    compare: [{ key, modRevision: 0 }],
    success: [
      { kind: 'put', key, value },
      ...(options.first ?? []).map(
        (entry): Request => ({
          kind: 'put',
          key: keyspace.keyOf(entry.key),
          value: Buffer.from(entry.value),
        }),
      ),
    ],
    failure: [{ kind: 'range', range: { key } }],
  })
  if (!succeeded) assertKnown(ranges[0]?.keyValues[0]?.value.toString() ?? '', url)
}

async function readFormat({ client, keyspace }: FormatOptions): Promise<string | undefined> {
  const { keyValues } = await client.range({ key: keyspace.formatKey })
  return keyValues[0]?.value.toString()
}

function assertKnown(text: string, url: string): void {
  const format = formatOf(text)
  if (format === FORMAT_VERSION) return
  if (format === undefined)
    throw new NsctlError('StoreCorrupt', `the store ${url} does not say which format it has`, {
      value: text.slice(0, 80),
      next: 'name another prefix, or remove what lies there',
    })
  throw new NsctlError(
    'StoreFormat',
    `the store ${url} has format ${format}, this nsctl reads format ${FORMAT_VERSION}`,
    {
      value: format,
      next:
        format > FORMAT_VERSION
          ? 'use the newer nsctl that made it, or another store (NSCTL_STORE); it was not changed'
          : 'use the nsctl that made it, or name another prefix to begin with an empty store',
    },
  )
}

function formatOf(text: string): number | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed !== 'object' || parsed === null || !('format' in parsed)) return undefined
    return typeof parsed.format === 'number' ? parsed.format : undefined
  } catch {
    return undefined
  }
}

function isMissing(url: string): NsctlError {
  return new NsctlError('Unreachable', `there is no store at ${url}`, {
    value: url,
    next: 'start nsctl (nsctl up) or apply something, or name another store with NSCTL_STORE',
  })
}

function isForeign(key: Buffer, { keyspace, url }: FormatOptions): NsctlError {
  const root = JSON.stringify(keyspace.root)
  return new NsctlError('StoreCorrupt', `under ${root} in the store ${url} lie keys of another program`, {
    value: key.toString(),
    next: 'name another prefix at the end of the URL; nothing was changed',
  })
}

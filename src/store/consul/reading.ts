/** Consistent reads: many keys and whole prefixes as one snapshot, tried again while Consul is electing. */
import { type Clock, delay } from '../../core/clock.ts'
import type { KvClient, KvEntry, KvOperation } from './client.ts'
import { isTransient, mayHeal } from './errors.ts'

/** Consul's limit for one transaction. */
export const MAX_KV_OPERATIONS = 64

const RETRY_FIRST_MS = 25
const RETRY_LAST_MS = 500

export interface Retrying {
  readonly clock: Clock
  /** How long to go on trying. */
  readonly giveUpMs: number
  readonly signal: AbortSignal
  /** Also where nobody listens at the address: for what goes on for long. */
  readonly patient?: boolean
}

/** Does `work` again as long as it fails in a way that may heal. Rejects with what it threw last. */
export async function retry<T>(retrying: Retrying, work: () => Promise<T>): Promise<T> {
  const { clock, giveUpMs, signal, patient } = retrying
  const deadlineMs = clock.monotonic() + giveUpMs
  for (let waitMs = RETRY_FIRST_MS; ; waitMs = Math.min(waitMs * 2, RETRY_LAST_MS)) {
    try {
      return await work()
    } catch (error) {
      if (!(patient ? mayHeal : isTransient)(error) || clock.monotonic() + waitMs > deadlineMs) throw error
      await delay(clock, waitMs, signal)
    }
  }
}

export interface Wanted {
  /** Each at most once, all with the store's prefix. */
  readonly keys: readonly string[]
  /** All that starts with one of these. */
  readonly trees?: readonly string[]
}

/**
 * What is there of that, by key, as of one moment; other keys may be among it. At most MAX_KV_OPERATIONS keys and trees.
 * Consul fails a transaction that gets a key which is not there, and says which. Those are asked for again as trees, which may
 * be empty: that they are still missing must be known of the same moment (a check would want the right to write).
 */
export async function readSnapshot(
  client: KvClient,
  { keys, trees = [] }: Wanted,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, KvEntry>> {
  if (keys.length + trees.length === 0) return new Map()
  const missing = new Set<number>()
  for (;;) {
    const operations: KvOperation[] = [
      ...keys.map((Key, at): KvOperation => ({ Verb: missing.has(at) ? 'get-tree' : 'get', Key })),
      ...trees.map((Key): KvOperation => ({ Verb: 'get-tree', Key })),
    ]
    const outcome = await client.transact(operations, signal)
    if (outcome.kind === 'done') return new Map(outcome.entries.map((entry) => [entry.key, entry]))
    if (outcome.operations.length === operations.length) return new Map()
    for (const at of outcome.operations) missing.add(at)
  }
}

/** `items` in pieces of at most `size`. */
export function pages<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  )
}

/** Any number of keys, each page of them as of one moment. */
export async function readPages(
  keys: readonly string[],
  read: (page: readonly string[]) => Promise<ReadonlyMap<string, KvEntry>>,
): Promise<ReadonlyMap<string, KvEntry>> {
  const found = await Promise.all(pages(keys, MAX_KV_OPERATIONS).map(read))
  return found.length === 1 ? found[0]! : new Map(found.flatMap((page) => [...page]))
}

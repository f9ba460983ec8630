/**
 * All watches of one process: they share one wait for everything, one more where some are patient, and one for each node and each
 * lease's record that is watched by itself.
 */
import type { Clock } from '../../core/clock.ts'
import { type Feed, follow } from '../feed.ts'
import { matcherOf } from '../keys.ts'
import { isLeaseRecord } from '../lease-record.ts'
import type { Recall } from '../recall.ts'
import type { WatchBatch, WatchOptions } from '../store.ts'
import { Blocker } from './blocker.ts'
import type { KvClient, KvEntry, KvOperation } from './client.ts'
import { type FeedReader, LogFeed } from './feed.ts'
import type { Format } from './format.ts'
import { headsOf } from './heads.ts'
import { type Layout, nodeOfPrefixes } from './layout.ts'
import { readPages, readSnapshot, retry, type Wanted } from './reading.ts'
import { RecordFeed } from './record-feed.ts'
import { ScopeFeed } from './scope-feed.ts'
import { emptyScope } from './scopes.ts'
import { base64 } from './sending.ts'

export interface WatchesOptions {
  readonly client: KvClient
  readonly layout: Layout
  readonly format: Format
  readonly clock: Clock
  readonly giveUpMs: number
  /** Told of what watches report, and what they need not read. */
  readonly recall: Recall
  /** Told how the scope of a node that is watched has come to be. */
  readonly onScope: (entry: KvEntry) => void
  /** For how long who follows everything gathers news in a stream of them, at most. */
  readonly gatherMs: number
  /** Of an agent whose token reaches no other: beneath its node it hears of everybody's changes, elsewhere of its own. */
  readonly node?: string
}

/** The same, of who is patient. */
const PATIENT_GATHER_MS = 1_000

export class Watches {
  readonly #options: WatchesOptions
  readonly #heads: Blocker
  readonly #patientHeads: Blocker
  /** By what Consul is asked for; only those that are watched. */
  readonly #narrow = new Map<string, { readonly blocker: Blocker; count: number }>()

  constructor(options: WatchesOptions) {
    this.#options = options
    const heads = { ...options, key: options.layout.heads, recurse: true }
    this.#heads = new Blocker(heads)
    this.#patientHeads = new Blocker({ ...heads, gatherMs: PATIENT_GATHER_MS })
  }

  async *watch(
    prefixes: readonly string[],
    from: number,
    signal: AbortSignal,
    { patient = false }: WatchOptions = {},
  ): AsyncGenerator<WatchBatch> {
    if (signal.aborted) return
    const { layout } = this.#options
    const [record] = prefixes.length === 1 ? prefixes.filter(isLeaseRecord) : []
    const node = nodeOfPrefixes(prefixes)
    const narrow = record === undefined ? node && layout.scope(node) : layout.dataKey(record)
    const heads = patient ? this.#patientHeads : this.#heads
    const blocker = narrow === undefined ? heads : this.#enterNarrow(narrow)
    blocker.enter()
    const reader = this.#readerUntil(signal)
    const matches = matcherOf(prefixes)
    const feed = (): Feed => {
      if (record !== undefined) return new RecordFeed({ reader, blocker, key: record })
      if (node === undefined) return new LogFeed(reader, blocker, matches)
      const make = () => this.#makeScope(node, signal)
      return new ScopeFeed({ reader, blocker, matches, make, onScope: this.#options.onScope })
    }
    try {
      yield* follow(feed(), from, signal)
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      blocker.leave()
      if (narrow !== undefined) this.#leaveNarrow(narrow)
    }
  }

  /** Outlives a restart of Consul, and stops at once where it is not wanted any more. */
  #readerUntil(signal: AbortSignal): FeedReader {
    const { client, layout, format, recall, node: ours } = this.#options
    const read = (wanted: Wanted) => this.#retry(signal, () => readSnapshot(client, wanted, signal))
    return {
      ...{ layout, recall, ...format },
      read: (keys) => readPages(keys, (page) => read({ keys: page })),
      heads: async () =>
        headsOf((await read({ keys: [], trees: [layout.heads] })).values(), layout, format.sizes),
      follows: ({ log }) => ours === undefined || log.node === ours,
      readTrees: async (trees) => [...(await read({ keys: [], trees })).values()],
    }
  }

  #retry<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const { clock, giveUpMs } = this.#options
    return retry({ clock, giveUpMs, signal, patient: true }, work)
  }

  #enterNarrow(key: string): Blocker {
    const { client, clock, giveUpMs, layout, gatherMs } = this.#options
    // who stands by for a lease is in a hurry, and woken by nothing else
    const pace = key.startsWith(layout.scopes) ? { gatherMs } : {}
    const made = () => new Blocker({ client, clock, giveUpMs, key, recurse: false, ...pace })
    const one = this.#narrow.get(key) ?? { blocker: made(), count: 0 }
    this.#narrow.set(key, one)
    one.count++
    return one.blocker
  }

  #leaveNarrow(key: string): void {
    const one = this.#narrow.get(key)
    if (one !== undefined && --one.count === 0) this.#narrow.delete(key)
  }

  /** For a node that has none: a key that is not there cannot be waited for. */
  async #makeScope(node: string, signal: AbortSignal): Promise<void> {
    const { client, layout } = this.#options
    await this.#retry(signal, async () => {
      const wide = (await readSnapshot(client, { keys: [layout.wide] }, signal)).get(layout.wide)
      if (wide === undefined) return
      const operations: readonly KvOperation[] = [
        { Verb: 'check-index', Key: layout.wide, Index: wide.index },
        { Verb: 'cas', Key: layout.scope(node), Value: base64(emptyScope(wide)), Index: 0 },
      ]
      await client.transact(operations, signal)
    })
  }
}

/** All watches of one process: they share one wait for everything, and one for each node that is watched by itself. */
import type { Clock } from '../../core/clock.ts'
import { follow } from '../feed.ts'
import { matcherOf } from '../keys.ts'
import type { WatchBatch } from '../store.ts'
import { Blocker } from './blocker.ts'
import type { KvClient, KvOperation } from './client.ts'
import { type FeedReader, LogFeed } from './feed.ts'
import type { Format } from './format.ts'
import { headsOf } from './heads.ts'
import { type Layout, nodeOfPrefixes } from './layout.ts'
import { readPages, readSnapshot, retry, type Wanted } from './reading.ts'
import { ScopeFeed } from './scope-feed.ts'
import { emptyScope } from './scopes.ts'
import { base64 } from './sending.ts'

export interface WatchesOptions {
  readonly client: KvClient
  readonly layout: Layout
  readonly format: Format
  readonly clock: Clock
  readonly giveUpMs: number
}

export class Watches {
  readonly #options: WatchesOptions
  readonly #heads: Blocker
  /** By node; only those that are watched. */
  readonly #scopes = new Map<string, { readonly blocker: Blocker; count: number }>()

  constructor(options: WatchesOptions) {
    this.#options = options
    this.#heads = new Blocker({ ...options, key: options.layout.heads, recurse: true })
  }

  async *watch(prefixes: readonly string[], from: number, signal: AbortSignal): AsyncGenerator<WatchBatch> {
    if (signal.aborted) return
    const node = nodeOfPrefixes(prefixes)
    const blocker = node === undefined ? this.#heads : this.#enterScope(node)
    blocker.enter()
    const reader = this.#readerUntil(signal)
    const matches = matcherOf(prefixes)
    try {
      const feed =
        node === undefined
          ? new LogFeed(reader, blocker, matches)
          : new ScopeFeed({ reader, blocker, matches, make: () => this.#makeScope(node, signal) })
      yield* follow(feed, from, signal)
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      blocker.leave()
      if (node !== undefined) this.#leaveScope(node)
    }
  }

  /** Outlives a restart of Consul, and stops at once where it is not wanted any more. */
  #readerUntil(signal: AbortSignal): FeedReader {
    const { client, layout, format } = this.#options
    const read = (wanted: Wanted) => this.#retry(signal, () => readSnapshot(client, wanted, signal))
    return {
      layout,
      ...format,
      read: (keys) => readPages(keys, (page) => read({ keys: page })),
      heads: async () =>
        headsOf((await read({ keys: [], trees: [layout.heads] })).values(), layout, format.sizes.shards),
    }
  }

  #retry<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const { clock, giveUpMs } = this.#options
    return retry({ clock, giveUpMs, signal, patient: true }, work)
  }

  #enterScope(node: string): Blocker {
    const { layout } = this.#options
    const made = () => new Blocker({ ...this.#options, key: layout.scope(node), recurse: false })
    const scope = this.#scopes.get(node) ?? { blocker: made(), count: 0 }
    this.#scopes.set(node, scope)
    scope.count++
    return scope.blocker
  }

  #leaveScope(node: string): void {
    const scope = this.#scopes.get(node)
    if (scope !== undefined && --scope.count === 0) this.#scopes.delete(node)
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

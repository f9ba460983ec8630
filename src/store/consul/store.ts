/**
 * The store in Consul's key-value store, for more than one machine. One commit is one KV transaction, and its index is the
 * revision. Beside the entries it keeps a feed of what changed (layout.ts), so that what a watch costs follows the change and
 * not what is stored.
 */
import { randomInt } from 'node:crypto'
import type { Clock } from '../../core/clock.ts'
import { NsctlError } from '../../core/errors.ts'
import { type Ids, randomIds } from '../../core/ids.ts'
import { validateTransactions } from '../commit.ts'
import { compareKeys, matcherOf, rangesOf } from '../keys.ts'
import { Recall } from '../recall.ts'
import type {
  CommitResult,
  Entry,
  FirstEntry,
  Listing,
  Store,
  StoreStats,
  Transaction,
  WatchBatch,
  WatchOptions,
} from '../store.ts'
import { type ConsulAddress, type Environment, parseConsulUrl } from './address.ts'
import type { KvClient } from './client.ts'
import { Committer } from './committer.ts'
import { FORMAT, type Format, openFormat } from './format.ts'
import { headsOf, revisionOf } from './heads.ts'
import { Layout } from './layout.ts'
import { MAX_KV_OPERATIONS, readPages, readSnapshot, retry } from './reading.ts'
import { Reads } from './reads.ts'
import { openClient } from './servers.ts'
import { MAX_BODY_BYTES, MAX_OPERATIONS, MAX_TRANSACTION_BYTES, type Size, sizeOf } from './sizes.ts'
import { Watches } from './watches.ts'

export { isMissingStore } from './format.ts'

export interface ConsulStoreOptions {
  /** `consul://host:8500,host2:8500/prefix?dc=…`, see address.ts. */
  readonly url: string
  readonly env?: Environment
  readonly clock: Clock
  readonly ids?: Ids
  /** Writes nothing, and makes no store where there is none. */
  readonly readOnly?: boolean
  /** How long an election or a restart of Consul is waited for. */
  readonly giveUpMs?: number
  readonly requestMs?: number
  readonly blockMs?: number
  /** How many commits back a watch can start at least; for a store that is made new. */
  readonly historyRevisions?: number
  /** The node that this is the agent of, whose token reaches no more than that: see node-reach.ts. Makes no store. */
  readonly node?: string
  /** What a store that is made new begins with. */
  readonly first?: readonly FirstEntry[]
}

/** Long enough for three servers to elect a leader with Consul's own timing. */
const GIVE_UP_MS = 15_000
const REQUEST_MS = 5_000
const BLOCK_MS = 30_000

/** Opens the store at `url` and makes it where there is none. */
export async function openConsulStore(options: ConsulStoreOptions): Promise<Store> {
  const address = parseConsulUrl(options.url, options.env)
  const layout = new Layout(address.prefix)
  const { requestMs = REQUEST_MS, blockMs = BLOCK_MS, giveUpMs = GIVE_UP_MS, clock } = options
  const client = await openClient(address, { requestMs, blockMs }, clock)
  const firstEntries = options.first ?? []
  const open = {
    client,
    layout,
    address,
    create: options.readOnly !== true && options.node === undefined,
    firstEntries,
  }
  const { historyRevisions } = options
  try {
    const format = await retry({ clock, giveUpMs, signal: new AbortController().signal }, () =>
      openFormat(historyRevisions === undefined ? open : { ...open, historyRevisions }),
    )
    return new ConsulStore({ client, layout, address, format, giveUpMs }, options)
  } catch (error) {
    client.close()
    throw error
  }
}

interface Parts {
  readonly client: KvClient
  readonly layout: Layout
  readonly address: ConsulAddress
  readonly format: Format
  readonly giveUpMs: number
}

/** A longer stream wakes who follows it five times a second. */
const GATHER_MS = 200

class ConsulStore implements Store {
  readonly url: string
  readonly maxOperations = MAX_OPERATIONS
  readonly maxTransactionBytes = MAX_TRANSACTION_BYTES
  readonly format = { found: FORMAT, present: FORMAT }
  readonly #parts: Parts
  readonly #clock: Clock
  readonly #readOnly: boolean
  readonly #recall = new Recall()
  readonly #reads: Reads
  readonly #committer: Committer
  readonly #watches: Watches
  readonly #closed = new AbortController()
  #closing: Promise<void> | undefined

  constructor(parts: Parts, { clock, readOnly, ids, node }: ConsulStoreOptions) {
    const { client, layout, address, format, giveUpMs } = parts
    const { sizes } = format
    this.url = address.url
    this.#parts = parts
    this.#clock = clock
    this.#readOnly = readOnly ?? false
    const read = (keys: readonly string[]) => this.#retry(() => readSnapshot(client, { keys }))
    this.#reads = new Reads({ clock, read })
    this.#committer = new Committer({
      ...{ client, layout, sizes, clock, giveUpMs },
      recall: this.#recall,
      ids: ids ?? randomIds,
      pick: (count) => randomInt(count),
      ...(node === undefined ? {} : { node }),
    })
    const committer = this.#committer
    this.#watches = new Watches({
      ...{ client, layout, format, clock, giveUpMs },
      recall: this.#recall,
      onScope: (entry) => committer.heardScope(entry),
      gatherMs: GATHER_MS,
      ...(node === undefined ? {} : { node }),
    })
  }

  async get(key: string): Promise<Entry | undefined> {
    return (await this.getMany([key]))[0]
  }

  async getMany(keys: readonly string[]): Promise<readonly Entry[]> {
    this.#assertOpen()
    const { layout } = this.#parts
    const wanted = [...new Set(keys)].filter((key) => key !== '').map((key) => layout.dataKey(key))
    const found = await readPages(wanted, (page) => this.#reads.read(page))
    return keys.flatMap((key) => {
      const entry = found.get(layout.dataKey(key))
      if (entry === undefined) return []
      this.#recall.set(key, entry.value, entry.index)
      return [{ key, value: entry.value, revision: entry.index }]
    })
  }

  recall(key: string): Entry | undefined {
    const known = this.#recall.get(key)
    return known && { key, ...known }
  }

  async list(prefixes: readonly string[]): Promise<Listing> {
    this.#assertOpen()
    const { client, layout, format } = this.#parts
    const ranges = rangesOf(prefixes)
    // more than a transaction holds are filtered out of everything
    const roots = ranges.length < MAX_KV_OPERATIONS ? ranges.map(({ from }) => from) : ['']
    const trees = [layout.heads, ...roots.map((root) => layout.dataKey(root))]
    const found = await this.#retry(() => readSnapshot(client, { keys: [], trees }))
    const matches = matcherOf(prefixes)
    const entries: Entry[] = []
    for (const { key: dataKey, value, index } of found.values()) {
      if (!dataKey.startsWith(layout.data)) continue
      const key = layout.keyOf(dataKey)
      if (matches(key)) entries.push({ key, value, revision: index })
    }
    entries.sort((a, b) => compareKeys(a.key, b.key))
    return { entries, revision: revisionOf(headsOf(found.values(), layout, format.sizes)) }
  }

  async listKeys(prefix: string): Promise<readonly string[]> {
    this.#assertOpen()
    const { client, layout } = this.#parts
    // the names alone are asked for in a path, which changes what is not plain
    if (!/^[\w.:@-]*(\/[\w.:@-]+)*\/?$/.test(prefix) || /(^|\/)\.\.?(\/|$)/.test(prefix))
      return (await this.list([prefix])).entries.map(({ key }) => key)
    const keys = await this.#retry(() => client.keys(layout.dataKey(prefix)))
    return keys.map((key) => layout.keyOf(key)).sort(compareKeys)
  }

  async commit(transactions: readonly Transaction[]): Promise<readonly CommitResult[]> {
    this.#assertOpen()
    if (this.#readOnly) throw new NsctlError('Bug', `the store ${this.url} was opened for reading only`)
    validateTransactions(transactions)
    const sizes = transactions.map((transaction) => this.#fittingSize(transaction))
    return this.#committer.add(transactions, sizes)
  }

  watch(
    prefixes: readonly string[],
    from: number,
    signal: AbortSignal,
    options?: WatchOptions,
  ): AsyncIterable<WatchBatch> {
    return this.#watches.watch(prefixes, from, AbortSignal.any([signal, this.#closed.signal]), options)
  }

  async stats(): Promise<StoreStats> {
    const { entries, revision } = await this.list([''])
    const bytes = entries.reduce(
      (sum, { key, value }) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
      0,
    )
    return { url: this.url, revision, keys: entries.length, bytes }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const drained = this.#committer.drain()
    this.#closed.abort()
    await drained
    this.#parts.client.close()
  }

  #assertOpen(): void {
    if (this.#closed.signal.aborted) throw new NsctlError('Unreachable', `the store ${this.url} is closed`)
  }

  /** What Consul would refuse is refused before anything is written. */
  #fittingSize(transaction: Transaction): Size {
    const size = sizeOf(transaction, this.#parts.layout)
    const { operations, bytes } = size
    if (operations > MAX_OPERATIONS)
      throw tooLarge(transaction, `a transaction of ${operations} operations; Consul takes ${MAX_OPERATIONS}`)
    if (bytes > MAX_BODY_BYTES)
      throw tooLarge(
        transaction,
        `a transaction of ${bytes} bytes as Consul counts them (in base64); at most ${MAX_BODY_BYTES} fit`,
      )
    return size
  }

  #retry<T>(work: () => Promise<T>): Promise<T> {
    return retry({ clock: this.#clock, giveUpMs: this.#parts.giveUpMs, signal: this.#closed.signal }, work)
  }
}

function tooLarge(transaction: Transaction, message: string): NsctlError {
  return new NsctlError('TooLarge', message, {
    value: transaction[0]?.key,
    next: 'make the object smaller, or split it',
  })
}

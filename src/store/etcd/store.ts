/**
 * The store in an etcd (v3, 3.4 or newer), alone or one tenant of several under its prefix. Its revision is etcd's own, so
 * it also moves with what others write there.
 */
import type { Clock } from '../../core/clock.ts'
import { NsctlError } from '../../core/errors.ts'
import { validateTransactions } from '../commit.ts'
import { etcdStoreUrl } from '../etcd-url.ts'
import { rangesOf } from '../keys.ts'
import type {
  CommitResult,
  Entry,
  FirstEntry,
  Listing,
  Store,
  StoreStats,
  Transaction,
  WatchBatch,
} from '../store.ts'
import { accessFrom, type EtcdAccess } from './access.ts'
import { EtcdClient } from './client.ts'
import {
  type Known,
  keysToKnow,
  MAX_OPERATIONS,
  MAX_TRANSACTION_BYTES,
  outcomeOf,
  requestOf,
} from './committing.ts'
import { translate } from './errors.ts'
import { ensureFormat, FORMAT_VERSION } from './format.ts'
import { Keyspace } from './keyspace.ts'
import { currentRevision, listRanges, readKeys } from './listing.ts'
import type { KeyValue } from './messages.ts'
import { watchChanges } from './watching.ts'

export interface EtcdStoreOptions {
  /** `host:port` of the cluster's members; whichever answers is used. */
  readonly endpoints: readonly string[]
  readonly prefix: string
  /** Over TLS. */
  readonly secure: boolean
  /** Who we are and whom we trust: see access.ts. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  /** 0 ≤ x < 1: which member is asked first. */
  readonly random?: () => number
  /** Refuses to write, and to make a store where there is none. */
  readonly readOnly?: boolean
  /** With `readOnly`: where there is no store, takes an empty one for it. */
  readonly emptyIfMissing?: boolean
  /** The node that this is the agent of, whose user reaches no more than that: see node-reach.ts. Makes no store. */
  readonly node?: string
  /** What a store that is made new begins with. */
  readonly first?: readonly FirstEntry[]
}

/** Opens the store, and makes it where it is not there. Throws Invalid, Unreachable, StoreFormat and StoreCorrupt. */
export async function openEtcdStore(options: EtcdStoreOptions): Promise<Store> {
  const store = new EtcdStore(options, accessFrom(options.env, options.secure))
  try {
    await store.prepare()
    return store
  } catch (error) {
    await store.close()
    throw error
  }
}

class EtcdStore implements Store {
  readonly url: string
  readonly maxOperations = MAX_OPERATIONS
  readonly maxTransactionBytes = MAX_TRANSACTION_BYTES
  readonly format = { found: FORMAT_VERSION, present: FORMAT_VERSION }
  readonly #client: EtcdClient
  readonly #keyspace: Keyspace
  readonly #clock: Clock
  readonly #user: string | undefined
  readonly #secure: boolean
  readonly #readOnly: boolean
  readonly #emptyIfMissing: boolean
  readonly #makes: boolean
  readonly #first: readonly FirstEntry[]
  readonly #writing = new Set<Promise<unknown>>()
  readonly #closed = new AbortController()
  #closing: Promise<void> | undefined

  constructor(options: EtcdStoreOptions, access: EtcdAccess) {
    const { endpoints, prefix, clock, random, readOnly, emptyIfMissing } = options
    this.url = etcdStoreUrl(options)
    this.#keyspace = new Keyspace(prefix)
    const readableKey = this.#keyspace.formatKey
    this.#client = new EtcdClient({ ...access, endpoints, readableKey, clock, random: random ?? Math.random })
    this.#clock = clock
    this.#user = access.credentials?.user
    this.#secure = options.secure
    this.#readOnly = readOnly ?? false
    this.#emptyIfMissing = emptyIfMissing ?? false
    this.#makes = !this.#readOnly && options.node === undefined
    this.#first = options.first ?? []
  }

  prepare(): Promise<void> {
    const ifMissing = this.#makes ? 'make' : this.#emptyIfMissing ? 'leave' : 'refuse'
    const [client, keyspace, url, first] = [this.#client, this.#keyspace, this.url, this.#first]
    return this.#do('read', () => ensureFormat({ client, keyspace, url, ifMissing, first }))
  }

  get(key: string): Promise<Entry | undefined> {
    return this.#do('read', async () => {
      const { keyValues } = await this.#client.range({ key: this.#keyspace.keyOf(key) })
      return keyValues[0] && this.#entry(keyValues[0])
    })
  }

  getMany(keys: readonly string[]): Promise<readonly Entry[]> {
    return this.#do('read', () => this.#readMany(keys))
  }

  list(prefixes: readonly string[]): Promise<Listing> {
    const ranges = rangesOf(prefixes).map((range) => this.#keyspace.rangeOf(range))
    return this.#do('read', async () => {
      if (ranges.length === 0) return { entries: [], revision: await this.#revision() }
      const { keyValues, revision } = await listRanges(this.#client, ranges)
      return { entries: keyValues.map((keyValue) => this.#entry(keyValue)), revision }
    })
  }

  listKeys(prefix: string): Promise<readonly string[]> {
    const ranges = rangesOf([prefix]).map((range) => this.#keyspace.rangeOf(range))
    return this.#do('read', async () => {
      const { keyValues } = await listRanges(this.#client, ranges, { keysOnly: true })
      return keyValues.map(({ key }) => this.#keyspace.nameOf(key))
    })
  }

  async commit(transactions: readonly Transaction[]): Promise<readonly CommitResult[]> {
    if (this.#readOnly) throw new NsctlError('Bug', `the store ${this.url} was opened for reading only`)
    validateTransactions(transactions)
    for (const transaction of transactions) this.#assertFits(transaction)
    const written = this.#do('write', () => this.#commitInOrder(transactions))
    this.#writing.add(written)
    try {
      return await written
    } finally {
      this.#writing.delete(written)
    }
  }

  async *watch(prefixes: readonly string[], from: number, signal: AbortSignal): AsyncGenerator<WatchBatch> {
    const ended = AbortSignal.any([signal, this.#closed.signal])
    const [client, keyspace, clock] = [this.#client, this.#keyspace, this.#clock]
    try {
      yield* watchChanges({ client, keyspace, clock, prefixes, from, signal: ended })
    } catch (error) {
      if (!ended.aborted) throw this.#translate(error, 'read')
    }
  }

  stats(): Promise<StoreStats> {
    return this.#do('read', async () => {
      const { keyValues, revision } = await listRanges(this.#client, [this.#keyspace.data])
      const bytes = keyValues.reduce((sum, { key, value }) => sum + key.length + value.length, 0)
      return { url: this.url, revision, keys: keyValues.length, bytes }
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#closed.abort()
    await Promise.allSettled(this.#writing)
    this.#client.close()
  }

  /** One after the other: each may build on the one before, and etcd orders nothing that is asked at the same time. */
  async #commitInOrder(transactions: readonly Transaction[]): Promise<readonly CommitResult[]> {
    const results: CommitResult[] = []
    for (const transaction of transactions) results.push(await this.#commitOne(transaction))
    return results
  }

  async #commitOne(transaction: Transaction): Promise<CommitResult> {
    const keys = keysToKnow(transaction)
    let known = keys.length === 0 ? undefined : await this.#known(keys)
    for (;;) {
      const response = await this.#client.write(requestOf(transaction, this.#keyspace, known))
      const outcome = outcomeOf(transaction, response)
      if (outcome.kind !== 'known') return outcome
      known = outcome.known
    }
  }

  async #known(keys: readonly string[]): Promise<Known> {
    const found = await readKeys(
      this.#client,
      keys.map((key) => this.#keyspace.keyOf(key)),
    )
    const byName = new Map(found.map((keyValue) => [this.#keyspace.nameOf(keyValue.key), keyValue]))
    return new Map(keys.map((key) => [key, byName.get(key)]))
  }

  async #readMany(keys: readonly string[]): Promise<readonly Entry[]> {
    const found = await readKeys(
      this.#client,
      keys.map((key) => this.#keyspace.keyOf(key)),
    )
    return found.map((keyValue) => this.#entry(keyValue))
  }

  #assertFits(transaction: Transaction): void {
    if (transaction.length <= MAX_OPERATIONS) return
    throw new NsctlError(
      'TooLarge',
      `a transaction of ${transaction.length} operations; at most ${MAX_OPERATIONS} fit in the store ${this.url}`,
      { value: transaction.length, next: 'split it' },
    )
  }

  #revision(): Promise<number> {
    return currentRevision(this.#client, this.#keyspace.formatKey)
  }

  #entry({ key, value, modRevision }: KeyValue): Entry {
    return { key: this.#keyspace.nameOf(key), value: value.toString(), revision: modRevision }
  }

  async #do<T>(doing: 'read' | 'write', work: () => Promise<T>): Promise<T> {
    if (this.#closed.signal.aborted) throw new NsctlError('Unreachable', `the store ${this.url} is closed`)
    try {
      return await work()
    } catch (error) {
      throw this.#translate(error, doing)
    }
  }

  #translate(error: unknown, doing: 'read' | 'write'): unknown {
    return translate(error, {
      url: this.url,
      user: this.#user,
      root: this.#keyspace.root,
      secure: this.#secure,
      doing,
    })
  }
}

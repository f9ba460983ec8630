/**
 * The store port: an ordered map from keys to text, with revisions, atomic conditional commits and a change feed.
 *
 * Contract, held by every adapter and checked by test/store/contract.ts:
 * - Keys are UTF-8 text of `/`-separated segments, ordered by their bytes. Values are text of any content.
 * - The store has one revision, a positive integer that grows with every effective commit. An entry's revision is that of
 *   the commit that wrote it last. All operations of one transaction share one revision; transactions that are under way
 *   at the same time may share one too, if no key stands in both.
 * - A transaction happens wholly or not at all, and durably: once `commit` has resolved, kill -9 and power loss keep it.
 * - A put whose text is already there is no write, nor is deleting what is not there: it moves no revision and wakes no
 *   watcher (its precondition is checked). A transaction of nothing else is committed at the store's revision as it was.
 * - Keys hold no NUL and at most 1 KiB, values at most 1 MiB, both well-formed Unicode (see commit.ts).
 * - `list` is a consistent snapshot at the revision it names.
 * - `watch` reports every key that changed after `from`, in order of revision. Several changes of one key between two
 *   batches may be reported as one, the latest; a key made and deleted in between may be left out. It never reports what
 *   did not happen, and never an older state of a key after a newer one. Where the store no longer knows what changed
 *   since `from` it says so with a `relist` batch, and goes on from the revision named there. A transaction is never cut
 *   in two batches, so that a watch can be taken up again from the revision of any batch.
 */
export interface Entry {
  readonly key: string
  readonly value: string
  /** The store's revision when this entry was last written. */
  readonly revision: number
}

/** What a store begins with that is made new: it is there with the first of its moments. */
export type FirstEntry = Pick<Entry, 'key' | 'value'>

/**
 * `expect`: the entry's revision as it was read, or 0 for "must not be there". Left out: whatever is there.
 * `check` writes nothing: the transaction fails unless the entry still has that revision. This is how leases fence.
 */
export type Operation =
  | { readonly kind: 'put'; readonly key: string; readonly value: string; readonly expect?: number }
  | { readonly kind: 'delete'; readonly key: string; readonly expect?: number }
  | { readonly kind: 'check'; readonly key: string; readonly expect: number }

/** Operations that happen together or not at all. No key stands in it twice, except in a check. */
export type Transaction = readonly Operation[]

/** What became of one transaction. A conflict names the first key whose precondition failed. */
export type CommitResult =
  | { readonly kind: 'committed'; readonly revision: number }
  | { readonly kind: 'conflict'; readonly key: string; readonly actual: number }

export interface Listing {
  readonly entries: readonly Entry[]
  /** The snapshot's revision: watch from here to miss nothing. */
  readonly revision: number
}

export type Change =
  | {
      readonly kind: 'put'
      readonly key: string
      readonly value: string
      readonly revision: number
      /** True: the key was not there before this revision. Left out where that is not known. */
      readonly isNew?: boolean
    }
  | { readonly kind: 'delete'; readonly key: string; readonly revision: number }

export type WatchBatch =
  | { readonly kind: 'changes'; readonly changes: readonly Change[]; readonly revision: number }
  /** Too much happened since `from`, or it lies in the future (a restored store): list again, then go on from `revision`. */
  | { readonly kind: 'relist'; readonly revision: number }

export interface StoreReader {
  get(key: string): Promise<Entry | undefined>
  /** The entries of those keys that are there, in the order asked for. One round trip. */
  getMany(keys: readonly string[]): Promise<readonly Entry[]>
  /** Every entry whose key starts with one of `prefixes`, in order of keys, as one snapshot. */
  list(prefixes: readonly string[]): Promise<Listing>
  /** The keys alone. For what is large and seldom read. */
  listKeys(prefix: string): Promise<readonly string[]>
}

export interface StoreWriter {
  /**
   * Each transaction is atomic by itself and they happen in order; an adapter may pack many into one durable write, also
   * across concurrent calls. The results stand in the order of the transactions. Rejects only where the store fails as a
   * whole (unreachable, full, locked, too large); then none of them is known to have happened, and the caller reads again.
   */
  commit(transactions: readonly Transaction[]): Promise<readonly CommitResult[]>
}

export interface WatchOptions {
  /** May be told a second late while others write much. Costs the less for it, where what others write has to be gone through. */
  readonly patient?: boolean
}

export interface StoreWatcher {
  /** Changes of keys that start with one of `prefixes`, after revision `from`. Ends when `signal` aborts, without throwing. */
  watch(
    prefixes: readonly string[],
    from: number,
    signal: AbortSignal,
    options?: WatchOptions,
  ): AsyncIterable<WatchBatch>
}

export interface StoreStats {
  readonly url: string
  readonly revision: number
  readonly keys: number
  readonly bytes: number
}

export interface EngineFormat {
  /** The number that the store has. */
  readonly found: number
  /** The number of what this nsctl makes. */
  readonly present: number
}

/**
 * Errors: NsctlError with the codes Unreachable, StoreLocked (another process holds it for longer than the time-out),
 * StoreFull, StoreCorrupt, StoreFormat (made by another version) and TooLarge.
 */
export interface Store extends StoreReader, StoreWriter, StoreWatcher {
  /** How users name this store: `sqlite:/path`, `memory:`. Holds no secret. */
  readonly url: string
  /**
   * What was read, written or heard of lately here, without asking. It may be behind: for what the store checks anyway. Left out where
   * asking is as quick.
   */
  readonly recall?: (key: string) => Entry | undefined
  /** The most operations that a transaction may have, checks counted; more are TooLarge. Left out: as many as anyone needs. */
  readonly maxOperations?: number
  /** The most bytes of keys and values that a transaction of no more operations may have; more may be TooLarge. Left out: as above. */
  readonly maxTransactionBytes?: number
  /** Of what the engine makes of entries: rows, feed. Left out where nothing is kept. What entries hold has a layout (layout.ts). */
  readonly format?: EngineFormat
  stats(): Promise<StoreStats>
  /** Ends its watches and frees what it holds. Commits that were accepted are finished first. */
  close(): Promise<void>
}

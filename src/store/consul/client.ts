/** Consul's key-value store as the adapter needs it: the port between what it does and how Consul is asked. */

/** An operation of a KV transaction, in Consul's words (https://developer.hashicorp.com/consul/api-docs/txn). */
export interface KvOperation {
  readonly Verb:
    | 'set'
    | 'cas'
    | 'get'
    | 'get-tree'
    | 'delete'
    | 'delete-tree'
    | 'check-index'
    | 'check-not-exists'
  readonly Key: string
  /** base64 */
  readonly Value?: string
  readonly Index?: number
}

/** A key of Consul's, with its prefix. */
export interface KvEntry {
  readonly key: string
  readonly value: string
  /** Consul's ModifyIndex. */
  readonly index: number
  /** True: the key was made then. Left out where it is not asked. */
  readonly isNew?: boolean
}

export type TransactionOutcome =
  /** What the operations that read or set gave, in their order; those that set give no value. */
  | { readonly kind: 'done'; readonly entries: readonly KvEntry[] }
  /** Nothing happened. Which operations stood in the way, by their place. */
  | { readonly kind: 'refused'; readonly operations: readonly number[] }

export interface BlockingRead {
  /** A key, or all that starts with it. */
  readonly key: string
  readonly recurse: boolean
  /** Answers at once where the index is another, else when it moves. */
  readonly index: number
  readonly signal: AbortSignal
}

export interface KvClient {
  /** Rejects with a ConsulError; whether the transaction may have happened is its `outcome`. */
  transact(operations: readonly KvOperation[], signal?: AbortSignal): Promise<TransactionOutcome>
  /** The keys that start with a prefix without special characters, without what they hold. */
  keys(prefix: string, signal?: AbortSignal): Promise<readonly string[]>
  /** Reads when there is news, or after a while without. */
  block(read: BlockingRead): Promise<{ readonly entries: readonly KvEntry[]; readonly index: number }>
  close(): void
}

export interface ClientLimits {
  /** How long a transaction may take. */
  readonly requestMs: number
  /** How long a blocking read waits for news. */
  readonly blockMs: number
}

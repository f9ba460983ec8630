/** What every part of the api works with, and the one way to write. */
import type { Clock } from '../core/clock.ts'
import { NsctlError } from '../core/errors.ts'
import type { Ids } from '../core/ids.ts'
import type { Logger } from '../core/logger.ts'
import type { Fence } from '../store/lease.ts'
import type { CommitResult, Store, Transaction } from '../store/store.ts'
import type { LiveKinds } from './live-kinds.ts'

/** How often a change is made again on the newest object before it is given up as a conflict. */
export const MAX_ATTEMPTS = 5

export interface Context {
  readonly store: Store
  readonly kinds: LiveKinds
  readonly clock: Clock
  readonly ids: Ids
  /** Ends the keys of audit records: no two are the same, and within one process they are in order. */
  readonly nextAuditSuffix: () => string
  readonly logger: Logger
  /** The node that this process is the agent of, where it has no rights beyond that node's: see `ApiOptions.node`. */
  readonly node?: string
  /** Added to every transaction. */
  readonly fence: Fence
}

const SUFFIX_LENGTH = 8
const COUNTER_DIGITS = 6

/** Randomness once, then a counter: a set of a thousand documents needs a thousand of them at once. */
export function auditSuffixes(ids: Ids): () => string {
  // drawn with the first record: who only reads need not load what randomness takes
  let prefix: string | undefined
  let count = 0
  return () => {
    prefix ??= ids.suffix(SUFFIX_LENGTH)
    return `${prefix}-${(count++).toString(36).padStart(COUNTER_DIGITS, '0')}`
  }
}

/**
 * Commits under the fence. Results as the store gives them; transactions without operations count as committed.
 *
 * @throws NsctlError Fenced where another holds the lease by now
 */
export async function commit(
  context: Context,
  transactions: readonly Transaction[],
): Promise<readonly CommitResult[]> {
  const { store, fence } = context
  if (transactions.length === 0) return []
  const fenced =
    fence.length === 0 ? transactions : transactions.map((operations) => [...fence, ...operations])
  const results = await store.commit(fenced)
  const lost = results.find(
    (result) => result.kind === 'conflict' && fence.some((check) => check.key === result.key),
  )
  if (lost !== undefined)
    throw new NsctlError('Fenced', 'another process has taken over and this one may write no more', {
      value: lost.kind === 'conflict' ? lost.key : undefined,
      next: 'nothing to do: the other one goes on from what is stored',
    })
  return results
}

/** An ISO time as objects carry it, to the second as Kubernetes writes them. */
export function timestamp(clock: Clock): string {
  return `${new Date(clock.now()).toISOString().slice(0, 19)}Z`
}

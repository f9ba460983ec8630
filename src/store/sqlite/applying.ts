/** One group of transactions, applied to the rows inside an SQLite transaction that the caller began. */
import { type CommitPlan, planCommit } from '../commit.ts'
import type { Entry, Transaction } from '../store.ts'
import { full } from './errors.ts'
import type { Reserve } from './reserve.ts'
import type { Rows } from './rows.ts'

const TRIM_EVERY_REVISIONS = 128
const TRIM_ROWS = 512

export interface ApplyTarget {
  readonly rows: Rows
  readonly reserve: Reserve
  readonly path: string
  /** How many revisions of the log to keep. */
  readonly historyRevisions: number
}

/** Writes what the transactions come to, and the log. Throws StoreFull where they grow the store and there is no room. */
export function applyTransactions(transactions: readonly Transaction[], target: ApplyTarget): CommitPlan {
  const { rows, reserve, path } = target
  const before = rows.getMany(keysOf(transactions))
  const plan = planCommit(transactions, rows.revision(), (key) => before.get(key))
  if (plan.log.length === 0) return plan
  const hasRoom = reserve.isKept()
  if (!hasRoom && growthOf(plan, before) > 0) throw full(path)
  // in order of keys, so that what is new fills whole pages one after the other: as it comes, half of each would stay empty
  for (const key of [...plan.writes.keys()].sort()) rows.write(key, plan.writes.get(key))
  for (const change of plan.log) rows.appendLog(change)
  trim(plan, hasRoom, target)
  return plan
}

function keysOf(transactions: readonly Transaction[]): readonly string[] {
  const keys: string[] = []
  for (const transaction of transactions) for (const { key } of transaction) keys.push(key)
  return keys
}

/** In small pages, so that no commit pays for many; with each commit while space is short. */
function trim(
  { revision, log }: CommitPlan,
  hasRoom: boolean,
  { rows, historyRevisions }: ApplyTarget,
): void {
  const page = (at: number) => Math.floor(at / TRIM_EVERY_REVISIONS)
  if (!hasRoom) rows.trimLog(revision - 1, 2 * log.length)
  else if (page(revision) !== page(revision - log.length))
    rows.trimLog(revision - historyRevisions, Math.max(TRIM_ROWS, 2 * log.length))
}

/** By how many characters the store gets longer. */
function growthOf(plan: CommitPlan, before: ReadonlyMap<string, Entry>): number {
  let growth = 0
  for (const [key, state] of plan.writes) {
    const replaced = before.get(key)
    if (replaced !== undefined) growth -= key.length + replaced.value.length
    if (state !== undefined) growth += key.length + state.value.length
  }
  return growth
}

/**
 * Filling a store from a snapshot. What is written keeps its order: what was written earlier in the source is no later
 * here, so that newest and oldest stay what they were; the revisions themselves are this store's own.
 *
 * A note in the store stands for as long as it is half filled. It is written before anything else and goes last, once all was
 * read back and compared; whoever finds it knows that an import was cut off, and the same import run again goes on.
 */
import { NsctlError } from '../core/errors.ts'
import type { Fence } from './held-lease.ts'
import { type ImportPlan, parseNote, type UnfinishedImport } from './import-plan.ts'
import { compareLayouts, type LayoutVersion, layoutOperation, readLayout } from './layout.ts'
import { differingKeys, IMPORT_KEY, type Snapshot, takeSnapshot } from './snapshot.ts'
import type { Entry, Operation, Store, Transaction } from './store.ts'

export interface ImportOptions {
  /** What the note calls the source. */
  readonly from: string
  /** ISO time. */
  readonly at: string
  /** Where what was there is kept, if something was. */
  readonly backup?: string
  /** Of a lease that nobody else holds while this goes on. */
  readonly fence: Fence
  readonly signal: AbortSignal
  /** Of what the snapshot holds: the store says so from now on, if that is later than what it said. */
  readonly layout?: LayoutVersion
  /** Asked when all is there, before it counts as done; what it throws leaves the import unfinished. */
  readonly confirm?: () => Promise<void>
}

const TRANSACTIONS_AT_ONCE = 256
const BYTES_AT_ONCE = 1024 * 1024
/** Where the store does not say: one transaction holds no more than this, unless a single entry does. */
const TRANSACTION_BYTES = 256 * 1024

/**
 * Writes `plan` and reads it back. Interrupted at any point the store says so, and the same again goes on.
 *
 * @throws NsctlError Conflict where somebody else writes into the store meanwhile; TooLarge where an entry does not fit into
 * this engine, before anything is written; and what the store throws
 */
export async function importSnapshot(
  store: Store,
  snapshot: Snapshot,
  plan: ImportPlan,
  options: ImportOptions,
): Promise<void> {
  const limits = limitsOf(store, options.fence)
  refuseTooLarge(store, plan.add, limits)
  await writeNote(store, options)
  const removals = plan.remove.map(
    (entry): Operation => ({ kind: 'delete', key: entry.key, expect: entry.revision }),
  )
  await commitAll(store, inGroups([removals], limits), options)
  await commitAll(store, inGroups(byRevision(plan.add), limits), options)
  const { entries } = await takeSnapshot(store)
  const [differing] = differingKeys(snapshot.entries, entries)
  if (differing !== undefined) throw disturbed(store, `${differing} is not what was written`)
  await options.confirm?.()
  await removeNote(store, options.fence)
}

async function writeNote(store: Store, options: ImportOptions): Promise<void> {
  const { from, at, backup, fence } = options
  const before = await store.get(IMPORT_KEY)
  const earlier = before && parseNote(before.value).backup
  const kept = earlier ?? backup
  const note: UnfinishedImport = { from, since: at, ...(kept === undefined ? {} : { backup: kept }) }
  const put: Operation = {
    kind: 'put',
    key: IMPORT_KEY,
    value: JSON.stringify(note),
    expect: before?.revision ?? 0,
  }
  const [result] = await store.commit([[...fence, put, ...(await sayFilling(store, true, options))]])
  if (result?.kind === 'conflict') throw disturbed(store, `${result.key} was changed`)
}

/** Moves what the store says of itself, so that nobody writes who has not seen that it is being filled, or is whole again. */
async function sayFilling(
  store: Store,
  isFilling: boolean,
  { layout: ofSnapshot, at }: Partial<Pick<ImportOptions, 'layout' | 'at'>>,
): Promise<readonly Operation[]> {
  const mark = await readLayout(store)
  // one that says nothing is refused by all who ask
  if (mark.revision === 0) return []
  const isLater = ofSnapshot !== undefined && compareLayouts(ofSnapshot, mark.layout) > 0
  // what comes of another store has had tokens there
  const tokenFloor = Math.max(mark.tokenFloor ?? 0, at === undefined ? 0 : Date.parse(at))
  const layout = isLater ? ofSnapshot : mark.layout
  return [layoutOperation({ ...mark, layout, isFilling, tokenFloor }, mark)]
}

async function removeNote(store: Store, fence: Fence): Promise<void> {
  const entry = await store.get(IMPORT_KEY)
  if (entry === undefined) return
  const remove: Operation = { kind: 'delete', key: IMPORT_KEY, expect: entry.revision }
  const [result] = await store.commit([[...fence, remove, ...(await sayFilling(store, false, {}))]])
  if (result?.kind === 'conflict') throw disturbed(store, `${result.key} was changed`)
}

/** One group for each revision of the source: what was written together is written together again. */
function byRevision(entries: readonly Entry[]): readonly (readonly Operation[])[] {
  const groups: Operation[][] = []
  let revision: number | undefined
  for (const entry of entries) {
    if (entry.revision !== revision) groups.push([])
    revision = entry.revision
    groups.at(-1)!.push({ kind: 'put', key: entry.key, value: entry.value, expect: 0 })
  }
  return groups
}

/** What one transaction may have beside its fence. */
interface Limits {
  readonly fence: Fence
  readonly operations: number
  /** What the store takes. */
  readonly mostBytes: number
  /** What is put together. */
  readonly bytes: number
}

function limitsOf({ maxOperations, maxTransactionBytes }: Store, fence: Fence): Limits {
  const most = Number.POSITIVE_INFINITY
  const mostBytes = (maxTransactionBytes ?? most) - bytesOf(fence)
  return {
    fence,
    operations: Math.max(1, (maxOperations ?? most) - fence.length),
    mostBytes,
    bytes: Math.min(TRANSACTION_BYTES, mostBytes),
  }
}

/** Transactions of one group each, or of a part of one where that is too large for the store. */
function inGroups(groups: readonly (readonly Operation[])[], limits: Limits): readonly Transaction[] {
  const transactions: Operation[][] = []
  for (const group of groups) {
    let count = 0
    let bytes = 0
    let current: Operation[] | undefined
    for (const operation of group) {
      const size = bytesOf([operation])
      if (current === undefined || count === limits.operations || bytes + size > limits.bytes) {
        current = [...limits.fence]
        transactions.push(current)
        count = 0
        bytes = 0
      }
      current.push(operation)
      count++
      bytes += size
    }
  }
  return transactions
}

async function commitAll(
  store: Store,
  transactions: readonly Transaction[],
  { signal }: Pick<ImportOptions, 'signal'>,
): Promise<void> {
  for (let from = 0; from < transactions.length; ) {
    signal.throwIfAborted()
    let to = from
    for (
      let bytes = 0;
      to < transactions.length && to - from < TRANSACTIONS_AT_ONCE && bytes < BYTES_AT_ONCE;
      to++
    )
      bytes += bytesOf(transactions[to]!)
    const results = await store.commit(transactions.slice(from, to))
    const lost = results.find((result) => result.kind === 'conflict')
    if (lost?.kind === 'conflict') throw disturbed(store, `${lost.key} was changed`)
    from = to
  }
}

function bytesOf(operations: readonly Operation[]): number {
  let bytes = 0
  for (const operation of operations) {
    bytes += Buffer.byteLength(operation.key)
    if (operation.kind === 'put') bytes += Buffer.byteLength(operation.value)
  }
  return bytes
}

function refuseTooLarge({ url }: Store, entries: readonly Entry[], { mostBytes }: Limits): void {
  for (const { key, value } of entries) {
    const bytes = Buffer.byteLength(key) + Buffer.byteLength(value)
    if (bytes <= mostBytes) continue
    throw new NsctlError('TooLarge', `${key} has ${bytes} bytes; at most ${mostBytes} fit into ${url}`, {
      value: key,
      next: 'make the object smaller, or choose another engine; nothing was changed',
    })
  }
}

function disturbed({ url }: Store, what: string): NsctlError {
  return new NsctlError('Conflict', `somebody else writes into the store ${url} during the import: ${what}`, {
    value: url,
    next: 'end what uses it, then import again with --replace',
  })
}

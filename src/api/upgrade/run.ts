/**
 * Walking a store from its layout to a later one. What it says of itself tells that this was begun before anything else is
 * written, which step is done after each, and that all is done at the very end: whoever finds it half way goes on.
 */
import { NsctlError } from '../../core/errors.ts'
import type { KindRegistry } from '../../resources/kinds.ts'
import {
  type LayoutMark,
  type LayoutVersion,
  layoutOperation,
  readLayout,
  type UnfinishedUpgrade,
} from '../../store/layout.ts'
import type { Fence } from '../../store/lease.ts'
import { differingKeys, takeSnapshot } from '../../store/snapshot.ts'
import type { Store, Transaction } from '../../store/store.ts'
import { walk } from './chain.ts'
import type { LayoutStep } from './step.ts'

export interface WalkOptions {
  readonly steps: readonly LayoutStep[]
  readonly kinds: KindRegistry
  /** The version of nsctl that does it. */
  readonly nsctl: string
  readonly upgrade: UnfinishedUpgrade
  /** Of a lease that nobody else holds while this goes on. */
  readonly fence: Fence
  readonly signal: AbortSignal
}

const TRANSACTIONS_AT_ONCE = 256

/**
 * Carries `steps` out and reads back what they left. Returns how many transactions each took.
 *
 * @throws NsctlError Conflict where somebody else writes into the store meanwhile, and what the store throws
 */
export async function walkStore(store: Store, options: WalkOptions): Promise<readonly number[]> {
  const { steps, nsctl, upgrade } = options
  let mark = await readLayout(store)
  const done: number[] = []
  for (const step of steps) {
    mark = await say(store, options, mark, { layout: mark.layout, nsctl: mark.nsctl, upgrade })
    done.push(await takeStep(store, step, options))
    mark = await say(store, options, mark, { layout: step.to, nsctl, upgrade })
  }
  await say(store, options, mark, { layout: upgrade.to, nsctl })
  return done
}

/** Says it, and returns it as it stands in the store. */
async function say(
  store: Store,
  { fence }: WalkOptions,
  before: LayoutMark,
  mark: Omit<LayoutMark, 'revision'>,
): Promise<LayoutMark> {
  const [result] = await store.commit([[...fence, layoutOperation(mark, before)]])
  if (result?.kind !== 'committed') throw disturbed(store, result?.key ?? '', mark.layout)
  return readLayout(store)
}

async function takeStep(store: Store, step: LayoutStep, options: WalkOptions): Promise<number> {
  if (step.plan === undefined) return 0
  const { entries } = await takeSnapshot(store)
  const [outcome] = walk([step], entries, options.kinds)
  const { transactions = [], entries: wanted = [] } = outcome ?? {}
  await commitAll(store, transactions, step, options)
  const [differing] = differingKeys(wanted, (await takeSnapshot(store)).entries)
  if (differing !== undefined) throw disturbed(store, differing, step.to)
  return transactions.length
}

async function commitAll(
  store: Store,
  transactions: readonly Transaction[],
  { to }: LayoutStep,
  { fence, signal }: WalkOptions,
): Promise<void> {
  for (let from = 0; from < transactions.length; from += TRANSACTIONS_AT_ONCE) {
    signal.throwIfAborted()
    const page = transactions.slice(from, from + TRANSACTIONS_AT_ONCE)
    const results = await store.commit(page.map((operations) => [...fence, ...operations]))
    for (const result of results) if (result.kind === 'conflict') throw disturbed(store, result.key, to)
  }
}

function disturbed({ url }: Store, key: string, to: LayoutVersion): NsctlError {
  return new NsctlError(
    'Conflict',
    `somebody else writes into the store ${url} while it is upgraded to layout ${to.major}.${to.minor}: ${key} was changed`,
    { value: key, next: 'end what uses it, then upgrade again: it goes on where it was' },
  )
}

/** `nsctl store upgrade`: from the format and layout of an earlier nsctl to the present ones, in place. */
import { STORE_LAYOUT } from '../../api/keys.ts'
import { parseKey } from '../../api/parse-key.ts'
import { LAYOUT_STEPS, type StepOutcome, stepsFrom, walk } from '../../api/upgrade/chain.ts'
import { walkStore } from '../../api/upgrade/run.ts'
import type { LayoutStep } from '../../api/upgrade/step.ts'
import { NsctlError } from '../../core/errors.ts'
import { LEADER_LEASE, VERSION } from '../../main.ts'
import { createKindRegistry } from '../../resources/registry.ts'
import { refuseUnfinishedImport } from '../../store/import-plan.ts'
import { type LayoutVersion, readLayout, refuseTooNew, type UnfinishedUpgrade } from '../../store/layout.ts'
import { acquireLease, type Fence, thisProcess } from '../../store/lease.ts'
import { differingKeys, type Snapshot, takeSnapshot } from '../../store/snapshot.ts'
import type { EngineFormat, Entry, Store } from '../../store/store.ts'
import { LEASE_TTL_MS } from '../control-plane.ts'
import type { Environment } from '../paths.ts'
import { writeBackup } from './backup.ts'
import { type StoreChoice, withBareStore } from './export.ts'
import { refuseDaemon } from './fill.ts'

export interface UpgradeWork extends StoreChoice {
  readonly env: Environment
  readonly signal: AbortSignal
  readonly dryRun: boolean
  /** False for none; a file, or true for one beside the store. */
  readonly backup: string | boolean
  /** To `layout`: those that there are where left out. */
  readonly steps?: readonly LayoutStep[]
}

/** What an upgrade would do or did. */
export interface Upgraded {
  readonly url: string
  /** As found; undefined where the engine keeps nothing. */
  readonly format: EngineFormat | undefined
  readonly from: LayoutVersion
  readonly to: LayoutVersion
  readonly steps: readonly { readonly step: LayoutStep; readonly changes: number }[]
  /** How many keys were found. */
  readonly found: number
  /** How many there are afterwards, and what is under them. */
  readonly keys: number
  readonly objects: number
  readonly revisions: number
  /** Where the store as it was before is kept. */
  readonly backup: string | undefined
  /** An earlier upgrade that was cut off, and that this one goes on with. */
  readonly resumed: UnfinishedUpgrade | undefined
  /** Nothing was to be done. */
  readonly isPresent: boolean
}

/** What was found, and what is to be done about it. */
interface UpgradePlan {
  readonly snapshot: Snapshot
  readonly format: EngineFormat | undefined
  readonly from: LayoutVersion
  readonly outcomes: readonly StepOutcome[]
  readonly resumed: UnfinishedUpgrade | undefined
  /** False where no more happens than that the store says another minor: then whoever uses it may go on. */
  readonly rewrites: boolean
  readonly isPresent: boolean
}

/**
 * Upgrades the store unless nothing is to be done. Killed at any moment it is as it was, as it is to be, or says that it is half upgraded,
 * and the same again goes on.
 *
 * @throws NsctlError StoreFormat for what this nsctl does not know, Conflict where a daemon runs or somebody writes meanwhile
 */
export async function upgradeStore(work: UpgradeWork): Promise<Upgraded> {
  const to = work.layout ?? STORE_LAYOUT
  const { plan, url, backup } = await withBareStore({ ...work, readOnly: true }, async (store) => {
    const plan = await planUpgrade(store, to, work)
    const isDone = plan.isPresent || work.dryRun
    if (!isDone && plan.rewrites) await refuseDaemon(store, work.clock)
    return { plan, url: store.url, backup: isDone ? undefined : backUp(store, plan, work) }
  })
  const facts = { url, backup: plan.resumed?.backup ?? backup }
  if (!plan.isPresent && !work.dryRun)
    await withBareStore({ ...work, upgradeFormat: true }, (store) =>
      carryOut(store, plan, { ...work, to, backup: facts.backup }),
    )
  return upgradedOf(plan, to, facts)
}

async function planUpgrade(store: Store, to: LayoutVersion, work: UpgradeWork): Promise<UpgradePlan> {
  const mark = await readLayout(store)
  refuseTooNew(mark, to, store.url)
  await refuseUnfinishedImport(store)
  const steps = stepsFrom(mark.layout, work.steps ?? LAYOUT_STEPS)
  const snapshot = await takeSnapshot(store)
  const { format } = store
  const isOldFormat = format !== undefined && format.found !== format.present
  const isSaid = mark.revision > 0 && mark.upgrade === undefined
  return {
    snapshot,
    format,
    from: mark.layout,
    outcomes: walk(steps, snapshot.entries, createKindRegistry()),
    resumed: mark.upgrade,
    rewrites: isOldFormat || !isSaid || steps.some(({ plan }) => plan !== undefined),
    isPresent: !isOldFormat && isSaid && steps.length === 0,
  }
}

/** Of a store that is half upgraded there is one already, or none was wanted. */
function backUp(store: Store, plan: UpgradePlan, { backup, ...options }: UpgradeWork): string | undefined {
  if (backup === false || plan.resumed !== undefined) return undefined
  return writeBackup(store, plan.snapshot, plan.from, {
    ...options,
    ...(backup === true ? {} : { file: backup }),
  })
}

interface CarryOut extends Omit<UpgradeWork, 'backup'> {
  readonly to: LayoutVersion
  readonly backup: string | undefined
}

async function carryOut(store: Store, plan: UpgradePlan, work: CarryOut): Promise<void> {
  const { clock, signal } = work
  if (!plan.rewrites) return walkUnder([], signal, store, plan, work)
  await refuseDaemon(store, clock)
  const holder = thisProcess({ upgrading: store.url })
  const lease = await acquireLease(store, { name: LEADER_LEASE, ttlMs: LEASE_TTL_MS, holder, clock, signal })
  try {
    await walkUnder(lease.fence, AbortSignal.any([signal, lease.lost]), store, plan, work)
  } finally {
    await lease.release()
  }
}

async function walkUnder(
  fence: Fence,
  signal: AbortSignal,
  store: Store,
  plan: UpgradePlan,
  { to, backup, clock }: CarryOut,
): Promise<void> {
  if (plan.rewrites) refuseChanged(store, plan, await takeSnapshot(store))
  const since = plan.resumed?.since ?? new Date(clock.now()).toISOString()
  await walkStore(store, {
    steps: plan.outcomes.map(({ step }) => step),
    kinds: createKindRegistry(),
    nsctl: VERSION,
    upgrade: { to, since, ...(backup === undefined ? {} : { backup }) },
    fence,
    signal,
  })
}

/** What was written since would not be in the backup. */
function refuseChanged({ url }: Store, { snapshot }: UpgradePlan, now: Snapshot): void {
  const [changed] = differingKeys(snapshot.entries, now.entries)
  if (changed === undefined) return
  throw new NsctlError('Conflict', `the store ${url} was written to while it was backed up: ${changed}`, {
    value: changed,
    next: 'end what uses it, then upgrade again; what it holds was not changed',
  })
}

function upgradedOf(plan: UpgradePlan, to: LayoutVersion, facts: Pick<Upgraded, 'url' | 'backup'>): Upgraded {
  const { snapshot, outcomes, format, from, resumed } = plan
  const entries = outcomes.at(-1)?.entries ?? snapshot.entries
  return {
    ...facts,
    format,
    from,
    to: plan.isPresent ? from : to,
    steps: outcomes.map(({ step, transactions }) => ({ step, changes: transactions.length })),
    found: snapshot.entries.length,
    keys: entries.length,
    objects: count(entries, 'object', 'spec'),
    revisions: count(entries, 'revision'),
    resumed,
    isPresent: plan.isPresent,
  }
}

function count(entries: readonly Entry[], ...holds: readonly string[]): number {
  return entries.filter(({ key }) => holds.includes(parseKey(key)?.holds ?? '')).length
}

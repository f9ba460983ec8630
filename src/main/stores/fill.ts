/** Filling a store, alone with it: no daemon may act on half of what it is meant to hold. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { STORE_LAYOUT } from '../../api/keys.ts'
import type { Clock } from '../../core/clock.ts'
import { NsctlError } from '../../core/errors.ts'
import { daemonState, LEADER_LEASE } from '../../main.ts'
import { importSnapshot } from '../../store/import.ts'
import { type ImportPlan, planImport, readUnfinishedImport } from '../../store/import-plan.ts'
import {
  type LayoutMark,
  type LayoutVersion,
  readLayout,
  refuseOlder,
  refuseTooNew,
} from '../../store/layout.ts'
import { acquireLease, type Lease, thisProcess } from '../../store/lease.ts'
import { type Snapshot, takeSnapshot } from '../../store/snapshot.ts'
import type { Store } from '../../store/store.ts'
import { type Environment, pathsOf } from '../paths.ts'
import { linesOf } from './export.ts'
import { writeExport } from './files.ts'

export interface FillOptions {
  readonly env: Environment
  readonly clock: Clock
  readonly signal: AbortSignal
  /** What the snapshot is of: a file, or the URL of a store. */
  readonly from: string
  /** Which layout that has: the present one, or the next minor. */
  readonly layout: LayoutVersion
  /** Whether what is there may go, after it was kept in a file. */
  readonly replace: boolean
  readonly confirm?: () => Promise<void>
}

export interface Filled {
  readonly url: string
  /** Of the snapshot, there now. */
  readonly keys: number
  /** There before, from an import that was cut off. */
  readonly already: number
  /** What was there before and has gone. */
  readonly removed: number
  /** Where that is kept. */
  readonly backup?: string
}

/** As long as a daemon’s. */
const LEASE_TTL_MS = 5_000

/** What filling `store` would do. Throws Conflict as `fillStore` does, and writes nothing. */
export async function planFilling(
  store: Store,
  snapshot: Snapshot,
  { clock, replace }: Pick<FillOptions, 'clock' | 'replace'>,
): Promise<ImportPlan> {
  await refuseDaemon(store, clock)
  const { entries } = await takeSnapshot(store)
  const mark = await readLayout(store)
  // one that is not there yet says nothing
  if (mark.revision > 0 || entries.length > 0) refuseOtherLayout(mark, store)
  return planImport(snapshot, entries, await readUnfinishedImport(store), replace)
}

/** Fills `store` with `snapshot`, under the lease that a daemon would need, and reads it back. */
export async function fillStore(store: Store, snapshot: Snapshot, options: FillOptions): Promise<Filled> {
  const { clock, signal, from } = options
  await refuseDaemon(store, clock)
  refuseOtherLayout(await readLayout(store), store)
  const holder = thisProcess({ importing: from })
  const lease = await acquireLease(store, { name: LEADER_LEASE, ttlMs: LEASE_TTL_MS, holder, clock, signal })
  try {
    return await fillUnder(lease, store, snapshot, options)
  } finally {
    await lease.release()
  }
}

async function fillUnder(
  lease: Lease,
  store: Store,
  snapshot: Snapshot,
  options: FillOptions,
): Promise<Filled> {
  const { clock, from, confirm, replace } = options
  const there = await takeSnapshot(store)
  const plan = planImport(snapshot, there.entries, await readUnfinishedImport(store), replace)
  const before = await readLayout(store)
  const backup = plan.remove.length > 0 ? keepBackup(store, there, before.layout, options) : undefined
  await importSnapshot(store, snapshot, plan, {
    from,
    layout: options.layout,
    at: new Date(clock.now()).toISOString(),
    fence: lease.fence,
    signal: AbortSignal.any([options.signal, lease.lost]),
    ...(backup === undefined ? {} : { backup }),
    ...(confirm === undefined ? {} : { confirm }),
  })
  return {
    url: store.url,
    keys: snapshot.entries.length,
    already: plan.already,
    removed: plan.remove.length,
    ...(backup === undefined ? {} : { backup }),
  }
}

/** Under nsctl's own state, named after the moment. */
function keepBackup(
  store: Store,
  there: Snapshot,
  layout: LayoutVersion,
  { env, clock }: FillOptions,
): string {
  const folder = join(pathsOf(env).stateDir, 'backups')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, `${new Date(clock.now()).toISOString().replaceAll(/[:.]/g, '-')}.export`)
  writeExport(path, linesOf(store, there, layout, clock))
  return path
}

/** What is written is of the present layout: what is there must be too. */
function refuseOtherLayout(mark: LayoutMark, { url }: Store): void {
  refuseTooNew(mark, STORE_LAYOUT, url)
  refuseOlder(mark, STORE_LAYOUT, url)
}

/** Throws Conflict where a daemon serves the store. */
export async function refuseDaemon(store: Store, clock: Clock): Promise<void> {
  const { running, pid, host } = await daemonState(store, clock)
  if (!running) return
  throw new NsctlError('Conflict', `nsctl runs for the store ${store.url}: pid ${pid} on ${host}`, {
    value: pid,
    next: 'end it first (Ctrl-C, or systemctl stop nsctl): what it runs goes on; then do this again',
  })
}

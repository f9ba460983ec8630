/** `nsctl store migrate`: all that a store holds into another one, of any engine, and this machine's programs with it. */
import { readdir } from 'node:fs/promises'
import { STORE_LAYOUT } from '../../api/keys.ts'
import { messageOf, NsctlError } from '../../core/errors.ts'
import { formatCount } from '../../core/words.ts'
import { refuseOlder } from '../../store/layout.ts'
import { differingKeys, type Snapshot, takeSnapshot } from '../../store/snapshot.ts'
import type { Store } from '../../store/store.ts'
import { parseStoreUrl } from '../../store/url.ts'
import { takeOut } from '../catalog.ts'
import { handOverPrograms, readClaim } from '../claim.ts'
import { type Environment, runtimePathsOf } from '../paths.ts'
import { refuseHalf, type StoreChoice, withBareStore, withStore } from './export.ts'
import { type Filled, type FillOptions, fillStore, planFilling, refuseDaemon } from './fill.ts'

export interface MigrateWork extends StoreChoice, Pick<FillOptions, 'env' | 'clock' | 'signal' | 'replace'> {
  /** URL of the store to fill. */
  readonly to: string
  /** What it takes to open that one: `env` may hold secrets of the source’s alone. */
  readonly targetEnv: Environment
  readonly dryRun: boolean
}

export interface Migrated extends Filled {
  readonly from: string
  /** Of the source. */
  readonly revision: number
  /** Folders of runtimes whose programs are the new store's from now on. */
  readonly handedOver: readonly string[]
  /** Those of which that could not be noted, and why. */
  readonly notHandedOver: readonly string[]
  /** What became of the programs' registrations in a catalog that the new store does not have, a line each. */
  readonly takenOut: readonly string[]
}

const RUNTIMES = ['process', 'systemd-user', 'systemd-system'] as const

/**
 * Copies the store, compares the copy, and hands this machine's programs over. The source is only read, and must not be
 * written meanwhile.
 */
export async function migrateStore(work: MigrateWork): Promise<Migrated> {
  refuseMemory(work.to)
  return withStore({ ...work, readOnly: true }, async (source) => {
    await refuseDaemon(source, work.clock)
    const mark = await refuseHalf(source)
    refuseOlder(mark, STORE_LAYOUT, source.url)
    const snapshot = await takeSnapshot(source)
    const target = {
      ...work,
      env: work.targetEnv,
      store: work.to,
      ...(work.dryRun ? { readOnly: true, emptyIfMissing: true } : {}),
    }
    return withBareStore(target, async (store) => {
      refuseSame(source, store)
      const facts = { from: source.url, revision: snapshot.revision }
      if (work.dryRun) {
        const { already, remove } = await planFilling(store, snapshot, work)
        return {
          ...facts,
          url: store.url,
          keys: snapshot.entries.length,
          already,
          removed: remove.length,
          handedOver: [],
          notHandedOver: [],
          takenOut: [],
        }
      }
      const confirm = () => refuseChanged(source, snapshot, work)
      const filled = await fillStore(store, snapshot, {
        ...work,
        from: source.url,
        layout: mark.layout,
        confirm,
      })
      return { ...facts, ...filled, ...(await handOver(work, source.url, store.url)) }
    })
  })
}

async function handOver(
  work: MigrateWork,
  from: string,
  to: string,
): Promise<Pick<Migrated, 'handedOver' | 'notHandedOver' | 'takenOut'>> {
  const folders = new Set(RUNTIMES.map((runtime) => runtimePathsOf(runtime, work.env).stateDir))
  const handedOver: string[] = []
  const notHandedOver: string[] = []
  const takenOut: string[] = []
  for (const folder of folders) {
    // another user's cannot be read, and is not ours
    if ((await readdir(folder).catch(() => [])).length === 0) continue
    try {
      if (!(await handOverPrograms(folder, from, to))) continue
      handedOver.push(folder)
      // a daemon over Consul takes them over; any other would leave them there for whoever gets their ports next
      const { node = '' } = (await readClaim(folder)) ?? {}
      if (parseStoreUrl(to).engine !== 'consul') takenOut.push(...(await takeOut({ ...work, node })))
    } catch (error) {
      notHandedOver.push(`${folder}: ${messageOf(error)}`)
    }
  }
  return { handedOver, notHandedOver, takenOut }
}

/** What was written into the source while it was copied would be lost with it. */
async function refuseChanged(source: Store, snapshot: Snapshot, { clock }: MigrateWork): Promise<void> {
  await refuseDaemon(source, clock)
  const changed = differingKeys(snapshot.entries, (await takeSnapshot(source)).entries)
  if (changed.length === 0) return
  throw new NsctlError(
    'Conflict',
    `${source.url} was written to while it was copied: ${formatCount(changed.length, 'key')} changed, ${changed[0]} among them`,
    { value: changed[0], next: 'migrate again with --replace once nobody writes into it' },
  )
}

function refuseMemory(to: string): void {
  if (parseStoreUrl(to).engine !== 'memory') return
  throw new NsctlError('Invalid', `${to} would be gone with this command`, {
    value: to,
    next: 'name a store that lasts: sqlite:/var/lib/nsctl/store.db',
  })
}

function refuseSame(source: Store, target: Store): void {
  if (source.url !== target.url) return
  throw new NsctlError('Invalid', `the store is ${source.url} already`, {
    value: target.url,
    next: 'name another one with --to; the one to copy is named by --store or NSCTL_STORE',
  })
}

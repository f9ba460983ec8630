/** What the runtime asks of a machine beside its systemd. */
import { availableParallelism, uptime } from 'node:os'
import { type Disk, localDisk } from '../disk.ts'
import type { ProgramUsage, UsageOptions } from '../runtime.ts'
import type { ManagerScope } from './dbus/address.ts'
import type { DbusManagerOptions } from './dbus-manager.ts'
import { type DesiredFiles, localDesiredFiles } from './desired.ts'
import { type Looks, localLooks } from './hidden.ts'
import { type Journal, readJournal } from './journal.ts'
import type { Layout } from './layout.ts'
import type { UnitManager } from './manager.ts'
import { moveReadier } from './moves.ts'
import { whyNoContainers } from './nspawn/prepare.ts'
import { oomWatcher } from './oom.ts'
import { openManager } from './open-manager.ts'
import { SystemdStorage, type VolumeFolders } from './storage.ts'
import { findSystemctl } from './systemctl.ts'
import { findCgroups, readUsage } from './usage.ts'

export interface SystemdMachine {
  readonly disk: Disk
  readonly cores: number
  /** Absolute. */
  readonly systemctl: string
  /** Fields of a spec that do not act there, whatever its systemd can. */
  readonly cannot: readonly string[]
  readonly desired: DesiredFiles
  readonly looks: Looks
  readonly journal: Journal
  /** Since boot, suspended times included; never more than it is. */
  uptimeMs(): number | Promise<number>
  /** @throws Unreachable */
  openManager(options: DbusManagerOptions): Promise<UnitManager>
  volumes(layout: Layout): VolumeFolders
  usage(controlGroup: string, options: UsageOptions): Promise<readonly ProgramUsage[]>
  /** Tells whether a unit's process was just killed for want of memory, where systemd does not. */
  oomWatcher(): ((unit: string) => boolean) | undefined
  /** Undefined where containers can be run. */
  whyNoContainers(scope: ManagerScope): string | undefined
}

/** This one. */
export function localMachine(): SystemdMachine {
  return {
    disk: localDisk,
    cores: availableParallelism(),
    systemctl: findSystemctl(),
    cannot: [],
    desired: localDesiredFiles,
    looks: localLooks,
    journal: readJournal,
    uptimeMs: () => uptime() * 1e3,
    openManager: (options) => openManager({ ...options, readyRestart: moveReadier() }),
    volumes: (layout) => new SystemdStorage(layout),
    usage: async (controlGroup, options) => readUsage(await findCgroups(controlGroup), options),
    oomWatcher,
    whyNoContainers,
  }
}

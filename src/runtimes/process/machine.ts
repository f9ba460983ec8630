/** What every program of the runtime shares. */
import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import type { LogLimits } from './keeper.ts'
import type { Launcher } from './launcher.ts'
import type { Layout } from './layout.ts'
import type { ProcessMaterials } from './materials.ts'
import type { ProcessEntry, ProcessTable } from './table.ts'

export interface Machine {
  readonly layout: Layout
  readonly table: ProcessTable
  readonly launcher: Launcher
  readonly clock: Clock
  readonly logger: Logger
  readonly logLimits: LogLimits
  readonly materials: ProcessMaterials
  /** A snapshot taken after this call; callers of the same moment share one. */
  processes(): Promise<readonly ProcessEntry[]>
  /** True once the runtime is closed: programs go on, but nobody here acts for them any more. */
  isClosed(): boolean
}

/** Lets callers of the same turn of the event loop share one snapshot, taken after all of their calls. */
export function sharedSnapshots(table: ProcessTable): () => Promise<readonly ProcessEntry[]> {
  let next: Promise<readonly ProcessEntry[]> | undefined
  return () => {
    next ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      next = undefined
      return table.snapshot()
    })
    return next
  }
}

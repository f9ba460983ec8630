/** `nsctl down`: everything that this runtime left on the machine. */
import { NsctlError } from '../../core/errors.ts'
import type { SystemdFence } from './fence.ts'
import { removeAllFiles } from './files.ts'
import type { Layout } from './layout.ts'
import type { UnitManager } from './manager.ts'
import { SLICE, unitName } from './names.ts'
import type { VolumeFolders } from './storage.ts'
import type { ProgramTracker } from './tracker.ts'

export interface RemovalOptions {
  readonly layout: Layout
  readonly manager: UnitManager
  readonly tracker: ProgramTracker
  readonly storage: VolumeFolders
  readonly fence: Pick<SystemdFence, 'lift'>
  readonly purge: boolean
  readonly signal: AbortSignal
}

/** @returns what stays, one line each. @throws the signal's reason, or Timeout naming what would not end */
export async function removeEverything(options: RemovalOptions): Promise<readonly string[]> {
  const { layout, manager, tracker, storage, fence, purge, signal } = options
  const ids = [...tracker.observe().values()].map(({ id }) => id)
  const live = ids.filter((id) => tracker.isLoaded(id))
  await Promise.all(live.map((id) => manager.stop(unitName(id))))
  await allEnded(tracker, signal)
  for (const id of ids) tracker.forget(id)
  await fence.lift()
  await manager.stop(SLICE)
  removeAllFiles(layout)
  layout.disk.removeEmpty(layout.desiredDir)
  await layout.disk.settled()
  await manager.reload()
  const volumes = await storage.listStorage()
  if (purge) for (const volume of volumes) await storage.purgeStorage(volume)
  await storage.removeEmptyFolders()
  const stays = purge ? [] : volumes.map((volume) => `storage ${storage.storagePath(volume)}`)
  return [...stays, 'log lines in the journal: they go when journald lets them go']
}

function allEnded(tracker: ProgramTracker, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const left = () => [...tracker.observe().values()].filter(({ state }) => state !== 'exited')
    const done = (act: () => void) => {
      unsubscribe()
      signal.removeEventListener('abort', onAbort)
      act()
    }
    const look = () => {
      if (left().length === 0) done(resolve)
    }
    const onAbort = () =>
      done(() =>
        reject(
          new NsctlError('Timeout', `${left().length} programs have not ended yet`, {
            value: left()
              .map(({ id }) => unitName(id))
              .join(', '),
            next: 'they end by themselves after their grace period; run this again',
            cause: signal.reason,
          }),
        ),
      )
    const unsubscribe = tracker.onChange(look)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    else look()
  })
}

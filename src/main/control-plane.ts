/** The controllers, whichever process they run in. */
import type { ResourceApi } from '../api/api.ts'
import { garbageController } from '../controllers/garbage/controller.ts'
import { namespaceController } from '../controllers/namespace/controller.ts'
import { retention } from '../controllers/retention/runnable.ts'
import { serviceController } from '../controllers/service/controller.ts'
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import { createManager, type Manager } from '../engine/manager.ts'
import type { EngineTally } from '../engine/tally.ts'
import type { LeaseRecord } from '../store/lease.ts'

/** Another waits for so long where it cannot know whether the process lives that leads; a dead one it follows at once. */
export const LEASE_TTL_MS = 5_000

/**
 * How long a term that was lost may take to end. A store that is cut off answers a write after 21 s at most (consul: it tries for 15 s,
 * and the last time may take 6): a process that ended for that could not stand by.
 */
const STOP_LIMIT_MS = 25_000

/** What a process of `nsctl controller` says of itself in the lease's record. */
export const CONTROLLER_ROLE = { role: 'controller' } as const

/** True where a process leads that runs the controllers and nothing else. */
export function isController({ holder }: Pick<LeaseRecord, 'holder'>): boolean {
  return holder.about.role === CONTROLLER_ROLE.role
}

export interface ControlPlaneOptions {
  readonly clock: Clock
  readonly logger: Logger
}

/** All controllers of the control plane: this list is what nsctl does. `api` is fenced for the term that it is made for. */
export function controlPlane(api: ResourceApi, options: ControlPlaneOptions, metrics: EngineTally): Manager {
  const { clock } = options
  const logger = options.logger.with({ part: 'control plane' })
  const manager = createManager({ api, clock, logger, metrics, stopTimeoutMs: STOP_LIMIT_MS })
  const { cache } = manager
  manager.add(serviceController({ cache, api, clock }))
  manager.add(garbageController({ cache, api }))
  manager.add(namespaceController({ cache, api }))
  manager.addRunnable(retention({ api, clock, logger }))
  return manager
}

/** Resolves when `signal` aborts. */
export function abortOf(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

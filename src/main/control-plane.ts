/** The controllers, whichever process they run in. */
import { hostname } from 'node:os'
import type { ResourceApi } from '../api/api.ts'
import { STORE_LAYOUT } from '../api/keys.ts'
import { authenticationController } from '../controllers/authentication/controller.ts'
import { deliveryController } from '../controllers/delivery/controller.ts'
import { OwnIdentity } from '../controllers/delivery/own-identity.ts'
import { externalController } from '../controllers/external/controller.ts'
import { garbageController } from '../controllers/garbage/controller.ts'
import { jobController } from '../controllers/job/controller.ts'
import { namespaceController } from '../controllers/namespace/controller.ts'
import { retention } from '../controllers/retention/runnable.ts'
import { serviceController } from '../controllers/service/controller.ts'
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import { createManager, type Manager } from '../engine/manager.ts'
import type { EngineTally } from '../engine/tally.ts'
import type { OpenStoreOptions } from '../main.ts'
import type { SecretExternal } from '../resources/generated/types.ts'
import { steadyTimeline } from '../scaling/steady.ts'
import { refuseUnfinishedImport } from '../store/import-plan.ts'
import { refuseUnwritable } from '../store/layout.ts'
import type { LeaseRecord } from '../store/lease.ts'
import type { Store } from '../store/store.ts'
import type { HistoryStore } from '../telemetry/history/history.ts'
import type { ScalerMetrics } from '../telemetry/scalers.ts'
import { ExternalSources } from './external-sources.ts'
import { controlPlaneIdentityOf, type Environment } from './paths.ts'
import { addScaling, slimScaler } from './scaling.ts'
import { secretValues } from './secret-values.ts'

/** Another waits for so long where it cannot know whether the process lives that leads; a dead one it follows at once. */
export const LEASE_TTL_MS = 5_000

/**
 * How long a term that was lost may take to end. A store that is cut off answers a call after 21 s at most (consul: it tries for 15 s,
 * and the last time may take 6), and a reconcile may make one after another: a process that ended for that could not stand by.
 */
const STOP_LIMIT_MS = 45_000

/** What a process of `nsctl controller` says of itself in the lease's record. */
export const CONTROLLER_ROLE = { role: 'controller' } as const

/** True where a process leads that runs the controllers and nothing else. */
export function isController({ holder }: Pick<LeaseRecord, 'holder'>): boolean {
  return holder.about.role === CONTROLLER_ROLE.role
}

export interface ControlPlaneOptions {
  readonly env: Environment
  readonly clock: Clock
  readonly logger: Logger
  /** Of decisions and samples. */
  readonly history: HistoryStore
  /** Told what scalers do. */
  readonly scalers: ScalerMetrics
  /** For events that are pushed, on 127.0.0.1; none where left out. */
  readonly webhookPort?: number
}

/** All controllers of the control plane: this list is what nsctl does. `api` is fenced for the term that it is made for. */
export function controlPlane(api: ResourceApi, options: ControlPlaneOptions, metrics: EngineTally): Manager {
  const { clock, env } = options
  const logger = options.logger.with({ part: 'control plane' })
  const manager = createManager({
    api,
    clock,
    logger,
    metrics,
    stopTimeoutMs: STOP_LIMIT_MS,
    slim: slimScaler,
  })
  const { cache } = manager
  manager.add(serviceController({ cache, api, clock }))
  manager.add(jobController({ cache, api, clock }))
  const path = controlPlaneIdentityOf(env)
  const own = new OwnIdentity({ api, cache, clock, logger, path, host: hostname() })
  manager.add(deliveryController({ cache, api, clock, own }))
  manager.addRunnable(own.runnable())
  const identities = () => own.identities()
  const values = secretValues({ cache, identities, env })
  const sources = new ExternalSources(clock)
  const sourceOf = (external: SecretExternal) => sources.of(external)
  manager.add(externalController({ cache, api, clock, identities, values, sourceOf }))
  manager.addRunnable({
    name: 'external sources',
    run: (signal) => abortOf(signal).then(() => sources.close()),
  })
  const steady = steadyTimeline(clock)
  manager.add(authenticationController({ cache, api, clock }))
  addScaling(manager, { ...options, api, logger, steady, values, sourceOf })
  manager.add(garbageController({ cache, api }))
  manager.add(namespaceController({ cache, api }))
  manager.addRunnable(retention({ api, clock, logger }))
  return manager
}

/**
 * Throws where the store is not whole, or not of a layout that this process may write. What is not there yet would be ended, and not
 * all of what ends programs is a write that the store could refuse.
 */
export async function refuseHalfStore(
  { layout = STORE_LAYOUT }: Pick<OpenStoreOptions, 'layout'>,
  store: Store,
): Promise<void> {
  await refuseUnfinishedImport(store)
  await refuseUnwritable(store, layout)
}

/** Resolves when `signal` aborts. */
export function abortOf(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

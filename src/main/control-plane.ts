/** The controllers, whichever process they run in. */
import { hostname } from 'node:os'
import type { ResourceApi } from '../api/api.ts'
import { STORE_LAYOUT } from '../api/keys.ts'
import { authenticationController } from '../controllers/authentication/controller.ts'
import { deliveryController } from '../controllers/delivery/controller.ts'
import { OwnIdentity } from '../controllers/delivery/own-identity.ts'
import { DirectoryKeeper, PASS } from '../controllers/directory/controller.ts'
import { exposureController } from '../controllers/exposure/controller.ts'
import { externalController } from '../controllers/external/controller.ts'
import { garbageController } from '../controllers/garbage/controller.ts'
import { jobController } from '../controllers/job/controller.ts'
import { namespaceController } from '../controllers/namespace/controller.ts'
import { nodeController } from '../controllers/node/controller.ts'
import { Placer } from '../controllers/placer.ts'
import { Quotas } from '../controllers/quotas.ts'
import { resourceQuotaController } from '../controllers/resourcequota/controller.ts'
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
import type { Store, StoreReader, StoreWriter } from '../store/store.ts'
import type { HistoryStore } from '../telemetry/history/history.ts'
import type { ScalerMetrics } from '../telemetry/scalers.ts'
import type { Directory } from '../traffic/directory.ts'
import { ExternalSources } from './external-sources.ts'
import { controlPlaneIdentityOf, type Environment } from './paths.ts'
import { addScaling, slimScaler } from './scaling.ts'
import { secretValues } from './secret-values.ts'

/** Another waits for so long where it cannot know whether the process lives that leads; a dead one it follows at once. */
export const LEASE_TTL_MS = 5_000

/**
 * How long a term that was lost may take to end. What it asks of the store through the api ends with the lease; a store that is cut off answers
 * everything else after 21 s at most (consul: it tries for 15 s, and the last time may take 6). A process that ended for that could not stand by.
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
  /** Where nodes' leases are read. */
  readonly leases: StoreReader & StoreWriter
  /** A node that is silent for so long is lost. */
  readonly nodeGraceMs?: number
  /** Of decisions and samples. */
  readonly history: HistoryStore
  /** Told what scalers do. */
  readonly scalers: ScalerMetrics
  /** For events that are pushed, on 127.0.0.1; none where left out. */
  readonly webhookPort?: number
  /** Where the instances of machines that joined are registered; nowhere where left out. The caller's to close. */
  readonly directory?: Directory
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
  const placer = new Placer({ cache, clock })
  const quotas = new Quotas({ cache, clock })
  const { directory } = options
  const keeper = directory && new DirectoryKeeper({ cache, api, directory, clock, logger })
  manager.add(exposureController({ cache, api, ...(keeper && { withdraw: (one) => keeper.withdraw(one) }) }))
  if (keeper !== undefined) addDirectory(manager, keeper)
  manager.add(jobController({ cache, api, clock, placer, quotas }))
  const graceMs = options.nodeGraceMs
  const nodes = nodeController({
    ...{ cache, api, store: options.leases, clock, logger },
    ...(graceMs === undefined ? {} : { graceMs }),
  })
  const node = manager.add(nodes.spec)
  manager.addRunnable(nodes.watch((ref) => node.enqueue(ref)))
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
  const measure = addScaling(manager, { ...options, api, logger, steady, values, sourceOf })
  manager.add(serviceController({ cache, api, clock, placer, quotas, measure }))
  manager.add(resourceQuotaController({ cache, api, clock, quotas }))
  manager.add(garbageController({ cache, api }))
  manager.add(namespaceController({ cache, api }))
  manager.addRunnable(retention({ api, clock, logger }))
  return manager
}

/** Also where nothing has joined: what an earlier leader registered is to go with the last node. */
function addDirectory(manager: Manager, keeper: DirectoryKeeper): void {
  const handle = manager.add(keeper.spec)
  manager.addRunnable({
    name: 'directory',
    async run(signal) {
      keeper.begin(() => handle.enqueue(PASS))
      await abortOf(signal)
    },
  })
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

/** What scales: the controllers of ScaledObjects and ScaledJobs, and the sources that its triggers look at. */
import { hostname } from 'node:os'
import type { ResourceApi } from '../api/api.ts'
import { scaledJobController } from '../controllers/scaledjob/controller.ts'
import { scaledObjectController } from '../controllers/scaledobject/controller.ts'
import type { Measure } from '../controllers/service/rollout/analyst.ts'
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import type { Manager } from '../engine/manager.ts'
import type { ScaledObject, SecretExternal } from '../resources/generated/types.ts'
import type { AnyResource } from '../resources/object.ts'
import { triggerSchema } from '../resources/triggers/index.ts'
import { compilePolicy } from '../scaling/compile.ts'
import { decide, initialState } from '../scaling/decide.ts'
import { SourceGuards } from '../scaling/guard.ts'
import { httpAgents } from '../scaling/http/agents.ts'
import { compileJobs } from '../scaling/jobs/compile.ts'
import type { SteadyTime } from '../scaling/steady.ts'
import { ScalingTimes } from '../scaling/times.ts'
import type { ExternalReader } from '../secrets/external.ts'
import type { ValueResolver } from '../secrets/values.ts'
import type { HistoryStore } from '../telemetry/history/history.ts'
import type { ScalerMetrics } from '../telemetry/scalers.ts'
import { NodeScraper } from '../telemetry/scrape/scraper.ts'
import { nodeCaller } from './listening/call.ts'
import { measureBy } from './measure.ts'
import { nodeMetrics } from './node-metrics.ts'
import type { Environment } from './paths.ts'
import { SOURCES } from './sources.ts'
import { triggerParameters } from './trigger-parameters.ts'
import { triggerOpener } from './triggers.ts'
import { TermWebhooks } from './webhooks.ts'
import { CachedWorkloads } from './workloads.ts'

export interface ScalingOptions {
  readonly api: ResourceApi
  readonly env: Environment
  readonly clock: Clock
  readonly steady: SteadyTime
  readonly logger: Logger
  readonly history: HistoryStore
  readonly scalers: ScalerMetrics
  /** Values of Secrets and Configs, for what triggers log in with. */
  readonly values: ValueResolver
  /** What reads secrets that are kept elsewhere. */
  readonly sourceOf: (external: SecretExternal) => Promise<ExternalReader>
  /** A port on 127.0.0.1 for events that are pushed; none where left out. */
  readonly webhookPort?: number
}

/** Adds it to a manager, for a term. Returns what measures for others what triggers can look at. */
export function addScaling(manager: Manager, options: ScalingOptions): Measure {
  const { api, env, clock, steady, history, scalers, values, sourceOf } = options
  const logger = options.logger.with({ part: 'scaling' })
  const http = httpAgents()
  const caller = { role: 'control-plane', name: hostname() } as const
  const metrics = nodeMetrics(nodeCaller({ api, env, clock, caller }))
  const scraper = new NodeScraper({ clock, steadyMs: steady, fetch: metrics.fetch })
  const workloads = new CachedWorkloads(manager.cache, scraper)
  const webhooks = new TermWebhooks({ port: options.webhookPort, clock, logger })
  const guards = new SourceGuards({
    context: { clock, logger, workloads, webhooks, http },
    load: (type) => SOURCES[type]?.(),
    steadyMs: steady,
    random: Math.random,
  })
  const credentials = triggerParameters({ cache: manager.cache, values, sourceOf })
  let caughtUp = false
  void manager.caughtUp.then(() => {
    caughtUp = true
  })
  const common = {
    ...{ api, cache: manager.cache, clock, logger, history },
    times: new ScalingTimes(clock, steady),
    random: Math.random,
    open: triggerOpener({ ...credentials, guards }),
    isSupported: (type: string) => triggerSchema(type) !== undefined && type in SOURCES,
    caughtUp: () => caughtUp,
    onPolled: (lateMs: number) => scalers.late(lateMs),
  }
  const decider = { compile: (object: ScaledObject) => compilePolicy(object), initialState, decide }
  const services = scaledObjectController({ ...common, metrics: scalers, decider })
  const jobs = scaledJobController({ ...common, compile: compileJobs })
  manager.add(services.controller)
  manager.add(jobs.controller)
  manager.addRunnable({
    name: 'scaling',
    async run(signal) {
      try {
        await webhooks.open()
        await Promise.all([services.runnable.run(signal), jobs.runnable.run(signal)])
      } finally {
        await guards.close()
        await webhooks.close()
        http.close()
        metrics.close()
      }
    },
  })
  return measureBy({ ...credentials, guards })
}

/** Decisions in full are for people, and most of what a scaler takes in memory: controllers read them from the store where they need one. */
export function slimScaler(object: AnyResource): AnyResource {
  if (object.status?.decision === undefined || !SCALERS.has(object.kind)) return object
  const { decision: _, ...status } = object.status
  return { ...object, status }
}

const SCALERS: ReadonlySet<string> = new Set(['ScaledObject', 'ScaledJob'])

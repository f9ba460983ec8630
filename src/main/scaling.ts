/** What scales: the controller of ScaledObjects, and the sources that its triggers look at. */
import type { ResourceApi } from '../api/api.ts'
import { scaledObjectController } from '../controllers/scaledobject/controller.ts'
import type { Clock } from '../core/clock.ts'
import { NsctlError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Manager } from '../engine/manager.ts'
import { triggerSchema } from '../resources/triggers/index.ts'
import { compilePolicy } from '../scaling/compile.ts'
import { decide, initialState } from '../scaling/decide.ts'
import { SourceGuards } from '../scaling/guard.ts'
import { httpAgents } from '../scaling/http/agents.ts'
import type { SteadyTime } from '../scaling/steady.ts'
import { ScalingTimes } from '../scaling/times.ts'
import type { ValueResolver } from '../secrets/values.ts'
import type { HistoryStore } from '../telemetry/history/history.ts'
import type { ScalerMetrics } from '../telemetry/scalers.ts'
import { metricsFetcher } from '../telemetry/scrape/fetch.ts'
import { NodeScraper } from '../telemetry/scrape/scraper.ts'
import { SOURCES } from './sources.ts'
import { triggerOpener } from './triggers.ts'
import { TermWebhooks } from './webhooks.ts'
import { CachedWorkloads } from './workloads.ts'

export interface ScalingOptions {
  readonly api: ResourceApi
  readonly clock: Clock
  readonly steady: SteadyTime
  readonly logger: Logger
  readonly history: HistoryStore
  readonly scalers: ScalerMetrics
  /** Values of Secrets and Configs, for what triggers log in with. */
  readonly values: ValueResolver
  /** A port on 127.0.0.1 for events that are pushed; none where left out. */
  readonly webhookPort?: number
}

/** Adds it to a manager, for a term. */
export function addScaling(manager: Manager, options: ScalingOptions): void {
  const { api, clock, steady, history, scalers } = options
  const logger = options.logger.with({ part: 'scaling' })
  const http = httpAgents()
  const metrics = metricsFetcher()
  const scraper = new NodeScraper({ clock, steadyMs: steady, fetch: metrics.fetch })
  const workloads = new CachedWorkloads(manager.cache, scraper)
  const webhooks = new TermWebhooks({ port: options.webhookPort, clock, logger })
  const guards = new SourceGuards({
    context: { clock, logger, workloads, webhooks, http },
    load: (type) => SOURCES[type]?.(),
    steadyMs: steady,
    random: Math.random,
  })
  let caughtUp = false
  void manager.caughtUp.then(() => {
    caughtUp = true
  })
  const { controller, runnable } = scaledObjectController({
    ...{ api, cache: manager.cache, clock, logger, history, metrics: scalers },
    times: new ScalingTimes(clock, steady),
    random: Math.random,
    decider: { compile: (object) => compilePolicy(object), initialState, decide },
    open: triggerOpener({ ...notYet, guards }),
    isSupported: (type) => triggerSchema(type) !== undefined && type in SOURCES,
    caughtUp: () => caughtUp,
    onPolled: (lateMs) => scalers.late(lateMs),
  })
  manager.add(controller)
  manager.addRunnable({
    name: runnable.name,
    async run(signal) {
      try {
        await webhooks.open()
        await runnable.run(signal)
      } finally {
        await guards.close()
        await webhooks.close()
        http.close()
        metrics.close()
      }
    },
  })
}

const notYet = {
  async authenticate() {
    throw new NsctlError('Unsupported', 'TriggerAuthentications cannot be read yet')
  },
  environment: async () => ({}),
}

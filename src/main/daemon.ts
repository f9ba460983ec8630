/** `nsctl up`: the control plane and this machine's agent in one process. */
import { dirname } from 'node:path'
import { createAgent } from '../agent/agent.ts'
import { placeKept } from '../agent/material/restore.ts'
import type { ResourceApi } from '../api/api.ts'
import { type Clock, delay } from '../core/clock.ts'
import { messageOf, NsctlError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { runAsLeader } from '../engine/leader.ts'
import type { Manager } from '../engine/manager.ts'
import { CATCHING_UP, LEADER_LEASE, openApiOver, openStore, VERSION } from '../main.ts'
import type { LayoutVersion } from '../store/layout.ts'
import { holderIsAlive, readLease, thisProcess } from '../store/lease.ts'
import type { Store } from '../store/store.ts'
import type { Catalog } from '../traffic/catalog.ts'
import { openCatalog, takeOut } from './catalog.ts'
import { claimPrograms } from './claim.ts'
import { abortOf, controlPlane, isController, LEASE_TTL_MS, refuseHalfStore } from './control-plane.ts'
import { keepHeapSmall } from './heap.ts'
import { type ControllerHistory, openHistory } from './history.ts'
import { measuredStore } from './measured-store.ts'
import { type NodeKey, nodeKeyOf } from './node-key.ts'
import { type Environment, runtimePathsOf } from './paths.ts'
import {
  chooseRuntime,
  type LocalRuntime,
  openRuntime,
  type RuntimeChoice,
  type RuntimeName,
} from './runtimes.ts'
import { makeTallies, type Tallies } from './tallies.ts'

export interface DaemonOptions {
  readonly env: Environment
  readonly clock: Clock
  readonly logger: Logger
  readonly store?: string
  /** The layout that this process knows: see `OpenStoreOptions`. */
  readonly layout?: LayoutVersion
  readonly runtime: RuntimeName
  /** The programs end with this process. */
  readonly own: boolean
  /** The loopback port for /metrics and /healthz: any that is free with 0, none where left out. */
  readonly metricsPort?: number
  /** A loopback port for events that are pushed to triggers; none where left out. */
  readonly webhookPort?: number
  /** Called once everything runs. */
  readonly onReady: (ready: DaemonReady) => void
}

export interface DaemonReady {
  readonly storeUrl: string
  readonly runtime: string
  readonly node: string
  readonly cannot: readonly string[]
}

const OWN_REMOVAL_LIMIT_MS = 60_000
/** One program that is slow to be looked at must not keep the controllers from all others. */
const FIRST_LOOK_LIMIT_MS = 10_000

/**
 * Runs until `signal` aborts, then stops in order. Rejects with Conflict where another daemon serves this store or owns this
 * machine's programs. What runs goes on after it, unless `own`.
 */
export async function runDaemon(options: DaemonOptions, signal: AbortSignal): Promise<void> {
  keepHeapSmall()
  const { env, clock, logger } = options
  const tallies = makeTallies()
  const store = measuredStore(await openStore(options), tallies.store, clock)
  try {
    await refuseSecond(store)
    await refuseHalfStore(options, store)
    const choice = await chooseRuntime(options.runtime)
    const { node } = await claimPrograms(runtimePathsOf(choice, env).stateDir, store.url)
    const catalog = await openCatalog({ ...options, node })
    const stop = new AbortController()
    const runtime = await openRuntime(choice, { env, clock, logger, signal: stop.signal })
    try {
      const key = nodeKeyOf(choice, env, logger)
      await restore(runtime, key, logger)
      const history = await openHistory({ ...options, store })
      const parts = { store, tallies, history, runtime, catalog, choice, node, key }
      try {
        await serveAndClear(options, parts, signal)
      } finally {
        await history.store.close()
      }
    } finally {
      stop.abort()
      catalog?.close()
      await runtime.close()
    }
  } finally {
    await store.close()
  }
}

/** After a boot what ran is started at once: until this process leads, and knows what is wanted now, seconds may pass. */
async function restore(runtime: LocalRuntime, { keep }: NodeKey, logger: Logger): Promise<void> {
  try {
    const restored = (await runtime.restore?.((id) => placeKept(id, { keep, runtime, logger }))) ?? []
    if (restored.length > 0)
      logger.log('info', 'started again what ran before the boot', { programs: restored.length })
  } catch (error) {
    // the agent starts what is missing as soon as it knows what is wanted
    logger.log('warn', `cannot start again what ran before the boot: ${messageOf(error)}`)
  }
}

/** What the daemon works with once it is alone with it. */
interface Parts {
  readonly store: Store
  readonly tallies: Tallies
  readonly history: ControllerHistory
  readonly runtime: LocalRuntime
  readonly catalog: Catalog | undefined
  readonly choice: RuntimeChoice
  readonly node: string
  readonly key: NodeKey
}

/** With `own` the programs end however the serving ended: nobody else would end them. */
async function serveAndClear(options: DaemonOptions, parts: Parts, signal: AbortSignal): Promise<void> {
  try {
    await serve(options, parts, signal)
  } finally {
    if (options.own) {
      for (const line of await takeOut({ ...options, node: parts.node })) options.logger.log('info', line)
      const limit = AbortSignal.timeout(OWN_REMOVAL_LIMIT_MS)
      await parts.runtime.removeAll({ purge: false, signal: limit })
    }
  }
}

/** Says at once who serves this store, instead of waiting for a lease that will not come free. */
async function refuseSecond(store: Store): Promise<void> {
  const record = await readLease(store, LEADER_LEASE)
  if (record === undefined || isController(record) || holderIsAlive(record.holder) !== true) return
  const { pid, host } = record.holder
  throw new NsctlError('Conflict', `nsctl already runs for ${store.url}: pid ${pid} on ${host}`, {
    value: pid,
    next: 'use it as it is, or end it first with nsctl down',
  })
}

async function serve(options: DaemonOptions, parts: Parts, signal: AbortSignal): Promise<void> {
  const { clock, logger } = options
  const { store, tallies, history, runtime, choice, node } = parts
  const api = await openApiOver(store, clock, logger)
  const stop = new AbortController()
  const both = AbortSignal.any([signal, stop.signal])
  /** The lease is ours; the controllers run. */
  const [elected, leading] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  /** Processes of `nsctl controller` may do the controllers' part: then this one is the machine's agent, and stands by. */
  const led = Promise.withResolvers<void>()
  const agent = agentOf(options, parts, api, Promise.race([leading.promise, led.promise]))
  const about = { runtime: runtime.info.description, choice, version: VERSION, node }
  const running = [
    runAsLeader(
      {
        store,
        lease: LEADER_LEASE,
        ttlMs: LEASE_TTL_MS,
        holder: thisProcess({ ...about, ...CATCHING_UP }),
        clock,
        logger,
        metrics: tallies.engine,
        onStandby: (record) => {
          if (isController(record) && holderIsAlive(record.holder) !== false) led.resolve()
        },
        lead: async ({ fence, tell }, term) => {
          // one may have been cut off while this process waited for the lease; half a store would end what runs
          await refuseHalfStore(options, store)
          elected.resolve()
          // controllers that began with what an earlier agent wrote would take for ready what may have ended since
          await Promise.race([
            agent.caughtUp,
            abortOf(term),
            delay(clock, FIRST_LOOK_LIMIT_MS, term).catch(() => {}),
          ])
          await history.catchUp()
          const manager = controlPlane(
            api.fenced(fence),
            { ...options, history: history.store, scalers: tallies.scalers },
            tallies.engine,
          )
          manager.addRunnable({ name: 'history', run: (stopped) => history.publish(fence, stopped) })
          manager.addRunnable({ name: 'leading', run: async () => leading.resolve() })
          manager.addRunnable({
            name: 'caught up',
            async run(stopped) {
              await Promise.race([Promise.all([agent.caughtUp, manager.caughtUp]), abortOf(stopped)])
              if (!stopped.aborted) await tell(about)
            },
          })
          return manager.run(term)
        },
      },
      both,
    ),
    // of two daemons that start at once for one store, under different homes, only one may run its programs
    Promise.race([elected.promise, led.promise, abortOf(both)]).then(() => agent.run(both)),
    history.follow(both),
  ]
  try {
    await Promise.all(running)
  } finally {
    stop.abort()
    await Promise.allSettled(running)
    await api.flush()
  }
}

/** This machine's agent. The daemon is ready once its cache is in sync and the controllers run: others see then that it acts. */
function agentOf(options: DaemonOptions, parts: Parts, api: ResourceApi, leading: Promise<void>): Manager {
  const { clock, logger, env, metricsPort } = options
  const { store, tallies, runtime, catalog, choice, node, key } = parts
  const agent = createAgent({
    node,
    api,
    runtime,
    clock,
    logger,
    metrics: tallies.engine,
    version: VERSION,
    baseEnvironment: baseEnvironment(choice, env),
    seal: key.seal,
    // a runtime that restores nothing asks for nothing at the next boot
    ...(runtime.restore && { keep: key.keep }),
    ...(catalog && { catalog }),
    ...(metricsPort === undefined
      ? {}
      : { serveMetrics: { port: metricsPort, expositions: tallies.expositions } }),
  })
  agent.addRunnable({
    name: 'ready',
    async run(stopped) {
      await Promise.race([leading, abortOf(stopped)])
      if (stopped.aborted) return
      const { description, cannot } = runtime.info
      options.onReady({ storeUrl: store.url, runtime: description, node, cannot })
    },
  })
  return agent
}

/** What every program finds in its environment besides its own: PATH with this Node's folder last, and who the user is. */
function baseEnvironment(choice: RuntimeChoice, env: Environment): Readonly<Record<string, string>> {
  const path = [env.PATH ?? '/usr/local/bin:/usr/bin:/bin', dirname(process.execPath)].join(':')
  // systemd gives a program the variables of the user that it runs as
  const names = choice === 'process' ? ['HOME', 'USER', 'LOGNAME', 'LANG', 'TZ', 'TMPDIR'] : ['LANG', 'TZ']
  const kept = names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as const]))
  return { ...Object.fromEntries(kept), PATH: path }
}

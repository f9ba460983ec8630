/** `nsctl up`: the control plane and this machine's agent in one process. */
import { createAgent } from '../agent/agent.ts'
import type { OpenBalancer } from '../agent/edge/edge.ts'
import { Heartbeat } from '../agent/heartbeat.ts'
import type { Fence } from '../agent/unique/fence.ts'
import { Permits } from '../agent/unique/permits.ts'
import type { ResourceApi } from '../api/api.ts'
import { type Clock, delay } from '../core/clock.ts'
import { NsctlError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { runAsLeader } from '../engine/leader.ts'
import type { Manager } from '../engine/manager.ts'
import { CATCHING_UP, LEADER_LEASE, openApiOver, openStore, VERSION } from '../main.ts'
import type { LayoutVersion } from '../store/layout.ts'
import { holderIsAlive, type LeaseRecord, readLease, thisProcess } from '../store/lease.ts'
import type { Store } from '../store/store.ts'
import { storeOfTerm } from '../store/term.ts'
import { parseStoreUrl } from '../store/url.ts'
import type { Catalog } from '../traffic/catalog.ts'
import { hostAgentless } from './agentless/host.ts'
import { balancerOf, clearBalancer } from './balancer.ts'
import { openCatalog, openDirectory, takeOut } from './catalog.ts'
import { claimPrograms } from './claim.ts'
import { abortOf, controlPlane, isController, LEASE_TTL_MS, refuseHalfStore } from './control-plane.ts'
import { fenceOf } from './fence.ts'
import { keepHeapSmall } from './heap.ts'
import { type ControllerHistory, openHistory } from './history.ts'
import { besideIt, listenOptions, ownIdentity } from './listening/listen.ts'
import { baseEnvironment, restoreKept } from './local-agent.ts'
import { measuredStore } from './measured-store.ts'
import { type NodeKey, nodeKeyOf } from './node-key.ts'
import { type Addresses, addressesOf, type NodeOptions, refuseRenaming } from './node-options.ts'
import { type Environment, runtimePathsOf } from './paths.ts'
import {
  chooseRuntime,
  type LocalRuntime,
  openRuntime,
  type RuntimeChoice,
  type RuntimeName,
} from './runtimes.ts'
import { makeTallies, type Tallies } from './tallies.ts'

export interface DaemonOptions extends NodeOptions {
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
  /** A node that is silent for so long is lost; 15 s where left out. */
  readonly nodeGraceMs?: number
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
  readonly reached: Addresses
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
  // what it is called as a node does not narrow what it reaches: it is the control plane, too
  const { node: _, ...unscoped } = options
  const store = measuredStore(await openStore(unscoped), tallies.store, clock)
  try {
    await refuseHalfStore(options, store)
    const choice = await chooseRuntime(options.runtime)
    const { stateDir } = runtimePathsOf(choice, env)
    const claim = await claimPrograms(stateDir, store.url, options.node)
    refuseRenaming(claim, options.node)
    const { node } = claim
    await refuseSecond(store, node)
    const reached = await addressesOf(store.url, options.addresses)
    const catalog = await openCatalog({ ...options, node })
    const balancer = await balancerOf(options, { stateDir, store: store.url, node })
    const stop = new AbortController()
    const runtime = await openRuntime(choice, { env, clock, logger, signal: stop.signal })
    try {
      const key = nodeKeyOf(choice, env, logger)
      await restoreKept(runtime, key, logger)
      const history = await openHistory({ ...options, store })
      const holder = thisProcess({ version: VERSION, runtime: runtime.info.description })
      const { fence, lease } = fenceOf(runtime, clock, logger)
      const heartbeat = new Heartbeat({ node, store, holder, logger, ...lease })
      const parts = {
        ...{ store, tallies, history, runtime, catalog, balancer, choice, node, key },
        ...{ heartbeat, fence, reached, stateDir },
      }
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

/** What the daemon works with once it is alone with it. */
interface Parts {
  readonly store: Store
  readonly tallies: Tallies
  readonly history: ControllerHistory
  readonly runtime: LocalRuntime
  readonly catalog: Catalog | undefined
  readonly balancer: OpenBalancer | undefined
  readonly choice: RuntimeChoice
  readonly node: string
  readonly key: NodeKey
  readonly heartbeat: Heartbeat
  readonly fence: Fence | undefined
  readonly reached: Addresses
  readonly stateDir: string
}

/** With `own` the programs end however the serving ended: nobody else would end them. */
async function serveAndClear(options: DaemonOptions, parts: Parts, signal: AbortSignal): Promise<void> {
  try {
    await serve(options, parts, signal)
  } finally {
    if (options.own) {
      const lines = [
        ...(await clearBalancer(parts.stateDir, options.clock)),
        ...(await takeOut({ ...options, node: parts.node })),
      ]
      for (const line of lines) options.logger.log('info', line)
      const limit = AbortSignal.timeout(OWN_REMOVAL_LIMIT_MS)
      await parts.runtime.removeAll({ purge: false, signal: limit })
    }
  }
}

/** Says at once who serves this store, instead of waiting for a lease that will not come free. */
async function refuseSecond(store: Store, node: string): Promise<void> {
  const record = await readLease(store, LEADER_LEASE)
  if (record === undefined || !isOfNode(record, node) || holderIsAlive(record.holder) !== true) return
  const { pid, host } = record.holder
  throw new NsctlError('Conflict', `nsctl already runs for ${store.url}: pid ${pid} on ${host}`, {
    value: pid,
    next: 'use it as it is, or end it first with nsctl down',
  })
}

/** Who leads may be this node's agent as well; a controller, and another machine, are not. */
function isOfNode(record: LeaseRecord, node: string): boolean {
  const { node: others = node } = record.holder.about
  return !isController(record) && others === node
}

async function serve(options: DaemonOptions, parts: Parts, signal: AbortSignal): Promise<void> {
  const { clock, logger } = options
  const { store, tallies, history, runtime, choice, node, heartbeat } = parts
  const api = await openApiOver(store, clock, logger)
  const stop = new AbortController()
  const both = AbortSignal.any([signal, stop.signal])
  /** The lease is ours; the controllers run. */
  const [elected, leading] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  /** Another process does the controllers' part, on this machine or another: then this one is the machine's agent, and stands by. */
  const led = Promise.withResolvers<void>()
  const agent = agentOf(options, parts, api, Promise.race([leading.promise, led.promise]))
  const about = { runtime: runtime.info.description, choice, version: VERSION, node }
  // the silence of an agent that was here before runs while this process waits to lead
  heartbeat.begin()
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
          if (!isOfNode(record, node) && holderIsAlive(record.holder) !== false) led.resolve()
        },
        lead: async ({ fence, lost, tell }, term) => {
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
          const directory = await openDirectory(options)
          const manager = controlPlane(
            api.fenced(fence, lost),
            {
              ...options,
              leases: storeOfTerm(store, lost),
              history: history.store,
              scalers: tallies.scalers,
              ...(directory && { directory }),
            },
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
          return manager.run(term).finally(() => directory?.close())
        },
      },
      both,
    ),
    // of two daemons that start at once for one store, under different homes, only one may run its programs
    Promise.race([elected.promise, led.promise, abortOf(both)]).then(() => agent.run(both)),
    history.follow(both),
    hostAgentless(
      {
        ...{ api, store, env: options.env, clock, logger },
        ...(options.listen && { listen: besideIt(options.listen, parts.reached.addresses) }),
      },
      both,
    ),
  ]
  try {
    await Promise.all(running)
  } finally {
    stop.abort()
    await Promise.allSettled(running)
    await heartbeat.end()
    await api.flush()
  }
}

/** A machine by itself answers whoever is on it, without a listener. */
function listenOf(options: DaemonOptions, { store, node, reached }: Parts, api: ResourceApi) {
  const { engine } = parseStoreUrl(store.url)
  if (engine === 'sqlite' || engine === 'memory') return undefined
  const identity = ownIdentity({ ...options, api, node })
  return listenOptions({ ...options, addresses: reached.addresses, identity })
}

/** This machine's agent. The daemon is ready once its cache is in sync and the controllers run: others see then that it acts. */
function agentOf(options: DaemonOptions, parts: Parts, api: ResourceApi, leading: Promise<void>): Manager {
  const { clock, logger, env, metricsPort } = options
  const { fence, ...rest } = parts
  const { store, tallies, runtime, catalog, balancer, choice, node, key, heartbeat, reached, stateDir } = rest
  const listen = listenOf(options, parts, api)
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
    heartbeat,
    permits: new Permits({ api, store, heartbeat, fence }),
    addresses: reached.addresses,
    ...(options.reserve && { reserve: options.reserve }),
    stateDir,
    // a runtime that restores nothing asks for nothing at the next boot
    ...(runtime.restore && { keep: key.keep }),
    ...(catalog && { catalog }),
    ...(balancer && { balancer }),
    expositions: tallies.expositions,
    ...(metricsPort === undefined ? {} : { serveMetrics: { port: metricsPort } }),
    ...(listen && { listen }),
  })
  agent.addRunnable({
    name: 'ready',
    async run(stopped) {
      await Promise.race([leading, abortOf(stopped)])
      if (stopped.aborted) return
      const { description, cannot } = runtime.info
      options.onReady({ storeUrl: store.url, runtime: description, node, cannot, reached })
    },
  })
  return agent
}

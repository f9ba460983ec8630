/** `nsctl controller`: the controllers without an agent, as one of several processes of which one leads. */
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import { runAsLeader } from '../engine/leader.ts'
import { CATCHING_UP, LEADER_LEASE, openApiOver, openStore, VERSION } from '../main.ts'
import type { LayoutVersion } from '../store/layout.ts'
import { holderIsAlive, type LeaseRecord, readLease, thisProcess } from '../store/lease.ts'
import type { Store } from '../store/store.ts'
import { storeOfTerm } from '../store/term.ts'
import { metricsServer } from '../telemetry/metrics-server.ts'
import { processExposition } from '../telemetry/process.ts'
import { openDirectory } from './catalog.ts'
import { abortOf, CONTROLLER_ROLE, controlPlane, LEASE_TTL_MS, refuseHalfStore } from './control-plane.ts'
import { keepHeapSmall } from './heap.ts'
import { type ControllerHistory, openHistory } from './history.ts'
import type { ListenAddress } from './listening/listen.ts'
import { measuredStore } from './measured-store.ts'
import type { Environment } from './paths.ts'
import { makeTallies, type Tallies } from './tallies.ts'

export interface ControllerOptions {
  readonly env: Environment
  readonly clock: Clock
  readonly logger: Logger
  readonly store?: string
  /** The layout that this process knows: see `OpenStoreOptions`. */
  readonly layout?: LayoutVersion
  /** A loopback port for /metrics and /healthz; none where left out. */
  readonly metricsPort?: number
  /** A node that is silent for so long is lost; 15 s where left out. */
  readonly nodeGraceMs?: number
  /** A loopback port for events that are pushed to triggers, while it leads; none where left out. */
  readonly webhookPort?: number
  /** Where machines join, as `address:port`; nowhere where left out. */
  readonly joinListen?: string
  /** Where the nodes that it looks after over SSH answer; on loopback where left out. */
  readonly listen?: ListenAddress
  /** Called once machines can join. */
  readonly onJoinable?: (address: string) => void
  /** Called once: the store answers, and this leads or stands by. */
  readonly onReady: (ready: ControllerReady) => void
  /** Called with each term that this process leads. */
  readonly onLeading: (epoch: number) => void
}

export interface ControllerReady {
  readonly storeUrl: string
  /** Who leads already; undefined where nobody is known to. */
  readonly leader: LeaseRecord['holder'] | undefined
}

/**
 * Runs until `signal` aborts: waits for the lease, leads, and waits again where it was lost. A leader that is killed is followed at
 * once on its own machine, and after 5 s of silence elsewhere; one that stops in order hands on at once. What a former leader
 * still writes is refused by the store.
 */
export async function runController(options: ControllerOptions, signal: AbortSignal): Promise<void> {
  keepHeapSmall()
  const { logger, metricsPort } = options
  const tallies = makeTallies()
  const store = measuredStore(await openStore(options), tallies.store, options.clock)
  try {
    await refuseHalfStore(options, store)
    const stop = new AbortController()
    const both = AbortSignal.any([signal, stop.signal])
    options.onReady({ storeUrl: store.url, leader: await leaderOf(store) })
    const history = await openHistory({ ...options, store })
    const expositions = [processExposition(VERSION), ...tallies.expositions]
    const beside = [history.follow(both)]
    if (metricsPort !== undefined)
      beside.push(metricsServer({ expositions, port: metricsPort, logger }).run(both))
    beside.push(agentless(options, store, both))
    const { joinListen } = options
    if (joinListen !== undefined) beside.push(joins(options, store, joinListen, both))
    try {
      await Promise.all([lead(options, { store, history, tallies }, both), ...beside])
    } finally {
      stop.abort()
      await Promise.allSettled(beside)
      await history.store.close()
    }
  } finally {
    await store.close()
  }
}

/** Whoever leads: each controller that reaches a machine may look after it. */
async function agentless(options: ControllerOptions, store: Store, signal: AbortSignal): Promise<void> {
  const { clock, logger, env, listen } = options
  const { hostAgentless } = await import('./agentless/host.ts')
  const api = await openApiOver(store, clock, logger)
  try {
    await hostAgentless({ api, store, env, clock, logger, ...(listen && { listen }) }, signal)
  } finally {
    await api.flush()
  }
}

/** Whoever leads: each controller that was told to listen does. */
async function joins(
  options: ControllerOptions,
  store: Store,
  listen: string,
  signal: AbortSignal,
): Promise<void> {
  const { clock, logger, onJoinable } = options
  const { hostJoins } = await import('./join/host.ts')
  const api = await openApiOver(store, clock, logger)
  const how = { ...options, api, listen, storeUrl: store.url, ...(onJoinable && { onListening: onJoinable }) }
  await hostJoins(how, signal)
}

async function leaderOf(store: Store): Promise<LeaseRecord['holder'] | undefined> {
  const record = await readLease(store, LEADER_LEASE)
  return record === undefined || holderIsAlive(record.holder) === false ? undefined : record.holder
}

interface Parts {
  readonly store: Store
  readonly history: ControllerHistory
  readonly tallies: Tallies
}

async function lead(options: ControllerOptions, parts: Parts, signal: AbortSignal): Promise<void> {
  const { clock, logger } = options
  const { store, history, tallies } = parts
  const api = await openApiOver(store, clock, logger)
  const about = { ...CONTROLLER_ROLE, version: VERSION }
  try {
    await runAsLeader(
      {
        store,
        lease: LEADER_LEASE,
        ttlMs: LEASE_TTL_MS,
        holder: thisProcess({ ...about, ...CATCHING_UP }),
        clock,
        logger,
        metrics: tallies.engine,
        lead: async ({ fence, lost, epoch, tell }, term) => {
          // one may have been cut off while this process waited for the lease
          await refuseHalfStore(options, store)
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
          manager.addRunnable({
            name: 'leading',
            async run(stopped) {
              options.onLeading(epoch)
              await Promise.race([manager.caughtUp, abortOf(stopped)])
              if (!stopped.aborted) await tell(about)
            },
          })
          return manager.run(term).finally(() => directory?.close())
        },
      },
      signal,
    )
  } finally {
    await api.flush()
  }
}

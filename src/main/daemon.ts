/** `nsctl up`: the control plane and this machine's agent in one process. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { createAgent } from '../agent/agent.ts'
import type { ResourceApi } from '../api/api.ts'
import { garbageController } from '../controllers/garbage/controller.ts'
import { namespaceController } from '../controllers/namespace/controller.ts'
import { retention } from '../controllers/retention/runnable.ts'
import { serviceController } from '../controllers/service/controller.ts'
import type { Clock } from '../core/clock.ts'
import { NsctlError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { runAsLeader } from '../engine/leader.ts'
import { createManager, type Manager } from '../engine/manager.ts'
import { metricsServer } from '../engine/metrics-server.ts'
import { EngineTally } from '../engine/tally.ts'
import { LEADER_LEASE, openApiOver, openStore, VERSION } from '../main.ts'
import { holderIsAlive, readLease, thisProcess } from '../store/lease.ts'
import type { Store } from '../store/store.ts'
import { type Environment, runtimePathsOf } from './paths.ts'
import {
  chooseRuntime,
  type LocalRuntime,
  openRuntime,
  type RuntimeChoice,
  type RuntimeName,
} from './runtimes.ts'

export interface DaemonOptions {
  readonly env: Environment
  readonly clock: Clock
  readonly logger: Logger
  readonly store?: string
  readonly runtime: RuntimeName
  /** The programs end with this process. */
  readonly own: boolean
  /** A loopback port for /metrics and /healthz; none where left out. */
  readonly metricsPort?: number
  /** Called once everything runs. */
  readonly onReady: (ready: DaemonReady) => void
}

export interface DaemonReady {
  readonly storeUrl: string
  readonly runtime: string
  readonly node: string
  readonly cannot: readonly string[]
}

/** Ten seconds at most until another may take over from a process that vanished together with its machine's clock. */
const LEASE_TTL_MS = 5_000

/**
 * Runs until `signal` aborts, then stops in order. Rejects with Conflict where another daemon serves this store or owns this
 * machine's programs. What runs goes on after it, unless `own`.
 */
export async function runDaemon(options: DaemonOptions, signal: AbortSignal): Promise<void> {
  const { env, clock, logger } = options
  const store = await openStore({
    env,
    clock,
    logger,
    ...(options.store === undefined ? {} : { store: options.store }),
  })
  try {
    await refuseSecond(store)
    const choice = await chooseRuntime(options.runtime)
    await claimMachine(choice, env, store.url)
    const stop = new AbortController()
    const runtime = await openRuntime(choice, { env, clock, logger, signal: stop.signal })
    try {
      await serve(options, store, runtime, choice, signal)
      if (options.own) await runtime.removeAll({ purge: false, signal: AbortSignal.timeout(60_000) })
    } finally {
      stop.abort()
      await runtime.close()
    }
  } finally {
    await store.close()
  }
}

/** Says at once who serves this store, instead of waiting for a lease that will not come free. */
async function refuseSecond(store: Store): Promise<void> {
  const record = await readLease(store, LEADER_LEASE)
  if (record === undefined || (await holderIsAlive(record.holder)) !== true) return
  const { pid, host } = record.holder
  throw new NsctlError('Conflict', `nsctl already runs for ${store.url}: pid ${pid} on ${host}`, {
    value: pid,
    next: 'use it as it is, or end it first with nsctl down',
  })
}

/** Programs on a machine belong to one store: a daemon with another one would end them as nobody's. */
async function claimMachine(choice: RuntimeChoice, env: Environment, storeUrl: string): Promise<void> {
  const file = join(runtimePathsOf(choice, env).stateDir, 'store-url')
  const owner = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (owner === storeUrl) return
  if (owner !== undefined) {
    throw new NsctlError(
      'Conflict',
      `this machine's programs belong to the store ${owner}, not ${storeUrl}`,
      {
        value: owner,
        next: `start with --store ${owner}, or give them up with nsctl down --store ${owner}`,
      },
    )
  }
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  // whole or not at all: half a name would lock out everybody
  await writeFile(`${file}.new`, storeUrl, { mode: 0o600 })
  await rename(`${file}.new`, file)
}

async function serve(
  options: DaemonOptions,
  store: Store,
  runtime: LocalRuntime,
  choice: RuntimeChoice,
  signal: AbortSignal,
): Promise<void> {
  const { clock, logger, env } = options
  const api = await openApiOver(store, clock, logger)
  const node = nodeName()
  const tally = new EngineTally()
  const stop = new AbortController()
  const both = AbortSignal.any([signal, stop.signal])
  const holder = await thisProcess({ runtime: runtime.info.description, choice, version: VERSION, node })
  const agent = createAgent({
    node,
    api,
    runtime,
    clock,
    logger,
    metrics: tally,
    version: VERSION,
    baseEnvironment: baseEnvironment(choice, env),
  })
  if (options.metricsPort !== undefined)
    agent.addRunnable(metricsServer({ tally, port: options.metricsPort, logger }))
  /** Others see a daemon that acts only once the controllers run: not before then is it ready. */
  const led = Promise.withResolvers<void>()
  agent.addRunnable({
    name: 'ready',
    async run(stopped) {
      await Promise.race([led.promise, abortOf(stopped)])
      if (stopped.aborted) return
      options.onReady({
        storeUrl: store.url,
        runtime: runtime.info.description,
        node,
        cannot: runtime.info.cannot,
      })
    },
  })
  const leading = runAsLeader(
    {
      store,
      lease: LEADER_LEASE,
      ttlMs: LEASE_TTL_MS,
      holder,
      clock,
      logger,
      metrics: tally,
      lead: ({ fence }, term) => {
        const manager = controlPlane(api.fenced(fence), options, tally)
        manager.addRunnable({ name: 'led', run: async () => led.resolve() })
        return manager.run(term)
      },
    },
    both,
  )
  const running = [agent.run(both), leading]
  try {
    await Promise.all(running)
  } finally {
    stop.abort()
    await Promise.allSettled(running)
    await api.flush()
  }
}

function abortOf(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** All controllers of the control plane: this list is what nsctl does. */
function controlPlane(api: ResourceApi, options: DaemonOptions, metrics: EngineTally): Manager {
  const { clock } = options
  const logger = options.logger.with({ part: 'control plane' })
  const manager = createManager({ api, clock, logger, metrics })
  const { cache } = manager
  manager.add(serviceController({ cache, api, clock }))
  manager.add(garbageController({ cache, api }))
  manager.add(namespaceController({ cache, api }))
  manager.addRunnable(retention({ api, clock, logger }))
  return manager
}

/** The machine's host name as a Node may be called. */
export function nodeName(host: string = hostname()): string {
  const name = host
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]/g, '-')
    .replaceAll(/^[-.]+|[-.]+$/g, '')
  return name === '' ? 'localhost' : name
}

/** What every program finds in its environment besides its own: PATH with this Node's folder last, and who the user is. */
function baseEnvironment(choice: RuntimeChoice, env: Environment): Readonly<Record<string, string>> {
  const path = [env.PATH ?? '/usr/local/bin:/usr/bin:/bin', dirname(process.execPath)].join(':')
  // systemd gives a program the variables of the user that it runs as
  const names = choice === 'process' ? ['HOME', 'USER', 'LOGNAME', 'LANG', 'TZ', 'TMPDIR'] : ['LANG', 'TZ']
  const kept = names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as const]))
  return { ...Object.fromEntries(kept), PATH: path }
}

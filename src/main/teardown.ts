/** `nsctl down`: ends the daemon and every workload, and removes what nsctl made on this machine. */
import { access, readdir, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, delay } from '../core/clock.ts'
import { NsctlError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { LEADER_LEASE, openStore } from '../main.ts'
import { holderIsAlive, readLease } from '../store/lease.ts'
import { uninstallDaemon } from './install.ts'
import { type Environment, pathsOf, runtimePathsOf } from './paths.ts'
import { openRuntime, type RuntimeChoice } from './runtimes.ts'

export interface TeardownOptions {
  readonly env: Environment
  readonly clock: Clock
  readonly logger: Logger
  readonly store?: string
  /** Also the data of workloads, their logs and the store. */
  readonly purge: boolean
  readonly signal: AbortSignal
}

export interface TornDown {
  /** What was done, a line each. */
  readonly done: readonly string[]
  /** What is still there, a line each. */
  readonly left: readonly string[]
}

const STOP_LIMIT_MS = 30_000
const CHOICES: readonly RuntimeChoice[] = ['process', 'systemd-system', 'systemd-user']

export async function tearDown(options: TeardownOptions): Promise<TornDown> {
  const done = [...(await uninstallDaemon(options.env)), ...(await stopDaemon(options))]
  const left: string[] = []
  for (const choice of await usedRuntimes(options.env)) {
    const { stateDir, runDir } = runtimePathsOf(choice, options.env)
    const mark = join(stateDir, 'store-url')
    const isOwned = await isThere(mark)
    const runtime = await openRuntime(choice, options)
    const rest = await runtime.removeAll({ purge: options.purge, signal: options.signal })
    await runtime.close()
    if (isOwned) done.push(`ended every workload (${runtime.info.description})`)
    else if (options.purge) done.push(`removed what earlier workloads left (${runtime.info.description})`)
    left.push(...rest)
    await rm(mark, { force: true })
    // what holds nothing any more
    for (const folder of [stateDir, runDir]) await rmdir(folder).catch(() => {})
  }
  const { stateDir } = pathsOf(options.env)
  if (options.purge && (await isThere(stateDir))) {
    await rm(stateDir, { recursive: true, force: true })
    done.push(`removed ${stateDir}`)
  } else if ((await readdir(stateDir).catch(() => [])).length > 0) {
    left.push(`${stateDir}: the store, with every object and its history`)
  }
  return { done, left }
}

/** Runtimes that have something of ours on this machine: storage is there even after they were given up. */
async function usedRuntimes(env: Environment): Promise<readonly RuntimeChoice[]> {
  const used: RuntimeChoice[] = []
  for (const choice of CHOICES) {
    // another user's cannot be read, and is not ours to end
    const kept = await readdir(runtimePathsOf(choice, env).stateDir).catch(() => [])
    if (kept.length > 0) used.push(choice)
  }
  return used
}

async function isThere(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  )
}

async function stopDaemon(options: TeardownOptions): Promise<readonly string[]> {
  const { env, clock, logger, signal } = options
  const given = options.store === undefined ? {} : { store: options.store }
  if (options.store === undefined && !(await isThere(pathsOf(env).storeFile))) return []
  const store = await openStore({ env, clock, logger, ...given, readOnly: true })
  try {
    const record = await readLease(store, LEADER_LEASE)
    if (record === undefined || (await holderIsAlive(record.holder)) !== true) return []
    const { pid } = record.holder
    process.kill(pid, 'SIGTERM')
    const deadlineMs = clock.monotonic() + STOP_LIMIT_MS
    while ((await holderIsAlive(record.holder)) === true) {
      if (clock.monotonic() > deadlineMs) {
        throw new NsctlError(
          'Timeout',
          `the daemon (pid ${pid}) has not ended within ${STOP_LIMIT_MS / 1000} s`,
          {
            value: pid,
            next: `look at it, end it with kill -9 ${pid}, and run nsctl down again`,
          },
        )
      }
      await delay(clock, 50, signal)
    }
    return [`stopped the daemon (pid ${pid})`]
  } finally {
    await store.close()
  }
}

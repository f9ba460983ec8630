/** `nsctl down`: ends the daemon and every workload, and removes what nsctl made on this machine. */
import { readdir, rm, rmdir, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Clock } from '../core/clock.ts'
import { isNsctlError, messageOf } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { LEADER_LEASE, openStore } from '../main.ts'
import { etcdStoreUrl } from '../store/etcd-url.ts'
import { type LeaseHolder, readLease } from '../store/lease.ts'
import { parseStoreUrl, type StoreUrl } from '../store/url.ts'
import { clearBalancer } from './balancer.ts'
import { takeOut } from './catalog.ts'
import { claimFile, readClaim } from './claim.ts'
import { endProcess } from './ending.ts'
import { uninstallDaemon } from './install.ts'
import { readAgent, removeMembership } from './join/place.ts'
import { removeNodeKey } from './node-key.ts'
import { controlPlaneIdentityOf, type Environment, pathsOf, runtimePathsOf, storeUrlOf } from './paths.ts'
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

const CHOICES: readonly RuntimeChoice[] = ['process', 'systemd-system', 'systemd-user']

/**
 * Ends what serves the store and what runs for it on this machine. What belongs to another store is left and named. With
 * `purge` nothing of this store stays: not its data, not the store itself; files that are not nsctl's are never touched, and what
 * opens Secrets stays.
 */
export async function tearDown(options: TeardownOptions): Promise<TornDown> {
  const given = storeUrlOf(options.env, options.store)
  const store = parseStoreUrl(given)
  const url = await claimedAs(store, options.env)
  // a unit has it as it was given
  const report: Report = { done: [...(await uninstallDaemon(options.env, [url, given]))], left: [] }
  if (store.engine !== 'sqlite' || (await isThere(store.path)))
    report.done.push(...(await stopDaemon(options, given)))
  for (const choice of CHOICES) await clearRuntime(choice, options, url, report)
  if (store.engine === 'sqlite') await clearStore(options, store.path, report)
  else if (store.engine !== 'memory') {
    report.left.push(`${url}: the store, which other machines may use and --purge leaves`)
    if (options.purge) report.done.push(...(await clearHistory(options.env, url)))
  }
  await nameIdentity(options.env, report)
  return report
}

/** What this machine has seen of a store elsewhere. */
async function clearHistory(env: Environment, storeUrl: string): Promise<readonly string[]> {
  const { historyFileOf, historyFiles } = await import('./history.ts')
  const path = historyFileOf(env, storeUrl)
  if (path === undefined || !(await isThere(path))) return []
  for (const file of historyFiles(path)) await rm(file, { force: true })
  return [`removed the history ${path}`]
}

/** Never removed: a store that was moved, an export and a backup are sealed to the same one, and no other machine may have it. */
async function nameIdentity(env: Environment, { left }: Report): Promise<void> {
  const identity = controlPlaneIdentityOf(env)
  if (!(await isThere(identity))) return
  left.push(
    `${identity}: what opens the Secrets of every store that was run from here, and of their exports; nsctl never removes it`,
  )
}

/** What a machine's programs are noted under that belong to the store. */
async function claimedAs(store: StoreUrl, env: Environment): Promise<string> {
  if (store.engine === 'sqlite') return `sqlite:${store.path}`
  if (store.engine === 'etcd') return etcdStoreUrl(store)
  if (store.engine === 'memory') return 'memory:'
  const { parseConsulUrl } = await import('../store/consul/address.ts')
  return parseConsulUrl(store.url, env).url
}

interface Report {
  readonly done: string[]
  readonly left: string[]
}

/** A runtime with something of ours on this machine: storage is there even after its programs were given up. */
async function clearRuntime(
  choice: RuntimeChoice,
  options: TeardownOptions,
  storeUrl: string,
  { done, left }: Report,
): Promise<void> {
  const { stateDir, runDir } = runtimePathsOf(choice, options.env)
  // another user's cannot be read, and is not ours to end
  if ((await readdir(stateDir).catch(() => [])).length === 0) return
  const claim = await readClaim(stateDir)
  if (claim !== undefined && claim.storeUrl !== storeUrl) {
    left.push(
      `${stateDir}: workloads of the store ${claim.storeUrl}, which nsctl down --store ${claim.storeUrl} ends`,
    )
    return
  }
  const agent = await readAgent(stateDir)
  if (await endProcess(agent, 'the agent', options)) done.push(`stopped the agent (pid ${agent?.pid})`)
  // nobody shall be sent to what is about to end
  done.push(...(await clearBalancer(stateDir, options.clock)))
  if (claim !== undefined) done.push(...(await takeOut({ ...options, node: claim.node })))
  const runtime = await openRuntime(choice, options)
  try {
    left.push(...(await runtime.removeAll({ purge: options.purge, signal: options.signal })))
  } finally {
    await runtime.close()
  }
  left.push(...(await removeNodeKey(choice, options.env, options.purge)))
  if (await removeMembership(stateDir)) {
    done.push(`removed what this machine joined with`)
    left.push(
      `its Node in the store ${storeUrl}: nsctl delete node ${claim?.node ?? ''}, where the control plane is`,
    )
  }
  const { description } = runtime.info
  if (claim !== undefined) done.push(`ended every workload (${description})`)
  else if (options.purge) done.push(`removed what earlier workloads left (${description})`)
  await rm(claimFile(stateDir), { force: true })
  if (options.purge && choice !== 'systemd-system') await rm(stateDir, { recursive: true, force: true })
  // what holds nothing any more
  for (const folder of [stateDir, runDir]) await rmdir(folder).catch(() => {})
}

async function clearStore(
  { env, purge }: TeardownOptions,
  storePath: string,
  { done, left }: Report,
): Promise<void> {
  const { stateDir, logFile } = pathsOf(env)
  if (!purge) {
    if (await isThere(storePath)) left.push(`${storePath}: the store, with every object and its history`)
    return
  }
  const { removeStoreFiles } = await import('../store/sqlite/files.ts')
  if (await removeStoreFiles(storePath)) done.push(`removed the store ${storePath}`)
  await rm(logFile, { force: true })
  await rmdir(stateDir).catch(() => {})
  const identity = basename(controlPlaneIdentityOf(env))
  const rest = (await readdir(stateDir).catch(() => [])).filter((name) => name !== identity)
  if (rest.length > 0) left.push(`${stateDir}: ${rest.join(', ')}`)
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}

/** Ends the process on this machine that serves the store, and waits until it has. Returns what it did, a line each. */
async function stopDaemon(options: TeardownOptions, storeUrl: string): Promise<readonly string[]> {
  const holder = await daemonOf(options, storeUrl)
  if (typeof holder === 'string') return [holder]
  const hasEnded = await endProcess(holder, 'the daemon', options)
  return hasEnded ? [`stopped the daemon (pid ${holder?.pid})`] : []
}

/** Who serves the store; a line for people where the store is damaged or away and cannot say: it must not keep anybody from giving it up. */
async function daemonOf(
  { env, clock, logger }: TeardownOptions,
  url: string,
): Promise<LeaseHolder | string | undefined> {
  try {
    const store = await openStore({ env, clock, logger, store: url, readOnly: true, emptyIfMissing: true })
    try {
      return (await readLease(store, LEADER_LEASE))?.holder
    } finally {
      await store.close()
    }
  } catch (error) {
    if (!isNsctlError(error, 'StoreCorrupt', 'StoreFormat', 'Unreachable')) throw error
    return `could not see whether a daemon runs: ${messageOf(error)}`
  }
}

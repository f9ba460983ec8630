/**
 * The composition root: the only file that names concrete stores and runtimes. Each is loaded when it is chosen and not
 * before, so that `nsctl get` carries none of what `nsctl up` needs.
 */
import { existsSync } from 'node:fs'
import { userInfo } from 'node:os'
import { dirname } from 'node:path'
import packageJson from '../package.json' with { type: 'json' }
import type { ResourceApi } from './api/api.ts'
import { STORE_LAYOUT } from './api/keys.ts'
import type { Client, DaemonState } from './client/client.ts'
import { createLocalClient } from './client/local.ts'
import { noOtherNodes, type RemoteNodes } from './client/remote.ts'
import type { Clock } from './core/clock.ts'
import { NsctlError } from './core/errors.ts'
import { type Logger, silentLogger } from './core/logger.ts'
import { processIds } from './main/ids.ts'
import { type Environment, storeUrlOf } from './main/paths.ts'
import type { Node } from './resources/generated/types.ts'
import type { RuntimeReader } from './runtimes/runtime.ts'
import type { EtcdUrl } from './store/etcd-url.ts'
import { guardStore } from './store/guarded.ts'
import { firstEntries, type LayoutVersion, readLayout, refuseTooNew } from './store/layout.ts'
import type { FirstEntry, Store } from './store/store.ts'
import { parseStoreUrl } from './store/url.ts'

/** nsctl's own version. */
export const VERSION: string = packageJson.version

/** The lease of the process that runs the controllers and this machine's agent. */
export const LEADER_LEASE = 'leader'
/** What its holder says of itself until it has looked at everything once: status may be an earlier daemon's till then. */
export const CATCHING_UP = { catchingUp: 'yes' } as const

export interface OpenStoreOptions {
  readonly env: Environment
  readonly clock: Clock
  readonly logger?: Logger
  /** `sqlite:/path`, `consul://host/prefix`, `memory:`; $NSCTL_STORE or the embedded store where left out. */
  readonly store?: string
  readonly readOnly?: boolean
  /** Where there is no store yet, an empty one in memory stands for it: for what only compares. */
  readonly emptyIfMissing?: boolean
  /** The node that this process is the agent of, where its credential reaches no more than that: see store/node-reach.ts. */
  readonly node?: string
  /** The layout that this process knows: STORE_LAYOUT, where it is not made to believe another. */
  readonly layout?: LayoutVersion
}

/**
 * Opens the store that was asked for. One of an earlier layout or format can be read as it is, and is written to by nobody before it was
 * upgraded; nor is one that is half filled or half upgraded.
 *
 * @throws NsctlError StoreFormat and Conflict where that is so
 */
export async function openStore(options: OpenStoreOptions): Promise<Store> {
  const store = await openBareStore(options)
  const { layout: own = STORE_LAYOUT } = options
  try {
    if (options.readOnly !== true) return await guardStore(store, own)
    refuseTooNew(await readLayout(store), own, store.url)
    return store
  } catch (error) {
    await store.close()
    throw error
  }
}

export interface OpenBareStoreOptions extends OpenStoreOptions {
  /** Whether a file of an earlier format is made one of the present format. */
  readonly upgradeFormat?: boolean
}

/** The store whatever its layout and however whole: for what brings it there. */
export async function openBareStore(options: OpenBareStoreOptions): Promise<Store> {
  const url = parseStoreUrl(storeUrlOf(options.env, options.store))
  if (url.engine === 'consul') return openConsul(url.url, options)
  if (url.engine === 'etcd') return openEtcd(url, options)
  if (url.engine === 'memory' || (options.emptyIfMissing === true && !existsSync(url.path)))
    return openMemory(options)
  if (options.readOnly !== true) {
    const { refuseHopelessFolder } = await import('./main/state-dir.ts')
    refuseHopelessFolder(dirname(url.path))
  }
  const { openSqliteStore } = await import('./store/sqlite/store.ts')
  return openSqliteStore({
    path: url.path,
    clock: options.clock,
    logger: options.logger ?? silentLogger,
    readOnly: options.readOnly ?? false,
    first: firstOf(options),
    ...(options.upgradeFormat === true ? { older: 'upgrade' } : {}),
  })
}

async function openEtcd(url: EtcdUrl, options: OpenStoreOptions): Promise<Store> {
  const { openEtcdStore } = await import('./store/etcd/store.ts')
  const { clock, env, readOnly = false, emptyIfMissing = false, node } = options
  const own = node === undefined ? {} : { node }
  return openEtcdStore({ ...url, env, clock, readOnly, emptyIfMissing, first: firstOf(options), ...own })
}

async function openMemory(options: OpenStoreOptions): Promise<Store> {
  const { createMemoryStore } = await import('./store/memory/store.ts')
  return createMemoryStore({ first: firstOf(options) })
}

async function openConsul(url: string, options: OpenStoreOptions): Promise<Store> {
  const { isMissingStore, openConsulStore } = await import('./store/consul/store.ts')
  const { env, clock, readOnly = false, emptyIfMissing = false, node } = options
  try {
    const first = firstOf(options)
    const own = node === undefined ? {} : { node }
    return await openConsulStore({ url, env, clock, readOnly: readOnly || emptyIfMissing, first, ...own })
  } catch (error) {
    if (emptyIfMissing && isMissingStore(error)) return openMemory(options)
    throw error
  }
}

/** A new store says from its first moment which layout it has. */
function firstOf({ layout = STORE_LAYOUT, clock }: OpenStoreOptions): readonly FirstEntry[] {
  // no store comes to a thousand revisions for each millisecond that went by before it was made
  return firstEntries(layout, VERSION, clock.now())
}

/** The api over a store, in this process. `node`: see `OpenStoreOptions.node`. */
export async function openApiOver(
  store: Store,
  clock: Clock,
  logger: Logger = silentLogger,
  node?: string,
): Promise<ResourceApi> {
  const { openApi } = await import('./api/open.ts')
  return openApi({ store, clock, ids: processIds(), logger, ...(node === undefined ? {} : { node }) })
}

/** What commands and views talk to. */
export async function openClient(options: OpenStoreOptions): Promise<Client> {
  const store = await openStore(options)
  try {
    const api = await openApiOver(store, options.clock, options.logger)
    return createLocalClient({
      api,
      storeUrl: store.url,
      daemon: () => daemonState(store, options.clock),
      openReader: (node) => openReader(options.env, api, node),
      openNodes: () => openNodes(options, api, store.url),
      openHistory: async () => (await import('./main/history.ts')).historyReader(options.env, store),
      openUsage: async () => (await import('./main/usage.ts')).openUsage({ ...options, api }),
      close: () => store.close(),
    })
  } catch (error) {
    await store.close()
    throw error
  }
}

/** Who claims to be typing. */
export function userName(env: Environment): string {
  if (env.SUDO_USER) return env.SUDO_USER
  try {
    return userInfo().username
  } catch {
    // a uid without an entry in the user database
    return env.USER || `uid ${process.getuid?.() ?? 'unknown'}`
  }
}

/** Whether the process that holds the lease lives; on another machine, whether it was heard of lately. */
export async function daemonState(store: Store, clock: Clock): Promise<DaemonState> {
  const { holderIsAlive, isOfEarlierBoot, readLease } = await import('./store/lease.ts')
  const record = await readLease(store, LEADER_LEASE)
  if (record === undefined) return { running: false }
  const { holder, renewedAtMs, ttlMs } = record
  const isAlive = holderIsAlive(holder)
  return {
    running: isAlive ?? (!isOfEarlierBoot(holder) && clock.now() - renewedAtMs < 2 * ttlMs),
    ...(isAlive === undefined ? { isHearsay: true } : {}),
    ...(holder.about.catchingUp === CATCHING_UP.catchingUp ? { catchingUp: true } : {}),
    pid: holder.pid,
    host: holder.host,
    lastSeenMs: renewedAtMs,
    ...(holder.about.runtime === undefined ? {} : { runtime: holder.about.runtime }),
    ...(holder.about.version === undefined ? {} : { version: holder.about.version }),
  }
}

/** Reads logs and runs commands through the runtime that the agent of this machine uses or used last. */
async function openReader(env: Environment, api: ResourceApi, node: string): Promise<RuntimeReader> {
  const { items } = await api.list<Node>(api.kinds.byKind('Node'))
  const found = items.find(({ metadata }) => metadata.name === node) ?? items[0]
  const runtime = found?.status?.runtime
  if (runtime === undefined)
    throw new NsctlError('NoDaemon', 'nothing has run on this machine yet', {
      next: 'start it with nsctl up',
    })
  const { openRuntimeReader } = await import('./main/runtimes.ts')
  return openRuntimeReader(runtimeChoiceOf(runtime), env)
}

/** A store on one machine has no other machines in it but for those that are looked after from here. */
async function openNodes(
  options: OpenStoreOptions,
  api: ResourceApi,
  storeUrl: string,
): Promise<RemoteNodes> {
  const { engine } = parseStoreUrl(storeUrl)
  const isAlone = engine === 'sqlite' || engine === 'memory'
  const nodes = isAlone ? (await api.list<Node>(api.kinds.byKind('Node'))).items : []
  const afar = new Set(
    nodes.flatMap(({ metadata, spec }) => (spec?.ssh === undefined ? [] : [metadata.name])),
  )
  if (isAlone && afar.size === 0) return noOtherNodes()
  const { otherNodes } = await import('./main/listening/nodes.ts')
  const others = otherNodes({ ...options, api, storeUrl, user: userName(options.env) })
  return isAlone ? { ...others, isHere: async (node) => !afar.has(node) } : others
}

/** `systemd 252 (user)`, as a Node's status says it, to the runtime's place on this machine. */
function runtimeChoiceOf(description: string): 'process' | 'systemd-system' | 'systemd-user' {
  if (!description.startsWith('systemd')) return 'process'
  return description.includes('(user)') ? 'systemd-user' : 'systemd-system'
}

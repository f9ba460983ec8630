/** The catalog that goes with a store: that of the Consul agent which the store is reached through. */
import { messageOf } from '../core/errors.ts'
import { formatCount } from '../core/words.ts'
import { parseStoreUrl } from '../store/url.ts'
import { type Catalog, clearCatalog } from '../traffic/catalog.ts'
import type { Directory } from '../traffic/directory.ts'
import { type Environment, storeUrlOf } from './paths.ts'

export interface OpenCatalogOptions {
  readonly env: Environment
  readonly store?: string
  /** Whose instances are registered. */
  readonly node: string
}

/** Undefined where the store is none of Consul's. Connects to nothing yet. The caller's to close. */
export async function openCatalog({ node, ...options }: OpenCatalogOptions): Promise<Catalog | undefined> {
  const consul = await consulOf(options)
  if (consul === undefined) return undefined
  const { openConsulCatalog } = await import('../traffic/consul/catalog.ts')
  return openConsulCatalog(consul.address, { store: consul.store, node })
}

/** Where a leader registers what runs on machines that joined; otherwise as `openCatalog`. */
export async function openDirectory(
  options: Omit<OpenCatalogOptions, 'node'>,
): Promise<Directory | undefined> {
  const consul = await consulOf(options)
  if (consul === undefined) return undefined
  const { openConsulDirectory } = await import('../traffic/consul/directory.ts')
  return openConsulDirectory(consul)
}

async function consulOf({ env, store }: Omit<OpenCatalogOptions, 'node'>) {
  const url = parseStoreUrl(storeUrlOf(env, store))
  if (url.engine !== 'consul') return undefined
  const { parseConsulUrl } = await import('../store/consul/address.ts')
  const address = parseConsulUrl(url.url, env)
  // the store by its place within Consul: it may be reached under several names
  const { datacenter, prefix, endpoints } = address
  const place = `${datacenter === undefined ? '' : `${datacenter}:`}${prefix.replace(/\/$/, '')}`
  // an agent keeps what was registered with it: of several addresses the first, whoever answers for the store
  return {
    address: { ...address, ...endpoints[0] },
    store: place,
    ...(datacenter === undefined ? {} : { datacenter }),
  }
}

const CLEAR_LIMIT_MS = 5_000

/** Takes all of the node's instances out, where the store has a catalog. Returns what it did, or why it could not, a line each. */
export async function takeOut(options: OpenCatalogOptions): Promise<readonly string[]> {
  try {
    const catalog = await openCatalog(options)
    return catalog === undefined ? [] : await clear(catalog)
  } catch (error) {
    return [`what is registered stays so: ${messageOf(error)}`]
  }
}

async function clear(catalog: Catalog): Promise<readonly string[]> {
  try {
    const entries = await clearCatalog(catalog, AbortSignal.timeout(CLEAR_LIMIT_MS))
    return entries === 0 ? [] : [`took ${formatCount(entries, 'registration')} out of ${catalog.name}`]
  } finally {
    catalog.close()
  }
}

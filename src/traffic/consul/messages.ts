/** Entries of the catalog in the words of Consul's agent API. Pure. */
import { digest } from '../../core/ids.ts'
import { isObject } from '../../core/json.ts'
import { type CatalogCheck, type CatalogEntry, checksText, type RegisteredEntry } from '../catalog.ts'

/** Whose entries they are: kept with each, so that others' are left alone. */
export interface CatalogOwner {
  /** The store, by its name within Consul. */
  readonly store: string
  readonly node: string
}

const STORE = 'nsctl-store'
const NODE = 'nsctl-node'
const CHECKS = 'nsctl-checks'
/**
 * How long after its checks have begun to fail Consul forgets an entry by itself. Who asks is not told of it meanwhile, and a
 * node that comes back registers again: this only clears up after one that never does.
 */
const FORGOTTEN_AFTER = '24h'

/** How a node that Consul has no agent on is called there: nothing that an agent of Consul's has is touched. */
const DIRECTORY_PREFIX = 'nsctl-'
const STORE_DIGEST = 8

export function directoryNodeName({ store, node }: CatalogOwner): string {
  return `${DIRECTORY_PREFIX}${digest(store, STORE_DIGEST)}-${node}`
}

/** What selects the nodes of a store's directory. */
export function directoryFilter(store: string): string {
  return `Meta[${JSON.stringify(STORE)}] == ${JSON.stringify(store)}`
}

/** Of a node as Consul has it; undefined for one of others. */
export function directoryNodeOf(found: unknown, store: string): string | undefined {
  const meta = isObject(found) && isObject(found.Meta) ? found.Meta : {}
  return meta[STORE] === store && typeof meta[NODE] === 'string' ? meta[NODE] : undefined
}

/** The body that registers an entry of a node on which no agent of Consul's is (https://developer.hashicorp.com/consul/api-docs/catalog). */
export function directoryRegistration(entry: CatalogEntry, owner: CatalogOwner): object {
  const { ID, Name, Address, Port, Tags, Meta } = registration(entry, owner) as Record<string, unknown>
  return {
    Node: directoryNodeName(owner),
    Address: entry.address,
    NodeMeta: { 'external-node': 'true', [STORE]: owner.store, [NODE]: owner.node },
    Service: { ID, Service: Name, Address, Tags, Meta, ...(Port === undefined ? {} : { Port }) },
  }
}

/** What selects an owner's entries, as Consul's filter expressions are written. */
export function ownerFilter({ store, node }: CatalogOwner): string {
  return `Meta[${JSON.stringify(STORE)}] == ${JSON.stringify(store)} and Meta[${JSON.stringify(NODE)}] == ${JSON.stringify(node)}`
}

/** The body that registers an entry (https://developer.hashicorp.com/consul/api-docs/agent/service). */
export function registration(entry: CatalogEntry, owner: CatalogOwner): object {
  const { id, service, address, port, tags, meta, checks } = entry
  return {
    ID: id,
    Name: service,
    Address: address,
    ...(port === undefined ? {} : { Port: port }),
    Tags: tags,
    Meta: { ...meta, [STORE]: owner.store, [NODE]: owner.node, [CHECKS]: checksText(checks) },
    Checks: checks.map((check, index) => ({
      CheckID: checkId(id, index),
      Name: check.kind === 'ttl' ? 'nsctl says that it is ready' : `${check.kind} check`,
      Status: 'passing',
      DeregisterCriticalServiceAfter: FORGOTTEN_AFTER,
      ...checkBody(check),
    })),
  }
}

export function checkId(entryId: string, index: number): string {
  return `${entryId}:${index}`
}

function checkBody(check: CatalogCheck): object {
  if (check.kind === 'ttl') return { TTL: `${check.ttlMs}ms` }
  const pace = {
    Interval: `${check.periodMs}ms`,
    Timeout: `${check.timeoutMs}ms`,
    // Consul counts those that it overlooks
    FailuresBeforeCritical: check.failureThreshold - 1,
  }
  if (check.kind === 'http') return { HTTP: check.url, ...pace }
  const host = check.host.includes(':') ? `[${check.host}]` : check.host
  return { TCP: `${host}:${check.port}`, ...pace }
}

/** A service of Consul's with those of all checks that belong to it; undefined where it is none of the owner's. */
export function registered(
  service: unknown,
  checks: readonly unknown[],
  owner: CatalogOwner,
): RegisteredEntry | undefined {
  if (!isObject(service) || !isObject(service.Meta)) return undefined
  const { [STORE]: store, [NODE]: node, [CHECKS]: text, ...meta } = service.Meta as Record<string, string>
  if (store !== owner.store || node !== owner.node) return undefined
  const id = String(service.ID)
  const own = checks.filter(isObject).filter((check) => check.ServiceID === id)
  const failing = own.find((check) => check.Status === 'critical')
  // one may have been taken away by hand, or added
  const isWhole = text?.startsWith(`${own.length}-`) === true
  return {
    id,
    service: String(service.Service),
    address: String(service.Address ?? ''),
    ...(Number(service.Port) > 0 ? { port: Number(service.Port) } : {}),
    tags: Array.isArray(service.Tags) ? service.Tags.map(String) : [],
    meta,
    checks: isWhole ? text : 'changed',
    ...(failing === undefined ? {} : { failing: String(failing.Output).trim() || 'its check fails' }),
  }
}

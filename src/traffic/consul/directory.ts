/** A directory in Consul's own catalog: each node of nsctl is one of Consul's without an agent. */
import { isObject } from '../../core/json.ts'
import { type Catalog, type CatalogEntry, CatalogError, type RegisteredEntry } from '../catalog.ts'
import type { Directory } from '../directory.ts'
import { type AgentAddress, AgentClient, type AgentRequest } from './http.ts'
import {
  type CatalogOwner,
  directoryFilter,
  directoryNodeName,
  directoryNodeOf,
  directoryRegistration,
  registered,
} from './messages.ts'

/** What the control plane's token needs beside the store. */
const PERMISSION = 'node_prefix "nsctl-" { policy = "write" } service_prefix "" { policy = "write" }'

export interface DirectoryOptions {
  readonly address: AgentAddress
  readonly datacenter?: string
  /** The store, by its name within Consul. */
  readonly store: string
}

/** Connects to nothing yet. Throws CatalogError where a file that the address names cannot be read. */
export function openConsulDirectory(options: DirectoryOptions): Directory {
  const { store } = options
  const asking = new Asking(options)
  return {
    name: asking.name,
    async nodes(signal) {
      const filter = encodeURIComponent(directoryFilter(store))
      const found = await asking.get(`catalog/nodes?filter=${filter}`, signal)
      return (Array.isArray(found) ? found : []).flatMap((one) => directoryNodeOf(one, store) ?? [])
    },
    of: (node) => new NodeCatalog(asking, { store, node }),
    remove: (node, signal) =>
      asking.put('catalog/deregister', { Node: directoryNodeName({ store, node }) }, signal),
    close: () => asking.close(),
  }
}

class NodeCatalog implements Catalog {
  readonly #asking: Asking
  readonly #owner: CatalogOwner

  constructor(asking: Asking, owner: CatalogOwner) {
    this.#asking = asking
    this.#owner = owner
  }

  get name(): string {
    return this.#asking.name
  }

  nameOf(service: string): string {
    return `${service}.service.consul`
  }

  async list(signal: AbortSignal): Promise<readonly RegisteredEntry[]> {
    const name = directoryNodeName(this.#owner)
    const found = await this.#asking.get(`catalog/node-services/${encodeURIComponent(name)}`, signal)
    const services = isObject(found) && Array.isArray(found.Services) ? found.Services : []
    return services.flatMap((one) => registered(one, [], this.#owner) ?? [])
  }

  async register(entry: CatalogEntry, signal: AbortSignal): Promise<void> {
    await this.#asking.put('catalog/register', directoryRegistration(entry, this.#owner), signal)
  }

  async deregister(id: string, signal: AbortSignal): Promise<void> {
    await this.#asking.put(
      'catalog/deregister',
      { Node: directoryNodeName(this.#owner), ServiceID: id },
      signal,
    )
  }

  /** Nothing here has a check. */
  async renew(): Promise<void> {}

  /** The connections are the directory's. */
  close(): void {}
}

class Asking {
  readonly #client: AgentClient
  readonly #datacenter: string | undefined

  constructor({ address, datacenter }: DirectoryOptions) {
    this.#client = new AgentClient(address)
    this.#datacenter = datacenter
  }

  get name(): string {
    return this.#client.name
  }

  async get(path: string, signal: AbortSignal): Promise<unknown> {
    const body = await this.#ask({ method: 'GET', path, signal })
    if (body !== undefined) return body
    throw new CatalogError(
      'Refused',
      `${this.name} is no Consul: it has no /v1/${path.replace(/\?.*/, '')}`,
      {
        next: 'check that a Consul agent listens there',
      },
    )
  }

  async put(path: string, body: object, signal: AbortSignal): Promise<void> {
    await this.#ask({ method: 'PUT', path, body, signal })
  }

  close(): void {
    this.#client.close()
  }

  async #ask({ path, ...request }: Omit<AgentRequest, 'permission'>): Promise<unknown> {
    const datacenter = this.#datacenter
    const query = datacenter === undefined ? '' : `${path.includes('?') ? '&' : '?'}dc=${datacenter}`
    const { body } = await this.#client.ask({
      ...request,
      path: `/v1/${path}${query}`,
      permission: PERMISSION,
    })
    return body
  }
}

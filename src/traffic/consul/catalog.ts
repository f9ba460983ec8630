/** The catalog of a Consul agent: what it registers answers over Consul's DNS as `<service>.service.consul`. */
import { isObject } from '../../core/json.ts'
import { type Catalog, type CatalogEntry, CatalogError, type RegisteredEntry } from '../catalog.ts'
import { type AgentAddress, AgentClient, type AgentRequest } from './http.ts'
import { type CatalogOwner, checkId, ownerFilter, registered, registration } from './messages.ts'

const READ = 'service_prefix "" { policy = "read" }'

/** Connects to nothing yet. Throws CatalogError where a file that the address names cannot be read. */
export function openConsulCatalog(address: AgentAddress, owner: CatalogOwner): Catalog {
  return new ConsulCatalog(new AgentClient(address), owner)
}

class ConsulCatalog implements Catalog {
  readonly #client: AgentClient
  readonly #owner: CatalogOwner
  /** Whether the agent runs on this machine; known with the first answer. */
  #isHere: boolean | undefined
  /** What was ours when it was listed last: the service of each id. */
  #listed: ReadonlyMap<string, string> = new Map()

  constructor(client: AgentClient, owner: CatalogOwner) {
    this.#client = client
    this.#owner = owner
  }

  get name(): string {
    return this.#client.name
  }

  /** In Consul's usual domain: which one an agent has it tells only in a report that may change with every version. */
  nameOf(service: string): string {
    return `${service}.service.consul`
  }

  async list(signal: AbortSignal): Promise<readonly RegisteredEntry[]> {
    const filter = encodeURIComponent(ownerFilter(this.#owner))
    const services = await this.#get(`/v1/agent/services?filter=${filter}`, signal)
    const ids = Object.keys(services)
    const checks = ids.length === 0 ? [] : Object.values(await this.#get('/v1/agent/checks', signal))
    const found = ids.flatMap((id) => registered(services[id], checks, this.#owner) ?? [])
    this.#listed = new Map(found.map(({ id, service }) => [id, service]))
    return found
  }

  async register(entry: CatalogEntry, signal: AbortSignal): Promise<void> {
    if (isLoopback(entry.address)) await this.#refuseElsewhere(entry, signal)
    await this.#ask({
      method: 'PUT',
      path: '/v1/agent/service/register?replace-existing-checks=true',
      body: registration(entry, this.#owner),
      permission: writePermission(entry.service),
      signal,
    })
  }

  async deregister(id: string, signal: AbortSignal): Promise<void> {
    const name = this.#listed.get(id) ?? (await this.#serviceOf(id, signal))
    if (name === undefined) return
    await this.#ask({
      method: 'PUT',
      path: `/v1/agent/service/deregister/${encodeURIComponent(id)}`,
      permission: writePermission(name),
      signal,
    })
  }

  /** Undefined where it is gone, or another's. */
  async #serviceOf(id: string, signal: AbortSignal): Promise<string | undefined> {
    const path = `/v1/agent/service/${encodeURIComponent(id)}`
    const service = await this.#ask({ method: 'GET', path, permission: READ, signal })
    return registered(service, [], this.#owner)?.service
  }

  async renew(id: string, signal: AbortSignal): Promise<void> {
    await this.#ask({
      method: 'PUT',
      path: `/v1/agent/check/pass/${encodeURIComponent(checkId(id, 0))}`,
      permission: writePermission(''),
      signal,
    })
  }

  close(): void {
    this.#client.close()
  }

  async #get(path: string, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
    const body = await this.#ask({ method: 'GET', path, permission: READ, signal })
    if (isObject(body)) return body
    throw new CatalogError('Refused', `${this.name} is no Consul: it has no ${path.replace(/\?.*/, '')}`, {
      next: 'check that a Consul agent listens there',
    })
  }

  async #ask(request: AgentRequest): Promise<unknown> {
    const { body, isHere } = await this.#client.ask(request)
    this.#isHere = isHere
    return body
  }

  /** 127.0.0.1 is another machine's where Consul runs there: its checks, and whoever it tells, would ask the wrong one. */
  async #refuseElsewhere({ address }: CatalogEntry, signal: AbortSignal): Promise<void> {
    if (this.#isHere === undefined) await this.#get('/v1/agent/checks', signal)
    if (this.#isHere !== false) return
    throw new CatalogError(
      'Elsewhere',
      `${this.name} is another machine's, where ${address} is not this machine`,
      {
        value: address,
        next: 'run a Consul agent on this machine, and name that as the store: consul://127.0.0.1:8500/…',
      },
    )
  }
}

function writePermission(service: string): string {
  return service === ''
    ? 'service_prefix "" { policy = "write" }'
    : `service ${JSON.stringify(service)} { policy = "write" }`
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}

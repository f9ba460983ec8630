/** What a Service's `expose` comes to, with what it leaves out filled in. Pure. */
import type { RouteSpec, ServiceExpose, ServicePort } from '../generated/types.ts'

export interface Exposure extends Pick<RouteSpec, 'hosts' | 'path' | 'listen' | 'tls' | 'affinity'> {
  /** The port that is led to; undefined where the Service has none. */
  readonly port: string | undefined
  /** How long an instance that is to end may take to be led nothing any more, and to finish. */
  readonly drainTimeout: string
}

export type ManifestExpose = Partial<ServiceExpose>

/** Of what the schema has found sound; defaults may be filled in or not. */
export function exposureOf(expose: ManifestExpose, ports: readonly ManifestPort[] | undefined): Exposure {
  const { domain, domains = [], path = '/', sessionAffinity = 'none', drainTimeout = '10s' } = expose
  const tls = expose.tls ?? (expose.listen === undefined ? 'automatic' : 'off')
  const listen = expose.listen ?? (tls === 'off' ? '80' : '443')
  return {
    hosts: [...new Set([...(domain === undefined ? [] : [domain]), ...domains])],
    path,
    listen: listen.includes(':') ? listen : `:${listen}`,
    tls,
    affinity: sessionAffinity,
    port: expose.port ?? ports?.find(({ protocol }) => protocol !== 'UDP')?.name,
    drainTimeout,
  }
}

type ManifestPort = Pick<ServicePort, 'name'> & Partial<Pick<ServicePort, 'protocol'>>

/** `https://web.example.org/api`. */
export function exposureUrl(
  { hosts, path, listen, tls }: Omit<Exposure, 'port'>,
  nodeAddress: string,
): string {
  const at = listen.lastIndexOf(':')
  const [listenHost, port] = [listen.slice(0, at), listen.slice(at + 1)]
  const address = nodeAddress.includes(':') ? `[${nodeAddress}]` : nodeAddress
  const host =
    hosts[0] ??
    (listenHost === '' || listenHost === '0.0.0.0' || listenHost === '[::]' ? address : listenHost)
  const [scheme, usual] = tls === 'off' ? ['http', '80'] : ['https', '443']
  return `${scheme}://${host}${port === usual ? '' : `:${port}`}${path === '/' ? '' : path}`
}

/** One host, every one where undefined, with a path, at one place. */
export interface ExposedPlace {
  readonly listen: string
  readonly host: string | undefined
  readonly path: string
}

/** What nobody else may have as well. */
export function exposureClaims({
  hosts,
  path,
  listen,
}: Pick<Exposure, 'hosts' | 'path' | 'listen'>): readonly ExposedPlace[] {
  if (hosts.length === 0) return [{ listen, host: undefined, path }]
  return hosts.map((host) => ({ listen, host, path }))
}

/** `etcd://h1:2379,h2:2379/prefix`: the members of a cluster, and under which prefix the store lies there. */

export interface EtcdUrl {
  readonly engine: 'etcd'
  /** `host:port`, at least one. */
  readonly endpoints: readonly string[]
  /** Without slashes around it. */
  readonly prefix: string
  /** `etcds:`: over TLS. */
  readonly secure: boolean
}

export const ETCD_EXAMPLE = 'write it like etcd://10.0.0.1:2379,10.0.0.2:2379/nsctl'

const DEFAULT_PORT = 2379
const DEFAULT_PREFIX = 'nsctl'
const ENDPOINT = /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/

/** @returns what is wrong with it, where it is none. @param rest what stands behind the scheme's colon */
export function parseEtcdUrl(rest: string, secure: boolean): EtcdUrl | string {
  const [, authority, path = ''] = /^\/\/([^/?#]*)(?:\/([^?#]*))?$/.exec(rest) ?? []
  if (authority === undefined)
    return /[?#]/.test(rest) ? 'has a query, which etcd has none of' : 'names no host'
  if (authority.includes('@')) return 'names a user: that belongs into ETCDCTL_USER and ETCDCTL_PASSWORD'
  const endpoints: string[] = []
  for (const text of authority.split(',')) {
    const [, host, port] = ENDPOINT.exec(text) ?? []
    if (host === undefined)
      return text === '' ? 'names no host' : `names no host and port in ${JSON.stringify(text)}`
    if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535))
      return `has no such port as ${port}`
    endpoints.push(`${host}:${port ?? DEFAULT_PORT}`)
  }
  const prefix = path.replace(/^\/+|\/+$/g, '')
  if (prefix.includes('\0') || prefix.includes('%')) return 'has a NUL or a percent sign in its prefix'
  return { engine: 'etcd', endpoints, prefix: prefix === '' ? DEFAULT_PREFIX : prefix, secure }
}

/** The one spelling of a store: what it is shown as, and told apart by. */
export function etcdStoreUrl({ endpoints, prefix, secure }: Omit<EtcdUrl, 'engine'>): string {
  return `${secure ? 'etcds' : 'etcd'}://${endpoints.join(',')}/${prefix}`
}

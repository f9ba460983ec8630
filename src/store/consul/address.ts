/** How users name a store in Consul: `consul://host:8500,host2:8500/prefix?dc=lab`, `consuls://` for TLS. */
import { NsctlError } from '../../core/errors.ts'

/** Where an agent of Consul listens, a server or not. */
export interface Endpoint {
  /** An IPv6 address without brackets. */
  readonly host: string
  readonly port: number
}

export interface ConsulAddress {
  /** At least one, all of one datacenter, in the order in which they are to be tried. */
  readonly endpoints: readonly [Endpoint, ...Endpoint[]]
  readonly secure: boolean
  /** Ends with a slash: `nsctl/`. */
  readonly prefix: string
  readonly datacenter: string | undefined
  /** Files, each as the URL or the environment names it. */
  readonly tokenFile: string | undefined
  readonly caFile: string | undefined
  readonly certFile: string | undefined
  readonly keyFile: string | undefined
  /** The token itself, where the environment holds it. Never shown. */
  readonly token: string | undefined
  /** What is shown. Holds no secret. */
  readonly url: string
}

export type Environment = Readonly<Record<string, string | undefined>>

const DEFAULT_PORT = 8500
const DEFAULT_SECURE_PORT = 8501
const DEFAULT_PREFIX = 'nsctl'
const PARAMETERS: readonly string[] = ['dc', 'token-file', 'ca', 'cert', 'key']

/**
 * Understands `consul[s]://HOST[:PORT][,…][/PREFIX][?dc=…&token-file=…&ca=…&cert=…&key=…]`. What the URL leaves out comes from
 * CONSUL_HTTP_TOKEN, CONSUL_HTTP_TOKEN_FILE, CONSUL_CACERT, CONSUL_CLIENT_CERT and CONSUL_CLIENT_KEY, as with Consul's own
 * command. Throws Invalid.
 */
export function parseConsulUrl(text: string, env: Environment = {}): ConsulAddress {
  const [url, ...others] = parse(text)
  const hasUser = [url, ...others].some(({ username, password }) => username !== '' || password !== '')
  if (hasUser || url.searchParams.has('token'))
    throw invalid(
      shown(url),
      'carries a secret',
      'put the token into CONSUL_HTTP_TOKEN or a file: ?token-file=PATH',
    )
  const unknown = [...url.searchParams.keys()].find((name) => !PARAMETERS.includes(name))
  if (unknown !== undefined)
    throw invalid(text, `has an unknown parameter ${unknown}`, `known are ${PARAMETERS.join(', ')}`)
  const secure = url.protocol === 'consuls:'
  const parameter = (name: string, variable: string) =>
    url.searchParams.get(name) || env[variable] || undefined
  const endpointOf = ({ hostname, port }: URL): Endpoint => ({
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? (secure ? DEFAULT_SECURE_PORT : DEFAULT_PORT) : Number(port),
  })
  const address: Omit<ConsulAddress, 'url'> = {
    endpoints: [endpointOf(url), ...others.map(endpointOf)],
    secure,
    prefix: `${prefixOf(text, url.pathname)}/`,
    datacenter: url.searchParams.get('dc') || undefined,
    tokenFile: parameter('token-file', 'CONSUL_HTTP_TOKEN_FILE'),
    caFile: parameter('ca', 'CONSUL_CACERT'),
    certFile: parameter('cert', 'CONSUL_CLIENT_CERT'),
    keyFile: parameter('key', 'CONSUL_CLIENT_KEY'),
    token: url.searchParams.has('token-file') ? undefined : env.CONSUL_HTTP_TOKEN || undefined,
  }
  if ((address.certFile === undefined) !== (address.keyFile === undefined))
    throw invalid(
      text,
      'has a client certificate without its key, or a key without a certificate',
      'give both or none',
    )
  return { ...address, url: nameOf(address) }
}

/** One URL for each host, the first with all that the text says besides. */
function parse(text: string): readonly [URL, ...URL[]] {
  const [, scheme = '', authority = '', rest = ''] = /^([^/]*:\/\/)([^/?#]*)(.*)$/s.exec(text) ?? []
  const [first, ...others] = authority.split(',')
  if (others.length === 0) return [parseOne(text, text)]
  return [
    parseOne(`${scheme}${first}${rest}`, text),
    ...others.map((host) => parseOne(`${scheme}${host}`, text)),
  ]
}

function parseOne(text: string, whole: string): URL {
  let url: URL
  try {
    url = new URL(text)
  } catch (cause) {
    throw invalid(withoutSecret(whole), 'is no URL', EXAMPLE, cause)
  }
  if (url.hostname === '') throw invalid(withoutSecret(whole), 'names no host', EXAMPLE)
  return url
}

const EXAMPLE = 'write it like consul://127.0.0.1:8500/nsctl or consul://10.0.0.1:8500,10.0.0.2:8500/nsctl'

/** Its blocking queries name the prefix in a path, where Consul takes `.`, `..` and empty segments away. */
function prefixOf(text: string, path: string): string {
  const prefix = decode(text, path).replace(/^\/|\/$/g, '')
  if (prefix === '') return DEFAULT_PREFIX
  const isPlain = prefix
    .split('/')
    .every((segment) => /^[^\p{C}\p{Z}]+$/u.test(segment) && !/^\.\.?$/.test(segment))
  if (!isPlain)
    throw invalid(
      text,
      'has a prefix that cannot be used',
      'use letters, digits, - and / : consul://host/team/nsctl',
    )
  return prefix
}

function decode(text: string, path: string): string {
  try {
    return decodeURIComponent(path)
  } catch (cause) {
    throw invalid(text, 'has a prefix that is wrongly encoded', EXAMPLE, cause)
  }
}

/** `10.0.0.1:8500`, `[::1]:8500` */
export function endpointName({ host, port }: Endpoint): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

function nameOf(address: Omit<ConsulAddress, 'url'>): string {
  const scheme = address.secure ? 'consuls' : 'consul'
  const query = address.datacenter === undefined ? '' : `?dc=${encodeURIComponent(address.datacenter)}`
  const endpoints = address.endpoints.map(endpointName).join(',')
  return `${scheme}://${endpoints}/${address.prefix.slice(0, -1)}${query}`
}

function shown(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`
}

function withoutSecret(text: string): string {
  return text.replace(/\/\/[^/]*@/, '//…@').replace(/([?&]token=)[^&]*/, '$1…')
}

function invalid(value: string, what: string, next: string, cause?: unknown): NsctlError {
  return new NsctlError('Invalid', `the store ${JSON.stringify(value)} ${what}`, { value, next, cause })
}

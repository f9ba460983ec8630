/** How to reach Redis, read of a trigger's parameters: the same for lists and streams. */
import { NsctlError } from '../../core/errors.ts'
import type { ReadParameters } from '../../resources/triggers/schema.ts'
import { type Address, addressText, readAddress } from '../addresses.ts'
import type { TriggerConfig } from '../source.ts'
import { readTls, secretsOfTls, type TlsOptions } from '../tls.ts'

export interface RedisSettings {
  readonly topology: 'single' | 'cluster' | 'sentinel'
  /** The server, some of a cluster, or the sentinels. */
  readonly addresses: readonly [Address, ...Address[]]
  readonly username: string | undefined
  readonly password: string | undefined
  readonly database: number
  readonly sentinel: {
    readonly master: string
    readonly username: string | undefined
    readonly password: string | undefined
  }
  /** Undefined for none. */
  readonly tls: TlsOptions | undefined
  readonly secrets: readonly (string | undefined)[]
}

/** Throws Invalid, with a parameter's name. */
export function readRedis({ type, parameters }: TriggerConfig): RedisSettings {
  const topology = /^redis-(cluster|sentinel)/.exec(type)?.[1] as 'cluster' | 'sentinel' | undefined
  const text = (name: string) => parameters.text(name) || undefined
  const sentinel = {
    master: text('sentinelMaster') ?? '',
    username: text('sentinelUsername'),
    password: text('sentinelPassword'),
  }
  if (topology === 'sentinel' && sentinel.master === '')
    throw new NsctlError('Invalid', 'sentinelMaster is missing', { value: 'sentinelMaster' })
  const [username, password] = [text('username'), text('password')]
  const tls = readRedisTls(parameters)
  return {
    topology: topology ?? 'single',
    addresses: readAddresses(parameters),
    username,
    password,
    database: parameters.number('databaseIndex') ?? 0,
    sentinel,
    tls,
    secrets: [password, sentinel.password, ...secretsOfTls(tls ?? {})],
  }
}

/** `redis at 127.0.0.1:6379` */
export function redisName({ addresses, topology, sentinel }: RedisSettings): string {
  const at = addresses.map(addressText).join(',')
  if (topology === 'single') return `redis at ${at}`
  return topology === 'cluster'
    ? `the redis cluster at ${at}`
    : `redis ${sentinel.master} by sentinels at ${at}`
}

/** Hosts and ports count before addresses only where there are no addresses. */
function readAddresses(parameters: ReadParameters): readonly [Address, ...Address[]] {
  const [addresses, hosts, ports] = ['address', 'host', 'port'].map((name) => parameters.list(name)) as [
    readonly string[],
    readonly string[],
    readonly string[],
  ]
  if (addresses.length === 0 && hosts.length !== ports.length)
    throw new NsctlError(
      'Invalid',
      `host has ${hosts.length} and port ${ports.length} entries: as many of each`,
      {
        value: hosts.length > ports.length ? 'port' : 'host',
      },
    )
  const read =
    addresses.length > 0
      ? addresses.map((address) => readAddress(address, 'address'))
      : hosts.map((host, i) => readAddress(addressText({ host, port: Number(ports[i]) }), 'port'))
  const [first, ...others] = read
  if (first === undefined)
    throw new NsctlError('Invalid', 'address is missing', {
      value: 'address',
      next: 'give address as host:port, or host and port',
    })
  return [first, ...others]
}

function readRedisTls(parameters: ReadParameters): TlsOptions | undefined {
  const wanted = parameters.text('tls')
  if (parameters.has('enableTLS') && wanted !== undefined && wanted !== '')
    throw new NsctlError('Invalid', 'tls and enableTLS are both given: one says it', { value: 'tls' })
  return parameters.flag('enableTLS') || wanted === 'enable' ? readTls(parameters) : undefined
}

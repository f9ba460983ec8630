/** Clients of Redis: of one server, of a cluster, of whom sentinels call the master. Ours for a measure: nothing is retried or queued. */
import type { Cluster, ClusterOptions, Redis, RedisOptions } from 'ioredis'
import { plainWordsOf, type Session, sessionSource } from '../session.ts'
import type { Reading, Source } from '../source.ts'
import { type RedisSettings, redisName } from './settings.ts'

export type RedisClient = Redis | Cluster

/** A source that asks over one client of what `settings` name. */
export function redisSource(settings: RedisSettings, ask: (client: RedisClient) => Promise<Reading>): Source {
  const session: Session<RedisClient> = {
    name: redisName(settings),
    secrets: settings.secrets,
    connect: () => connect(settings),
    end: (client) => client.disconnect(),
    ask,
    denies: (error) => DENIED.test(replyOf(error)),
    wordsOf: (error) => plainWordsOf(lastOf(error)),
  }
  return sessionSource(session)
}

/** Redis' own words, before 6 and since. */
const DENIED = /^(WRONGPASS|NOAUTH|NOPERM|ERR invalid password|ERR Client sent AUTH)/

async function connect(settings: RedisSettings): Promise<RedisClient> {
  const { Cluster, Redis } = await import('ioredis')
  const client =
    settings.topology === 'cluster'
      ? new Cluster([...settings.addresses], clusterOptions(settings))
      : new Redis({ ...serverOptions(settings), ...placeOf(settings) })
  // connect() says that the connection was closed; why was said before
  let why: unknown
  client.on('error', (error) => {
    why = error
  })
  try {
    await client.connect()
    return client
  } catch (error) {
    client.disconnect()
    throw why ?? error
  }
}

function serverOptions({ username, password, database, tls }: RedisSettings): RedisOptions {
  return {
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    autoResendUnfulfilledCommands: false,
    disableClientInfo: true,
    protocol: 2,
    // our caller's signal is the limit
    connectTimeout: 2 ** 31 - 1,
    db: database,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls: tls }),
  }
}

function placeOf(settings: RedisSettings): RedisOptions {
  const { addresses, topology, sentinel, tls } = settings
  if (topology === 'single') return addresses[0]
  return {
    sentinels: [...addresses],
    name: sentinel.master,
    role: 'master',
    sentinelRetryStrategy: () => null,
    sentinelReconnectStrategy: () => null,
    updateSentinels: false,
    ...(sentinel.username === undefined ? {} : { sentinelUsername: sentinel.username }),
    ...(sentinel.password === undefined ? {} : { sentinelPassword: sentinel.password }),
    ...(tls === undefined ? {} : { enableTLSForSentinelMode: true, sentinelTLS: tls }),
  }
}

function clusterOptions(settings: RedisSettings): ClusterOptions {
  const {
    lazyConnect: _lazy,
    retryStrategy: _retry,
    enableOfflineQueue: _queue,
    ...rest
  } = serverOptions(settings)
  return {
    lazyConnect: true,
    clusterRetryStrategy: () => null,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    slotsRefreshTimeout: 2 ** 31 - 1,
    redisOptions: { ...rest, db: 0 },
  }
}

/** What a cluster's or the sentinels' failure is about: the last of their nodes' own. */
function lastOf(error: unknown): unknown {
  const last = (error as { readonly lastNodeError?: unknown } | undefined)?.lastNodeError
  return last ?? error
}

/** The words of a server's reply; none for what is no reply. */
export function replyOf(error: unknown): string {
  const last = lastOf(error)
  return last instanceof Error ? last.message : ''
}

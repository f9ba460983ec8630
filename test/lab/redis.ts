/** Redis for tests: one server, a cluster of three, or a master with a replica and a sentinel, on loopback. */
import { execFile } from 'node:child_process'
import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  extractDeb,
  freePorts,
  type ServerProcess,
  serverDirectory,
  startServer,
  untilReady,
} from './servers.ts'

export interface RedisOptions {
  /** Of the default user, for its clients and replicas; none where left out. */
  readonly password?: string
  /** A sentinel, which keeps what it is told in a file of its own. */
  readonly sentinel?: true
  /** More of its command line: `--cluster-enabled yes`. */
  readonly args?: readonly string[]
  /** Speaks TLS on its port instead. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string }
  readonly port?: number
}

export interface RedisServer {
  readonly host: string
  readonly port: number
  readonly process: ServerProcess
  /** As the default user: what redis-cli prints. */
  run(...command: readonly string[]): Promise<string>
  /** After a kill, at its address and empty. */
  restart(): Promise<void>
  stop(): Promise<void>
}

const HOST = '127.0.0.1'
const LIBRARIES = ['libjemalloc2', 'liblzf1', 'libatomic1']

/** Starts one and waits until it answers. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const directory = serverDirectory('redis')
  const { env, tools } = await programs()
  // the server is this program under another name
  const binary = join(directory.path, 'redis-server')
  symlinkSync(join(tools, 'redis-check-rdb'), binary)
  const port = options.port ?? ((await freePorts(1))[0] as number)
  const sentinel = join(directory.path, 'sentinel.conf')
  if (options.sentinel) writeFileSync(sentinel, '')
  const command = [
    ...[...env, binary, ...(options.sentinel ? [sentinel, '--sentinel'] : [])],
    ...argumentsOf(options, port, directory.path),
  ]
  const start = () => startServer(command, join(directory.path, 'log'))
  let process = start()
  const run = async (...words: readonly string[]) => {
    const { stdout } = await promisify(execFile)(env[0], [
      ...env.slice(1),
      join(tools, 'redis-cli'),
      ...['-h', HOST, '-p', String(port), '--no-auth-warning'],
      ...(options.password === undefined ? [] : ['-a', options.password]),
      ...(options.tls === undefined ? [] : ['--tls', '--cacert', options.tls.ca]),
      ...words,
    ])
    return stdout.trim()
  }
  const ready = () => untilReady(process, async () => (await run('ping')) === 'PONG')
  await ready()
  return {
    host: HOST,
    port,
    get process() {
      return process
    },
    run,
    async restart() {
      process = start()
      await ready()
    },
    async stop() {
      await process.kill()
      directory.remove()
    },
  }
}

function argumentsOf(options: RedisOptions, port: number, directory: string): readonly string[] {
  const { password, args = [], tls } = options
  return [
    ...['--bind', HOST, '--dir', directory],
    ...(options.sentinel ? [] : ['--save', '', '--appendonly', 'no']),
    ...(tls === undefined
      ? ['--port', String(port)]
      : [
          ...['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no'],
          ...['--tls-cert-file', tls.cert, '--tls-key-file', tls.key, '--tls-ca-cert-file', tls.ca],
        ]),
    ...(password === undefined ? [] : ['--requirepass', password]),
    ...(password === undefined || options.sentinel ? [] : ['--masterauth', password]),
    ...args,
  ]
}

/** Three masters that share the slots. */
export async function startRedisCluster(password: string): Promise<readonly RedisServer[]> {
  const servers: RedisServer[] = []
  // the bus of a node listens 10,000 above its port
  for (const port of (await freePorts(3)).map((free) => (free % 20_000) + 20_000)) {
    const busy = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000']
    servers.push(
      await startRedis({ password, port, args: [...busy, '--cluster-port', String(port + 10_000)] }),
    )
  }
  const [first, ...others] = servers as [RedisServer, ...RedisServer[]]
  const ends = [0, 5461, 10_923, 16_384]
  for (const [i, server] of servers.entries())
    await server.run('cluster', 'addslotsrange', String(ends[i]), String((ends[i + 1] as number) - 1))
  for (const other of others) await first.run('cluster', 'meet', HOST, String(other.port))
  for (const server of servers)
    await untilReady(server.process, async () => /cluster_state:ok/.test(await server.run('cluster', 'info')))
  return servers
}

export interface RedisWithSentinel {
  readonly master: RedisServer
  readonly replica: RedisServer
  readonly sentinel: RedisServer
  /** The one that the sentinel calls the master now. */
  leader(): Promise<RedisServer>
  stop(): Promise<void>
}

/** A master called `mymaster`, its replica, and one sentinel that takes the replica two seconds after the master is gone. */
export async function startRedisWithSentinel(
  password: string,
  sentinelPassword: string,
): Promise<RedisWithSentinel> {
  const master = await startRedis({ password })
  const replica = await startRedis({ password, args: ['--replicaof', HOST, String(master.port)] })
  const sentinel = await startRedis({ password: sentinelPassword, sentinel: true })
  const set = (...words: readonly string[]) => sentinel.run('sentinel', 'set', 'mymaster', ...words)
  await sentinel.run('sentinel', 'monitor', 'mymaster', HOST, String(master.port), '1')
  await set('auth-pass', password)
  await set('down-after-milliseconds', '1000')
  await set('failover-timeout', '3000')
  await untilReady(sentinel.process, async () => {
    const known = await sentinel.run('sentinel', 'replicas', 'mymaster')
    return known.includes(String(replica.port))
  })
  return {
    master,
    replica,
    sentinel,
    async leader() {
      const said = await sentinel.run('sentinel', 'get-master-addr-by-name', 'mymaster')
      return said.endsWith(String(master.port)) ? master : replica
    },
    async stop() {
      await Promise.all([master, replica, sentinel].map((server) => server.stop()))
    },
  }
}

async function programs(): Promise<{ readonly env: readonly [string, ...string[]]; readonly tools: string }> {
  const paths: string[] = []
  for (const name of LIBRARIES)
    paths.push(join(await extractDeb('bookworm', name), 'usr/lib/x86_64-linux-gnu'))
  const tools = join(await extractDeb('bookworm', 'redis-tools'), 'usr/bin')
  return { env: ['env', `LD_LIBRARY_PATH=${paths.join(':')}`], tools }
}

/**
 * Consul for tests: one server, or three that elect a leader, on loopback addresses of their own and high ports. Runs what
 * Debian 11's package holds (1.8.7).
 *
 *     node test/lab/consul.ts [1|3]      starts them by hand, prints their addresses, and stops them on Ctrl-C
 */

import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Host } from './network.ts'
import {
  extractDeb,
  freePorts,
  type ServerProcess,
  serverDirectory,
  startServer,
  untilReady,
} from './servers.ts'

export interface ConsulOptions {
  /** 1 where left out. */
  readonly servers?: 1 | 3
  /** Each on a host of its own instead of on loopback; 1 or 3. */
  readonly hosts?: readonly Host[]
  /** Answers DNS queries, too. */
  readonly dns?: boolean
  /** More of Consul's configuration, as JSON. */
  readonly config?: Readonly<Record<string, unknown>>
  /** The port speaks HTTPS, with these files. */
  readonly tls?: {
    readonly ca: string
    readonly cert: string
    readonly key: string
    readonly wantsClient?: boolean
  }
}

export interface ConsulServer {
  /** `127.0.0.2:20850` */
  readonly address: string
  /** Where its DNS answers, where that was asked for: `127.0.0.2:20853`. */
  readonly dns: string
  /** What it keeps of its own is in there. */
  readonly directory: string
  readonly process: ServerProcess
  /** After a kill: over its files, at its address. */
  restart(): Promise<void>
}

export interface ConsulCluster {
  readonly servers: readonly ConsulServer[]
  /** The one that leads, asked of any that answers; only of those on `among` where given. */
  leader(among?: readonly Host[]): Promise<ConsulServer>
  stop(): Promise<void>
}

interface Member {
  readonly host: string
  readonly enter: readonly string[]
  readonly http: number
  readonly server: number
  readonly serf: number
  readonly dns: number
  readonly directory: string
}

const DEFAULT_PORTS: readonly number[] = [8500, 8300, 8301, 8600]

/** The program, out of its package. */
export async function consulBinary(): Promise<string> {
  return join(await extractDeb('bullseye', 'consul'), 'usr/bin/consul')
}

/** Starts servers and waits until they have a leader. */
export async function startConsul(options: ConsulOptions = {}): Promise<ConsulCluster> {
  const binary = await consulBinary()
  const directory = serverDirectory('consul')
  const members: Member[] = []
  for (let i = 0; i < (options.hosts?.length ?? options.servers ?? 1); i++) {
    const { address: host, enter } = options.hosts?.[i] ?? { address: `127.0.0.${i + 2}`, enter: [] }
    const ports = options.hosts === undefined ? await freePorts(4, host) : DEFAULT_PORTS
    const [http, server, serf, dns] = ports as readonly [number, number, number, number]
    members.push({ host, enter, http, server, serf, dns, directory: join(directory.path, `${i}`) })
  }
  const start = (member: Member) => {
    const file = join(directory.path, `${member.host}.json`)
    writeFileSync(file, JSON.stringify(configOf(member, members, options)))
    const command = [...member.enter, binary, 'agent', '-config-file', file]
    return startServer(command, join(directory.path, `${member.host}.log`))
  }
  const servers = members.map((member) => new Server(member, start))
  const cluster: ConsulCluster = {
    servers,
    async leader(among) {
      const asked = servers.filter(
        ({ member }) => !among || among.some(({ address }) => address === member.host),
      )
      for (const server of asked) {
        const rpc = await server.leaderAddress().catch(() => '')
        const found = servers.find(({ member }) => rpc === `${member.host}:${member.server}`)
        if (found?.process.running) return found
      }
      throw new Error('no server knows a leader')
    },
    async stop() {
      await Promise.all(servers.map(({ process }) => process.kill()))
      directory.remove()
    },
  }
  try {
    await Promise.all(servers.map((server) => server.untilReady(options)))
  } catch (error) {
    await cluster.stop()
    throw error
  }
  return cluster
}

class Server implements ConsulServer {
  readonly address: string
  readonly dns: string
  readonly directory: string
  readonly member: Member
  readonly #start: (member: Member) => ServerProcess
  process: ServerProcess

  constructor(member: Member, start: (member: Member) => ServerProcess) {
    this.member = member
    this.address = `${member.host}:${member.http}`
    this.dns = `${member.host}:${member.dns}`
    this.directory = member.directory
    this.#start = start
    this.process = start(member)
  }

  async restart(): Promise<void> {
    await this.process.kill()
    this.process = this.#start(this.member)
    await this.untilReady({})
  }

  async untilReady({ tls }: ConsulOptions): Promise<void> {
    await untilReady(this.process, async () =>
      tls === undefined ? (await this.leaderAddress()) !== '' : /New leader elected/.test(this.process.log()),
    )
  }

  async leaderAddress(): Promise<string> {
    const response = await fetch(`http://${this.address}/v1/status/leader`, {
      signal: AbortSignal.timeout(1_000),
    })
    return String(await response.json())
  }
}

function configOf(member: Member, members: readonly Member[], { config, dns, tls }: ConsulOptions): object {
  const api = tls ? { http: -1, https: member.http } : { http: member.http }
  const ports = {
    ...api,
    dns: dns === true ? member.dns : -1,
    grpc: -1,
    serf_wan: -1,
    server: member.server,
    serf_lan: member.serf,
  }
  return {
    server: true,
    bootstrap_expect: members.length,
    node_name: `server-${member.host}`,
    data_dir: member.directory,
    bind_addr: member.host,
    client_addr: member.host,
    retry_join: members.filter((other) => other !== member).map(({ host, serf }) => `${host}:${serf}`),
    retry_interval: '200ms',
    log_level: 'INFO',
    disable_update_check: true,
    // elections in about a second, as Consul advises for production
    performance: { raft_multiplier: 1 },
    ports,
    ...(tls && {
      ca_file: tls.ca,
      cert_file: tls.cert,
      key_file: tls.key,
      verify_incoming_https: tls.wantsClient,
    }),
    ...config,
  }
}

if (import.meta.main) {
  const cluster = await startConsul({ servers: process.argv[2] === '3' ? 3 : 1 })
  for (const { address } of cluster.servers) console.log(`consul://${address}/nsctl`)
  await once(process, 'SIGINT')
  await cluster.stop()
}

/** Real etcd servers for tests, on loopback, and stores in them. */
import { execFile } from 'node:child_process'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import * as assert from 'uvu/assert'
import { systemClock } from '../../../src/core/clock.ts'
import { isNsctlError } from '../../../src/core/errors.ts'
import { type EtcdStoreOptions, openEtcdStore } from '../../../src/store/etcd/store.ts'
import type { Store } from '../../../src/store/store.ts'
import type { Host } from '../../lab/network.ts'
import {
  canFetchDebs,
  extractDeb,
  freePorts,
  type ServerProcess,
  serverDirectory,
  startServer,
  untilReady,
} from '../../lab/servers.ts'

export const hasEtcd = canFetchDebs()

const SUITE = 'bookworm'

export interface EtcdMember {
  /** `127.0.0.1:port` */
  readonly endpoint: string
  server: ServerProcess
  /** Again, on the same data. */
  start(): void
}

export interface EtcdCluster {
  readonly members: readonly EtcdMember[]
  readonly endpoints: readonly string[]
  readonly directory: string
  /** Resolves once a majority serves. @param flags more arguments for etcdctl */
  ready(...flags: readonly string[]): Promise<void>
  /** Runs etcdctl against the cluster; its output. */
  ctl(...args: readonly string[]): Promise<string>
  /** Asked of all; only of those on `among` where given. */
  leader(among?: readonly Host[]): Promise<EtcdMember>
  stop(): Promise<void>
}

export interface ClusterOptions {
  readonly size?: number
  /** A member on each, instead of `size` on loopback. */
  readonly hosts?: readonly Host[]
  readonly flags?: readonly string[]
  /** `https` with what `flags` say of certificates. */
  readonly scheme?: 'http' | 'https'
  /** More arguments for every etcdctl. */
  readonly ctlFlags?: readonly string[]
}

export async function startEtcd(options: ClusterOptions = {}): Promise<EtcdCluster> {
  const { flags = [], scheme = 'http', ctlFlags = [] } = options
  const [etcd, etcdctl] = await Promise.all([
    extractDeb(SUITE, 'etcd-server').then((root) => join(root, 'usr/bin/etcd')),
    extractDeb(SUITE, 'etcd-client').then((root) => join(root, 'usr/bin/etcdctl')),
  ])
  const directory = serverDirectory('etcd')
  const places = await placesOf(options)
  const peers = places.map(({ host, peer }, index) => `m${index}=http://${host}:${peer}`)
  const members = places.map(({ host, port, peer: peerPort, enter }, index): EtcdMember => {
    const client = `${scheme}://${host}:${port}`
    const peer = `http://${host}:${peerPort}`
    const command = [
      ...[...enter, etcd, '--name', `m${index}`, '--data-dir', join(directory.path, `m${index}`)],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
      ...['--initial-cluster', peers.join(','), ...flags],
    ]
    const start = () => startServer(command, join(directory.path, `m${index}.log`))
    const member = {
      endpoint: `${host}:${port}`,
      server: start(),
      start() {
        member.server = start()
      },
    }
    return member
  })
  const endpoints = members.map((member) => member.endpoint)
  const ctl = async (...args: readonly string[]) => {
    const all = ['--endpoints', endpoints.map((one) => `${scheme}://${one}`).join(','), ...ctlFlags, ...args]
    const env = { ...process.env, ETCDCTL_API: '3' }
    return (await promisify(execFile)(etcdctl, all, { env, maxBuffer: 1 << 24 })).stdout
  }
  const cluster: EtcdCluster = {
    members,
    endpoints,
    directory: directory.path,
    ctl,
    async ready(...more) {
      const running = members.find((member) => member.server.running)!
      await untilReady(running.server, async () => {
        await ctl(...more, 'get', 'nothing')
        return true
      })
    },
    async leader(among) {
      const asked = members.filter(
        ({ endpoint }) => !among || among.some(({ address }) => endpoint.startsWith(`${address}:`)),
      )
      const flags = ['--endpoints', asked.map(({ endpoint }) => `${scheme}://${endpoint}`).join(',')]
      const status = JSON.parse(await ctl(...flags, 'endpoint', 'status', '-w', 'json')) as readonly {
        readonly Endpoint: string
        readonly Status: { readonly leader: number; readonly header: { readonly member_id: number } }
      }[]
      const found = status.find(({ Status }) => Status.leader === Status.header.member_id)
      const member = asked.find((one) => found?.Endpoint.endsWith(one.endpoint))
      if (member === undefined) throw new Error(`no leader in ${JSON.stringify(status)}`)
      return member
    },
    async stop() {
      await Promise.all(members.map((member) => member.server.kill()))
      directory.remove()
    },
  }
  await Promise.all(members.map((member) => untilReady(member.server, () => listens(member.endpoint))))
  await cluster.ready()
  return cluster
}

interface Place {
  readonly host: string
  readonly port: number
  readonly peer: number
  readonly enter: readonly string[]
}

async function placesOf({ size = 1, hosts }: ClusterOptions): Promise<readonly Place[]> {
  if (hosts !== undefined)
    return hosts.map(({ address, enter }) => ({ host: address, port: 2379, peer: 2380, enter }))
  const ports = await freePorts(size * 2)
  return Array.from({ length: size }, (_, i) => {
    return { host: '127.0.0.1', port: ports[i]!, peer: ports[size + i]!, enter: [] }
  })
}

function listens(endpoint: string): Promise<boolean> {
  const [host, port] = endpoint.split(':')
  return new Promise((resolve) => {
    const socket = createConnection(Number(port), host)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** A store of its own: prefixes are not used twice. */
export function openStoreIn(
  cluster: EtcdCluster,
  prefix: string,
  options: Partial<EtcdStoreOptions> = {},
): Promise<Store> {
  const { endpoints } = cluster
  return openEtcdStore({ endpoints, prefix, secure: false, env: {}, clock: systemClock, ...options })
}

/** What `work` must be refused with. */
export async function errorOf(
  work: Promise<unknown>,
): Promise<{ code: string; message: string; next: string }> {
  const error = await work.then(
    () => assert.unreachable('it went through'),
    (thrown: unknown) => thrown,
  )
  assert.ok(isNsctlError(error), String(error))
  return { code: error.code, message: error.message, next: error.next ?? '' }
}

/** NATS with JetStream for tests: one server on loopback, or a cluster of three on 127.0.0.2 to 127.0.0.4. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import {
  extractDeb,
  freePorts,
  type ServerProcess,
  serverDirectory,
  startServer,
  untilReady,
} from './servers.ts'

export interface NatsServer {
  readonly host: string
  readonly port: number
  readonly monitoringPort: number
  readonly name: string
  readonly process: ServerProcess
  /** A request to JetStream's API: `STREAM.CREATE.orders`. */
  api(subject: string, request?: unknown): Promise<Record<string, unknown>>
  /** Resolves once the stream has acknowledged each; rejects where it does not, because it has no leader for example. */
  publish(subject: string, messages: number): Promise<void>
  /** After a kill, at its address; what it stored is there. */
  restart(): Promise<void>
  stop(): Promise<void>
}

interface Place {
  readonly host: string
  readonly port: number
  readonly monitoringPort: number
  readonly name: string
  readonly more: readonly string[]
}

export async function startNats(): Promise<NatsServer> {
  const [port, monitoringPort] = (await freePorts(2)) as [number, number]
  return startAt({ host: '127.0.0.1', port, monitoringPort, name: 'solo', more: [] })
}

/** Three, each with the same ports; ready once they have a leader among them. */
export async function startNatsCluster(): Promise<readonly NatsServer[]> {
  const hosts = ['127.0.0.2', '127.0.0.3', '127.0.0.4']
  const [port, monitoringPort, routePort] = (await freePorts(3, '127.0.0.2')) as [number, number, number]
  const routes = hosts.map((host) => `nats://${host}:${routePort}`).join(',')
  return Promise.all(
    hosts.map((host, i) => {
      const cluster = [
        '--cluster',
        `nats://${host}:${routePort}`,
        '--cluster_name',
        'lab',
        '--routes',
        routes,
      ]
      return startAt({ host, port, monitoringPort, name: `n${i}`, more: cluster })
    }),
  )
}

async function startAt({ host, port, monitoringPort, name, more }: Place): Promise<NatsServer> {
  const directory = serverDirectory('nats')
  const binary = join(await extractDeb('bookworm', 'nats-server'), 'usr/sbin/nats-server')
  const command = [
    ...[binary, '-a', host, '-p', String(port), '-m', String(monitoringPort), '-n', name],
    ...['-js', '-sd', directory.path, ...more],
  ]
  const start = () => startServer(command, join(directory.path, 'log'))
  let process = start()
  const address = { host, port }
  const ready = () =>
    untilReady(process, async () => (await ask(address, '$JS.API.INFO', '')).error === undefined)
  await ready()
  return {
    ...{ host, port, monitoringPort, name },
    get process() {
      return process
    },
    api: (subject, request) =>
      ask(address, `$JS.API.${subject}`, request === undefined ? '' : JSON.stringify(request)),
    publish: (subject, messages) => publish(address, subject, messages),
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

interface Address {
  readonly host: string
  readonly port: number
}

/** A cluster without a leader answers nothing. */
const ANSWER_LIMIT_MS = 2_000

/** The plain text protocol: a line for each command, a payload after it. */
async function greeted(address: Address): Promise<Socket> {
  const socket = connect({ ...address, noDelay: true })
  const limit = setTimeout(() => socket.destroy(new Error('no answer in time')), ANSWER_LIMIT_MS)
  socket.once('close', () => clearTimeout(limit))
  await once(socket, 'data')
  socket.write('CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\n')
  return socket
}

async function ask(address: Address, subject: string, payload: string): Promise<Record<string, unknown>> {
  const socket = await greeted(address)
  try {
    socket.write(`SUB inbox 1\r\nPUB ${subject} inbox ${Buffer.byteLength(payload)}\r\n${payload}\r\n`)
    let said = ''
    for await (const data of socket) {
      said += data
      const [all, size] = /MSG inbox 1 (?:\S+ )?(\d+)\r\n/.exec(said) ?? []
      const body = all === undefined ? '' : said.slice(said.indexOf(all) + all.length)
      if (/^HMSG/m.test(said)) throw new Error(`nobody answers ${subject}`)
      if (all !== undefined && body.length >= Number(size))
        return JSON.parse(body.slice(0, Number(size))) as Record<string, unknown>
    }
    throw new Error(`the connection was closed before the answer to ${subject}`)
  } finally {
    socket.destroy()
  }
}

async function publish(address: Address, subject: string, messages: number): Promise<void> {
  if (messages === 0) return
  const socket = await greeted(address)
  try {
    socket.write(`SUB inbox 1\r\n${`PUB ${subject} inbox 1\r\nx\r\n`.repeat(messages)}`)
    let said = ''
    for await (const data of socket) {
      said += data
      if (/^HMSG|"error"/m.test(said)) throw new Error(`no stream took what was sent to ${subject}: ${said}`)
      if ((said.match(/^\{.*"seq".*\}\r\n/gm)?.length ?? 0) >= messages) return
    }
    throw new Error(`the connection was closed before the stream took what was sent to ${subject}`)
  } finally {
    socket.destroy()
  }
}

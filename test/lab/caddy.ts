/** Caddy for tests, out of Debian's package: stands before one server, and shows metrics at its admin address. */
import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import {
  extractDeb,
  freePorts,
  type ServerProcess,
  serverDirectory,
  startServer,
  untilReady,
} from './servers.ts'

export interface CaddyServer {
  /** What leads to the server behind it. */
  readonly url: string
  readonly metricsUrl: string
  readonly process: ServerProcess
  /** After a kill: at the same ports, with counts that begin anew. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** @param upstream `127.0.0.1:8080` */
export async function startCaddy(upstream: string): Promise<CaddyServer> {
  const binary = join(await extractDeb('bookworm', 'caddy'), 'usr/bin/caddy')
  const directory = serverDirectory('caddy')
  const [port, admin] = (await freePorts(2)) as readonly [number, number]
  const route = { handle: [{ handler: 'reverse_proxy', upstreams: [{ dial: upstream }] }] }
  const server = { metrics: {}, listen: [`127.0.0.1:${port}`], routes: [route] }
  const config = { admin: { listen: `127.0.0.1:${admin}` }, apps: { http: { servers: { server } } } }
  const file = join(directory.path, 'caddy.json')
  writeFileSync(file, JSON.stringify(config))
  const metricsUrl = `http://127.0.0.1:${admin}/metrics`
  const run = async () => {
    const command = [
      'env',
      `HOME=${directory.path}`,
      `XDG_DATA_HOME=${directory.path}`,
      binary,
      'run',
      '--config',
      file,
    ]
    const started = startServer(command, join(directory.path, 'log'))
    await untilReady(started, async () => (await fetch(metricsUrl)).ok)
    return started
  }
  let running = await run()
  return {
    url: `http://127.0.0.1:${port}`,
    metricsUrl,
    get process() {
      return running
    },
    async restart() {
      await running.kill()
      running = await run()
    },
    async stop() {
      await running.kill()
      directory.remove()
    },
  }
}

/** A Caddy that others configure through its admin API, and keeps nothing over a restart. */
export interface EdgeCaddy {
  readonly adminUrl: string
  readonly process: ServerProcess
  config(): Promise<unknown>
  /** As an administrator would. */
  configure(config: unknown): Promise<void>
  /** Ends it, and starts it again with what it was started with. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export interface EdgeCaddyOptions {
  /** Its admin API is on a unix socket. */
  readonly socket?: boolean
  /** What else is in its configuration. */
  readonly apps?: object
}

export async function startEdgeCaddy({ socket = false, apps }: EdgeCaddyOptions = {}): Promise<EdgeCaddy> {
  const binary = join(await extractDeb('bookworm', 'caddy'), 'usr/bin/caddy')
  const directory = serverDirectory('edge')
  const [port] = (await freePorts(1)) as readonly [number]
  const path = join(directory.path, 'admin.sock')
  const listen = socket ? `unix/${path}` : `127.0.0.1:${port}`
  const file = join(directory.path, 'caddy.json')
  const logging = { logs: { default: { level: 'DEBUG' } } }
  const admin = { listen, config: { persist: false } }
  writeFileSync(file, JSON.stringify({ admin, logging, ...(apps && { apps }) }))
  const at = socket ? { socketPath: path } : { host: '127.0.0.1', port }
  const ask = (method: string, body?: string) =>
    new Promise<string>((resolve, reject) => {
      const headers = { 'content-type': 'application/json', ...(socket && { host: '' }) }
      const sent = request({ ...at, method, path: '/config/', setHost: !socket, headers }, (answer) => {
        let text = ''
        answer.on('data', (data) => {
          text += data
        })
        answer.once('end', () => (answer.statusCode === 200 ? resolve(text) : reject(new Error(text))))
      })
      sent.once('error', reject)
      sent.end(body)
    })
  const run = async () => {
    const home = [`HOME=${directory.path}`, `XDG_DATA_HOME=${directory.path}`]
    const started = startServer(
      ['env', ...home, binary, 'run', '--config', file],
      join(directory.path, 'log'),
    )
    await untilReady(started, async () => (await ask('GET')) !== '')
    return started
  }
  let running = await run()
  return {
    adminUrl: socket ? `unix://${path}` : `http://127.0.0.1:${port}`,
    get process() {
      return running
    },
    config: async () => JSON.parse(await ask('GET')),
    configure: async (config) => void (await ask('POST', JSON.stringify(config))),
    async restart() {
      await running.kill()
      running = await run()
    },
    async stop() {
      await running.kill()
      directory.remove()
    },
  }
}

/** InfluxDB 1.x for tests, out of Debian's package, with one user whose password counts. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  extractDeb,
  freePorts,
  type ServerProcess,
  serverDirectory,
  startServer,
  untilReady,
} from './servers.ts'

export interface InfluxServer {
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
  readonly process: ServerProcess
  /** Lines of its protocol: `waiting n=5i`. */
  write(lines: string): Promise<void>
  restart(): Promise<void>
  stop(): Promise<void>
}

const USER = 'scaler'
const PASSWORD = 'influx-pw'
const DATABASE = 'jobs'

export async function startInflux(): Promise<InfluxServer> {
  const program = join(await extractDeb('bookworm', 'influxdb'), 'usr/bin/influxd')
  const directory = serverDirectory('influxdb')
  const [port, rpc] = (await freePorts(2)) as readonly [number, number]
  const file = join(directory.path, 'influxdb.conf')
  writeFileSync(
    file,
    [
      'reporting-disabled = true',
      `bind-address = "127.0.0.1:${rpc}"`,
      `[meta]\ndir = "${join(directory.path, 'meta')}"`,
      `[data]\ndir = "${join(directory.path, 'data')}"\nwal-dir = "${join(directory.path, 'wal')}"`,
      `[http]\nbind-address = "127.0.0.1:${port}"\nauth-enabled = true`,
      '[monitor]\nstore-enabled = false',
    ].join('\n'),
  )
  const url = `http://127.0.0.1:${port}`
  const authorization = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`
  const post = async (path: string, body: string, headers: Record<string, string> = { authorization }) => {
    const response = await fetch(`${url}${path}`, { method: 'POST', body, headers })
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    await response.arrayBuffer()
  }
  const run = async () => {
    const server = startServer([program, '-config', file], join(directory.path, 'log'))
    await untilReady(server, async () => (await fetch(`${url}/ping`)).status === 204)
    return server
  }
  let server = await run()
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const q = (text: string) => new URLSearchParams({ q: text }).toString()
  // the first user needs no other
  await post('/query', q(`CREATE USER ${USER} WITH PASSWORD '${PASSWORD}' WITH ALL PRIVILEGES`), form)
  await post('/query', q(`CREATE DATABASE ${DATABASE}`), { ...form, authorization })
  return {
    ...{ port, user: USER, password: PASSWORD, database: DATABASE },
    get process() {
      return server
    },
    write: (lines) => post(`/write?db=${DATABASE}`, lines),
    async restart() {
      await server.kill()
      server = await run()
    },
    async stop() {
      await server.kill()
      directory.remove()
    },
  }
}
